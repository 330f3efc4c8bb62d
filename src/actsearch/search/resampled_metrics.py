"""Metrics of predictions on functions and on resamples of them, all resamples at once.

A resample (bootstrap) takes each function 0, 1, 2 ... times. These counts enter as weights, so that
a metric of a thousand resamples is a few matrix products and equals, to rounding, what
scikit-learn and scipy give on the repeated rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CENTRAL = {"coverage_50": 0.5, "coverage_90": 0.9}
"""Central prediction intervals whose coverage is counted, by metric."""


class Held:
    """Functions with known scores, on which predictions are judged.

    Args:
        measured: Scores (m,), finite.
        counts: How often each resample has each function (resamples, m); whole numbers.
    """

    def __init__(self, measured: Floats, counts: Floats) -> None:
        self._measured = measured
        self._counts = counts
        self._total = counts.sum(axis=1)
        self._places = np.unique(measured, return_inverse=True)[1]
        self._untied = self._total**2 - np.square(_group_counts(self._places, counts)).sum(axis=1)

    def r2(self, predicted: Floats) -> Floats:
        """Share of the variance that predictions (m,) explain, of each resample.

        Returns:
            (resamples,), at most 1; NaN where all measured scores are equal.
        """
        errors = self._counts @ np.square(self._measured - predicted)
        return _ratio(1.0, errors, self._covariance(self._measured, self._measured))

    def slope(self, predicted: Floats) -> Floats:
        """Calibration slope: of the regression line of measured scores on predictions (m,).

        1 where differences between predictions are as large as those between scores; below 1 where
        predictions exaggerate (Cox 1958).

        Returns:
            (resamples,); NaN where all predictions are equal.
        """
        variance = self._covariance(predicted, predicted)
        return _ratio(0.0, -self._covariance(predicted, self._measured), variance)

    def spearman(self, predicted: Floats) -> Floats:
        """Rank correlation rho, ties at their middle rank.

        Returns:
            (resamples,); NaN where all measured scores or all predictions are equal.
        """
        ranks = _ranks(self._places, self._counts)
        places = np.unique(predicted, return_inverse=True)[1]
        others = _ranks(places, self._counts)
        middle = ((self._total + 1) / 2)[:, None]
        x, y = ranks - middle, others - middle
        both, xx, yy = ((self._counts * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y)))
        return _ratio(0.0, -both, np.sqrt(xx * yy))

    def kendall(self, predicted: Floats) -> Floats:
        """Rank correlation tau-b, which corrects for ties.

        Returns:
            (resamples,); NaN where all measured scores or all predictions are equal.
        """
        places = np.unique(predicted, return_inverse=True)[1]
        # Whole numbers below 2^24, which float32 holds as they are.
        agreement = _signs(self._places) * _signs(places)
        concordant = self._counts.astype(np.float32) @ agreement
        sums = (concordant.astype(np.float64) * self._counts).sum(axis=1)
        untied = self._total**2 - np.square(_group_counts(places, self._counts)).sum(axis=1)
        return _ratio(0.0, -sums, np.sqrt(self._untied * untied))

    def coverage(self, votes: Floats, share: float) -> Floats:
        """How many scores lie within the central ``share`` of what is thought possible.

        The ends are those order statistics of the votes between which a further draw of the same
        kind lies with that probability (plotting positions of Weibull): of three votes the range
        is an interval of 50%.

        Args:
            votes: Scores thought possible for each function (m, votes), equally likely.
            share: Of the interval, such as 0.9.

        Returns:
            (resamples,), 0 to 1; NaN where there are too few votes for such an interval.
        """
        tail = (1 - share) / 2
        if votes.shape[1] + 1 < round(1 / tail, 9):
            return np.full(len(self._counts), np.nan)
        low, high = np.quantile(votes, [tail, 1 - tail], axis=1, method="weibull")
        # The mean of equal votes may differ from them in its last bit.
        slack = 1e-12 * np.abs(self._measured).max()
        inside = (low - slack <= self._measured) & (self._measured <= high + slack)
        return _ratio(0.0, -(self._counts @ inside), self._total)

    def auc(self, predicted: Floats) -> Floats:
        """Area under the ROC curve, of measured scores that are 0 or 1.

        The chance that a 1 is predicted higher than a 0, equal predictions counted half.

        Returns:
            (resamples,); NaN where all measured scores are equal.
        """
        positives = self._counts @ self._measured
        places = np.unique(predicted, return_inverse=True)[1]
        sums = (_ranks(places, self._counts) * self._counts) @ self._measured
        sums -= positives * (positives + 1) / 2
        return _ratio(0.0, -sums, positives * (self._total - positives))

    def _covariance(self, x: Floats, y: Floats) -> Floats:
        """Sum of products of deviations, of each resample; 0 where that is rounding."""
        x, y = x - x.mean(), y - y.mean()
        total = np.maximum(self._total, 1.0)  # a resample of few may have none of these
        sums = self._counts @ (x * y) - (self._counts @ x) * (self._counts @ y) / total
        least = 1e-12 * (self._counts @ np.abs(x * y))
        return np.where(np.abs(sums) <= least, 0.0, sums)


def _ratio(start: float, part: Floats, whole: Floats) -> Floats:
    """``start`` less a ratio; NaN where the denominator is 0 or something overflowed."""
    with np.errstate(all="ignore"):
        values = start - part / whole
    return np.where((whole > 0) & np.isfinite(values), values, np.nan)


def _signs(places: NDArray[np.intp]) -> NDArray[np.float32]:
    """Which of two is larger: 1, 0 or -1 (m, m)."""
    return np.sign(np.subtract.outer(places, places)).astype(np.float32)


def _group_counts(places: NDArray[np.intp], counts: Floats) -> Floats:
    """How often each distinct value occurs in each resample (resamples, distinct)."""
    order = np.argsort(places, kind="stable")
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))
    return np.add.reduceat(counts[:, order], starts, axis=1)


def _ranks(places: NDArray[np.intp], counts: Floats) -> Floats:
    """Middle ranks in each resample (resamples, m), from 1."""
    grouped = _group_counts(places, counts)
    ranks = grouped.cumsum(axis=1) - (grouped - 1) / 2
    return np.asarray(ranks[:, places])
