"""What is known of functions without training: curves, slopes, shapes, and outputs in numbers.

All of it is found by evaluating functions on fixed points, so the same names give the same numbers.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.expressions import Expression, ExpressionError, parse
from actsearch.functions.operators import own_operators
from actsearch.report.drawings import CURVE_LIMIT

POINTS = 101
"""Of a curve and of a slope, for x from -CURVE_LIMIT to CURVE_LIMIT."""
HIGHEST = 20.0
"""Curves and slopes are cut here: four times what a drawing shows."""
GAP = -32768
"""Stored where a function or its slope is not finite."""
_STEP = 1e-4
_FINE = 1001
_NEAR, _FAR = 1e4, 1e8  # a bounded function has its largest value up to the first of them
_NORMAL = np.array(
    [statistics.NormalDist().inv_cdf((i + 0.5) / _FINE) for i in range(_FINE)], dtype=np.float64
)


@dataclass(frozen=True)
class Facts:
    """Of one function.

    Attributes:
        name: Its name.
        slug: Its slug; the name again where it is no function.
        curve: Values at ``POINTS`` points, as stored: see `stored`.
        slope: The same of its derivative.
        finite: Whether it is finite on the drawn range, and on the normal inputs.
        monotone: Whether it never falls, or never rises, on the drawn range.
        bounded: Whether it stays within its values on a part of the line, out to 1e8.
        mean: Of its outputs on normal inputs; None where one is not finite, as the next two.
        deviation: Of its outputs on normal inputs.
        steepness: Root mean square of its slope on normal inputs.
        own: Operators that are not built in, which no exporter knows.
    """

    name: str
    slug: str
    curve: NDArray[np.int16]
    slope: NDArray[np.int16]
    finite: bool
    monotone: bool
    bounded: bool
    mean: float | None
    deviation: float | None
    steepness: float | None
    own: tuple[str, ...]

    @property
    def exportable(self) -> bool:
        """Whether it can be written as ONNX: not with an operator of the user's."""
        return not self.own


def stored(values: NDArray[np.float64]) -> NDArray[np.int16]:
    """Values as the page holds them: a 32767th of ``HIGHEST`` each, cut there, with gaps."""
    whole = np.clip(values, -HIGHEST, HIGHEST) * (32767 / HIGHEST)
    return np.where(np.isfinite(values), np.round(np.nan_to_num(whole)), GAP).astype("<i2")


def facts_of(names: Iterable[str]) -> list[Facts]:
    """What is known of each of some functions; a name that is no function has a curve of gaps."""
    own = frozenset(operator.name for operator in own_operators())
    return [_facts(name, own) for name in names]


@functools.lru_cache(maxsize=8192)
def _facts(name: str, own: frozenset[str]) -> Facts:
    try:
        expression = parse(name)
    except ExpressionError:
        gaps = np.full(POINTS, GAP, dtype="<i2")
        return Facts(name, name, gaps, gaps, False, False, False, None, None, None, ())
    x = np.linspace(-CURVE_LIMIT, CURVE_LIMIT, POINTS)
    fine = expression(np.linspace(-CURVE_LIMIT, CURVE_LIMIT, _FINE))
    outputs, slopes = expression(_NORMAL), _slope(expression, _NORMAL)
    finite = bool(np.isfinite(fine).all() and np.isfinite(outputs).all())
    steep = finite and bool(np.isfinite(slopes).all())
    return Facts(
        name,
        expression.slug,
        stored(expression(x)),
        stored(_slope(expression, x)),
        finite=finite,
        monotone=finite and _is_monotone(fine),
        bounded=finite and _is_bounded(expression),
        mean=float(outputs.mean()) if finite else None,
        deviation=float(outputs.std()) if finite else None,
        steepness=float(np.sqrt(np.square(slopes).mean())) if steep else None,
        own=tuple(sorted(expression.operators & own)),
    )


def _slope(expression: Expression, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Central differences: at a corner the mean of the slopes beside it."""
    with np.errstate(all="ignore"):
        return np.asarray((expression(x + _STEP) - expression(x - _STEP)) / (2 * _STEP))


def _is_monotone(values: NDArray[np.float64]) -> bool:
    """Within what rounding leaves of differences."""
    steps = np.diff(values)
    least = 1e-12 * max(1.0, float(np.abs(values).max()))
    return bool((steps >= -least).all() or (steps <= least).all())


def _is_bounded(expression: Expression) -> bool:
    """Whether values beyond 1e4 are no larger than those before; log(x) still grows there."""
    out = np.geomspace(1e-3, _FAR, 2201)
    both = np.abs(expression(np.concatenate([-out, out])))
    if not np.isfinite(both).all():
        return False
    near = np.concatenate([out, out]) <= _NEAR
    return bool(both[~near].max() <= 1.01 * both[near].max() + 1e-9)
