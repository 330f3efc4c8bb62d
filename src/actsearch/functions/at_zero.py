"""Whether a function and its derivative are finite exactly at 0, where networks often ask.

Padding, dropout, a constant feature and the outputs of relu are zeros, to the last digit: a
function that is 0 / 0 there makes the whole network's output not a number. Samples of a normal
distribution never meet 0 itself, so that a space with ``finite_only`` can hold such a function.
"""

from __future__ import annotations

import math

import numpy as np

from actsearch.functions.expressions import Expression

ZEROS = "zeros are common inputs: padding, dropout, relu before it, a constant feature"
"""Why it matters."""


def is_finite_at_zero(expression: Expression) -> bool:
    """Whether f(0) is a finite number, in float64."""
    return math.isfinite(_value(expression))


def _value(expression: Expression) -> float:
    with np.errstate(all="ignore"):
        return float(expression(np.zeros(1))[0])


def problem_at_zero(expression: Expression) -> str | None:
    """What is not finite at x = 0, in words; the derivative is torch's, in float64.

    Returns:
        Such as ``undefined (NaN) at x = 0``; None where the function and its derivative are finite.
    """
    if not math.isfinite(value := _value(expression)):
        return "undefined (NaN) at x = 0" if math.isnan(value) else "infinite at x = 0"
    import torch

    from actsearch.functions.activation import Activation

    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    y = Activation(expression.name)(x).sum()
    slope = 0.0
    if y.requires_grad:
        y.backward()
        slope = float(x.grad[0]) if x.grad is not None else 0.0
    if math.isfinite(slope):
        return None
    kind = "NaN" if math.isnan(slope) else "infinite"
    return f"finite at x = 0, but its derivative there is {kind}"
