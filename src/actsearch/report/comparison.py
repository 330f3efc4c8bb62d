"""The two sections whose tables carry drawings: surrogate scores and the last comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from actsearch.config import Score, score_called
from actsearch.report import plots
from actsearch.report.costs import final_cost, machine_in_words
from actsearch.report.drawings import Scale, curve, focus_floor, strip, strip_axis
from actsearch.report.figures import Figures
from actsearch.report.formats import (
    Context,
    count,
    decimal,
    difference,
    is_number,
    p_value,
    plural,
    size,
    three_digits,
    value,
)
from actsearch.report.headline import advice, at_zero
from actsearch.report.stages import stages_table

_PARTS = {"train": "training", "validation": "validation"}
FEATURES = {"outputs": "Outputs", "fisher": "Fisher information", "union": "Both"}
REGRESSORS = {
    "knr": "nearest neighbours",
    "rf": "random forest",
    "svr": "support vectors",
    "mean": "mean (yardstick)",
}
_SCORES = {"r2": "R²", "spearman": "Spearman"}
_LOWEST_SCORE = -0.3
_USELESS = -1.0
"""R2 far below the 0 of the mean: squared errors twice those of the mean."""
_FEW_NUMBERS = 3
VERDICTS = {
    "better": ("▲", "better"),
    "worse": ("▼", "worse"),
    "tie": ("○", "tie"),
    "undecided": ("?", "no verdict"),
    "reference": ("●", "reference"),
}


def surrogate_section(
    scores: pd.DataFrame | None,
    predictions: pd.DataFrame | None,
    score: Score,
    anchor: str,
    figures: Figures,
) -> Context | None:
    """Predictors by feature set and regressor as rows with dots; predictions as panels."""
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
        "repeated": bool(scores[["r2_std", "spearman_std"]].notna().any(axis=None)),
        "useless": bool((scores["r2_mean"] < _USELESS).any()),
        "rows": rows,
        "columns": [
            {
                "label": f"{label} of predictions" if label == score.shown else label,
                "axis": strip_axis(scales[key], lambda v: decimal(v, 1)),
            }
            for key, label in _SCORES.items()
        ],
        "predictions": _prediction_panels(scores, predictions, score, anchor, figures),
    }


def _score_cell(row: pd.Series, key: str, scale: Scale, best: float) -> Context:
    """One score of a regressor over the repeats, as text and drawn."""
    mean, deviation = row[f"{key}_mean"], row[f"{key}_std"]
    text = decimal(mean)
    around = f" ± {decimal(deviation)}" if is_number(deviation) else ""
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
    scores: pd.DataFrame,
    predictions: pd.DataFrame | None,
    score: Score,
    anchor: str,
    figures: Figures,
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
                    plots.prediction_panel(part, score),
                    f"Predicted against measured {score.shown} of {plural(len(part), 'function')}, "
                    f"features: {label.lower()}.",
                ),
            }
        )
    return {
        "regressor": REGRESSORS.get(regressor, regressor),
        "panels": panels,
        "cut": plots.is_cut(chosen, score),
    }


def _final_scales(functions: list[Mapping[str, Any]], score: Score) -> tuple[Scale, Scale]:
    """Axes of test scores and of differences in their unit, for the better half."""
    steady = [f for f in functions if not f["n_diverged"]] or functions
    tests = [number for f in steady for number in f["test_scores"] if is_number(number)]
    compared = [f["difference"] for f in steady if f["difference"]]
    means, lows, highs = (
        [d[key] for d in compared if is_number(d[key])] for key in ("mean", "low", "high")
    )
    floor = min(0.0, focus_floor(lows, 0.5, -score.width))
    # One seed that went wrong makes an interval as wide to the right as to the left. The best mean
    # stands in the middle or right of it, whatever intervals do.
    ceiling = 2 * max([0.0, *means]) - floor
    return (
        Scale.over(tests, floor=focus_floor(tests, 0.5, score.ends[0])),
        Scale.over(
            [0.0, *(score.factor * end for end in lows + highs)],
            floor=score.factor * floor,
            ceiling=score.factor * ceiling,
        ),
    )


def _final_row(
    function: Mapping[str, Any], chosen: str, tests: Scale, differences: Scale, score: Score
) -> Context:
    """One function of the last comparison: its scores, drawn, and its verdict."""
    mark, verdict = VERDICTS[function["verdict"]]
    role = "baseline" if function["kind"] == "baseline" else "found"
    by_seed = function["test_scores"]
    return {
        "name": function["name"],
        "role": role,
        "kind": function["kind"],
        **_elsewhere(function),
        "finite_at_zero": not at_zero(function["name"]),
        "chosen": function["name"] == chosen,
        "curve": curve(function["name"], role),
        "validation": value(score, function["validation_score"]),
        "status": function["status"],
        "n_diverged": function["n_diverged"],
        "mean": value(score, function["test_score_mean"]),
        "std": size(score, function["test_score_std"]),
        "errors": _errors(function.get("test_errors")),
        "seeds": strip(
            tests,
            f"Test {score.shown} of each seed: " + ", ".join(value(score, s) for s in by_seed),
            role=role,
            dots=by_seed,
            centre=function["test_score_mean"],
        ),
        **_difference_cells(function["difference"], role, differences, score),
        "mark": mark,
        "verdict": verdict,
        "verdict_class": function["verdict"],
        "cost": final_cost(function["cost"]),
    }


def _elsewhere(function: Mapping[str, Any]) -> Context:
    """The task that a function comes from, and its score there in that task's form."""
    if "from_task" not in function:
        return {"from_task": None, "score_there": None}
    there = score_called(function["scored_there_by"])
    number = value(there, function["score_there"])
    return {"from_task": function["from_task"], "score_there": number}


def _errors(errors: Sequence[float] | None) -> str | None:
    """Errors of predicted numbers in their own units: each of a few, else the range."""
    if not errors:
        return None
    if len(errors) > _FEW_NUMBERS:
        return f"{three_digits(min(errors))} to {three_digits(max(errors))}"
    return ", ".join(map(three_digits, errors))


def _difference_cells(
    apart: Mapping[str, Any] | None, role: str, scale: Scale, score: Score
) -> Context:
    """The difference to the best baseline, written and drawn; None all for that baseline."""
    if not apart:
        return dict.fromkeys(("difference", "interval", "forest", "p_holm"))
    mean, low, high = (apart[key] for key in ("mean", "low", "high"))
    written = difference(score, mean)
    interval = f"{difference(score, low)} to {difference(score, high)}"
    forest = None
    if is_number(mean):
        forest = strip(
            scale,
            f"Difference {written}, {interval}",
            role=role,
            centre=score.factor * mean,
            interval=(score.factor * low, score.factor * high)
            if is_number(low) and is_number(high)
            else None,
            reference=0.0,
        )
    return {
        "difference": written,
        "interval": interval,
        "forest": forest,
        "p_holm": p_value(apart["p_holm"]),
    }


def final_section(
    final: Mapping[str, Any] | None,
    score: Score,
    activation: str | None = None,
    found_by: str | None = None,
) -> Context | None:
    """The last comparison as rows, the best mean test score first; the chosen one's source."""
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
    tests, differences = _final_scales(functions, score)
    chosen = final["chosen"]["name"]
    rows = [_final_row(function, chosen, tests, differences, score) for function in functions]
    return {
        "conclusion": final["conclusion"],
        "best_baseline": final["best_baseline"],
        "advice": advice(final),
        "candidates_from": ", ".join(final["candidates_from"]),
        "fitted_on": " and ".join(_PARTS[part] for part in final["fitted_on"]),
        "chosen": final["chosen"],
        "found_by": found_by,
        "activation": activation,
        "seeds": ", ".join(str(seed) for seed in final["seeds"]),
        "n_seeds": plural(len(final["seeds"]), "seed"),
        "n_test": count(final["n_test"]),
        "method": final["method"],
        "measured_on": machine_in_words(**final["measured_on"]) if final["measured_on"] else None,
        "diverged": any(function["n_diverged"] for function in functions),
        "errors": any(row["errors"] for row in rows),
        "compiled": any(row["cost"] and row["cost"]["compiled_times"] for row in rows),
        "rows": rows,
        "stages": stages_table(final.get("stages", ()), len(rows), score),
        "tests_axis": strip_axis(tests, lambda v: value(score, v, 1)),
        "differences_axis": strip_axis(
            differences, lambda v: difference(score, v / score.factor, 1)
        ),
    }
