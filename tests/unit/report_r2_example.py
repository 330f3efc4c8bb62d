"""A report's example whose task is scored by R2, which has no lower end."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from report_example import CHANCE, make_task

from actsearch.benchmark.table import seed_reliability
from actsearch.functions.baselines import BASELINES
from actsearch.report.data import TaskData

N = 60
HUGE = (-3.5, -2e4, -7e8, -1e15)
"""What bad functions have instead, in turn."""


def as_r2(values: Any, lost: bool = True) -> Any:
    """Accuracies as made-up R2: 0 for chance, 1 for 1; those of bad functions far below 0."""
    values = np.asarray(values, dtype=float)
    good = np.where(values == CHANCE, 0.0, 2.5 * values - 1.5)
    if not lost:
        return np.maximum(good, 0.0)
    bad = np.array(HUGE)[np.arange(values.size) % len(HUGE)].reshape(values.shape)
    return np.where((values > CHANCE) & (values < 0.75), bad, good)


def make_r2_task(name: str = "waves", lost: bool = True) -> TaskData:
    """The example's task with its numbers as R2, some of them far below 0."""
    task = make_task(name, 1, N, 6)
    assert task.table is not None and task.map is not None and task.histories and task.final
    table = task.table.assign(score="R2")
    # Some trained functions are worse than any guess.
    scores = as_r2(table["validation_score"], lost)
    trained = np.flatnonzero((table["status"] == "completed") & ~table["name"].isin(BASELINES))
    if lost:
        scores[trained[:4]] = HUGE
    table["validation_score"] = scores
    table["run_validation_scores"] = [[value] * 3 for value in scores]
    known = table.set_index("name")["validation_score"]
    history = task.histories["union-knr"].copy()
    diverged = history["status"] == "diverged"
    history["validation_score"] = known[history["name"]].where(~diverged.to_numpy(), 0.0).to_numpy()
    history["prediction"] = history["validation_score"].where(history["prediction"].notna())
    history["score"] = "R2"
    predictions = task.predictions
    assert predictions is not None and task.simulations
    measured = known[predictions["name"]].to_numpy()
    predictions = predictions.assign(measured=measured, predicted=measured - 0.1)
    simulations = {}
    for strategy, simulation in task.simulations.items():
        values = known[simulation["name"]].to_numpy()
        best = pd.Series(values).groupby(simulation["run"].to_numpy()).cummax().to_numpy()
        simulations[strategy] = simulation.assign(
            validation_score=values, best=best, regret=known.max() - best
        )
    return dataclasses.replace(
        task,
        table=table,
        histories={"union-knr": history},
        predictions=predictions,
        simulations=simulations,
        final=make_r2_final(task.final),
        reliability=seed_reliability(table),
    )


def make_r2_final(final: dict[str, Any]) -> dict[str, Any]:
    functions = []
    for function in final["functions"]:
        scores = as_r2(function["test_scores"], lost=False)
        apart = function["difference"]
        changed = {key: 2.5 * apart[key] for key in ("mean", "low", "high")} if apart else None
        functions.append(
            function
            | {
                "validation_score": float(as_r2(function["validation_score"], lost=False)),
                "test_scores": scores.tolist(),
                "test_score_mean": float(scores.mean()),
                "test_score_std": float(scores.std(ddof=1)),
                "difference": apart | changed if apart and changed else None,
            }
        )
    chosen = dict(final["chosen"]) | {"how": "the best validation R² of the functions found"}
    own = {"score": "R2", "chosen": chosen, "functions": functions, "conclusion": "A tie."}
    return dict(final) | own


def lose_one_seed(final: dict[str, Any], name: str, value: float) -> dict[str, Any]:
    """The comparison, where a function that did not diverge went wrong on one seed."""
    functions = [dict(function) for function in final["functions"]]
    [lost] = [function for function in functions if function["name"] == name]
    scores = np.array(lost["test_scores"])
    scores[1] = value
    lost["test_scores"] = scores.tolist()
    lost["test_score_mean"], lost["test_score_std"] = scores.mean(), scores.std(ddof=1)
    reach = 2.8 * abs(value) / 5
    ends = {"mean": value / 5, "low": value / 5 - reach, "high": value / 5 + reach}
    lost["difference"] = lost["difference"] | ends
    return final | {"functions": functions}
