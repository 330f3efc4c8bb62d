"""Two questions, two models: will it train at all, and how well if it does?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.candidates import components
from actsearch.search.strategies.base import known, proposals
from actsearch.search.strategies.bound import TREES_IN_A_FOREST, pick, trees
from actsearch.search.surrogates import N_NEIGHBORS
from actsearch.search.targets import Targets

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TwoStageStrategy:
    """Trees on what trained, times the chance that a function trains, by trees again."""

    weight: float
    """Of the deviation in the bound."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``.

        The guess for a function is the mean of what it would give trained and of the lowest known
        value, weighed by the chance that it trains.

        Returns:
            ``n`` pairs of a name and its prediction, in the order chosen.

        Raises:
            ValueError: Also when fewer than three evaluated functions are on the map.
        """
        state = known(history, candidates, n, least=N_NEIGHBORS)
        points = candidates[components("union")].to_numpy(dtype=float)
        targets = Targets(state.scores)
        seed = int(rng.integers(2**31))
        trained = ~state.failed
        if trained.sum() < N_NEIGHBORS:  # too few to learn from: then failed ones count as well
            trained = np.ones_like(trained)
        known_points, at = points[state.trained], points[state.left]
        mean, deviation = trees(known_points[trained], targets.values[trained], at, seed)
        chance = _chance(known_points, trained, at, seed)
        lowest = targets.values.min()
        mean = lowest + chance * (mean - lowest)
        chosen = pick(mean, chance * deviation, self.weight, n, rng)
        return proposals(candidates, state.left[chosen], targets.scores(mean[chosen]))


def _chance(points: Floats, trained: NDArray[np.bool_], at: Floats, seed: int) -> Floats:
    """Chance to train (m,); 1 while nothing has failed."""
    from sklearn.ensemble import ExtraTreesClassifier

    if trained.all():
        return np.ones(len(at))
    forest = ExtraTreesClassifier(TREES_IN_A_FOREST, random_state=seed).fit(points, trained)
    return np.asarray(forest.predict_proba(at)[:, 1])


TWO_STAGE = TwoStageStrategy(0.5)
