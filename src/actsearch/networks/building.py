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
    model = build_model(task.model, data.image_shape, data.n_classes, seed, task.model_options)
    replaced = replace_activations(
        model, expression, types=task.replace.types, names=task.replace.names
    )
    return model, replaced
