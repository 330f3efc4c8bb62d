"""Torch implementations of the operators that torch has no single function for.

All are elementwise on floating-point tensors, keep shape and dtype, and work under
``torch.compile``, ``torch.export`` and ``torch.func``.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor


def _constant(x: Tensor, value: float) -> Tensor:
    # Stays in the graph: the gradient is exactly 0 rather than missing, whatever x is. (0 * x would
    # be NaN at infinities.)
    return x.masked_fill(torch.ones((), dtype=torch.bool, device=x.device), value)


def zero(x: Tensor) -> Tensor:
    """0 everywhere, with gradient 0."""
    return _constant(x, 0.0)


def one(x: Tensor) -> Tensor:
    """1 everywhere, with gradient 0."""
    return _constant(x, 1.0)


def identity(x: Tensor) -> Tensor:
    """The input itself."""
    return x


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)); torch's own is linear above 20, and so 2e-9 off there."""
    return -F.logsigmoid(-x)


def hard_sigmoid(x: Tensor) -> Tensor:
    """clip(0.2 x + 0.5, 0, 1); torch's own has slope 1/6."""
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


def elish(x: Tensor) -> Tensor:
    """elu(x) sigmoid(x), that is swish above 0 and expm1(x) sigmoid(x) below."""
    return F.elu(x) * torch.sigmoid(x)


def sum_n(*arguments: Tensor) -> Tensor:
    """Sum, from left to right."""
    return functools.reduce(torch.add, arguments)


def prod_n(*arguments: Tensor) -> Tensor:
    """Product, from left to right."""
    return functools.reduce(torch.mul, arguments)


def max_n(*arguments: Tensor) -> Tensor:
    """Largest argument; NaN if one is NaN."""
    return functools.reduce(torch.maximum, arguments)


def min_n(*arguments: Tensor) -> Tensor:
    """Smallest argument; NaN if one is NaN."""
    return functools.reduce(torch.minimum, arguments)
