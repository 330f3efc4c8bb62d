"""Whether the activations that a network has now are among the baselines that found ones meet."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actsearch.config import Task
    from actsearch.data.dataset import DataShape

_FUNCTIONS = {
    "ELU": "elu(x)",
    "GELU": "gelu(x)",
    "Hardswish": "hard_swish(x)",
    "Hardtanh": "hard_tanh(x)",
    "LeakyReLU": "leakyrelu(x)",
    "Mish": "mish(x)",
    "ReLU": "relu(x)",
    "ReLU6": "relu6(x)",
    "SELU": "selu(x)",
    "SiLU": "swish(x)",
    "Sigmoid": "sigmoid(x)",
    "Softplus": "softplus(x)",
    "Softsign": "softsign(x)",
    "Tanh": "tanh(x)",
}
"""What torch's modules compute as they come, by their classes."""


def not_compared(
    task: Task, shape: DataShape, replaced: Iterable[str], baselines: Collection[str]
) -> list[str]:
    """Functions of modules that are replaced which are no baselines, in the network's order.

    Args:
        task: with the network.
        shape: of its data.
        replaced: names of modules and plain calls, as a rehearsal finds them; calls are left out.
        baselines: names of functions.

    Returns:
        Names such as ``gelu(x)``, each once.
    """
    from actsearch.networks.by_name import build_model

    modules = dict(build_model(task.model, shape, 0, task.model_options).named_modules())
    kinds = [type(modules[name]).__name__ for name in replaced if name in modules]
    names = dict.fromkeys(_FUNCTIONS[kind] for kind in kinds if kind in _FUNCTIONS)
    return [name for name in names if name not in baselines]
