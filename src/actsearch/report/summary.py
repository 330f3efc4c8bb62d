"""A task's card at the top of the page: what was found, in a few figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from actsearch.config import Score
from actsearch.report.costs import in_a_line
from actsearch.report.data import TaskData
from actsearch.report.drawings import curve
from actsearch.report.formats import Context, count, difference, function_name, percent, value
from actsearch.report.headline import headline
from actsearch.report.ranking import best_baseline, measured, role

_NO_FINAL = (
    "No last comparison was made, so nothing here has been confirmed with new seeds or on the "
    "test set."
)


def task_summary(task: TaskData, baselines: Collection[str]) -> Context:
    """The task's card at the top of the page."""
    functions, score = measured(task), task.score
    compared = {f["name"]: f for f in task.final["functions"]} if task.final else {}
    facts: list[tuple[str, Any]] = []
    if task.table is not None:
        facts.append(("Functions in the table", count(len(task.table))))
    if task.histories:
        searched = {name for h in task.histories.values() for name in h["name"]}
        facts.append(("Functions in live searches", count(len(searched))))
    best = None
    if len(functions):
        n = int((functions["status"] == "diverged").sum())
        facts.append(
            (
                "Diverged",
                f"{percent(n / len(functions), 1)} ({count(n)} of {count(len(functions))})",
            )
        )
        reference = best_baseline(functions, baselines)
        top = functions.iloc[0]
        best = str(top["name"])
        if reference is not None:
            facts.append(("Best baseline, validation", _named(reference, score)))
            gain = difference(score, top["validation_score"] - reference["validation_score"])
            facts.append(("Best function, validation", _named(top, score)))
            facts.append((f"Difference, {score.unit}" if score.unit else "Difference", gain))
        else:
            facts.append(("Best function, validation", _named(top, score)))
    elif task.final and task.final["candidates_from"]:
        best = str(task.final["chosen"]["name"])
        facts.append(("Functions from", ", ".join(task.final["candidates_from"])))
        standard = compared[task.final["best_baseline"]]
        facts.append(("Best baseline, validation", _named(standard, score)))
        facts.append(("Chosen function, validation", _named(compared[best], score)))
    if task.final and task.final["measured_on"]:
        chosen = str(task.final["chosen"]["name"])
        told = Markup("{} {}").format(function_name(chosen), in_a_line(compared[chosen]["cost"]))
        facts.append(("Cost of the chosen function", told))
    finding = str(task.final["conclusion"]) if task.final else _NO_FINAL
    return {
        "headline": headline(task.final),
        "finding": finding,
        "confirmed": task.final is not None,
        "facts": facts,
        "curve": curve(best, role(best, baselines)) if best else None,
    }


def _named(row: pd.Series | Mapping[str, Any], score: Score) -> Markup:
    written = value(score, row["validation_score"])
    return Markup("{} {}").format(written, function_name(row["name"]))
