"""What strategies fit: scores as normal deviates of their ranks, and back.

Scores are bimodal (half of the functions do not learn), and may have no lower end. Ranks keep what
a search is about, which of two is better, and any scale of scores gives the same search.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from actsearch.search.surrogates import without_noise

Floats = NDArray[np.float64]


class Targets:
    """Scores (k,) made ready for a fit.

    Attributes:
        values: Normal deviates (k,) of the ranks; equal scores share theirs.
    """

    def __init__(self, scores: Floats) -> None:
        from scipy.special import ndtri
        from scipy.stats import rankdata

        exact = without_noise(scores)
        self.values: Floats = ndtri((rankdata(exact) - 0.5) / len(exact))
        order = np.argsort(self.values, kind="stable")
        self._values, self._scores = self.values[order], scores[order]

    def scores(self, values: Floats) -> Floats:
        """Scores at ``values``, between the known ones; beyond them the outermost."""
        return np.interp(values, self._values, self._scores)
