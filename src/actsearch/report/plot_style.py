"""What all plots share: layout, axes, colours, and how data become plain lists.

Colours are CSS variables such as ``var(--found)``, which the page's script fills in, so that one
specification serves light, dark and print. Texts are escaped, since plotly reads markup in them.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import pandas as pd

from actsearch.config import STRATEGIES, Score
from actsearch.report.drawings import focus_floor, least_width
from actsearch.report.formats import is_number

Spec = dict[str, Any]
DIGITS = 5
"""Decimals of a score on the page: the list filters what bars count, so both round alike."""

_SERIES = 6
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def rounded(values: Iterable[Any], digits: int = 4) -> list[float | None]:
    """Numbers to ``digits`` decimals; None where they are missing or not finite."""
    return [round(float(v), digits) if is_number(v) else None for v in values]


def plain(names: Iterable[str]) -> list[str]:
    """Texts that plotly shows as they are."""
    return [html.escape(str(name), quote=False) for name in names]


def strategy_style(strategy: str) -> dict[str, Any]:
    """Colour and dash of a strategy, the same in every plot."""
    if strategy == "random":
        return {"color": "var(--quiet)", "dash": "solid"}
    family, _, variant = strategy.partition("@")
    known = [s for s in STRATEGIES if s != "random"]
    place = known.index(family) if family in known else len(known)
    place += sum(map(ord, variant))  # variants of one differ
    return {"color": f"var(--series-{place % _SERIES})", "dash": _DASHES[place % len(_DASHES)]}


def axis(title: str | None = None, **more: Any) -> Spec:
    """An axis with the page's looks; ``more`` goes before them."""
    settings: Spec = {
        "gridcolor": "var(--grid)",
        "linecolor": "var(--line)",
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
    }
    if title is not None:
        settings["title"] = {"text": title, "standoff": 8, "font": {"size": 13}}
    return settings | more


def layout(height: int, x: Spec, y: Spec, **more: Any) -> Spec:
    """A layout ``height`` pixels high with the page's looks; ``more`` goes before them."""
    settings: Spec = {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--muted)"},
        "hoverlabel": {
            "bgcolor": "var(--panel)",
            "bordercolor": "var(--line)",
            "font": {"family": "ui-monospace, monospace", "size": 12, "color": "var(--ink)"},
            "align": "left",
        },
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": "var(--faint)",
            "activecolor": "var(--ink)",
            "orientation": "v",
        },
        "showlegend": False,
        "dragmode": False,
        "xaxis": x,
        "yaxis": y,
    }
    return settings | more


def vertical(at: float | None, colour: str, top: float = 1.0) -> Spec:
    """A thin line from the bottom of a plot up."""
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": top,
        "line": {"color": colour, "width": 1},
    }


def tick_format(score: Score, low: float = 0.0, high: float = 1.0) -> str:
    """As many decimals as the ticks of such an axis of scores need; plotly knows for plain ones."""
    if not score.sign:
        return ""
    return ".1%" if high - low < 0.045 else ".0%"


def hover_format(score: Score) -> str:
    """How plotly writes a score."""
    return f".{score.digits}{score.sign or 'f'}"


def focus(score: Score, values: pd.Series) -> tuple[float, float]:
    """The range of scores worth telling apart: from well below the median up to the best."""
    finite = values.dropna().to_numpy(dtype=float)
    if not len(finite):
        return 0.0, 1.0
    high = float(finite.max())
    floor = focus_floor(finite, 0.5, score.ends[0])
    return round(min(floor, high - least_width(high)), 4), round(high, 4)
