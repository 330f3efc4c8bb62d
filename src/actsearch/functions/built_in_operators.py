"""The table of built-in operators: each one's NumPy function, and its torch function by name.

Names are those of Act-Bench (Bingham and Miikkulainen 2023, appendix); of `EXTRA_UNARY` the first
four are. Sources of the others are in `actsearch.functions.literature`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Table = dict[str, tuple[Callable[..., Any], str]]

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717
LEAKY_SLOPE = 0.01


def _special(name: str) -> Callable[[Any], Any]:
    """A function of ``scipy.special``, imported when it is called: Snakemake calls none."""

    def function(x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return function


_erf, _erfc, _expit, _i0e, _i1e = map(_special, ("erf", "erfc", "expit", "i0e", "i1e"))


def _elu(x: Any) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _selu(x: Any) -> Any:
    return SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0)))


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _log_sigmoid(x: Any) -> Any:
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def _swish(x: Any) -> Any:
    return x * _expit(x)


def _gelu(x: Any) -> Any:
    # erfc keeps the digits that 1 + erf(x / sqrt(2)) loses for x far below 0
    return 0.5 * x * _erfc(x * -np.sqrt(0.5, dtype=x.dtype))


def _hard_swish(x: Any) -> Any:
    return x * np.clip(x + 3, 0, 6) / 6


class Fold:
    """A function of two arguments applied to any number, from the left."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        """``f(f(a, b), c)`` and so on."""
        return functools.reduce(self.function, arguments)


_ours = "actsearch.functions.torch_operators."
_functional = "torch.nn.functional."

UNARY: Table = {
    "zero": (np.zeros_like, _ours + "zero"),
    "one": (np.ones_like, _ours + "one"),
    "identity": (lambda x: x, _ours + "identity"),
    "negative": (np.negative, "torch.neg"),
    "abs": (np.abs, "torch.abs"),
    "reciprocal": (lambda x: 1 / x, "torch.reciprocal"),
    "square": (np.square, "torch.square"),
    "exp": (np.exp, "torch.exp"),
    "erf": (_erf, "torch.erf"),
    "erfc": (_erfc, "torch.erfc"),
    "sinh": (np.sinh, "torch.sinh"),
    "cosh": (np.cosh, "torch.cosh"),
    "tanh": (np.tanh, "torch.tanh"),
    "expm1": (np.expm1, "torch.expm1"),
    "sigmoid": (_expit, "torch.sigmoid"),
    "log_sigmoid": (_log_sigmoid, _functional + "logsigmoid"),
    "arcsinh": (np.arcsinh, "torch.asinh"),
    "arctan": (np.arctan, "torch.atan"),
    "bessel_i0e": (_i0e, "torch.special.i0e"),
    "bessel_i1e": (_i1e, "torch.special.i1e"),
    "relu": (lambda x: np.maximum(x, 0), "torch.relu"),
    "elu": (_elu, _functional + "elu"),
    "selu": (_selu, _functional + "selu"),
    "swish": (_swish, _functional + "silu"),
    "softplus": (_softplus, _ours + "softplus"),
    "softsign": (lambda x: x / (1 + np.abs(x)), _functional + "softsign"),
    "hard_sigmoid": (lambda x: np.clip(0.2 * x + 0.5, 0, 1), _ours + "hard_sigmoid"),
}
EXTRA_UNARY: Table = {
    "elish": (lambda x: _elu(x) * _expit(x), _ours + "elish"),
    "leakyrelu": (lambda x: np.where(x > 0, x, LEAKY_SLOPE * x), _functional + "leaky_relu"),
    "mish": (lambda x: x * np.tanh(_softplus(x)), _functional + "mish"),
    "gelu": (_gelu, _functional + "gelu"),
    "sin": (np.sin, "torch.sin"),
    "cos": (np.cos, "torch.cos"),
    "sinc": (np.sinc, "torch.sinc"),  # of both libraries: sin(pi x) / (pi x), 1 at 0
    "hard_tanh": (lambda x: np.clip(x, -1, 1), _functional + "hardtanh"),
    "hard_swish": (_hard_swish, _functional + "hardswish"),
    "relu6": (lambda x: np.clip(x, 0, 6), _functional + "relu6"),
}
BINARY: Table = {
    "add": (np.add, "torch.add"),
    "sub": (np.subtract, "torch.sub"),
    "mul": (np.multiply, "torch.mul"),
    "div": (np.divide, "torch.div"),
    "pow": (np.power, "torch.pow"),
    "max": (np.maximum, "torch.maximum"),
    "min": (np.minimum, "torch.minimum"),
}
NARY: Table = {
    "sum_n": (Fold(np.add), _ours + "sum_n"),
    "prod_n": (Fold(np.multiply), _ours + "prod_n"),
    "max_n": (Fold(np.maximum), _ours + "max_n"),
    "min_n": (Fold(np.minimum), _ours + "min_n"),
}
