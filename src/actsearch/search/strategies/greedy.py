"""Search by prediction: fit on what was evaluated, take what looks best (paper, "Search")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.candidates import coordinates
from actsearch.search.strategies.base import best, known, proposals
from actsearch.search.surrogates import (
    N_NEIGHBORS,
    Regressor,
    nearest_neighbors,
    random_forest,
    support_vectors,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GreedyStrategy:
    """The ``n`` best predictions of a regressor fitted on all evaluated functions.

    A batch is simply the n best of one fit; nothing spreads it over the map.
    """

    features: str
    """Coordinates it sees: ``outputs``, ``fisher`` or ``union``."""
    regressor: Callable[[int], Regressor]
    """Makes an unfitted regressor from a seed."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``; evaluated functions off the map do not inform it.

        Returns:
            ``n`` pairs of a name and its prediction, the highest first.

        Raises:
            ValueError: Also when fewer than three evaluated functions are on the map.
        """
        state = known(history, candidates, n, least=N_NEIGHBORS)
        points = candidates[coordinates(self.features)].to_numpy(dtype=float)
        regressor = self.regressor(int(rng.integers(2**31)))
        regressor.fit(points[state.trained], state.scores)
        predictions = np.asarray(regressor.predict(points[state.left]), dtype=float)
        chosen = best(predictions, n, rng)
        return proposals(candidates, state.left[chosen], predictions[chosen])


class NeighborsStrategy(GreedyStrategy):
    """Greedy on the mean of the three nearest functions that were evaluated."""

    def __init__(self, features: str) -> None:
        super().__init__(features, nearest_neighbors)

    def walk(
        self,
        candidates: pd.DataFrame,
        scores: Floats,
        first: NDArray[np.intp],
        evaluations: int,
        rng: np.random.Generator,
    ) -> NDArray[np.intp]:
        """See ``Walker.walk``: what repeated proposals give, without a fit at each evaluation.

        Same predictions and same draws. They may part only where two evaluated functions lie
        exactly as far from a third: which of them is its neighbour is left open, as it is in
        scikit-learn.

        Returns:
            Positions in ``candidates`` (evaluations,), in the order of evaluation.
        """
        points = candidates[coordinates(self.features)].to_numpy(dtype=float)
        neighbors = _GrowingNeighbors(points)
        for position in first:
            neighbors.add(position, scores[position])
        walk = list(first)
        left = np.delete(np.arange(len(points)), first)
        while len(walk) < evaluations:
            rng.integers(2**31)  # the regressor's seed, which ``propose`` draws
            index = best(neighbors.predict()[left], 1, rng)[0]
            position = left[index]
            left = np.delete(left, index)
            neighbors.add(position, scores[position])
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


UNION_NEIGHBORS = NeighborsStrategy("union")
OUTPUTS_NEIGHBORS = NeighborsStrategy("outputs")
FISHER_NEIGHBORS = NeighborsStrategy("fisher")
UNION_FOREST = GreedyStrategy("union", random_forest)
UNION_SUPPORT_VECTORS = GreedyStrategy("union", support_vectors)
