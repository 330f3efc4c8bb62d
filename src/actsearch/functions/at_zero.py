"""Whether a function is finite exactly at 0, where networks often ask.

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
    return math.isfinite(value_at_zero(expression))


def value_at_zero(expression: Expression) -> float:
    """f(0) in float64, which may be infinite or NaN."""
    with np.errstate(all="ignore"):
        return float(expression(np.zeros(1))[0])
