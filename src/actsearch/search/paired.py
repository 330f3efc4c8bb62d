"""Paired comparison of two functions over the same seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

CONFIDENCE = 0.95
EXACT_UP_TO = 16
"""Seeds up to which all 2^n sign flips are counted; beyond, a seeded sample of ``RESAMPLES``."""
RESAMPLES = 99_999
# Sums of differences closer than this are equal. Accuracies lie on a grid of 1 / examples; an R2 is
# 1 less a share of the variance, so it is rounded as numbers near 1 are, however near 0 it lies.
# What is smaller is noise in both. That is why the test is not scipy's permutation_test, whose
# tolerance is relative to the sum (2e-14): of 1,500 made-up comparisons on grids of 3 to 10,000 it
# missed ties in 110, and made p too small.
_ROUNDING = 1e-9
_LAST_BIT = float(np.finfo(np.float64).eps)


def paired_difference(scores: Sequence[float], reference: Sequence[float]) -> dict[str, float]:
    """Mean difference to the reference, its 95% confidence interval and a two-sided p-value.

    The p-value is that of the sign-flip (permutation) test, see ``sign_flip_p``. The interval is
    Student's t over seeds and describes the spread; where it and the p-value part, the p-value
    decides. It shrinks to the mean where all differences are equal.

    Args:
        scores: One a seed, at least two.
        reference: Those of the reference, in the same order of seeds.

    Returns:
        ``mean``, ``low``, ``high`` and ``p``.
    """
    differences = np.subtract(scores, reference)
    n = len(differences)
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / np.sqrt(n)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - 1) * error)
    largest = float(np.abs([*scores, *reference]).max())
    p = sign_flip_p(differences, largest)
    return {"mean": mean, "low": mean - reach, "high": mean + reach, "p": p}


def sign_flip_p(differences: NDArray[np.float64], largest: float = 1.0) -> float:
    """Two-sided p-value of paired differences (n,) by Fisher's sign-flip test on their mean.

    If function and reference were alike, each difference would as well have had the other sign;
    p is the share of all 2^n choices of signs whose mean is at least as far from zero. That
    holds for scores on a coarse grid, where a t-test calls a few equal small steps nearly
    certain, and where one seed went wrong and lies far from all others. The price: p is never below
    ``smallest_p(n)``.

    Args:
        differences: (n,), finite.
        largest: Size of the largest score behind them. Where it is far above 1, as an R2 without a
            lower end may be, sums are as coarse as its last digits.

    Returns:
        The p-value, in (0, 1].
    """
    n = len(differences)
    if n <= EXACT_UP_TO:
        signs = 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    else:
        flips = np.random.default_rng(0).choice([-1.0, 1.0], size=(RESAMPLES, n))
        signs = np.vstack([np.ones(n), flips])  # what was seen is one of the choices
    sums = np.abs(signs @ differences)
    # n differences, each off by the last bits of two scores, are added up in n steps.
    rounding = max(_ROUNDING, 4 * n**2 * _LAST_BIT * largest)
    return float((sums >= abs(differences.sum()) - rounding).mean())


def smallest_p(n: int, comparisons: int = 1) -> float:
    """The smallest p-value that ``n`` seeds can give, reached when all differences agree in sign.

    It does not depend on the differences.

    Args:
        n: number of seeds.
        comparisons: that the p-value is corrected for (Holm).

    Returns:
        2^(1 - n), or 1 of the sample where signs are sampled, times the comparisons; at most 1.
    """
    alone = 2.0 ** (1 - n) if n <= EXACT_UP_TO else 1 / (RESAMPLES + 1)
    return min(1.0, comparisons * alone)


def seeds_needed(comparisons: int, significance: float) -> int | None:
    """The least number of seeds with which a corrected p can be below ``significance``.

    Returns:
        The number; None where none is enough, since p beyond ``EXACT_UP_TO`` seeds is of a sample.
    """
    numbers = range(2, EXACT_UP_TO + 2)
    return next((n for n in numbers if smallest_p(n, comparisons) < significance), None)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979, step-down).

    The k-th smallest of m is multiplied by m - k + 1, never falls below the one before, and is at
    most 1. Under any dependence the chance of one false finding stays under the level.

    Returns:
        Corrected p-values in [0, 1], in the order given.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = largest
    return corrected
