"""Functions and their derivatives drawn by matplotlib, for papers: PDF, PNG or SVG.

The same functions give the same bytes with the same version of matplotlib: files hold no dates and
no random names. Colours are those of Okabe and Ito, which the colour-blind tell apart, and lines
differ in their dashes too.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.expressions import Expression
from actsearch.functions.latex import latex
from actsearch.functions.slopes import slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".pdf", ".png", ".svg")
MOST = 12
"""Functions in one figure that can be told apart."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)))
POINTS = 2001
_STEPS = 1000
"""Steps of differences, at least, in the width of a figure."""
FARTHEST, NARROWEST = 1e6, 1e-3
"""Limits of the axis of x: how far from 0, and how far apart for each 1 that they are from 0."""
_HIGHEST = 1e30
"""Values beyond it are not drawn: matplotlib cannot scale an axis to the largest numbers."""
_TOP, _MARGIN = 20.0, 0.05
_LONGEST_FORMULA, _LONGEST_NAME = 60, 100
_WIDTHS = (16, 28, 50)
"""Longest names with which the legend has four, three and two columns."""
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "actsearch",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,  # text that editors and publishers can use
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.5,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "legend.frameon": False,
}

Floats = NDArray[np.float64]


class FigureError(ValueError):
    """A figure that cannot be drawn; the message says what is allowed."""


def draw(
    functions: Sequence[Expression],
    ending: str,
    limits: tuple[float, float] = (-5.0, 5.0),
    with_formulas: bool = True,
) -> bytes:
    """Draw functions, with their derivatives beside them.

    Args:
        functions: one to `MOST`.
        ending: of the file, one of `FORMATS`.
        limits: of the axis of x.
        with_formulas: whether the legend has formulas, where they are short, or names.

    Returns:
        The content of the file.

    Raises:
        FigureError: for another ending, too many functions, or limits that are not two
            finite numbers, the lower first, within what `FARTHEST` and `NARROWEST` allow.
    """
    if ending not in FORMATS:
        raise FigureError(f"a figure with the ending {ending!r}; allowed: {', '.join(FORMATS)}")
    if not 1 <= len(functions) <= MOST:
        raise FigureError(f"{len(functions)} functions in one figure; allowed: 1 to {MOST}")
    low, high = _checked(limits)
    import matplotlib
    from matplotlib.figure import Figure

    x = np.linspace(low, high, POINTS)
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = 4 - sum(max(len(f.name) for f in functions) > width for width in _WIDTHS)
        rows = -(-len(functions) // columns)
        figure = Figure(figsize=(7.0, 2.6 + 0.22 * rows), layout="constrained")
        left, right = figure.subplots(1, 2)
        _curves(left, x, [f(x) for f in functions])
        _curves(right, x, [slope(f, x, (high - low) / _STEPS) for f in functions])
        left.set_title("function", fontsize=9, loc="left")
        right.set_title("derivative", fontsize=9, loc="left")
        for axes in (left, right):
            axes.set_xlabel("x")
            axes.set_xlim(low, high)
        labels = [_label(function, with_formulas) for function in functions]
        figure.legend(left.get_lines(), labels, loc="outside lower center", ncols=columns)
        whole = io.BytesIO()
        figure.savefig(whole, format=ending[1:], dpi=200, metadata=_METADATA[ending])
    return whole.getvalue()


_METADATA: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": "actsearch"},
    ".pdf": {"CreationDate": None, "Creator": "actsearch", "Producer": None},
    ".png": {"Software": "actsearch"},
}


def _checked(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    largest = max(abs(low), abs(high), 1.0)
    # Written so that NaN is refused too.
    if not (largest <= FARTHEST and high - low >= NARROWEST * largest):
        raise FigureError(
            f"the range {low:g} to {high:g}; allowed: two numbers from {-FARTHEST:,.0f} to "
            f"{FARTHEST:,.0f}, the lower first and at least {NARROWEST:g} apart, or a thousandth "
            "of the larger one where that is more"
        )
    return low, high


def _curves(axes: Axes, x: Floats, values: Sequence[Floats]) -> None:
    curves = [np.where(np.abs(y) <= _HIGHEST, y, np.nan) for y in values]
    low, high = _range(curves)
    for number, y in enumerate(curves):
        # Far above the frame, a line is the same; across a pole there is none.
        reach = 10 * (high - low)
        shown = np.where(np.isfinite(y) & (y > low - reach) & (y < high + reach), y, np.nan)
        axes.plot(
            x,
            shown,
            color=COLOURS[number % len(COLOURS)],
            linestyle=DASHES[number // len(COLOURS) % len(DASHES)],
        )
    axes.set_ylim(low, high)


def _range(curves: Sequence[Floats]) -> tuple[float, float]:
    """What the axis of y shows: all values, but of those beyond +-20 only where most lie."""
    values = np.concatenate([y[np.isfinite(y)] for y in curves])
    if not len(values):
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    if low < -_TOP or high > _TOP:
        inner = np.percentile(values, [10, 90])
        low, high = max(low, min(-1.0, 2 * inner[0])), min(high, max(1.0, 2 * inner[1]))
    margin = _MARGIN * (high - low) or 0.5
    return low - margin, high + margin


def _label(function: Expression, with_formulas: bool) -> str:
    short = with_formulas and len(function.name) <= _LONGEST_FORMULA
    formula = _mathtext(latex(function)) if short else ""
    return f"${formula}$" if formula else shorten(function.name, _LONGEST_NAME)


def shorten(text: str, most: int) -> str:
    """At most so many characters of a text."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _mathtext(formula: str) -> str:
    r"""LaTeX as matplotlib reads it, which knows no ``\operatorname``; empty where it cannot."""
    from matplotlib.mathtext import MathTextParser

    text = re.sub(r"\\operatorname\{((?:[^{}\\]|\\_)*)\}", _upright, formula)
    try:
        MathTextParser("path").parse(f"${text}$")
    except ValueError:
        return ""
    return text


def _upright(found: Any) -> str:
    return rf"\mathrm{{{found.group(1)}}}"
