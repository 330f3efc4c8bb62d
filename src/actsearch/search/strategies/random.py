"""Random search, the yardstick of every other strategy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from actsearch.search.strategies.base import known, proposals


class RandomStrategy:
    """Each function that is left is as likely as any other; nothing is predicted."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``."""
        left = known(history, candidates, n).left
        drawn = rng.choice(left, size=n, replace=False)
        return proposals(candidates, drawn, np.full(n, np.nan))


RANDOM = RandomStrategy()
