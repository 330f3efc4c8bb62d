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
from actsearch.report.headline import advice, difference_on_test, headline
from actsearch.report.ranking import best_baseline, measured, role
from actsearch.search.equal_scores import compared

_NO_FINAL = (
    "No last comparison was made, so nothing here has been confirmed with new seeds or on the "
    "test set."
)


def task_summary(task: TaskData, baselines: Collection[str]) -> Context:
    """The task's card at the top of the page."""
    functions, final = measured(task), task.final
    chosen = str(final["chosen"]["name"]) if final else None
    shown = chosen or (str(functions["name"].iloc[0]) if len(functions) else None)
    return {
        "headline": headline(final),
        "advice": advice(final),
        "finding": str(final["conclusion"]) if final else _NO_FINAL,
        "confirmed": final is not None,
        "facts": [
            *(_on_test(final, task.score) if final else ()),
            *_on_validation(task, functions, baselines),
            *_numbers(task, functions),
            *(_cost(final) if final else ()),
        ],
        "curve": curve(shown, role(shown, baselines)) if shown else None,
    }


_Facts = list[tuple[str, Any]]


def _on_test(final: Mapping[str, Any], score: Score) -> _Facts:
    """The function chosen, and what the test set says of it."""
    by_name = {f["name"]: f for f in final["functions"]}
    chosen, standard = by_name[final["chosen"]["name"]], by_name[final["best_baseline"]]
    return [
        ("Chosen function, test", _named(chosen, score, "test_score_mean")),
        ("Reference baseline, test", _named(standard, score, "test_score_mean")),
        ("Difference, test", _with_note(*difference_on_test(chosen, score))),
    ]


def _on_validation(task: TaskData, functions: pd.DataFrame, baselines: Collection[str]) -> _Facts:
    """The best function and the best baseline before the test set was read."""
    score, final = task.score, task.final
    if len(functions):
        top, standard = functions.iloc[0], _standard(final, functions, baselines)
        facts = [("Best function, validation", _named(top, score))]
        if standard is not None:
            gain = difference(score, top["validation_score"] - standard["validation_score"])
            facts.append(("Best baseline, validation", _named(standard, score)))
            facts.append(("Difference, validation", _with_note(score.with_unit(gain))))
        return facts
    if not final or not final["candidates_from"]:
        return []
    by_name = {f["name"]: f for f in final["functions"]}
    return [
        ("Functions from", ", ".join(final["candidates_from"])),
        ("Chosen function, validation", _named(by_name[final["chosen"]["name"]], score)),
        ("Best baseline, validation", _named(by_name[final["best_baseline"]], score)),
    ]


def _standard(
    final: Mapping[str, Any] | None, functions: pd.DataFrame, baselines: Collection[str]
) -> pd.Series | None:
    """The best baseline; of several with its score that of the last comparison."""
    best = best_baseline(functions, baselines)
    if best is None or final is None:
        return best
    named = functions[functions["name"] == final["best_baseline"]]
    scores = [compared(row["validation_score"]) for _, row in named.iterrows()]
    return named.iloc[0] if scores == [compared(best["validation_score"])] else best


def _numbers(task: TaskData, functions: pd.DataFrame) -> _Facts:
    """How many functions were trained, where, and how many diverged; each counts once."""
    n = len(functions)
    if not n:
        return []
    diverged = int((functions["status"] == "diverged").sum())
    tabled = int(functions["in_table"].astype(bool).sum())
    parts = f"{count(tabled)} in the table, {count(n - tabled)} by searches alone"
    return [
        ("Functions", _with_note(count(n), parts if 0 < tabled < n else "")),
        ("Diverged", f"{percent(diverged / n, 1)} ({count(diverged)} of {count(n)})"),
    ]


def _cost(final: Mapping[str, Any]) -> _Facts:
    if not final["measured_on"]:
        return []
    [cost] = [f["cost"] for f in final["functions"] if f["name"] == final["chosen"]["name"]]
    note = "measured with the last comparison"
    return [("Cost of the chosen function", _with_note(in_a_line(cost), note))]


def _named(
    row: pd.Series | Mapping[str, Any], score: Score, of: str = "validation_score"
) -> Markup:
    return Markup("{} {}").format(value(score, row[of]), function_name(row["name"]))


def _with_note(text: str, note: str = "") -> Markup:
    return Markup('{} <span class="muted">{}</span>' if note else "{}").format(text, note)
