"""Plots of the benchmark, the map and the predictions, as plotly specifications (plain dicts)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from actsearch.config import Score
from actsearch.report.drawings import round_step
from actsearch.report.formats import count, value
from actsearch.report.plot_style import (
    DIGITS,
    Spec,
    axis,
    hover_format,
    layout,
    plain,
    rounded,
    tick_format,
    vertical,
)

HISTOGRAM_BINS = 40
"""Bins of the whole range, and at most of its upper end."""
HISTOGRAM_HEIGHT = 390
MAP_COLOURS = ("#443983", "#355f8d", "#287c8e", "#20a486", "#5ac864", "#aadc32", "#fde725")
"""Viridis without its darkest sixth, which a dark page would swallow."""
_CROWD = 1000  # points from which on a map draws them smaller
_FLAG = 17  # pixels a baseline's label takes above the histogram
_ROOM = 0.42  # share of a narrow histogram that a label takes
_MARGINS = 60  # pixels of a histogram's height that are not for bars and labels
_BARS = 200  # pixels that labels leave to the bars


def histogram_range(table: pd.DataFrame, score: Score) -> tuple[int, int]:
    """Ends of the histogram: those of the score, but from 0 where no function lies below."""
    low, high = score.ends
    return (low if table["validation_score"].min() < 0 else max(low, 0)), high


def histogram(table: pd.DataFrame, score: Score) -> Spec:
    """Functions by validation score over the whole range, the diverged apart.

    Args:
        table: Benchmark table.
        score: What its functions are compared by. What lies below its axis is in the first bar.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    low, high = histogram_range(table, score)
    edges = _as_listed(np.linspace(low, high, HISTOGRAM_BINS + 1))
    diverged = (table["status"] == "diverged").to_numpy()
    values = _as_listed(table["validation_score"])
    crossed = {
        "color": "var(--panel)",
        "line": {"color": "var(--quiet)", "width": 1},
        "pattern": {"shape": "/", "fgcolor": "var(--quiet)", "size": 5},
    }
    return {
        "data": [
            _bars(values[~diverged], edges, score, "trained", {"color": "var(--bar)"}),
            _bars(values[diverged], edges, score, "diverged", crossed),
        ],
        "layout": layout(
            HISTOGRAM_HEIGHT,
            axis(
                f"validation {score.shown}",
                range=[low, round(high + 0.01 * (high - low), 4)],
                tickformat=tick_format(score),
                showgrid=False,
            ),
            axis("functions", rangemode="tozero", nticks=5),
            barmode="stack",
            bargap=0.08,
            showlegend=bool(diverged.any()),
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        ),
    }


def _as_listed(values: Iterable[float]) -> np.ndarray:
    """Numbers as the list of functions has them, so that it agrees with each bar; NaN for gaps."""
    return np.array(rounded(values, DIGITS), dtype=float)


def _bars(values: np.ndarray, edges: np.ndarray, score: Score, label: str, marker: Spec) -> Spec:
    finite = values[np.isfinite(values)]
    counts, _ = np.histogram(np.maximum(finite, edges[0]), bins=edges)
    spans = [
        f"{value(score, low)} to {value(score, high)}" for low, high in itertools.pairwise(edges)
    ]
    ends: list[list[float | None]] = [rounded(pair, DIGITS) for pair in itertools.pairwise(edges)]
    ends[-1][1] = None  # the last bar has its right end too
    if (finite < edges[0]).any():
        spans[0] = f"below {value(score, edges[1])}"
        ends[0][0] = None
    return {
        "type": "bar",
        "name": label,
        "x": rounded((edges[:-1] + edges[1:]) / 2, 6),
        "y": counts.tolist(),
        "marker": marker,
        "customdata": ends,
        "text": [f"{span}: {count(int(n))} {label}" for span, n in zip(spans, counts, strict=True)],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }


def upper_histogram(
    table: pd.DataFrame, baselines: pd.DataFrame, floor: float, score: Score
) -> Spec:
    """The upper end of the same histogram, finer, with the baselines as labelled lines.

    Args:
        table: Benchmark table.
        baselines: Its rows of the standard functions; one below ``floor`` is labelled at the edge.
        floor: Where the range begins.
        score: What functions are compared by.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    values = _as_listed(table.loc[table["status"] != "diverged", "validation_score"])
    top = float(np.nanmax(values))
    step = max(round_step((top - floor) / HISTOGRAM_BINS), 10.0**-DIGITS)
    first, last = math.floor(floor / step + 1e-9), math.floor(top / step + 1e-9) + 1
    edges = _as_listed(np.arange(first, last + 1) * step)
    flags = baselines.sort_values(["validation_score", "name"]).reset_index(drop=True)
    # The baselines' labels stand above the bars, a line of text each.
    above = _FLAG * len(flags)
    height = max(HISTOGRAM_HEIGHT, _MARGINS + _BARS + above)
    crown = 1 - above / (height - _MARGINS)
    # To the left of a line no other runs at its label's height, but there must be room.
    turn = edges[0] + _ROOM * (edges[-1] - edges[0])
    shapes: list[Spec] = []
    labels: list[Spec] = []
    for place, (name, number) in enumerate(
        zip(plain(flags["name"]), rounded(flags["validation_score"]), strict=True)
    ):
        inside = number is not None and number >= edges[0]
        at = number if inside else round(float(edges[0]), 6)
        # The rightmost line is the tallest, so no line runs through another's label.
        level = round(crown + (1 - crown) * (place + 1) / len(flags), 4)
        text = f"{name.removesuffix('(x)')} {value(score, number)}"
        if inside:
            shapes.append(vertical(at, "var(--baseline)", level))
        labels.append(
            {
                "x": at,
                "y": level,
                "xref": "x",
                "yref": "paper",
                "text": text if inside else f"◂ {text}",
                "showarrow": False,
                "xanchor": "right" if inside and at > turn else "left",
                "yanchor": "top",
                "yshift": 3,
                "font": {"size": 12, "color": "var(--baseline)"},
                # Where the plot is narrow, lines of others run behind it.
                "bgcolor": "var(--page)",
                "borderpad": 0,
            }
        )
    ends = [round(float(edges[0]), 6), round(float(edges[-1]), 6)]
    return {
        "data": [
            _bars(values[values >= edges[0]], edges, score, "functions", {"color": "var(--bar)"})
        ],
        "layout": layout(
            height,
            axis(
                f"validation {score.shown}",
                range=ends,
                tickformat=tick_format(score, *ends),
                showgrid=False,
                nticks=8,
            ),
            axis("functions", domain=[0, round(crown, 4)], rangemode="tozero", nticks=5),
            bargap=0.08,
            shapes=shapes,
            annotations=labels,
        ),
    }


def map_panel(
    places: pd.DataFrame, feature: str, limits: tuple[float, float], score: Score
) -> Spec:
    """One embedding, coloured by score.

    Args:
        places: Columns name, group ("trained", "diverged", "untrained"), validation_score,
            is_baseline and ``{feature}_x``, ``{feature}_y``. NaN coordinates are left out.
        feature: ``outputs``, ``fisher`` or ``union``.
        limits: Ends of the colour scale.
        score: What functions are compared by.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    places = places.sort_values(["validation_score", "name"], na_position="first")
    looks = _map_looks(len(places) > _CROWD, limits)
    data = []
    for group, marker in looks.items():
        rows = places[places["group"] == group]
        if rows.empty:
            continue
        trained = group == "trained"
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": group,
                "x": rounded(rows[f"{feature}_x"], 3),
                "y": rounded(rows[f"{feature}_y"], 3),
                "text": plain(rows["name"]),
                "marker": marker
                | ({"color": rounded(rows["validation_score"])} if trained else {}),
                "hovertemplate": "%{text}<br>"
                + (f"%{{marker.color:{hover_format(score)}}}" if trained else group)
                + "<extra></extra>",
            }
        )
    data.append(_map_baselines(places, feature))
    bare: Spec = {
        "showticklabels": False,
        "showgrid": False,
        "showline": True,
        "mirror": True,
        "fixedrange": False,
    }
    return {
        "data": data,
        "layout": layout(
            330,
            axis(**bare),
            axis(**bare),
            margin={"l": 4, "r": 4, "t": 4, "b": 4},
            dragmode="pan",
        ),
    }


def _map_looks(crowded: bool, limits: tuple[float, float]) -> dict[str, Spec]:
    """Marker of each group of a map, in the order in which they are drawn."""
    return {
        "untrained": {"size": 3, "color": "var(--faint)"},
        "diverged": {
            "symbol": "x-thin",
            "size": 6,
            "line": {"width": 1.2, "color": "var(--quiet)"},
        },
        "trained": {
            "size": 5 if crowded else 7,
            "cmin": limits[0],
            "cmax": limits[1],
            "colorscale": [
                [round(i / (len(MAP_COLOURS) - 1), 4), c] for i, c in enumerate(MAP_COLOURS)
            ],
            "line": {"width": 0.6, "color": "var(--edge)"},
        },
    }


def _map_baselines(places: pd.DataFrame, feature: str) -> Spec:
    """Rings around the baselines of a map."""
    rows = places[places["is_baseline"]]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "baselines",
        "x": rounded(rows[f"{feature}_x"], 3),
        "y": rounded(rows[f"{feature}_y"], 3),
        "marker": {
            "symbol": "circle-open",
            "size": 13,
            "color": "var(--baseline)",
            "line": {"width": 1.8},
        },
        "hoverinfo": "skip",
    }


def is_cut(predictions: pd.DataFrame, score: Score) -> bool:
    """Whether a panel of predictions ends above the lowest function, as the score's axis does."""
    measured = predictions["measured"]
    return bool(measured.min() < score.ends[0] < measured.max())


def prediction_panel(predictions: pd.DataFrame, score: Score) -> Spec:
    """Out-of-fold predictions against measurements, with the line of equality.

    Args:
        predictions: Columns name, measured, predicted (scores); one feature set and regressor.
        score: What functions are compared by. Where the panel is cut, what lies below is drawn at
            its edge.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    both = predictions[["measured", "predicted"]].to_numpy(dtype=float)
    low, high = (float(np.nanmin(both)), float(np.nanmax(both))) if both.size else (0.0, 1.0)
    names, written = plain(predictions["name"]), hover_format(score)
    hover = f"%{{text}}<br>measured %{{x:{written}}}, predicted %{{y:{written}}}<extra></extra>"
    if is_cut(predictions, score):
        low = float(score.ends[0])
        names = [
            f"{name}<br>measured {value(score, x)}, predicted {value(score, y)}"
            for name, (x, y) in zip(names, both, strict=True)
        ]
        hover = "%{text}<extra></extra>"
    ends = [round(low, 4), round(high, 4)]
    shown = np.maximum(both, low)
    ticks = {"tickformat": tick_format(score), "nticks": 5}
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "x": ends,
                "y": ends,
                "line": {"color": "var(--quiet)", "width": 1, "dash": "dash"},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": rounded(shown[:, 0]),
                "y": rounded(shown[:, 1]),
                "text": names,
                "marker": {"color": "var(--found)", "size": 5, "opacity": 0.55},
                "hovertemplate": hover,
            },
        ],
        "layout": layout(300, axis("measured", **ticks), axis("predicted", **ticks)),
    }
