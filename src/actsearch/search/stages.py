"""Stages before a last comparison: candidates are trained on new seeds, and the best go on.

A best one of many noisy scores is partly the luckiest. Who goes on is decided by a mean over new
seeds and those before, so that luck counts the less the more new seeds there are: successive
halving (Jamieson and Talwalkar 2016) with sizes that are fixed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from actsearch.benchmark.runs import of_runs
from actsearch.config import one_score
from actsearch.search.finalists import joined, ranked_names, seed_deviation

KINDS = ("baseline", "found")
_PASSED_ON = ("name", "slug", "kind", "from_task", "score_there", "scored_there_by")
"""Columns of candidates that no training changes."""
_OF_RUNS = ("n_runs", "n_diverged", "run_validation_scores")
_RANKED_BY = ("validation_score", "validation_error", "n_runs", "score")


def rank(
    candidates: pd.DataFrame,
    trials: Iterable[Mapping[str, Any]],
    sources: Sequence[pd.DataFrame] = (),
) -> pd.DataFrame:
    """What the candidates of a stage scored, and their places.

    Each has the mean over all its trainings by the stage's recipe, every training counted alike; a
    diverged one counts with the value that the task has for it. Baselines and functions found have
    places of their own. Equal means go to the smaller expression, then by name.

    Args:
        candidates: Of the stage: ``slot``, ``name``, ``slug``, ``kind``, and where they come from
            other tasks ``from_task``, ``score_there``, ``scored_there_by``.
        trials: Contents of trials by the same recipe, of this stage and of those before it; those
            of functions that are no candidates any more are passed over.
        sources: Tables and histories with trainings by the same recipe (``name``, ``n_runs``,
            ``n_diverged``, ``run_validation_scores``, ``score``), where a function has the runs of
            the first. A table that says nothing of its runs counts for none.

    Returns:
        A row per candidate, in the order of ``slot``: that, what ``candidates`` say of it
        (``name``, ``slug``, ``kind``, ``from_task`` and so on), ``validation_score`` (the mean),
        ``validation_deviation`` (ddof 1; NaN of one run), ``validation_error`` (the standard error
        of the mean, by the deviation pooled over all candidates whose runs completed; NaN where
        none was trained twice), ``n_runs``, ``n_diverged``, ``score`` (its name), and ``rank``,
        from 0 within its kind.

    Raises:
        ValueError: When trainings differ in score, or a candidate has not as many trials as others,
            or none.
    """
    trials = list(trials)
    named = [(trial["function"], trial.get("score")) for trial in trials]
    known = None
    if sources:
        known, source_score = joined(sources)
        named.append(("the table or the history", source_score))
    score = one_score(named, "trainings of a stage")
    rows = []
    for name in candidates["name"]:
        parts = [of_runs(trial) for trial in trials if trial["function"] == name]
        if known is not None and name in known.index:
            parts.append({key: known.loc[name, key] for key in _OF_RUNS})
        rows.append(
            {
                "name": name,
                "n_trials": sum(trial["function"] == name for trial in trials),
                "n_runs": sum(int(part["n_runs"]) for part in parts),
                "n_diverged": sum(int(part["n_diverged"]) for part in parts),
                "run_validation_scores": [
                    float(value) for part in parts for value in part["run_validation_scores"]
                ],
            }
        )
    runs = pd.DataFrame(rows, columns=["name", "n_trials", *_OF_RUNS])
    _require_as_many(runs)
    scores = runs["run_validation_scores"]
    means = pd.Series([math.fsum(of) / len(of) for of in scores], index=runs["name"])
    places = {
        name: place
        for kind in KINDS
        for place, name in enumerate(ranked_names(means[(candidates["kind"] == kind).to_numpy()]))
    }
    n_runs = runs["n_runs"].to_numpy()
    return candidates[["slot", *_passed_on(candidates)]].assign(
        validation_score=means.to_numpy(),
        validation_deviation=[np.std(of, ddof=1) if len(of) > 1 else math.nan for of in scores],
        validation_error=seed_deviation(runs) / np.sqrt(n_runs),
        n_runs=n_runs,
        n_diverged=runs["n_diverged"].to_numpy(),
        score=score.name,
        rank=[places[name] for name in candidates["name"]],
    )


def choose_next(ranking: pd.DataFrame, n_baselines: int, n_functions: int) -> pd.DataFrame:
    """The best of a stage: candidates of the next one, or of the last comparison.

    They keep the order of their slots, so that another order among the same functions leaves each
    of them its slot, and trains nothing again.

    Args:
        ranking: As returned by ``rank``.
        n_baselines: Baselines that go on.
        n_functions: Functions found that do.

    Returns:
        ``n_baselines + n_functions`` rows, baselines first, as ``choose_candidates`` or
        ``choose_from_tasks`` have them: ``slot`` (from 0), ``name``, ``slug``, ``kind``, where they
        come from other tasks ``from_task``, ``score_there``, ``scored_there_by``, and of the
        ranking ``validation_score``, ``validation_error``, ``n_runs``, ``score``.

    Raises:
        ValueError: When the stage has fewer.
    """
    chosen = []
    for kind, n in zip(KINDS, (n_baselines, n_functions), strict=True):
        of_kind = ranking[ranking["kind"] == kind]
        if len(of_kind) < n:
            raise ValueError(
                f"{n} {kind} functions are asked for, but the stage trained {len(of_kind)}"
            )
        chosen.append(of_kind[of_kind["rank"] < n].sort_values("slot"))
    best = pd.concat(chosen, ignore_index=True)
    columns = [*_passed_on(ranking), *_RANKED_BY]
    return best[columns].assign(slot=range(len(best)))[["slot", *columns]]


def _require_as_many(runs: pd.DataFrame) -> None:
    most = runs["n_trials"].max()
    short = runs.loc[(runs["n_trials"] < most) | (runs["n_trials"] == 0), "name"]
    if len(short):
        raise ValueError(f"a stage's candidates need as many trials each; too few: {list(short)}")


def _passed_on(table: pd.DataFrame) -> list[str]:
    return [column for column in _PASSED_ON if column in table.columns]
