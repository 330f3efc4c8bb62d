"""The derivative of a function by differences, so that own operators need none of their own."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.expressions import Expression

STEP = 1e-4
"""To both sides for x from -1 to 1; farther out it grows with x, as rounding does."""


def slope(
    expression: Expression, x: NDArray[np.float64], widest: float = math.inf
) -> NDArray[np.float64]:
    """f'(x) by central differences: exact to about 1e-7 where f is smooth and of usual size.

    Args:
        expression: the function.
        x: where, (n,).
        widest: the largest step to both sides; a figure of a narrow range takes less than `STEP`.

    Returns:
        (n,) float64; at a kink the mean of both sides.
    """
    step = np.minimum(STEP * np.maximum(1.0, np.abs(x)), widest)
    above, below = x + step, x - step
    with np.errstate(all="ignore"):
        # The step that was really made, after rounding.
        return np.asarray((expression(above) - expression(below)) / (above - below))
