"""A task's network with a function in it."""

from __future__ import annotations

from torch import nn

from actsearch.config import Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.functions.activation import replace_activations
from actsearch.functions.expressions import Expression
from actsearch.networks.by_name import build_model


def build_network(
    task: Task, data: Dataset | DataShape, expression: Expression, seed: int
) -> tuple[nn.Module, list[str]]:
    """The task's network with ``expression`` in place of its activations.

    Returns:
        The network on the CPU, with weights that depend on ``seed`` alone, and the names of the
        modules that were replaced.

    Raises:
        ModelError: when the model cannot be built.
        ValueError: when nothing was replaced.
    """
    model = build_model(task.model, data.shape, seed, task.model_options)
    replaced, _ = put_in(task, model, expression)
    return model, replaced


def put_in(task: Task, model: nn.Module, expression: Expression) -> tuple[list[str], list[str]]:
    """Replace the activations of ``model``, and have no module work in place.

    The gradient of many functions is made of their output, which a dropout, say, that works in
    place behind the activation would write over. Results are the same without.

    Returns:
        Names of the modules that were replaced, and of those that worked in place.

    Raises:
        ValueError: when nothing was replaced.
    """
    replaced = replace_activations(
        model, expression, types=task.replace.types, names=task.replace.names
    )
    in_place = {
        name: module
        for name, module in model.named_modules()
        if getattr(module, "inplace", False) is True
    }
    for module in in_place.values():
        module.inplace = False
    return replaced, list(in_place)
