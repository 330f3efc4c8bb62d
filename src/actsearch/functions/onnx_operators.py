"""Each built-in operator as a graph of ONNX: formulas that keep their digits in float32.

ONNX has no Bessel functions, and its ``1 - Erf(x)`` loses all digits of erfc far above 0: these are
polynomials (`actsearch.functions.series`). What ONNX Runtime computes as ``exp(x) - 1`` or
``log(1 + x)`` is written by tanh and atanh, which lose nothing near 0.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from actsearch.functions.built_in_operators import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from actsearch.functions.onnx_values import Value
from actsearch.functions.series import series


def _series(name: str, a: Value) -> Value:
    """A special function of ``a``, which is not negative."""
    found: Value = series(name)(a, root=lambda value: value.to("Sqrt"))
    return found


def _bessel_i0e(x: Value) -> Value:
    return _series("i0e", abs(x))


def _bessel_i1e(x: Value) -> Value:
    a = abs(x)
    return x.to("IsInf").choose(0.0, x / (1.0 + a) * _series("i1e_part", a))


def _erfc(x: Value) -> Value:
    a = abs(x)
    upper = (-(a * a)).to("Exp") * _series("erfcx", a)
    return (x < 0.0).choose(2.0 - upper, upper)


def _expm1(x: Value) -> Value:
    return (x * 0.5).to("Tanh") * (x.to("Exp") + 1.0)


def _log1p(u: Value) -> Value:
    """log(1 + u) for u from 0 to 1."""
    return 2.0 * (u / (u + 2.0)).to("Atanh")


def _elu(x: Value) -> Value:
    return (x > 0.0).choose(x, _expm1(x.to("Min", 0.0)))


def _softplus(x: Value) -> Value:
    return x.to("Max", 0.0) + _log1p((-abs(x)).to("Exp"))


def _sinc(x: Value) -> Value:
    turned = x * math.pi
    # Its own value where it is not 0, so that NaN stays NaN.
    zero = turned.to("Equal", 0.0)
    return zero.choose(1.0, turned.to("Sin") / turned)


def _clip(x: Value, low: float, high: float) -> Value:
    return x.to("Max", low).to("Min", high)


def _leaky(x: Value) -> Value:
    return (x > 0.0).choose(x, x * LEAKY_SLOPE)


def _fold(operator: str) -> Callable[..., Value]:
    def function(*arguments: Value) -> Value:
        return functools.reduce(lambda a, b: a.to(operator, b), arguments)

    return function


def _named(operator: str) -> Callable[[Value], Value]:
    return lambda x: x.to(operator)


OPERATORS: dict[str, Callable[..., Value]] = {
    "zero": lambda x: x.graph.filled(0.0),
    "one": lambda x: x.graph.filled(1.0),
    "identity": lambda x: x,
    "negative": _named("Neg"),
    "abs": _named("Abs"),
    "reciprocal": _named("Reciprocal"),
    "square": lambda x: x * x,
    "exp": _named("Exp"),
    "erf": _named("Erf"),
    "erfc": _erfc,
    "sinh": _named("Sinh"),
    "cosh": _named("Cosh"),
    "tanh": _named("Tanh"),
    "expm1": _expm1,
    "sigmoid": _named("Sigmoid"),
    "log_sigmoid": lambda x: -_softplus(-x),
    "arcsinh": _named("Asinh"),
    "arctan": _named("Atan"),
    "bessel_i0e": _bessel_i0e,
    "bessel_i1e": _bessel_i1e,
    "relu": _named("Relu"),
    "elu": _elu,
    "selu": lambda x: SELU_SCALE * (x > 0.0).choose(x, SELU_ALPHA * _expm1(x.to("Min", 0.0))),
    "swish": lambda x: x * x.to("Sigmoid"),
    "softplus": _softplus,
    "softsign": lambda x: x / (abs(x) + 1.0),
    "hard_sigmoid": lambda x: _clip(x * 0.2 + 0.5, 0.0, 1.0),
    "elish": lambda x: _elu(x) * x.to("Sigmoid"),
    "leakyrelu": _leaky,
    "mish": lambda x: x * _softplus(x).to("Tanh"),
    "gelu": lambda x: x * 0.5 * _erfc(x * -math.sqrt(0.5)),
    "sin": _named("Sin"),
    "cos": _named("Cos"),
    "sinc": _sinc,
    "hard_tanh": lambda x: _clip(x, -1.0, 1.0),
    "hard_swish": lambda x: x * _clip(x + 3.0, 0.0, 6.0) / 6.0,
    "relu6": lambda x: _clip(x, 0.0, 6.0),
    "add": _fold("Add"),
    "sub": _fold("Sub"),
    "mul": _fold("Mul"),
    "div": _fold("Div"),
    "pow": _fold("Pow"),
    "max": _fold("Max"),
    "min": _fold("Min"),
    "sum_n": _fold("Add"),
    "prod_n": _fold("Mul"),
    "max_n": _fold("Max"),
    "min_n": _fold("Min"),
}
"""By the operator's name."""
