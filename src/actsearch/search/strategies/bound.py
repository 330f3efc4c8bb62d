"""Search by an upper confidence bound, on principal components instead of a map.

Two dimensions cannot hold what the spectra tell. Auer (2002) has the bound: what might be good, for
little is known of it, is tried as well as what looks good. The members of a batch weigh the
deviation differently, by an exponential draw each (Hutter, Hoos & Leyton-Brown 2012), so that not
all of them repeat one guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.candidates import components
from actsearch.search.strategies.base import best, known, proposals
from actsearch.search.surrogates import N_NEIGHBORS
from actsearch.search.targets import Targets

Floats = NDArray[np.float64]
Model = Callable[[Floats, Floats, Floats, int], tuple[Floats, Floats]]
"""Of points (k, d), targets (k,), points (m, d) and a seed: mean and deviation (m,)."""

TREES_IN_A_FOREST = 100


def neighbors(points: Floats, targets: Floats, at: Floats, seed: int) -> tuple[Floats, Floats]:
    """Mean of the three nearest, weighed by closeness; a deviation that grows with distance.

    Returns:
        Mean and deviation (m,). The deviation is that of all targets times the mean distance to
        the three, as a part of the mean distance between what is known and its own nearest; at
        most the deviation itself.
    """
    from scipy.spatial import KDTree

    tree = KDTree(points)
    distances, nearest = (np.asarray(found) for found in tree.query(at, N_NEIGHBORS))
    weights = 1 / (distances + 1e-9)
    mean = (targets[nearest] * weights).sum(axis=1) / weights.sum(axis=1)
    usual = np.asarray(tree.query(points, N_NEIGHBORS)[0])[:, 1:].mean() + 1e-12
    return mean, targets.std() * np.minimum(distances.mean(axis=1) / usual, 1.0)


def trees(points: Floats, targets: Floats, at: Floats, seed: int) -> tuple[Floats, Floats]:
    """Extremely randomised trees (Geurts, Ernst & Wehenkel 2006): mean and deviation over trees.

    Returns:
        Both (m,).
    """
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(TREES_IN_A_FOREST, random_state=seed).fit(points, targets)
    rows = at.astype(np.float32)  # what trees take
    values = np.stack([tree.tree_.predict(rows)[:, 0] for tree in forest.estimators_])
    return values.mean(axis=0), values.std(axis=0)


def pick(
    mean: Floats, deviation: Floats, weight: float, n: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """A batch by the bound ``mean + weight * deviation``, each member with its own weight.

    The first one has ``weight``, the others draw theirs from an exponential distribution with that
    mean.

    Returns:
        Positions (n,), in the order taken.
    """
    free = np.ones(len(mean), dtype=bool)
    taken = []
    for member in range(n):
        own = weight if member == 0 else weight * rng.exponential()
        left = np.flatnonzero(free)
        taken.append(int(left[best(mean[left] + own * deviation[left], 1, rng)[0]]))
        free[taken[-1]] = False
    return np.array(taken, dtype=np.intp)


@dataclass(frozen=True)
class BoundStrategy:
    """A regressor on the principal components of both features, and the bound of its guesses."""

    model: Model
    weight: float
    """Of the deviation in the bound."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``; the prediction is the mean, not the bound.

        Returns:
            ``n`` pairs of a name and its prediction, in the order chosen.

        Raises:
            ValueError: Also when fewer than three evaluated functions are on the map.
        """
        state = known(history, candidates, n, least=N_NEIGHBORS)
        points = candidates[components("union")].to_numpy(dtype=float)
        targets = Targets(state.scores)
        mean, deviation = self.model(
            points[state.trained], targets.values, points[state.left], int(rng.integers(2**31))
        )
        chosen = pick(mean, deviation, self.weight, n, rng)
        return proposals(candidates, state.left[chosen], targets.scores(mean[chosen]))


NEIGHBORS = BoundStrategy(neighbors, 0.5)
TREES = BoundStrategy(trees, 0.5)
