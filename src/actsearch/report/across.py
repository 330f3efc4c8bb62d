"""Functions across tasks: what the winner of one task does on the others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from actsearch.report.data import TaskData
from actsearch.report.formats import MISSING, Context, count, difference, value
from actsearch.report.ranking import best_baseline, measured, ranks, role


@dataclass(frozen=True)
class _Known:
    """What a task knows of functions, the best first, and the names that it ranks."""

    task: TaskData
    functions: pd.DataFrame
    ranks: dict[str, int]
    baseline: pd.Series | None


def across_section(tasks: Collection[TaskData], baselines: Collection[str]) -> Context | None:
    """Winners as rows, tasks as columns; None with fewer than two tasks that trained functions."""
    known = [_known(task, baselines) for task in tasks if len(measured(task))]
    if len(known) < 2:
        return None
    return {
        "tasks": [
            {"name": k.task.name, "n": count(len(k.ranks)), "unit": k.task.score.unit}
            for k in known
        ],
        "rows": [
            {
                "name": name,
                "role": role(name, baselines),
                "why": "; ".join(reasons),
                "cells": [_cell(name, k) for k in known],
            }
            for name, reasons in _winners(known).items()
        ],
    }


def _known(task: TaskData, baselines: Collection[str]) -> _Known:
    functions = measured(task)
    best = best_baseline(functions, baselines)
    return _Known(task, functions.set_index("name"), ranks(task), best)


def _winners(known: list[_Known]) -> dict[str, list[str]]:
    """The best on validation, the chosen and the best baseline of each task, with why."""
    winners: dict[str, list[str]] = {}
    for k in known:
        name = str(k.functions.index[0])
        if k.functions["status"].iloc[0] != "diverged":
            winners.setdefault(name, []).append(f"best on {k.task.name}")
        if k.task.final:
            chosen = str(k.task.final["chosen"]["name"])
            winners.setdefault(chosen, []).append(f"chosen for {k.task.name}")
    for k in known:
        # Of the table and the searches, which differences are measured from: the last comparison
        # has other seeds, and its best baseline may be another.
        if k.baseline is not None:
            best = str(k.baseline["name"])
            winners.setdefault(best, []).append(f"best baseline on {k.task.name}")
    return winners


def _cell(name: str, known: _Known) -> Context:
    """Score, rank, and the difference to the task's best baseline."""
    if name not in known.functions.index:
        return {"score": MISSING, "rank": "", "difference": "not trained"}
    row, score = known.functions.loc[name], known.task.score
    diverged = row["status"] == "diverged"
    best = known.baseline
    apart = None if best is None else row["validation_score"] - best["validation_score"]
    rank = known.ranks.get(name)
    return {
        "score": "diverged" if diverged else value(score, row["validation_score"]),
        "rank": "" if rank is None else f"rank {count(rank)}",
        "difference": "" if diverged or apart is None else difference(score, apart),
    }
