"""A live search in rounds of fixed slots: the baselines first, then what the strategy proposes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from actsearch.functions.baselines import BASELINES
from actsearch.search.candidates import (
    on_map,
    require_baselines,
    require_unique,
    with_priors,
)
from actsearch.search.strategies import get_strategy
from actsearch.search.strategies.base import require_proposals


def propose(
    strategy: str,
    map_table: pd.DataFrame,
    history: pd.DataFrame,
    slots: int,
    round: int,
    seed: int,
    baselines: Sequence[str] = BASELINES,
    priors: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The functions to train in a round.

    Round 0 is the baselines, whatever ``slots`` says; later ones are the strategy's. The
    result depends on the arguments alone, so a round can be proposed again and is the same.

    Args:
        strategy: Name of a strategy.
        map_table: Coordinates, one row a function; functions without both features are not
            proposed by any strategy.
        history: Rounds 0 to ``round - 1`` as returned by ``build_history``; not read in round 0.
            A diverged function informs the strategy by the value that its task has for it.
        slots: Number of proposals after round 0.
        round: Number of the round, from 0.
        seed: Seed of the search.
        baselines: Baselines by name; the paper's eight when left out.
        priors: Ranks on other tasks: ``name`` and ``prior_{task}`` for each.

    Returns:
        ``slot`` (from 0), ``name``, ``slug``, ``prediction`` (NaN where nothing is predicted),
        ``round``.

    Raises:
        ValueError: When the strategy is unknown, a baseline is not on the map, the history is not
            that of the rounds before, fewer than ``slots`` functions are left, or the strategy
            proposes what is no candidate or was trained.
    """
    proposer = get_strategy(strategy)
    candidates = on_map(map_table)
    require_baselines(candidates.index, "the map (functions with both features)", baselines)
    if priors is not None:
        candidates = with_priors(candidates, priors)
    if round == 0:
        proposals = [(name, float("nan")) for name in baselines]
    else:
        evaluated = _evaluated(history, round, baselines)
        rng = np.random.default_rng([seed, round])
        proposals = proposer.propose(evaluated, candidates, slots, rng)
        require_proposals(proposals, candidates, evaluated.index, slots)
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


def _evaluated(history: pd.DataFrame, round: int, baselines: Sequence[str]) -> pd.DataFrame:
    """What strategies see of it, after a check that the history is that of all rounds before."""
    require_unique(history["name"], "the search's history")
    rounds = sorted(set(history["round"]))
    if rounds != list(range(round)):
        found = ", ".join(str(r) for r in rounds) or "none"
        raise ValueError(
            f"round {round} builds on the rounds 0 to {round - 1}; the history holds: {found}"
        )
    require_baselines(pd.Index(history["name"]), "the search's history", baselines)
    seen = {
        "validation_score": history["validation_score"].astype(float).to_numpy(),
        "failed": (history["status"] != "completed").to_numpy(),
    }
    return pd.DataFrame(seen, index=pd.Index(history["name"], name="name"))
