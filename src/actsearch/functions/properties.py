"""What a function is like: finite, monotone, bounded, even or odd; found by numbers, not by proof.

All is read off values in float64: on the normal samples, on a grid from -10 to 10, and at far
points to a million on both sides. What lies between them is not seen, except for poles, which are
looked for where values are largest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.equivalence import normal_samples
from actsearch.functions.expressions import Expression

Floats = NDArray[np.float64]
NEAR, FAR, FARTHEST = 10.0, 1e3, 1e6
_POINTS = 8001
_ROUNDING = 1e-9
_GROWTH = 1.02
"""Iterated logarithms grow by more than this from `FAR` to `FARTHEST`; x / (1 + abs(x)) by less."""
_ZOOMS, _POLE = 8, 100.0


@dataclass(frozen=True)
class Properties:
    """What a function is like.

    Attributes:
        finite: whether it is finite on every normal sample, as spaces tell by ``finite_only``.
        monotone: ``rising``, ``falling`` or ``constant`` from -10 to 10 in the wide sense (it may
            have level parts); None where it is none of them, or not a number somewhere.
        undefined_at: the lowest x from -10 to 10 with a value that is not a number; None without.
        bounded: whether it stays within limits, as far as values up to a million show.
        symmetry: ``even``, ``odd``, or None.
        lowest: smallest value from -10 to 10, NaN without any.
        highest: largest value there.
        at_zero: value at 0.
        mean: mean over the normal samples, NaN where it is not finite.
        deviation: standard deviation over them.
    """

    finite: bool
    monotone: Literal["rising", "falling", "constant"] | None
    undefined_at: float | None
    bounded: bool
    symmetry: Literal["even", "odd"] | None
    lowest: float
    highest: float
    at_zero: float
    mean: float
    deviation: float


def properties(expression: Expression) -> Properties:
    """What a function is like, in some milliseconds."""
    samples = expression(normal_samples())
    finite = bool(np.isfinite(samples).all())
    x = np.linspace(-NEAR, NEAR, _POINTS)
    y = expression(x)
    known = y[~np.isnan(y)]
    return Properties(
        finite=finite,
        monotone=_monotone(y),
        undefined_at=float(x[np.isnan(y)][0]) if np.isnan(y).any() else None,
        bounded=_bounded(expression, x, y),
        symmetry=_symmetry(y),
        lowest=float(known.min()) if len(known) else float("nan"),
        highest=float(known.max()) if len(known) else float("nan"),
        at_zero=float(expression(np.zeros(1))[0]),
        mean=float(samples.mean()) if finite else float("nan"),
        deviation=float(samples.std()) if finite else float("nan"),
    )


def _monotone(y: Floats) -> Literal["rising", "falling", "constant"] | None:
    if not np.isfinite(y).all():
        return None
    steps = np.diff(y)
    # Differences of rounded values: of the size of the last digits of what is subtracted.
    rounding = _ROUNDING * np.maximum(np.abs(y[1:]), np.abs(y[:-1])) * 1e-3
    rises, falls = bool((steps > rounding).any()), bool((steps < -rounding).any())
    if rises and falls:
        return None
    return "rising" if rises else "falling" if falls else "constant"


def _symmetry(y: Floats) -> Literal["even", "odd"] | None:
    mirrored = y[::-1]
    known = np.isfinite(y)
    if not known.any() or (known != known[::-1]).any():
        return None
    left, right = y[known], mirrored[known]
    scale = _ROUNDING * np.maximum(1.0, np.abs(left))
    if (np.abs(left - right) <= scale).all():
        return "even"
    return "odd" if (np.abs(left + right) <= scale).all() else None


def _bounded(expression: Expression, x: Floats, y: Floats) -> bool:
    """Whether values stop growing far out, and there is no pole near 0."""
    if np.isinf(y).any():
        return False
    out = np.geomspace(NEAR, FARTHEST, 4001)
    values = expression(np.concatenate([-out, out]))
    distance = np.concatenate([out, out])
    if np.isinf(values).any():
        return False
    sizes = np.abs(values)
    near = _largest(np.concatenate([np.abs(y), sizes[distance <= FAR]]))
    if _largest(sizes) > _GROWTH * near + _ROUNDING:
        return False
    return not _has_pole(expression, x, y)


def _largest(sizes: Floats) -> float:
    return float(np.nanmax(sizes)) if not np.isnan(sizes).all() else 0.0


def _has_pole(expression: Expression, x: Floats, y: Floats) -> bool:
    """Whether values grow without end where they are largest, as one looks closer and closer."""
    first = _largest(np.abs(y))
    for _ in range(_ZOOMS):
        sizes = np.where(np.isnan(y), -1.0, np.abs(y))
        peak = int(sizes.argmax())
        x = np.linspace(x[max(peak - 1, 0)], x[min(peak + 1, len(x) - 1)], 101)
        y = expression(x)
        if np.isinf(y).any() or _largest(np.abs(y)) > _POLE * max(first, 1.0):
            return True
    return False
