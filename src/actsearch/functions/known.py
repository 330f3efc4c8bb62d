"""What counts as an activation: classes of modules, and functions of torch, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

# fmt: off
ORDINARY = frozenset({
    "CELU", "ELU", "GELU", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish", "PReLU",
    "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Softplus", "Softsign", "Tanh", "Tanhshrink",
    # timm
    "GELUTanh", "HardMish", "HardMishMe", "HardSwish", "HardSwishMe", "MishMe", "QuickGELU",
    "Swish", "SwishMe",
    # transformers
    "FastGELUActivation", "GELUActivation", "MishActivation", "NewGELUActivation",
    "QuickGELUActivation", "ReLUSquaredActivation", "SiLUActivation",
    # a network whose activations have been replaced before
    "Activation",
})
"""Class names that are replaced when nothing else is said. PReLU loses its learned slope."""

GATES = frozenset({
    "GLU", "HardSigmoid", "HardSigmoidMe", "Hardsigmoid", "LogSoftmax", "Sigmoid", "Softmax",
    "Softmax2d", "Softmin",
})
"""Class names that stay unless asked for by type or name. Attention modules always stay."""

FUNCTIONS = {
    "celu": "CELU", "elu": "ELU", "gelu": "GELU", "hardswish": "Hardswish", "hardtanh": "Hardtanh",
    "leaky_relu": "LeakyReLU", "logsigmoid": "LogSigmoid", "mish": "Mish", "prelu": "PReLU",
    "rrelu": "RReLU", "relu": "ReLU", "relu6": "ReLU6", "selu": "SELU", "silu": "SiLU",
    "softplus": "Softplus", "softsign": "Softsign", "tanh": "Tanh", "tanhshrink": "Tanhshrink",
    "glu": "GLU", "hardsigmoid": "Hardsigmoid", "log_softmax": "LogSoftmax", "sigmoid": "Sigmoid",
    "softmax": "Softmax", "softmin": "Softmin",
}
# fmt: on
"""Functions of torch, by name, and the class that does the same as a module."""


class Function(NamedTuple):
    """A function of torch that is an activation."""

    name: str
    """Key of `FUNCTIONS`."""
    in_place: bool
    """Whether it always writes over its argument, as ``torch.relu_`` does."""


def _callables() -> dict[Callable[..., Any], Function]:
    found: dict[Callable[..., Any], Function] = {}
    for name in FUNCTIONS:
        for home in (torch, functional, Tensor):
            for spelled, in_place in ((name, False), (f"{name}_", True)):
                if there := getattr(home, spelled, None):
                    found.setdefault(there, Function(name, in_place))
    return found


CALLABLES = _callables()
"""The functions under all their names: ``torch.relu``, ``functional.relu``, ``Tensor.relu_``."""


def is_activation(module: nn.Module) -> bool:
    """Whether a module is one of the activations or gates above."""
    return type(module).__name__ in ORDINARY | GATES


def activations_of(model: nn.Module) -> dict[str, str]:
    """Names of a network's activation modules and gates, with their class names."""
    return {name: type(m).__name__ for name, m in model.named_modules() if is_activation(m)}
