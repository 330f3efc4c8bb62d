"""The two sections whose tables carry drawings: surrogate scores and the final comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from actsearch.report import plots
from actsearch.report.drawings import Scale, curve, focus_floor, strip, strip_axis
from actsearch.report.figures import Figures
from actsearch.report.formats import (
    Context,
    count,
    is_number,
    p_value,
    percent,
    plural,
    points,
    score,
    spread,
)

FEATURES = {"outputs": "Outputs", "fisher": "Fisher information", "union": "Both"}
REGRESSORS = {
    "knr": "nearest neighbours",
    "rf": "random forest",
    "svr": "support vectors",
    "mean": "mean (yardstick)",
}
_SCORES = {"r2": "R²", "spearman": "Spearman"}
_LOWEST_SCORE = -0.3
VERDICTS = {
    "better": ("▲", "better"),
    "worse": ("▼", "worse"),
    "tie": ("○", "tie"),
    "reference": ("●", "reference"),
}


def surrogate_section(
    scores: pd.DataFrame | None, predictions: pd.DataFrame | None, anchor: str, figures: Figures
) -> Context | None:
    """Scores by feature set and regressor as rows with dots; predictions as panels."""
    if scores is None or scores.empty:
        return None
    scales = {
        key: Scale.over(
            [0.0, 1.0, *(scores[f"{key}_mean"] - scores[f"{key}_std"].fillna(0))],
            floor=_LOWEST_SCORE,
            ceiling=1.0,
        )
        for key in _SCORES
    }
    best = {key: scores[f"{key}_mean"].max() for key in _SCORES}
    rows: list[Context] = [
        {
            "features": FEATURES.get(row["features"], row["features"]),
            "regressor": REGRESSORS.get(row["regressor"], row["regressor"]),
            "cells": [_score_cell(row, key, scales[key], best[key]) for key in _SCORES],
        }
        for _, row in scores.iterrows()
    ]
    for above, row in zip([None, *rows], rows, strict=False):
        opens = above is None or above["features"] != row["features"]
        same = [other for other in rows if other["features"] == row["features"]]
        row["span"] = len(same) if opens else 0
    return {
        "n": plural(int(scores["n"].max()), "function"),
        "rows": rows,
        "columns": [
            {"label": label, "axis": strip_axis(scales[key], lambda v: score(v, 1))}
            for key, label in _SCORES.items()
        ],
        "predictions": _prediction_panels(scores, predictions, anchor, figures),
    }


def _score_cell(row: pd.Series, key: str, scale: Scale, best: float) -> Context:
    """One score of a regressor over the repeats, as text and drawn."""
    mean, deviation = row[f"{key}_mean"], row[f"{key}_std"]
    text = score(mean)
    around = f" ± {score(deviation)}" if is_number(deviation) else ""
    drawing = None
    if is_number(mean):
        drawing = strip(
            scale,
            f"{_SCORES[key]} {text}{around}",
            role="quiet" if row["regressor"] == "mean" else "found",
            centre=mean,
            interval=(mean - deviation, mean + deviation) if is_number(deviation) else None,
            reference=0.0,
        )
    return {"mean": text, "deviation": around, "best": bool(mean == best), "strip": drawing}


def _prediction_panels(
    scores: pd.DataFrame, predictions: pd.DataFrame | None, anchor: str, figures: Figures
) -> Context | None:
    """One panel a feature set, for the regressor with the best mean Spearman; the first repeat."""
    if predictions is None or predictions.empty:
        return None
    ranked = scores.dropna(subset=["spearman_mean"])
    if ranked.empty:
        return None
    regressor = str(ranked.sort_values("spearman_mean", kind="stable")["regressor"].iloc[-1])
    chosen = predictions[predictions["regressor"] == regressor]
    chosen = chosen[chosen["repeat"] == chosen["repeat"].min()]
    panels: list[Context] = []
    for features in chosen["features"].drop_duplicates():
        label = FEATURES.get(features, features)
        part = chosen[chosen["features"] == features]
        panels.append(
            {
                "title": label,
                "figure": figures.add(
                    f"{anchor}-predictions-{len(panels) + 1}",
                    plots.prediction_panel(part),
                    f"Predicted against measured accuracy of {plural(len(part), 'function')}, "
                    f"features: {label.lower()}.",
                ),
            }
        )
    return {"regressor": REGRESSORS.get(regressor, regressor), "panels": panels}


def _final_scales(functions: list[Mapping[str, Any]]) -> tuple[Scale, Scale]:
    """Axes of test accuracies and of differences in points, for the better half."""
    steady = [f for f in functions if not f["n_diverged"]] or functions
    accuracies = [a for f in steady for a in f["test_scores"] if is_number(a)]
    lows = [d["low"] for f in steady if (d := f["difference"]) and is_number(d["low"])]
    highs = [d["high"] for f in steady if (d := f["difference"]) and is_number(d["high"])]
    ends = [0.0, *(100 * end for end in lows + highs)]
    return (
        Scale.over(accuracies, floor=focus_floor(accuracies, 0.5)),
        Scale.over(ends, floor=min(0.0, 100 * focus_floor(lows, 0.5))),
    )


def _final_row(function: Mapping[str, Any], tests: Scale, differences: Scale) -> Context:
    """One function of the last comparison: its accuracies, drawn, and its verdict."""
    mark, verdict = VERDICTS[function["verdict"]]
    role = "baseline" if function["kind"] == "baseline" else "found"
    accuracies = function["test_scores"]
    return {
        "name": function["name"],
        "role": role,
        "kind": function["kind"],
        "from_task": function.get("from_task"),
        "score_there": percent(function.get("score_there")),
        "curve": curve(function["name"], role),
        "validation": percent(function["validation_score"]),
        "status": function["status"],
        "n_diverged": function["n_diverged"],
        "mean": percent(function["test_score_mean"]),
        "std": spread(function["test_score_std"]),
        "seeds": strip(
            tests,
            "Test accuracy of each seed: " + ", ".join(percent(a) for a in accuracies),
            role=role,
            dots=accuracies,
            centre=function["test_score_mean"],
        ),
        **_difference_cells(function["difference"], role, differences),
        "mark": mark,
        "verdict": verdict,
        "verdict_class": function["verdict"],
    }


def _difference_cells(difference: Mapping[str, Any] | None, role: str, scale: Scale) -> Context:
    """The difference to the best baseline, in points and drawn; None all for that baseline."""
    if not difference:
        return dict.fromkeys(("difference", "interval", "forest", "p_holm"))
    mean, low, high = (difference[key] for key in ("mean", "low", "high"))
    interval = f"{points(low)} to {points(high)}"
    forest = None
    if is_number(mean):
        forest = strip(
            scale,
            f"Difference {points(mean)}, {interval}",
            role=role,
            centre=100 * mean,
            interval=(100 * low, 100 * high) if is_number(low) and is_number(high) else None,
            reference=0.0,
        )
    return {
        "difference": points(mean),
        "interval": interval,
        "forest": forest,
        "p_holm": p_value(difference["p_holm"]),
    }


def final_section(final: Mapping[str, Any] | None, activation: str | None = None) -> Context | None:
    """The last comparison as rows, the best mean test accuracy first; the chosen one's source."""
    if not final:
        return None
    functions = sorted(
        final["functions"],
        key=lambda f: (
            not is_number(f["test_score_mean"]),
            -(f["test_score_mean"] if is_number(f["test_score_mean"]) else 0),
            f["name"],
        ),
    )
    tests, differences = _final_scales(functions)
    rows = [_final_row(function, tests, differences) for function in functions]
    return {
        "conclusion": final["conclusion"],
        "best_baseline": final["best_baseline"],
        "candidates_from": ", ".join(final["candidates_from"]),
        "chosen": final["chosen"],
        "activation": activation,
        "seeds": ", ".join(str(seed) for seed in final["seeds"]),
        "n_seeds": plural(len(final["seeds"]), "seed"),
        "n_test": count(final["n_test"]),
        "method": final["method"],
        "diverged": any(function["n_diverged"] for function in functions),
        "rows": rows,
        "tests_axis": strip_axis(tests, lambda v: percent(v, 1)),
        "differences_axis": strip_axis(differences, lambda v: points(v / 100, 1)),
    }
