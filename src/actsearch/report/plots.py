"""Plots of the benchmark, the map and the predictions, as plotly specifications (plain dicts)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from actsearch.report.drawings import round_step
from actsearch.report.formats import count, percent
from actsearch.report.plot_style import Spec, axis, layout, plain, rounded, tick_format, vertical

HISTOGRAM_BINS = 40
"""Bins of the whole range, and at most of its upper end."""
HISTOGRAM_HEIGHT = 390
MAP_COLOURS = ("#443983", "#355f8d", "#287c8e", "#20a486", "#5ac864", "#aadc32", "#fde725")
"""Viridis without its darkest sixth, which a dark page would swallow."""
_CROWD = 1000  # points from which on a map draws them smaller
_FLAG = 17  # pixels a baseline's label takes above the histogram


def histogram(table: pd.DataFrame) -> Spec:
    """Functions by validation accuracy over the whole range, the diverged apart.

    Args:
        table: Benchmark table.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    diverged = (table["status"] == "diverged").to_numpy()
    values = table["validation_score"].to_numpy(dtype=float)
    crossed = {
        "color": "var(--panel)",
        "line": {"color": "var(--quiet)", "width": 1},
        "pattern": {"shape": "/", "fgcolor": "var(--quiet)", "size": 5},
    }
    return {
        "data": [
            _bars(values[~diverged], edges, "trained", {"color": "var(--bar)"}),
            _bars(values[diverged], edges, "diverged", crossed),
        ],
        "layout": layout(
            HISTOGRAM_HEIGHT,
            axis("validation accuracy", range=[0, 1.01], tickformat=".0%", showgrid=False),
            axis("functions", rangemode="tozero", nticks=5),
            barmode="stack",
            bargap=0.08,
            showlegend=bool(diverged.any()),
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        ),
    }


def _bars(values: np.ndarray, edges: np.ndarray, label: str, marker: Spec) -> Spec:
    counts, _ = np.histogram(values[np.isfinite(values)], bins=edges)
    return {
        "type": "bar",
        "name": label,
        "x": rounded((edges[:-1] + edges[1:]) / 2, 6),
        "y": counts.tolist(),
        "marker": marker,
        "text": [
            f"{percent(low)} to {percent(high)}: {count(int(n))} {label}"
            for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)
        ],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }


def upper_histogram(table: pd.DataFrame, baselines: pd.DataFrame, floor: float) -> Spec:
    """The upper end of the same histogram, finer, with the baselines as labelled lines.

    Args:
        table: Benchmark table.
        baselines: Its rows of the standard functions; one below ``floor`` is labelled at the edge.
        floor: Where the range begins.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    values = table.loc[table["status"] != "diverged", "validation_score"].to_numpy(dtype=float)
    top = float(values.max())
    step = round_step((top - floor) / HISTOGRAM_BINS)
    first, last = math.floor(floor / step + 1e-9), math.floor(top / step + 1e-9) + 1
    edges = np.arange(first, last + 1) * step
    flags = baselines.sort_values(["validation_score", "name"]).reset_index(drop=True)
    # The baselines' labels stand above the bars, a line of text each.
    crown = 1 - _FLAG * len(flags) / (HISTOGRAM_HEIGHT - 60)
    shapes: list[Spec] = []
    labels: list[Spec] = []
    for place, (name, value) in enumerate(
        zip(plain(flags["name"]), rounded(flags["validation_score"]), strict=True)
    ):
        inside = value is not None and value >= edges[0]
        at = value if inside else round(float(edges[0]), 6)
        # The rightmost line is the tallest, so no line runs through another's label.
        level = round(crown + (1 - crown) * (place + 1) / len(flags), 4)
        text = f"{name.removesuffix('(x)')} {percent(value)}"
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
                "xanchor": "right" if inside and at > (edges[0] + edges[-1]) / 2 else "left",
                "yanchor": "top",
                "yshift": 3,
                "font": {"size": 12, "color": "var(--baseline)"},
            }
        )
    ends = [round(float(edges[0]), 6), round(float(edges[-1]), 6)]
    return {
        "data": [_bars(values[values >= edges[0]], edges, "functions", {"color": "var(--bar)"})],
        "layout": layout(
            HISTOGRAM_HEIGHT,
            axis(
                "validation accuracy",
                range=ends,
                tickformat=tick_format(*ends),
                showgrid=False,
                nticks=8,
            ),
            axis("functions", domain=[0, round(crown, 4)], rangemode="tozero", nticks=5),
            bargap=0.08,
            shapes=shapes,
            annotations=labels,
        ),
    }


def map_panel(places: pd.DataFrame, feature: str, limits: tuple[float, float]) -> Spec:
    """One embedding, coloured by accuracy.

    Args:
        places: Columns name, group ("trained", "diverged", "untrained"), validation_score,
            is_baseline and ``{feature}_x``, ``{feature}_y``. NaN coordinates are left out.
        feature: ``outputs``, ``fisher`` or ``union``.
        limits: Ends of the colour scale.

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
                + ("%{marker.color:.2%}" if trained else group)
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


def prediction_panel(predictions: pd.DataFrame) -> Spec:
    """Out-of-fold predictions against measurements, with the line of equality.

    Args:
        predictions: Columns name, measured, predicted (accuracies); one feature set and regressor.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    both = predictions[["measured", "predicted"]].to_numpy(dtype=float)
    low, high = (float(np.nanmin(both)), float(np.nanmax(both))) if both.size else (0.0, 1.0)
    ends = [round(low, 4), round(high, 4)]
    ticks = {"tickformat": ".0%", "nticks": 5}
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
                "x": rounded(predictions["measured"]),
                "y": rounded(predictions["predicted"]),
                "text": plain(predictions["name"]),
                "marker": {"color": "var(--found)", "size": 5, "opacity": 0.55},
                "hovertemplate": "%{text}<br>measured %{x:.2%}, predicted %{y:.2%}<extra></extra>",
            },
        ],
        "layout": layout(300, axis("measured", **ticks), axis("predicted", **ticks)),
    }
