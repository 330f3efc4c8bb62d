"""A live search in rounds of fixed slots: the baselines first, then what the strategy proposes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from actsearch.functions.operators import BASELINES
from actsearch.search.candidates import on_map, require_baselines, require_unique
from actsearch.search.strategies import get_strategy

_FROM_TRIAL = ("status", "train_accuracy", "validation_accuracy")
HISTORY_COLUMNS = (
    "round",
    "slot",
    "name",
    "slug",
    "prediction",
    "status",
    "n_runs",
    "n_diverged",
    "train_accuracy",
    "validation_accuracy",
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


def propose(
    strategy: str,
    map_table: pd.DataFrame,
    history: pd.DataFrame,
    slots: int,
    round: int,
    seed: int,
) -> pd.DataFrame:
    """The functions to train in a round.

    Round 0 is the eight baselines, whatever ``slots`` says; later ones are the strategy's. The
    result depends on the arguments alone, so a round can be proposed again and is the same.

    Args:
        strategy: Name of a registered strategy.
        map_table: Coordinates, one row a function; functions without both features are not
            proposed by any strategy.
        history: Rounds 0 to ``round - 1`` as returned by ``build_history``; not read in round 0.
            A diverged function informs the strategy by the accuracy of chance.
        slots: Number of proposals after round 0.
        round: Number of the round, from 0.
        seed: Seed of the search.

    Returns:
        ``slot`` (from 0), ``name``, ``slug``, ``prediction`` (NaN where nothing is predicted),
        ``round``.

    Raises:
        ValueError: When the strategy is unknown, a baseline is not on the map, the history is not
            that of the rounds before, or fewer than ``slots`` functions are left.
    """
    proposer = get_strategy(strategy)
    candidates = on_map(map_table)
    require_baselines(candidates.index, "the map (functions with both features)")
    if round == 0:
        proposals = [(name, float("nan")) for name in BASELINES]
    else:
        evaluated = _evaluated(history, round)
        rng = np.random.default_rng([seed, round])
        proposals = proposer.propose(candidates, evaluated, slots, rng)
    names = [name for name, _ in proposals]
    return pd.DataFrame(
        {
            "slot": range(len(names)),
            "name": names,
            "slug": candidates["slug"].loc[names].to_list(),
            "prediction": [prediction for _, prediction in proposals],
            "round": round,
        }
    )


def build_history(trials: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The trials of a search as a table.

    Args:
        trials: Contents of trials, each with its ``round``, ``slot`` and ``prediction`` (None or
            NaN where nothing was predicted).

    Returns:
        One row a trial, by round and slot: ``round``, ``slot``, ``name``, ``slug``,
        ``prediction``, ``status``, ``n_runs``, ``n_diverged``, ``train_accuracy``,
        ``validation_accuracy`` (medians over runs; a diverged run counts with chance accuracy).

    Raises:
        ValueError: When a function or a slot of a round appears twice.
    """
    rows = []
    for trial in trials:
        prediction = trial["prediction"]
        row = {key: trial[key] for key in ("round", "slot", *_FROM_TRIAL)}
        row["name"] = trial["function"]
        row["slug"] = trial["slug"]
        row["prediction"] = float("nan") if prediction is None else float(prediction)
        row["n_runs"] = len(trial["runs"])
        row["n_diverged"] = sum(run["status"] == "diverged" for run in trial["runs"])
        rows.append(row)
    history = pd.DataFrame(rows, columns=list(HISTORY_COLUMNS))
    require_unique(history["name"], "the search's history")
    repeated = history[history.duplicated(["round", "slot"])]
    if len(repeated):
        first = repeated.iloc[0]
        raise ValueError(f"round {first['round']} holds slot {first['slot']} more than once")
    return history.sort_values(["round", "slot"], ignore_index=True)


def _evaluated(history: pd.DataFrame, round: int) -> dict[str, float]:
    """Accuracies by name, after a check that the history is that of all rounds before."""
    require_unique(history["name"], "the search's history")
    rounds = sorted(set(history["round"]))
    if rounds != list(range(round)):
        found = ", ".join(str(r) for r in rounds) or "none"
        raise ValueError(
            f"round {round} builds on the rounds 0 to {round - 1}; the history holds: {found}"
        )
    require_baselines(pd.Index(history["name"]), "the search's history")
    return dict(zip(history["name"], history["validation_accuracy"].astype(float), strict=True))
