"""A task's network with a function in it."""

from __future__ import annotations

import json

import torch
from torch import nn

from actsearch.config import Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.functions.expressions import Expression
from actsearch.functions.plain_calls import PlainCalls, find_plain_calls
from actsearch.functions.replacing import replace_activations
from actsearch.networks.by_name import build_model

_EXAMPLES = 2
_MOST = 256
"""Examples of a batch that plain calls are looked for with."""
_KEPT = 16
_found: dict[tuple[object, ...], PlainCalls] = {}
"""Plain calls by all that they depend on, the last of them last."""


def build_network(
    task: Task, data: Dataset | DataShape, expression: Expression, seed: int
) -> tuple[nn.Module, list[str]]:
    """The task's network with ``expression`` in place of its activations.

    Returns:
        The network on the CPU, with weights that depend on ``seed`` alone, and the names of the
        activations that were replaced.

    Raises:
        ModelError: when the model cannot be built.
        ValueError: when nothing was replaced.
    """
    model = build_plain(task, data, seed)
    replaced, _ = put_in(task, model, expression, plain_calls(task, data, seed, model))
    return model, replaced


def build_plain(task: Task, data: Dataset | DataShape, seed: int) -> nn.Module:
    """The task's network with its own activations.

    Returns:
        As of `actsearch.networks.by_name.build_model`.

    Raises:
        ModelError: when the model cannot be built.
    """
    return build_model(task.model, data.shape, seed, task.model_options)


def plain_calls(task: Task, data: Dataset | DataShape, seed: int, model: nn.Module) -> PlainCalls:
    """The activations that a task's network calls as plain functions.

    They are found on the CPU with two examples drawn from N(0, 1), tokens
    uniformly, in a network that was built anew
    for it, so that ``model`` does not change and every job that builds it finds the same. A
    process looks once. A network that cannot take two examples is given a batch of its task's size.

    Args:
        task: the task.
        data: its data, or what of them shapes a network.
        seed: seed of the weights of ``model``.
        model: the network as `build_plain` returns it.

    Returns:
        What was found.

    Raises:
        ModelError: when the model cannot be built.
    """
    structure = tuple((name, type(module)) for name, module in model.named_modules())
    options = json.dumps(task.model_options, sort_keys=True)
    key = (task.model, options, data.shape, seed, structure)
    if key not in _found:
        share = min(task.recipe.batch_size // task.resources.processes, _MOST)
        for n in dict.fromkeys((_EXAMPLES, max(share, _EXAMPLES))):
            generator = torch.Generator().manual_seed(0)
            x = _made_up(data.shape, n, generator)
            _found[key] = find_plain_calls(build_plain(task, data, seed), x)
            if not _found[key].failure:
                break
        while len(_found) > _KEPT:
            del _found[next(iter(_found))]
    return _found[key]


def _made_up(shape: DataShape, n: int, generator: torch.Generator) -> torch.Tensor:
    sizes = (n, *shape.input_shape)
    if shape.inputs == "tokens":
        return torch.randint(shape.n_tokens, sizes, generator=generator)
    return torch.randn(sizes, generator=generator)


def put_in(
    task: Task, model: nn.Module, expression: Expression, plain: PlainCalls
) -> tuple[list[str], list[str]]:
    """Replace the activations of ``model``, and have no module work in place.

    The gradient of many functions is made of their output, which a dropout, say, that works in
    place behind the activation would write over. Results are the same without.

    Args:
        task: which activations it replaces.
        model: changed in place.
        expression: the function.
        plain: the network's plain calls.

    Returns:
        Names of the activations that were replaced, and of the modules that worked in place.

    Raises:
        ValueError: when nothing was replaced.
    """
    replaced = replace_activations(
        model, expression, types=task.replace.types, names=task.replace.names, plain=plain
    )
    in_place = {
        name: module
        for name, module in model.named_modules()
        if getattr(module, "inplace", False) is True
    }
    for module in in_place.values():
        module.inplace = False
    return replaced, list(in_place)
