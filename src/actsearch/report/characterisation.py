"""What features tell, by the number of functions known: sentences, a figure and a table."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from actsearch.config import Score
from actsearch.report import comparison
from actsearch.report.figures import Figure, Figures
from actsearch.report.formats import MISSING, Context, count, decimal, is_number, plural
from actsearch.report.plot_style import Spec, axis, layout, rounded
from actsearch.search.claims import Claim, Difference, both_beat_each

FEATURES = {"outputs": "outputs", "fisher": "Fisher information", "union": "both"}
REGRESSORS = {**comparison.REGRESSORS, "et": "extra trees"}
DIMENSIONS = {"map": "map", "components": "components", "none": ""}
METRICS = {"r2": "R²", "spearman": "Spearman", "kendall": "Kendall", "auc": "AUC"}
_SETTINGS = (("map", "knr"), ("components", "et"))
"""Drawn and judged: the paper's own, and that with the most dimensions."""
_PANELS = (("all", "r2"), ("all", "spearman"), ("failure", "auc"))
_LOWEST = -0.3
_COLOURS = {
    "outputs": "var(--series-3)",
    "fisher": "var(--series-2)",
    "union": "var(--series-0)",
    "none": "var(--quiet)",
}
_COLUMNS = (
    ("all", "r2"),
    ("all", "spearman"),
    ("all", "kendall"),
    ("all", "slope"),
    ("all", "coverage_50"),
    ("all", "coverage_90"),
    ("completed", "r2"),
    ("completed", "spearman"),
    ("failure", "auc"),
)
_WITH_INTERVAL = ("r2", "spearman", "kendall", "auc")


def characterisation_section(
    found: pd.DataFrame | None, score: Score, anchor: str, figures: Figures
) -> Context | None:
    """The part of the page: None where nothing was asked, no ``claims`` of too few functions."""
    if found is None:
        return None
    if found.empty:
        return {"claims": []}
    sizes = sorted(found["known"].unique())
    left_out = [int(size) for size in found["left_out"].iloc[0]]
    return {
        "n": count(int(found["functions"].iloc[0])),
        "draws": plural(int(found["draws"].max()), "draw"),
        "held_out": count(int(found.loc[found["target"] == "all", "held_out"].max())),
        "known": count(int(sizes[-1])),
        "sizes": ", ".join(count(int(size)) for size in sizes),
        "left_out": ", ".join(count(size) for size in left_out),
        "claims": _claims(found, score),
        "key": [
            {"label": label, "colour": _COLOURS[name]}
            for name, label in (FEATURES | {"none": REGRESSORS["mean"]}).items()
        ],
        "panels": [
            {
                "title": _of(*setting),
                "metric": _panel_label(target, metric, score),
                "figure": _panel(found, setting, target, metric, score, anchor, figures),
            }
            for setting in _SETTINGS
            for target, metric in _PANELS
            if found.loc[found["target"] == target, "value"].notna().any()
        ],
        "rows": _rows(found[(found["known"] == sizes[-1]) & (found["minus"] == "")]),
        "dimensions": _dimensions(found),
    }


def _of(dimensions: str, regressor: str) -> str:
    return f"{REGRESSORS[regressor]} on {'the map' if dimensions == 'map' else 'components'}"


def _panel_label(target: str, metric: str, score: Score) -> str:
    if target == "failure":
        return "failure, AUC"
    return f"{score.shown}, {METRICS[metric]}"


def _claims(found: pd.DataFrame, score: Score) -> list[Context]:
    """Whether both features together beat each alone: a line each for the settings drawn."""
    sizes = sorted(map(int, found["known"].unique()))
    lines: list[Context] = []
    for setting in _SETTINGS:
        for target, metric in (("all", "spearman"), ("completed", "spearman"), ("failure", "auc")):
            claim = both_beat_each(found, *setting, metric, target)
            subject = {
                "all": f"{score.shown} of all functions",
                "completed": f"{score.shown} of those that trained",
                "failure": "failure",
            }[target]
            lines.append(
                {
                    "subject": f"{subject}, {_of(*setting)}",
                    "verdict": _verdict(claim),
                    "fewer": "; ".join(
                        f"{count(known)}: "
                        + _verdict(both_beat_each(found, *setting, metric, target, known))
                        for known in sizes[:-1]
                    ),
                    "numbers": _numbers(claim, METRICS[metric]),
                }
            )
    return lines


def _verdict(claim: Claim | None) -> str:
    return claim.verdict if claim else "cannot be said"


def _numbers(claim: Claim | None, metric: str) -> str:
    if claim is None:
        return f"{metric} is not defined for all three"
    return (
        f"{metric} {_difference(claim.over_outputs)} over outputs, "
        f"{_difference(claim.over_fisher)} over Fisher information"
    )


def _difference(of: Difference) -> str:
    return f"{_signed(of.value)} ({_signed(of.low)} to {_signed(of.high)})"


def _signed(number: float) -> str:
    text = decimal(number, 3)  # an end near 0 decides
    return text if text.startswith("−") or not float(text) else f"+{text}"


def _dimensions(found: pd.DataFrame) -> list[str]:
    """What components tell beyond the map with both features, in words, for each regressor."""
    rows = found[
        (found["known"] == found["known"].max())
        & (found["minus"] == "map")
        & (found["features"] == "union")
        & (found["metric"] == "spearman")
        & (found["target"] == "all")
    ]
    return [
        f"{REGRESSORS[row['regressor']]} "
        f"{_difference(Difference(row['value'], row['low'], row['high']))}"
        for row in rows.to_dict("records")
        if is_number(row["value"])
    ]


def _panel(
    found: pd.DataFrame,
    setting: tuple[str, str],
    target: str,
    metric: str,
    score: Score,
    anchor: str,
    figures: Figures,
) -> Figure:
    """One metric of one regressor against the number known, a line a feature set."""
    of = found[
        (found["target"] == target) & (found["metric"] == metric) & (found["minus"] == "")
    ].sort_values("known", kind="stable")
    here = of[(of["dimensions"] == setting[0]) & (of["regressor"] == setting[1])]
    lines = {name: here[here["features"] == name] for name in FEATURES}
    if metric != "spearman":  # the mean ranks nothing
        lines["none"] = of[of["features"] == "none"]
    title = _panel_label(target, metric, score)
    return figures.add(
        f"{anchor}-known-{setting[0]}-{target}-{metric}",
        known_panel(lines, metric),
        f"{title} by {_of(*setting)}, against the number of functions known: "
        + "; ".join(
            f"{FEATURES.get(name, REGRESSORS['mean'])} "
            + ", ".join(map(decimal, line["value"].tolist()))
            for name, line in lines.items()
        ),
    )


def known_panel(lines: dict[str, pd.DataFrame], metric: str) -> Spec:
    """A metric with 95% intervals against the number of functions known, on a logarithmic axis.

    Args:
        lines: Columns known, value, low, high, ascending, by feature set.
        metric: Its name in ``METRICS``.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    least = 0.4 if metric == "auc" else _LOWEST
    data: list[Spec] = []
    ticks: list[int] = []
    for number, (name, line) in enumerate(lines.items()):
        whole = line[line["value"].notna()]
        ticks = sorted({*ticks, *map(int, line["known"])})
        label = FEATURES.get(name, REGRESSORS["mean"])
        # Beside each other, so that no interval hides another.
        shift = 1.03 ** (number - 1)
        bars = {
            "array": rounded(whole["high"] - whole["value"], 4),
            "arrayminus": rounded(whole["value"] - whole["low"], 4),
            "type": "data",
            "symmetric": False,
            "thickness": 1.2,
            "width": 0,
        }
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": label,
                "x": rounded(whole["known"] * shift, 3),
                "y": rounded(whole["value"]),
                "customdata": whole["known"].tolist(),
                "line": {
                    "color": _COLOURS[name],
                    "width": 2,
                    "dash": "dash" if name == "none" else "solid",
                },
                "marker": {"color": _COLOURS[name], "size": 6},
                "error_y": bars | ({"visible": False} if name == "none" else {}),
                "hovertemplate": f"{label}, %{{customdata}} known: %{{y:.2f}}<extra></extra>",
            }
        )
    values = [y for trace in data for y in trace["y"] if y is not None]
    lowest = max(least, min([*values, 0.5 if metric == "auc" else 0.0]) - 0.08)
    return {
        "data": data,
        "layout": layout(
            240,
            axis("functions known", type="log", tickvals=ticks, ticktext=[str(t) for t in ticks]),
            axis(range=[round(lowest, 3), 1.0], nticks=6),
        ),
    }


def _rows(last: pd.DataFrame) -> list[Context]:
    """The table: a row for each feature set, dimensions and regressor, a cell a metric."""
    keys = ["features", "dimensions", "regressor"]
    columns = [*keys, "target", "metric", "value", "low", "high"]
    cells = {row[:5]: row[5:] for row in last[columns].itertuples(index=False, name=None)}
    order = [*FEATURES, "none"]
    kinds = last[keys].drop_duplicates()
    kinds = kinds.sort_values("features", key=lambda f: f.map(order.index), kind="stable")
    rows: list[Context] = []
    for features, dimensions, regressor in kinds.itertuples(index=False):
        where = DIMENSIONS[dimensions]
        rows.append(
            {
                "features": FEATURES.get(features, "none"),
                "regressor": REGRESSORS[regressor] + (f", {where}" if where else ""),
                "cells": [
                    _cell(cells, (features, dimensions, regressor, *column)) for column in _COLUMNS
                ],
            }
        )
    for above, row in zip([None, *rows], rows, strict=False):
        opens = above is None or above["features"] != row["features"]
        same = [other for other in rows if other["features"] == row["features"]]
        row["span"] = len(same) if opens else 0
    return rows


def _cell(cells: Mapping[tuple[str, ...], tuple[float, ...]], key: tuple[str, ...]) -> Context:
    if key not in cells:
        return {"value": MISSING, "interval": ""}
    value, low, high = cells[key]
    interval = f"{decimal(low)} to {decimal(high)}"
    shown = key[-1] in _WITH_INTERVAL and is_number(value)
    return {"value": decimal(value), "interval": interval if shown else ""}
