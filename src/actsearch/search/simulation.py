"""Searches replayed on a benchmark table, where every answer is already known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.config import Simulation
from actsearch.functions.operators import BASELINES
from actsearch.search.candidates import coordinates, measured_on_map, require_baselines
from actsearch.search.strategies import Strategy, SurrogateStrategy, best, get_strategy
from actsearch.search.surrogates import N_NEIGHBORS, nearest_neighbors

Floats = NDArray[np.float64]


def simulate(
    strategy: str, table: pd.DataFrame, map_table: pd.DataFrame, settings: Simulation
) -> pd.DataFrame:
    """Run a strategy many times on a benchmark table, one function at a time.

    Candidates are the functions on the map (both features) and in the table, the same for every
    strategy. Every run begins with the eight baselines in their fixed order, random search
    included, so that strategies differ only from evaluation 9 on.

    All runs share one map, one table and one start; what differs is the generator, which random
    search draws from and a surrogate breaks ties with. The spread over runs is therefore that of
    these draws; it says nothing of another map, other trainings or another task.

    Args:
        strategy: Name of a registered strategy.
        table: Benchmark table: ``name`` and ``validation_accuracy``.
        map_table: Coordinates, one row a function.
        settings: Runs, evaluations a run (baselines included) and seed; run ``k`` (from 0) draws
            from a generator seeded with ``seed + k``.

    Returns:
        ``runs * evaluations`` rows: ``run`` (from 0), ``evaluation`` (from 1), ``name``,
        ``validation_accuracy``, ``best`` (highest so far in the run), ``regret`` (highest of all
        candidates minus ``best``; 0 when the best function is found).

    Raises:
        ValueError: When a baseline is no candidate, the evaluations are fewer than the baselines
            or more than the candidates, an accuracy is not finite, or the strategy proposes a
            function that is no candidate or was evaluated before.
    """
    proposer = get_strategy(strategy)
    candidates = measured_on_map(map_table, table)
    require_baselines(candidates.index, "the map joined with the benchmark table")
    accuracies = candidates.pop("validation_accuracy").to_numpy()  # a strategy must not see them
    if not len(BASELINES) <= settings.evaluations <= len(candidates):
        raise ValueError(
            f"simulation.evaluations is {settings.evaluations}; allowed: {len(BASELINES)} (the "
            f"baselines) to {len(candidates)} (functions on the map and in the table)"
        )
    runs = []
    for run in range(settings.runs):
        rng = np.random.default_rng(settings.seed + run)
        if type(proposer) is SurrogateStrategy and proposer.regressor is nearest_neighbors:
            points = candidates[coordinates(proposer.features)].to_numpy(dtype=float)
            first = candidates.index.get_indexer(pd.Index(BASELINES))
            walk = _walk_by_neighbors(points, accuracies, first, settings.evaluations, rng)
        else:
            walk = _walk(proposer, candidates, accuracies, settings.evaluations, rng)
        reached = np.maximum.accumulate(accuracies[walk])
        runs.append(
            pd.DataFrame(
                {
                    "run": run,
                    "evaluation": np.arange(1, len(walk) + 1),
                    "name": candidates.index[walk],
                    "validation_accuracy": accuracies[walk],
                    "best": reached,
                    "regret": accuracies.max() - reached,
                }
            )
        )
    return pd.concat(runs, ignore_index=True)


def _walk(
    strategy: Strategy,
    candidates: pd.DataFrame,
    accuracies: Floats,
    evaluations: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Positions of the functions in the order a strategy evaluates them."""
    known = dict(zip(candidates.index, accuracies.tolist(), strict=True))
    evaluated = {name: known[name] for name in BASELINES}
    while len(evaluated) < evaluations:
        [(name, _)] = strategy.propose(candidates, evaluated, 1, rng)
        if name not in known:
            raise ValueError(f"the strategy proposed {name!r}, which is not among the candidates")
        if name in evaluated:
            raise ValueError(f"the strategy proposed {name!r} a second time")
        evaluated[name] = known[name]
    return candidates.index.get_indexer(pd.Index(list(evaluated)))


def _walk_by_neighbors(
    points: Floats,
    accuracies: Floats,
    first: NDArray[np.intp],
    evaluations: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """What ``_walk`` does with a nearest-neighbour strategy, without a fit at each evaluation.

    Same predictions and same draws. They may part only where two evaluated functions lie exactly
    as far from a third: which of them is its neighbour is left open, as it is in scikit-learn.
    """
    neighbors = _GrowingNeighbors(points)
    for position in first:
        neighbors.add(position, accuracies[position])
    walk = list(first)
    left = np.delete(np.arange(len(points)), first)
    while len(walk) < evaluations:
        rng.integers(2**31)  # the regressor's seed, which SurrogateStrategy draws
        index = best(neighbors.predict()[left], 1, rng)[0]
        position = left[index]
        left = np.delete(left, index)
        neighbors.add(position, accuracies[position])
        walk.append(position)
    return np.array(walk)


class _GrowingNeighbors:
    """k-nearest-neighbour regression on all points, updated as points become known."""

    def __init__(self, points: Floats) -> None:
        self._points = points
        self._rows = np.arange(len(points))
        self._distances = np.full((len(points), N_NEIGHBORS), np.inf)
        self._values = np.full((len(points), N_NEIGHBORS), np.nan)

    def add(self, position: int, value: float) -> None:
        """Make the value at a point known: it replaces the furthest neighbour where nearer."""
        distances = ((self._points - self._points[position]) ** 2).sum(axis=1)
        furthest = self._distances.argmax(axis=1)
        nearer = distances < self._distances[self._rows, furthest]
        rows, columns = self._rows[nearer], furthest[nearer]
        self._distances[rows, columns] = distances[nearer]
        self._values[rows, columns] = value

    def predict(self) -> Floats:
        """Mean value of each point's neighbours (n,); NaN while fewer than k are known."""
        means: Floats = self._values.mean(axis=1)
        return means
