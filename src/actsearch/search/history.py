"""What a live search has trained so far, as one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from actsearch.benchmark.runs import of_runs
from actsearch.config import one_score
from actsearch.search.candidates import require_unique

_FROM_TRIAL = ("status", "train_score", "validation_score")
HISTORY_COLUMNS = (
    "round",
    "slot",
    "name",
    "slug",
    "prediction",
    "status",
    "n_runs",
    "n_diverged",
    "train_score",
    "validation_score",
    "run_validation_scores",
    "score",
)


def join_rounds(
    proposals: Mapping[str, pd.DataFrame], trials: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Trials with the round, slot and prediction they were proposed with.

    Args:
        proposals: Proposals of rounds, in order, by what they are called in an error.
        trials: Trials of the functions in them, in any order.

    Returns:
        A dictionary a proposal, in order: the trial, and ``round``, ``slot``, ``prediction``.

    Raises:
        ValueError: When a proposal has no trial.
    """
    by_function = {trial["function"]: trial for trial in trials}
    rounds = []
    for origin, table in proposals.items():
        for row in table.to_dict("records"):
            if row["name"] not in by_function:
                raise ValueError(f"{origin}: no trial of {row['name']!r} among the trials given")
            fields = {key: row[key] for key in ("round", "slot", "prediction")}
            rounds.append({**by_function[row["name"]], **fields})
    return rounds


def build_history(trials: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The trials of a search as a table.

    Args:
        trials: Contents of trials, each with its ``round``, ``slot`` and ``prediction`` (None or
            NaN where nothing was predicted).

    Returns:
        One row a trial, by round and slot: ``round``, ``slot``, ``name``, ``slug``,
        ``prediction``, ``status``, ``n_runs``, ``n_diverged``, ``train_score``,
        ``validation_score`` (medians over runs; a diverged run counts with the value that the
        task has for it), ``run_validation_scores``, a list of floats in the order of seeds, and
        ``score``, the name of what these are.

    Raises:
        ValueError: When a function or a slot of a round appears twice, or trials differ in score.
    """
    rows = []
    for trial in trials:
        prediction = trial["prediction"]
        row = {key: trial[key] for key in ("round", "slot", *_FROM_TRIAL)}
        row["name"] = trial["function"]
        row["score"] = trial.get("score")
        row["slug"] = trial["slug"]
        row["prediction"] = float("nan") if prediction is None else float(prediction)
        rows.append(row | of_runs(trial))
    history = pd.DataFrame(rows, columns=list(HISTORY_COLUMNS))
    if rows:
        one_score(zip(history["name"], history["score"], strict=True), "trials of the search")
    require_unique(history["name"], "the search's history")
    repeated = history[history.duplicated(["round", "slot"])]
    if len(repeated):
        first = repeated.iloc[0]
        raise ValueError(f"round {first['round']} holds slot {first['slot']} more than once")
    return history.sort_values(["round", "slot"], ignore_index=True)
