"""Backward passes of the built-in operators, in few and fast torch operations.

For float32 on a CPU. There torch takes ``sinh``, ``cosh``, ``asinh`` and ``i0e`` number by number,
and is as slow with masks. Values here are made of exponentials and polynomials instead, and agree
with the operators to rounding, not to the bit; gradients are those of the kernels that torch's own
backward passes call, or equal to them at kinks and ties too. ``pow`` is left out: it is slow
anyhow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from actsearch.functions.built_in_operators import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE

Gradients = tuple[Callable[[], Tensor], Callable[[], Tensor]]

_aten: Any = torch.ops.aten
_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_LARGE = 1e18
"""Its square is finite in float32, and 1 more does not change the square."""


class Unary(NamedTuple):
    """An operator y = f(x).

    Attributes:
        gradient: g f'(x) of g, x and y; None where the derivative is 0 everywhere.
        again: What computing y once more takes; in microseconds for 2^15 numbers, as ``spared``.
        spared: What torch's own backward pass takes more than ``gradient``.
        value: f(x) to rounding; None where torch's own is as fast.
        reads_value: Whether ``gradient`` reads y.
        reads_input: Whether it reads x.
    """

    gradient: Callable[[Tensor, Tensor, Tensor], Tensor] | None
    again: int
    spared: int
    value: Callable[[Tensor], Tensor] | None = None
    reads_value: bool = False
    reads_input: bool = True


class Binary(NamedTuple):
    """An operator of two arguments.

    Attributes:
        gradients: Of g and both arguments, for each of them a function that returns its gradient.
        reads: Whether these read the arguments' values.
        spared: As of `Unary`.
    """

    gradients: Callable[[Tensor, Tensor, Tensor], Gradients]
    reads: bool = True
    spared: int = 0


def _gauss(x: Tensor, factor: float) -> Tensor:
    """``factor`` exp(-x^2)."""
    return torch.square(x).neg_().exp_().mul_(factor)


def _sinh(x: Tensor) -> Tensor:
    grown = torch.expm1(x.abs())  # e - 1; sinh is (e - 1 + (e - 1) / e) / 2
    most = grown.clamp(max=_LARGE)
    return most.div_(most + 1).add_(grown).mul_(0.5).copysign_(x)


def _cosh(x: Tensor) -> Tensor:
    grown = x.abs().exp_()
    return grown.reciprocal().add_(grown).mul_(0.5)


def _arcsinh(x: Tensor) -> Tensor:
    size = x.abs()
    most = size.clamp(max=_LARGE)
    ratio = most.div_(torch.square(most).add_(1).sqrt_().add_(1))
    return ratio.mul_(size).add_(size).log1p_().copysign_(x)


# Polynomials of p = (5 - |x|) / (5 + |x|), lowest power first, interpolated at Chebyshev points;
# relative errors below 1e-6. Differences of i0e and i1e would lose the digits of the derivatives.
_I0E = (  # i0e(x) (1 + |x|)^(1/2)
    0.449581338, 0.104678307, 0.11658614, 0.139484477, 0.163250853, 0.146693923, 0.0433022311,
    -0.0991047227, -0.121919999, 0.00950179935, 0.0832261907, 0.000596826132, -0.050738746,
    -0.0011726361, 0.0202150273, -0.000149107593, -0.00403191957,
)  # fmt: skip
_I0E_SLOPE = (  # i0e'(x) (1 + x)^(3/2) for x > 0; i0e' is odd
    -0.287597711, -0.213176709, -0.314120827, -0.452014404, -0.485082969, -0.11430876, 0.637250442,
    0.876196197, -0.0773825965, -0.911289031, -0.169289672, 0.703449507, 0.152432107, -0.423967592,
    -0.0728099478, 0.164242208, 0.0188475413, -0.02939591, -0.00198192895,
)  # fmt: skip
_I1E_SLOPE = (  # i1e'(x) (1 + |x|)^(3/2)
    -0.194380352, 0.0654049885, 0.215647014, 0.432633497, 0.568849233, 0.272891588, -0.518428147,
    -0.909312869, -0.0449855068, 0.889208586, 0.259579067, -0.68151025, -0.218861073, 0.411977943,
    0.112120238, -0.160357414, -0.0339142785, 0.0287995622, 0.00463823177,
)  # fmt: skip


def _polynomial(coefficients: Sequence[float], size: Tensor) -> Tensor:
    """One of those above, of ``size``, |x|."""
    place = (size + 5).reciprocal_().mul_(10).sub_(1)
    found = place * coefficients[-1]
    for coefficient in reversed(coefficients[1:-1]):
        found.add_(coefficient).mul_(place)
    return found.add_(coefficients[0])


def _i0e(x: Tensor) -> Tensor:
    size = x.abs()
    return _polynomial(_I0E, size).mul_(size.add_(1).rsqrt_())


def _bessel(coefficients: Sequence[float], g: Tensor, x: Tensor) -> Tensor:
    size = x.abs()
    slope = _polynomial(coefficients, size).mul_(g)
    root = size.add_(1).rsqrt_()
    return slope.mul_(root).mul_(root).mul_(root)


def _sinc(g: Tensor, x: Tensor, y: Tensor) -> Tensor:
    angle = x * math.pi
    square = torch.square(angle)
    # Taylor, where the difference below loses digits
    near = -math.pi / 3 * angle * (1 - square / 10 * (1 - square / 28 * (1 - square / 54)))
    return torch.where(angle.abs() < 1, near, (torch.cos(angle) - y) / x).mul_(g)


def _elish(g: Tensor, x: Tensor, _: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    slope: Tensor = _aten.elu_backward(gate * g, 1, 1, 1, False, x)
    return slope.addcmul_(F.elu(x).mul_(gate), (1 - gate).mul_(g))


def _hard_sigmoid(g: Tensor, x: Tensor, _: Tensor) -> Tensor:
    within: Tensor = _aten.hardtanh_backward(g, 0.2 * x + 0.5, 0, 1)
    return within.mul_(0.2)


UNARY: dict[str, Unary] = {
    "zero": Unary(None, 10, 90, value=torch.zeros_like),
    "one": Unary(None, 10, 90, value=torch.ones_like),
    "identity": Unary(lambda g, x, y: g, 0, 0, reads_input=False),
    "negative": Unary(lambda g, x, y: -g, 10, 10, reads_input=False),
    "abs": Unary(lambda g, x, y: torch.sign(x).mul_(g), 10, 10),
    "reciprocal": Unary(lambda g, x, y: torch.square(y).neg_().mul_(g), 10, 20, reads_value=True),
    "square": Unary(lambda g, x, y: torch.mul(x, 2).mul_(g), 10, 30),
    "exp": Unary(lambda g, x, y: y * g, 15, 10, reads_value=True),
    "erf": Unary(lambda g, x, y: _gauss(x, _TWO_OVER_ROOT_PI).mul_(g), 50, 60),
    "erfc": Unary(lambda g, x, y: _gauss(x, -_TWO_OVER_ROOT_PI).mul_(g), 70, 50),
    "sinh": Unary(lambda g, x, y: _cosh(x).mul_(g), 150, 540, value=_sinh),
    "cosh": Unary(lambda g, x, y: _sinh(x).mul_(g), 50, 940, value=_cosh),
    "tanh": Unary(lambda g, x, y: _aten.tanh_backward(g, y), 20, 10, reads_value=True),
    "expm1": Unary(lambda g, x, y: torch.add(y, 1).mul_(g), 70, 20, reads_value=True),
    "sigmoid": Unary(lambda g, x, y: _aten.sigmoid_backward(g, y), 30, 10, reads_value=True),
    "log_sigmoid": Unary(lambda g, x, y: torch.sigmoid(-x).mul_(g), 80, 0),
    "arcsinh": Unary(
        lambda g, x, y: torch.square(x).add_(1).rsqrt_().mul_(g), 170, 0, value=_arcsinh
    ),
    "arctan": Unary(lambda g, x, y: torch.square(x).add_(1).reciprocal_().mul_(g), 20, 30),
    "bessel_i0e": Unary(
        lambda g, x, y: _bessel(_I0E_SLOPE, torch.sign(x).mul_(g), x), 380, -200, value=_i0e
    ),
    "bessel_i1e": Unary(lambda g, x, y: _bessel(_I1E_SLOPE, g, x), 150, 1800),
    "relu": Unary(lambda g, x, y: _aten.threshold_backward(g, x, 0), 10, 10),
    "elu": Unary(lambda g, x, y: _aten.elu_backward(g, 1, 1, 1, False, x), 80, 10),
    "selu": Unary(
        lambda g, x, y: _aten.elu_backward(g, SELU_ALPHA, SELU_SCALE, 1, False, x), 75, 10
    ),
    "swish": Unary(lambda g, x, y: _aten.silu_backward(g, x), 30, 10),
    "softplus": Unary(lambda g, x, y: torch.sigmoid(x).mul_(g), 90, 60),
    "softsign": Unary(lambda g, x, y: x.abs().add_(1).square_().reciprocal_().mul_(g), 70, 100),
    "hard_sigmoid": Unary(_hard_sigmoid, 40, 60),
    "elish": Unary(_elish, 110, 10),
    "leakyrelu": Unary(lambda g, x, y: _aten.leaky_relu_backward(g, x, LEAKY_SLOPE, False), 10, 10),
    "mish": Unary(lambda g, x, y: _aten.mish_backward(g, x), 250, 10),
    "gelu": Unary(lambda g, x, y: _aten.gelu_backward(g, x), 50, 10),
    "sin": Unary(lambda g, x, y: torch.cos(x).mul_(g), 30, 20),
    "cos": Unary(lambda g, x, y: torch.sin(x).neg_().mul_(g), 25, 20),
    "sinc": Unary(_sinc, 380, -100, reads_value=True),
    "hard_tanh": Unary(lambda g, x, y: _aten.hardtanh_backward(g, x, -1, 1), 10, 10),
    "hard_swish": Unary(lambda g, x, y: _aten.hardswish_backward(g, x), 10, 10),
    "relu6": Unary(lambda g, x, y: _aten.hardtanh_backward(g, x, 0, 6), 10, 10),
}


def _div(g: Tensor, a: Tensor, b: Tensor) -> Gradients:
    return lambda: g / b, lambda: (a / b).div_(b).neg_().mul_(g)


def _max(g: Tensor, a: Tensor, b: Tensor) -> Gradients:
    return _shared(g, (a - b).sign_())


def _min(g: Tensor, a: Tensor, b: Tensor) -> Gradients:
    return _shared(g, (b - a).sign_())


def _shared(g: Tensor, sign: Tensor) -> Gradients:
    """All to the first where ``sign`` is 1, to the second where it is -1, half to both on a tie."""
    share = sign.add_(1).mul_(0.5)
    if math.isfinite(g.sum().item()):
        return lambda: share * g, lambda: (1 - share).mul_(g)
    # 0 times what is not finite would be NaN; masks take much longer.
    rest = 1 - share
    return (
        lambda: (share * g).masked_fill_(share == 0, 0),
        lambda: (rest * g).masked_fill_(rest == 0, 0),
    )


BINARY: dict[str, Binary] = {
    "add": Binary(lambda g, a, b: (lambda: g, lambda: g), reads=False),
    "sub": Binary(lambda g, a, b: (lambda: g, lambda: -g), reads=False),
    "mul": Binary(lambda g, a, b: (lambda: g * b, lambda: g * a), spared=10),
    "div": Binary(_div, spared=60),
    "max": Binary(_max, spared=600),
    "min": Binary(_min, spared=600),
}
NARY = {"sum_n": "add", "prod_n": "mul", "max_n": "max", "min_n": "min"}
"""Operators of any number of arguments, by the one that they are a chain of, from left to right."""
