"""Putting a function into a network, in place of its activations."""

from __future__ import annotations

import fnmatch
from collections.abc import Container, Iterable, Mapping

from torch import nn

from actsearch.functions.activation import Activation
from actsearch.functions.call_scopes import (
    call_name,
    leave_fused_path,
    plain_calls_of,
    send_calls,
    take_over_scope,
)
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.known import GATES, ORDINARY
from actsearch.functions.plain_calls import PlainCalls


def replace_activations(
    model: nn.Module,
    expression: str | Expression,
    types: Iterable[str] = (),
    names: Iterable[str] = (),
    plain: PlainCalls | None = None,
) -> list[str]:
    """Put ``Activation(expression)`` in place of a network's activations.

    These are modules, and what modules call as plain functions of torch: ``functional.relu(x)`` in
    the module ``blocks.0`` has the name ``blocks.0.relu()``, and the class ``ReLU`` of the module
    that does the same. An activation is replaced when its class is one of ``types`` or its name
    matches one of ``names``, each of which must meet one; when both are empty, when its class is
    one of the ordinary activations (`ORDINARY`). A module that stands in several places stays one.

    Args:
        model: Changed in place.
        expression: The function or its name.
        types: Exact class names, such as ``ReLU``.
        names: Patterns of names as for a shell, such as ``blocks.*.mlp.act``. A pattern with
            wildcards meets only activations; a name without them meets any module.
        plain: Plain calls of this network or of one built alike, as
            `actsearch.functions.plain_calls.find_plain_calls` finds them; without, they stay.

    Returns:
        Sorted names of what was replaced, every place of a shared module.

    Raises:
        ExpressionError: when the name of the function is none.
        ValueError: when one of ``types`` or ``names`` meets nothing, or with neither there is no
            ordinary activation; lists the activations the network has. Nothing is replaced then.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    kinds = {name: type(module).__name__ for name, module in modules.items() if name}
    before = plain_calls_of(model)  # of a network whose activations have been replaced already
    calls = {call_name(*call): call for call in before}
    kinds |= {call_name(*call): type(module).__name__ for call, module in before.items()}
    for found in plain.calls if plain else []:
        calls |= {call_name(*call): call for call in found.by_owner}
        kinds |= dict.fromkeys(found.names, found.kind)
    chosen = _chosen(kinds, types, names, plain)
    expression = expression if isinstance(expression, Expression) else parse(expression)
    new: dict[tuple[int, str], Activation] = {}

    def activation(module: nn.Module, function: str = "") -> Activation:
        return new.setdefault((id(module), function), Activation(expression))

    replaced = sorted(chosen & modules.keys())
    for name in replaced:
        parent, _, attribute = name.rpartition(".")
        owner = model.get_submodule(parent)
        take_over_scope(modules[name], activation(modules[name]))
        setattr(owner, attribute, activation(modules[name]))
        leave_fused_path(owner)
    # What a module that is gone would have called is gone too.
    there = {n: c for n, c in calls.items() if not _lies_in(c[0], replaced)}
    places = {(id(modules[owner]), f) for n, (owner, f) in there.items() if n in chosen}
    sent = {n: c for n, c in there.items() if (id(modules[c[0]]), c[1]) in places}
    send_calls(
        model,
        {call: activation(modules[call[0]], call[1]) for call in sent.values()},
        plain.beneath if plain else [],
    )
    return sorted([*replaced, *sent])


def _chosen(
    kinds: Mapping[str, str],
    types: Iterable[str],
    names: Iterable[str],
    plain: PlainCalls | None,
) -> set[str]:
    """Names of what is to be replaced, of the classes ``kinds`` by name."""
    asked = {f"type {kind!r}": _of_types(kinds, {kind}) for kind in types}
    asked |= {f"name {pattern!r}": _of_name(kinds, pattern) for pattern in names}
    asked = asked or {"an ordinary activation": _of_types(kinds, ORDINARY)}
    if unmet := [what for what, found in asked.items() if not found]:
        raise ValueError(
            f"no activation was replaced: no module matches {', '.join(unmet)}; "
            f"the network has {_there(kinds, plain)}"
        )
    return {name for found in asked.values() for name in found}


def _there(kinds: Mapping[str, str], plain: PlainCalls | None) -> str:
    """What a network has, for the message that nothing was met in it."""
    there = [f"{name} ({kind})" for name, kind in kinds.items() if kind in ORDINARY | GATES]
    said = ", ".join(there) or "no activation modules"
    if plain is None and not there:
        return (
            f"{said}; what it calls as a plain function (torch.relu) is replaced too, given "
            "plain=find_plain_calls(network, x)"
        )
    if plain and plain.failure:
        return f"{said}; it fails, so that plain functions it calls may be missing: {plain.failure}"
    if not there:
        return (
            f"{said} and calls none as a plain function of torch; what lies in a recurrent layer, "
            "in a script or in torch.clamp cannot be replaced: make it a module (torch.nn.ReLU)"
        )
    return said


def _lies_in(name: str, replaced: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{other}.") for other in replaced)


def _of_types(kinds: Mapping[str, str], types: Container[str]) -> list[str]:
    return [name for name, kind in kinds.items() if kind in types]


def _of_name(kinds: Mapping[str, str], pattern: str) -> list[str]:
    if pattern in kinds:
        return [pattern]
    return [
        name
        for name, kind in kinds.items()
        if kind in ORDINARY | GATES and fnmatch.fnmatchcase(name, pattern)
    ]
