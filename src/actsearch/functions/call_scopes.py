"""Activations that a module calls as plain functions, sent to other modules while it runs.

A module whose ``forward`` calls ``functional.relu(x)``, ``torch.relu(x)`` or ``x.relu()`` gets a
`Scope` in its place, in which a mode of torch's is on (`actsearch.functions.call_modes`). The
modules that it calls in turn leave the mode: what they do is their own, and they run as fast as
without. A network in which no such call is replaced has neither.

A scope stands in the ``__dict__`` of its module, not among its children: names of parameters are as
before, and a network that goes through its own children does not meet it. It is copied and pickled
with its module.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType
from typing import Any

from torch import nn

from actsearch.functions.call_modes import Replacing, run_in


class Scope:
    """A module's ``forward`` in which the calls that it makes itself go to other modules."""

    def __init__(self, module: nn.Module) -> None:
        self._module = weakref.ref(module)  # no cycle: a network is freed with its last reference
        self._inner: Callable[..., Any] | None = module.__dict__.get("forward")
        self._mode = Replacing({})

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Where the calls go, by the function's name; what is not named stays as it is."""
        return self._mode.modules

    def compute_by(self, function: Callable[..., Any] | None) -> None:
        """Have the module compute ``function``, or its class's ``forward`` again."""
        self._inner = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What ``forward`` returns."""
        module = self._module()
        assert module is not None  # it calls this
        forward = self._inner or functools.partial(type(module).forward, module)
        return run_in(self._mode if self._mode.modules else None, forward, args, kwargs)

    @property
    def __code__(self) -> CodeType:  # torch.export reads this, and the signature, of a forward
        code: CodeType = type(self._module()).forward.__code__  # type: ignore[union-attr]
        return code

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(type(self._module()).forward.__get__(self._module()))  # type: ignore[union-attr]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_module": self._module()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _module=weakref.ref(state["_module"]))


def scope_of(module: nn.Module) -> Scope | None:
    """The scope that stands in the place of a module's ``forward``."""
    found = module.__dict__.get("forward")
    return found if isinstance(found, Scope) else None


def send_calls(
    model: nn.Module,
    calls: Mapping[tuple[str, str], nn.Module],
    beneath: Iterable[str],
) -> None:
    """Have modules send calls of activations elsewhere.

    Args:
        model: Changed in place.
        calls: Where they go, by the name of the module that makes them and by the function's.
        beneath: Names of modules that those call; more than are called do no harm, nor do names
            that the network has no more.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    owners = {modules[owner]: None for owner, _ in calls}  # as a set, in order
    for (owner, function), there in calls.items():
        _scope(modules[owner]).modules[function] = there
        leave_fused_path(modules[owner])
    called = (module for owner in owners for module in _may_call(owner))
    for module in [*called, *(modules[name] for name in beneath if owners and name in modules)]:
        _scope(module)


def compute_by(module: nn.Module, function: Callable[..., Any] | None) -> None:
    """Have a module compute ``function``, or its class's ``forward`` again, in the same scope."""
    if (scope := scope_of(module)) is not None:
        scope.compute_by(function)
    elif function is None:
        module.__dict__.pop("forward", None)
    else:
        module.forward = function


def take_over_scope(old: nn.Module, new: nn.Module) -> None:
    """Give ``new``, which takes the place of ``old``, a scope of its own if that had one."""
    if scope_of(old) is not None:
        _scope(new)


def leave_fused_path(module: nn.Module) -> None:
    """Have a transformer layer of torch call its activation: its fused path has its own."""
    if isinstance(module, nn.TransformerEncoderLayer):
        module.activation_relu_or_gelu = 0


def _scope(module: nn.Module) -> Scope:
    scope = scope_of(module)
    if scope is None:
        scope = Scope(module)
        module.forward = scope
    return scope


def _may_call(module: nn.Module) -> Iterator[nn.Module]:
    """A module's children, and of lists, which are not called themselves, theirs."""
    for child in module.children():
        if type(child).forward is nn.Module.forward:
            yield from _may_call(child)
        else:
            yield child


def plain_calls_of(model: nn.Module) -> dict[tuple[str, str], nn.Module]:
    """Where calls of plain functions go, by the module that makes them and the function.

    Returns:
        All names of a shared module are keys.
    """
    return {
        (name, function): there
        for name, module in model.named_modules(remove_duplicate=False)
        if (scope := scope_of(module)) is not None
        for function, there in scope.modules.items()
    }


def with_plain_calls(model: nn.Module) -> dict[str, nn.Module]:
    """All modules of a network, by name, and those that calls of plain functions go to.

    Returns:
        A module that stands in several places has several names.
    """
    plain = {call_name(*call): module for call, module in plain_calls_of(model).items()}
    return dict(model.named_modules(remove_duplicate=False)) | plain


def call_name(owner: str, function: str) -> str:
    """Name of a module's calls of a function: ``blocks.0.relu()``; of the network's: ``relu()``."""
    return f"{owner}.{function}()" if owner else f"{function}()"
