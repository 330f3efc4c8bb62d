"""Small drawings as inline SVG: curves of functions, and dots on a scale inside table cells.

They carry classes only; colours come from the style sheet, so that they follow dark mode and print.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from actsearch.functions.expressions import ExpressionError, parse

CURVE_LIMIT = 5.0
"""Curves are drawn for x and f(x) in [-5, 5]."""
_SAMPLES = 161
_FAR = 4 * CURVE_LIMIT

STRIP_WIDTH = 132
_LETTER_WIDTH = 7
_STRIP_HEIGHT = 24
_MARGIN = 9


@functools.lru_cache(maxsize=4096)
def curve_path(name: str) -> str | None:
    """A function drawn in a box of 100 x 100, y downwards.

    The path breaks where the function is not finite and where it leaves the window on one side
    and comes back on the other, as at a pole.

    Returns:
        Data of an SVG path; None for what is no function.
    """
    try:
        expression = parse(name)
    except ExpressionError:
        return None
    x = np.linspace(-CURVE_LIMIT, CURVE_LIMIT, _SAMPLES)
    y = np.clip(expression(x), -_FAR, _FAR)
    parts: list[str] = []
    previous = math.nan
    for across, value in zip(x, y, strict=True):
        if not math.isfinite(value):
            previous = math.nan
            continue
        joined = abs(value - previous) <= _FAR
        scale = 50 / CURVE_LIMIT
        point = f"{50 + scale * across:.4g} {50 - scale * value:.4g}"
        parts.append(("L" if joined else "M") + point)
        previous = float(value)
    return "".join(parts)


def curve(name: str, role: str = "found") -> Markup:
    """A function on [-5, 5] over the baselines.

    Args:
        name: The function's name.
        role: ``found`` or ``baseline``, which sets its colour.

    Returns:
        The drawing, or words where the name is no function.
    """
    path = curve_path(name)
    if path is None:
        return Markup('<span class="curve no-curve">no curve</span>')
    return Markup(
        '<svg class="curve" viewBox="0 0 100 100" role="img" aria-label="Curve of {}">'
        '<use href="#curve-ground"/><path class="{}" d="{}"/></svg>'
    ).format(name, role, path)


def curve_ground(baselines: Iterable[str]) -> Markup:
    """The part all curves share, drawn once: the axes and the baselines, thin."""
    lines = Markup("").join(
        Markup('<path class="ghost" d="{}"/>').format(path)
        for path in map(curve_path, baselines)
        if path is not None
    )
    return Markup(
        '<svg class="hidden" width="0" height="0" aria-hidden="true"><defs><g id="curve-ground">'
        '<path class="axis" d="M0 50H100M50 0V100"/>{}</g></defs></svg>'
    ).format(lines)


@dataclass(frozen=True)
class Scale:
    """A linear axis shared by the strips of a table column."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def over(
        cls, values: Iterable[float | None], *, floor: float = -math.inf, ceiling: float = math.inf
    ) -> Scale:
        """An axis that holds all finite ``values`` within floor and ceiling, with round ticks."""
        finite = [v for v in values if v is not None and math.isfinite(v)] or [0.0, 1.0]
        low, high = max(min(finite), floor), min(max(finite), ceiling)
        if high <= low:
            low, high = low - least_width(low), low + least_width(low)
        step = round_step((high - low) / 4)
        inside = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        return cls(low, high, tuple(round(i * step, 12) for i in inside))

    def place(self, value: float) -> float:
        """Pixels from the left edge of a strip; values beyond the axis stay at its ends."""
        share = (value - self.low) / (self.high - self.low)
        return round(_MARGIN + min(max(share, 0.0), 1.0) * (STRIP_WIDTH - 2 * _MARGIN), 1)

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies on the axis."""
        return self.low - 1e-12 <= value <= self.high + 1e-12


def focus_floor(values: Iterable[float], quantile: float = 0.25, least: float = -math.inf) -> float:
    """Where an axis of scores may end.

    A few functions near chance would otherwise press all others together. What lies below is drawn
    at the edge.

    Args:
        values: The scores.
        quantile: Share of them that may lie below.
        least: Lowest end, unless all lie below it.

    Returns:
        A value well below ``quantile`` of them, no lower than the lowest; 0 where there is none.
    """
    finite = np.array([v for v in values if math.isfinite(v)])
    if not len(finite):
        return 0.0
    best = float(finite.max())
    reach = 2.5 * (best - float(np.quantile(finite, quantile)))
    floor = max(float(finite.min()), best - max(reach, least_width(best)))
    return max(floor, least) if best > least else floor


def least_width(near: float) -> float:
    """Length of an axis of values that are all ``near`` one, which floats can tell apart."""
    return max(0.005, 1e-6 * abs(near))


def round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * (1 - 1e-9))


def _svg(body: Sequence[Markup], label: str) -> Markup:
    return Markup(
        '<svg class="strip" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="{2}">{3}</svg>'
    ).format(STRIP_WIDTH, _STRIP_HEIGHT, label, Markup("").join(body))


def strip_axis(scale: Scale, write: Callable[[float], str]) -> Markup:
    """The axis of a column's head; a label that would touch the one before is left out."""
    body = [
        Markup('<path class="rule" d="M{} 21H{}"/>').format(_MARGIN, STRIP_WIDTH - _MARGIN),
    ]
    free = 0.0
    for tick in scale.ticks:
        at, label = scale.place(tick), write(tick)
        body.append(Markup('<path class="rule" d="M{} 18V24"/>').format(at))
        anchor = "start" if at < 24 else "end" if at > STRIP_WIDTH - 24 else "middle"
        width = _LETTER_WIDTH * len(label)
        begin = at - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        if begin >= free:
            free = begin + width + _LETTER_WIDTH
            text = Markup('<text x="{}" y="13" text-anchor="{}">{}</text>')
            body.append(text.format(at, anchor, label))
    return _svg(body, "Scale")


def strip(
    scale: Scale,
    label: str,
    *,
    role: str = "found",
    dots: Sequence[float] = (),
    interval: tuple[float, float] | None = None,
    centre: float | None = None,
    reference: float | None = None,
) -> Markup:
    """Dots, an interval and a centre on ``scale``, as one table cell's drawing.

    Args:
        scale: The column's axis.
        label: What the drawing says, for screen readers.
        role: Class that sets the colour.
        dots: Single values, drawn open.
        interval: Ends of a line, such as a confidence interval.
        centre: The mean, drawn filled, or as a bar among dots; an arrow beyond the axis.
        reference: Value of a thin vertical line behind all.

    Returns:
        The drawing.
    """
    middle = _STRIP_HEIGHT / 2
    body = [
        Markup('<path class="grid" d="{}"/>').format(
            "".join(f"M{scale.place(t)} 0V24" for t in scale.ticks)
        )
    ]
    if reference is not None and scale.holds(reference):
        body.append(
            Markup('<path class="reference" d="M{0} 0V24"/>').format(scale.place(reference))
        )
    if interval is not None:
        low, high = (scale.place(end) for end in interval)
        body.append(
            Markup('<path class="whisker {}" d="M{} {}H{}"/>').format(role, low, middle, high)
        )
    for value in dots:
        if not math.isfinite(value):
            continue
        if scale.holds(value):
            mark = Markup('<circle class="dot {}" cx="{}" cy="{}" r="3.5"/>')
            body.append(mark.format(role, scale.place(value), middle))
        else:
            body.append(_arrow(scale, value, f"dot {role}"))
    if centre is not None and math.isfinite(centre):
        at = scale.place(centre)
        if not scale.holds(centre):
            body.append(_arrow(scale, centre, f"centre {role}"))
        elif dots:
            mark = Markup('<path class="mean {}" d="M{} {}V{}"/>')
            body.append(mark.format(role, at, middle - 8, middle + 8))
        else:
            mark = Markup('<circle class="centre {}" cx="{}" cy="{}" r="4.5"/>')
            body.append(mark.format(role, at, middle))
    return _svg(body, label)


def _arrow(scale: Scale, value: float, classes: str) -> Markup:
    """A mark at the edge for a value beyond the axis."""
    tip = -6 if value < scale.low else 6
    return Markup('<path class="{}" d="M{} {}l{} 4l{} 4z"/>').format(
        classes, scale.place(value), _STRIP_HEIGHT / 2 - 4, tip, -tip
    )
