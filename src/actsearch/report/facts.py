"""What is known of functions without training: curves, slopes, shapes, and outputs in numbers.

All of it is found by evaluating functions on fixed points, so the same names give the same numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.equivalence import normal_samples
from actsearch.functions.expressions import ExpressionError, parse
from actsearch.functions.operators import own_operators
from actsearch.functions.properties import properties
from actsearch.functions.slopes import slope
from actsearch.functions.trees import without_form
from actsearch.report.drawings import CURVE_LIMIT

_STEPS = [*range(20), *range(20, 60, 2), *range(60, 101, 4)]
X = np.array([-step for step in _STEPS[:0:-1]] + _STEPS) * (CURVE_LIMIT / 100)
"""Where curves and slopes are drawn: at 0, 0.05 apart up to 1, 0.1 up to 3, and then 0.2."""
POINTS = len(X)
HIGHEST = 20.0
"""Curves and slopes are cut here: four times what a drawing shows."""
GAP = -32768
"""Stored where a function or its slope is not finite."""


@dataclass(frozen=True)
class Facts:
    """Of one function.

    Attributes:
        name: Its name.
        slug: Its slug; the name again where it is no function.
        curve: Values at ``POINTS`` points, as stored: see `stored`.
        slope: The same of its derivative.
        finite: Whether it is finite on the normal samples, as spaces tell by ``finite_only``.
        finite_at_zero: Whether f(0) is a finite number; no normal sample is 0.
        monotone: Whether it never falls, or never rises, from -10 to 10.
        bounded: Whether it stays within limits, as far as values up to a million show.
        mean: Of its outputs on the normal samples; None where one is not finite, as the next two.
        deviation: Of its outputs there.
        steepness: Root mean square of its slope there.
        own: Operators that are not built in, which no exporter knows.
        is_function: Whether its name is one that can be evaluated here.
    """

    name: str
    slug: str
    curve: NDArray[np.int16]
    slope: NDArray[np.int16]
    finite: bool
    finite_at_zero: bool
    monotone: bool
    bounded: bool
    mean: float | None
    deviation: float | None
    steepness: float | None
    own: tuple[str, ...]
    is_function: bool = True

    @property
    def exportable(self) -> bool:
        """Whether it can be written as ONNX: a function without operators of the user's."""
        return self.is_function and not self.own


def stored(values: NDArray[np.float64]) -> NDArray[np.int16]:
    """Values as the page holds them: a 32767th of ``HIGHEST`` each, cut there, with gaps."""
    whole = np.clip(values, -HIGHEST, HIGHEST) * (32767 / HIGHEST)
    return np.where(np.isfinite(values), np.round(np.nan_to_num(whole)), GAP).astype("<i2")


def facts_of(names: Iterable[str]) -> list[Facts]:
    """What is known of each of some functions; a name that is no function has a curve of gaps."""
    own = frozenset(operator.name for operator in own_operators())
    return [_facts(name, own) for name in names]


@functools.lru_cache(maxsize=8192)
def _facts(name: str, own: frozenset[str]) -> Facts:  # own: what a name means depends on it
    try:
        expression = parse(name)
    except ExpressionError:
        gaps = np.full(POINTS, GAP, dtype="<i2")
        return Facts(
            name, name, gaps, gaps, False, False, False, False, None, None, None, (), False
        )
    with np.errstate(over="ignore"):
        like = properties(expression)
    slopes = slope(expression, normal_samples())
    with np.errstate(over="ignore"):
        steepness = float(np.sqrt(np.square(slopes).mean()))
    steep = like.finite and math.isfinite(steepness)
    curve, slopes_here = expression(X), slope(expression, X)
    return Facts(
        name,
        expression.slug,
        stored(curve),
        stored(np.where(np.isfinite(curve), slopes_here, np.nan)),  # of no value, no slope
        finite=like.finite,
        finite_at_zero=math.isfinite(like.at_zero),
        monotone=like.monotone is not None,
        bounded=like.bounded,
        mean=like.mean if math.isfinite(like.mean) else None,
        deviation=like.deviation if math.isfinite(like.deviation) else None,
        steepness=steepness if steep else None,
        own=tuple(without_form(expression)),
    )
