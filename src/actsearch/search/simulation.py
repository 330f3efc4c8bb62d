"""Searches replayed on a benchmark table, where every answer is already known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.config import Simulation
from actsearch.functions.baselines import BASELINES
from actsearch.search.candidates import (
    BenchmarkRuns,
    measured_on_map,
    require_baselines,
    runs_of,
    with_priors,
)
from actsearch.search.strategies import get_strategy
from actsearch.search.strategies.base import walk_through

Floats = NDArray[np.float64]


def simulate(
    strategy: str,
    table: pd.DataFrame,
    map_table: pd.DataFrame,
    settings: Simulation,
    baselines: Sequence[str] = BASELINES,
    priors: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Run a strategy many times on a benchmark table.

    Candidates are the functions on the map (both features) and in the table. Every run begins with
    the baselines in their fixed order, random search included, so that strategies differ only after
    them. With ``settings.share`` below 1 each run has a share of the candidates, drawn for it; with
    ``sees: one-seed`` a training tells the score of one of the function's seeds, drawn for the run,
    while regret goes by the mean over all of them. Draws depend on the run alone: all strategies
    have the same candidates and the same luck.

    The spread over runs is that of these draws; it says nothing of another map or another task.

    Args:
        strategy: Name of a strategy.
        table: Benchmark table: ``name`` and ``validation_score``; ``status`` and
            ``run_validation_scores`` too where one seed is seen.
        map_table: Coordinates and components, one row a function.
        settings: Runs, evaluations a run (baselines included), what is seen, and seed; run ``k``
            (from 0) draws from a generator seeded with ``seed + k``.
        baselines: Baselines by name; the paper's eight when left out.
        priors: Ranks on other tasks: ``name`` and ``prior_{task}`` for each.

    Returns:
        ``runs * evaluations`` rows: ``run`` (from 0), ``evaluation`` (from 1), ``name``,
        ``validation_score`` as seen, ``best`` (highest seen so far in the run), ``regret`` (true
        score of the best candidate minus that of the function that is ``best``; 0 when the search
        would choose the best one), ``gap`` (the same to the truly best function trained so far).
        The true score is the mean over seeds where one is seen, else the table's.

    Raises:
        ValueError: When a baseline is no candidate, the evaluations are fewer than the baselines
            or more than the candidates, a score is not finite, one seed is to be seen of a table
            without runs, or the strategy proposes a function that is no candidate or was evaluated
            before.
    """
    proposer = get_strategy(strategy)
    candidates = measured_on_map(map_table, table)
    require_baselines(candidates.index, "the map joined with the benchmark table", baselines)
    candidates = candidates.drop(columns="validation_score")  # a strategy must not see them
    if priors is not None:
        candidates = with_priors(candidates, priors)
    scored = runs_of(table, candidates.index, settings.sees == "one-seed")
    first = candidates.index.get_indexer(pd.Index(list(baselines)))
    size = max(round(settings.share * len(candidates)), len(first))
    if not len(baselines) <= settings.evaluations <= size:
        of = f" in a share of {settings.share}" if settings.share < 1 else ""
        raise ValueError(
            f"simulation.evaluations is {settings.evaluations}; allowed: {len(baselines)} (the "
            f"baselines) to {size} (functions on the map and in the table{of})"
        )
    runs = []
    for run in range(settings.runs):
        world = _World.drawn(scored, first, size, settings.seed + run)
        walk = walk_through(
            proposer,
            candidates.iloc[world.chosen],
            world.seen,
            world.first,
            settings.evaluations,
            np.random.default_rng(settings.seed + run),
            settings.at_once,
        )
        runs.append(_history(run, candidates.index[world.chosen], world, walk))
    return pd.concat(runs, ignore_index=True)


@dataclass(frozen=True)
class _World:
    """What a run meets, whatever searches in it."""

    chosen: NDArray[np.intp]
    """Positions of its candidates among all (m,), ascending."""
    first: NDArray[np.intp]
    """Positions of the baselines among these."""
    seen: pd.DataFrame
    """What a training of each tells: a score, and whether it failed."""
    truth: Floats
    """True score of each (m,)."""

    @classmethod
    def drawn(cls, scored: BenchmarkRuns, first: NDArray[np.intp], size: int, seed: int) -> _World:
        rng = np.random.default_rng([seed, 1])  # not that of the strategy
        n = len(scored.truth)
        others = np.setdiff1d(np.arange(n), first)
        drawn = rng.permutation(others)[: size - len(first)]
        chosen = np.sort(np.concatenate([first, drawn]))
        seen = scored.one_of(rng).iloc[chosen]
        return cls(chosen, np.searchsorted(chosen, first), seen, scored.truth[chosen])


def _history(run: int, names: pd.Index[str], world: _World, walk: NDArray[np.intp]) -> pd.DataFrame:
    seen = world.seen["validation_score"].to_numpy()[walk]
    truth = world.truth[walk]
    best = np.maximum.accumulate(seen)
    leader = np.maximum.accumulate(
        np.where(seen > np.r_[-np.inf, best[:-1]], np.arange(len(walk)), 0)
    )
    highest = world.truth.max()
    return pd.DataFrame(
        {
            "run": run,
            "evaluation": np.arange(1, len(walk) + 1),
            "name": names[walk],
            "validation_score": seen,
            "best": best,
            "regret": highest - truth[leader],
            "gap": highest - np.maximum.accumulate(truth),
        }
    )
