"""Paired comparison of two functions over the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import ttest_rel

CONFIDENCE = 0.95
_ROUNDING = 1e-12


def paired_difference(accuracies: Sequence[float], reference: Sequence[float]) -> dict[str, Any]:
    """Mean difference to the reference, its 95% confidence interval and a two-sided p-value.

    The paired t-test, unless every seed shows the same difference. Accuracies lie on a grid of
    1 / examples, so equal differences of a few small steps happen by chance, and the t-test would
    call them certain (p = 0). The exact sign-flip test stands in: p = 2 ** (1 - n) for n seeds, or
    1 where nothing differs; the interval shrinks to the mean.

    Args:
        accuracies: One a seed.
        reference: Those of the reference, in the same order of seeds.

    Returns:
        ``mean``, ``low``, ``high``, ``p``, and ``test``: "paired t" or "sign flip".
    """
    differences = np.subtract(accuracies, reference)
    difference = float(differences.mean())
    if np.ptp(differences) < _ROUNDING:
        equal = abs(difference) < _ROUNDING
        mean = 0.0 if equal else difference
        p = 1.0 if equal else 2.0 ** (1 - len(differences))
        return {"mean": mean, "low": mean, "high": mean, "p": p, "test": "sign flip"}
    result = ttest_rel(accuracies, reference)
    interval = result.confidence_interval(CONFIDENCE)
    return {
        "mean": difference,
        "low": float(interval.low),
        "high": float(interval.high),
        "p": float(result.pvalue),
        "test": "paired t",
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979, step-down), in the order given.

    The k-th smallest of m is multiplied by m - k + 1, never falls below the one before, and is at
    most 1. Under any dependence the chance of one false finding stays under the level.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = largest
    return corrected
