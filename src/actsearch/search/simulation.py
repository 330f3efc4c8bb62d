"""Searches replayed on a benchmark table, where every answer is already known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from actsearch.config import Simulation
from actsearch.functions.baselines import BASELINES
from actsearch.search.candidates import measured_on_map, require_baselines
from actsearch.search.strategies import get_strategy
from actsearch.search.strategies.base import walk_through


def simulate(
    strategy: str,
    table: pd.DataFrame,
    map_table: pd.DataFrame,
    settings: Simulation,
    baselines: Sequence[str] = BASELINES,
) -> pd.DataFrame:
    """Run a strategy many times on a benchmark table, one function at a time.

    Candidates are the functions on the map (both features) and in the table, the same for every
    strategy. Every run begins with the baselines in their fixed order, random search included, so
    that strategies differ only after them.

    All runs share one map, one table and one start; what differs is the generator, which random
    search draws from and a surrogate breaks ties with. The spread over runs is therefore that of
    these draws; it says nothing of another map, other trainings or another task.

    Args:
        strategy: Name of a registered strategy.
        table: Benchmark table: ``name`` and ``validation_score``.
        map_table: Coordinates, one row a function.
        settings: Runs, evaluations a run (baselines included) and seed; run ``k`` (from 0) draws
            from a generator seeded with ``seed + k``.
        baselines: Baselines by name; the paper's eight when left out.

    Returns:
        ``runs * evaluations`` rows: ``run`` (from 0), ``evaluation`` (from 1), ``name``,
        ``validation_score``, ``best`` (highest so far in the run), ``regret`` (highest of all
        candidates minus ``best``; 0 when the best function is found).

    Raises:
        ValueError: When a baseline is no candidate, the evaluations are fewer than the baselines
            or more than the candidates, a score is not finite, or the strategy proposes a
            function that is no candidate or was evaluated before.
    """
    proposer = get_strategy(strategy)
    candidates = measured_on_map(map_table, table)
    require_baselines(candidates.index, "the map joined with the benchmark table", baselines)
    scores = candidates.pop("validation_score").to_numpy()  # a strategy must not see them
    if not len(baselines) <= settings.evaluations <= len(candidates):
        raise ValueError(
            f"simulation.evaluations is {settings.evaluations}; allowed: {len(baselines)} (the "
            f"baselines) to {len(candidates)} (functions on the map and in the table)"
        )
    first = candidates.index.get_indexer(pd.Index(list(baselines)))
    runs = []
    for run in range(settings.runs):
        rng = np.random.default_rng(settings.seed + run)
        walk = walk_through(proposer, candidates, scores, first, settings.evaluations, rng)
        reached = np.maximum.accumulate(scores[walk])
        runs.append(
            pd.DataFrame(
                {
                    "run": run,
                    "evaluation": np.arange(1, len(walk) + 1),
                    "name": candidates.index[walk],
                    "validation_score": scores[walk],
                    "best": reached,
                    "regret": scores.max() - reached,
                }
            )
        )
    return pd.concat(runs, ignore_index=True)
