"""What strategies fit: scores of unit deviation, without those far below the rest.

Scores may have no lower end, and a function that is useless is not worth a model's attention for
being a thousand times worse than another useless one. Any unit of scores gives the same search.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REACH = 4.0
"""Scores are raised to the best one less so many times its distance from the median."""


class Targets:
    """Scores (k,) made ready for a fit.

    Attributes:
        values: The scores (k,), none too far below the best, less their mean, over their deviation;
            0 where all are equal.
    """

    def __init__(self, scores: Floats) -> None:
        best, median = scores.max(), np.median(scores)
        least = best - REACH * (best - median) if best > median else scores.min()
        bounded = np.maximum(scores, least)
        # The mean of equal numbers is rounded, and would leave them a deviation.
        equal = bounded.min() == bounded.max()
        self._mean = float(best if equal else bounded.mean())
        self._deviation = float(0 if equal else bounded.std()) or 1.0
        self.values: Floats = (bounded - self._mean) / self._deviation

    def scores(self, values: Floats) -> Floats:
        """Scores at ``values``."""
        return self._mean + self._deviation * values
