"""Search by prediction: fit on what was evaluated, take what looks best (paper, "Search")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from actsearch.search.candidates import coordinates
from actsearch.search.strategies.base import best, unevaluated
from actsearch.search.surrogates import N_NEIGHBORS, Regressor


@dataclass(frozen=True)
class SurrogateStrategy:
    """Greedy: the ``n`` best predictions of a regressor fitted on all evaluated functions.

    A batch is simply the n best of one fit; nothing spreads it over the map.
    """

    features: str
    """Coordinates it sees: ``outputs``, ``fisher`` or ``union``."""
    regressor: Callable[[int], Regressor]
    """Makes an unfitted regressor from a seed."""

    def propose(
        self,
        candidates: pd.DataFrame,
        evaluated: Mapping[str, float],
        n: int,
        rng: np.random.Generator,
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``; evaluated functions off the map do not inform it.

        Returns:
            ``n`` pairs of a name and its prediction, the highest first.

        Raises:
            ValueError: Also when fewer than three evaluated functions are on the map.
        """
        left = unevaluated(candidates, evaluated, n)
        known = [name for name in evaluated if name in candidates.index]
        if len(known) < N_NEIGHBORS:
            raise ValueError(
                f"a prediction needs at least {N_NEIGHBORS} evaluated functions on the map, "
                f"found {len(known)}"
            )
        points = candidates[coordinates(self.features)].to_numpy(dtype=float)
        scores = np.array([evaluated[name] for name in known], dtype=float)
        regressor = self.regressor(int(rng.integers(2**31)))
        regressor.fit(points[candidates.index.get_indexer(pd.Index(known))], scores)
        predictions = np.asarray(regressor.predict(points[left]), dtype=float)
        chosen = best(predictions, n, rng)
        names = candidates.index[left[chosen]]
        return list(zip(names, predictions[chosen].tolist(), strict=True))
