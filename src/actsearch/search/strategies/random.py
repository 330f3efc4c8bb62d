"""Random search, the yardstick of every other strategy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from actsearch.search.strategies.base import unevaluated


class RandomStrategy:
    """Draws without replacement, each function that is left with the same chance.

    It draws from the functions of the map like the others, so that a gain over it is owed to the
    predictions and not to the choice of candidates.
    """

    def propose(
        self,
        candidates: pd.DataFrame,
        evaluated: Mapping[str, float],
        n: int,
        rng: np.random.Generator,
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``; predicts nothing (NaN)."""
        left = unevaluated(candidates, evaluated, n)
        chosen = rng.choice(left, size=n, replace=False)
        return [(name, float("nan")) for name in candidates.index[chosen]]
