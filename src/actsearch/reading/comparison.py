"""Two functions compared on one task: over the same seeds where there are any."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actsearch.reading.measurements import TABLE, Measurement

SIGNIFICANCE = 0.05
PARTS = ("validation", "test")


@dataclass(frozen=True)
class Comparison:
    """A difference of scores: the first function's less the second's.

    Attributes:
        part: of the data that the scores are of.
        one: measurement of the first function.
        other: of the second.
        scores: those compared, of the first function.
        other_scores: those of the second; in the same order of seeds if ``paired``.
        seeds: that both were trained on, in order; None where they are not known.
        paired: whether scores are compared seed by seed.
        difference: mean difference.
        low: lower end of its 95% interval; None with too few seeds for one.
        high: upper end.
        p: two-sided p-value: of the sign-flip test if paired, else of Welch's test.
        smallest_p: the smallest p-value that so many seeds can give; None if not paired.
    """

    part: str
    one: Measurement
    other: Measurement
    scores: tuple[float, ...]
    other_scores: tuple[float, ...]
    seeds: tuple[int, ...] | None
    paired: bool
    difference: float
    low: float | None
    high: float | None
    p: float | None
    smallest_p: float | None

    @property
    def too_few(self) -> bool:
        """Whether no difference of so many seeds could be significant."""
        if self.paired:
            return (self.smallest_p or 0.0) >= SIGNIFICANCE
        return min(len(self.scores), len(self.other_scores)) < 2

    @property
    def verdict(self) -> str:
        """``higher``, ``lower``, ``tie``, or ``undecided`` where no test can tell.

        That is with too few seeds, and of functions that are not paired where no score differs from
        seed to seed.
        """
        if self.too_few or self.p is None:
            return "undecided"
        if self.p >= SIGNIFICANCE:
            return "tie"
        return "higher" if self.difference > 0 else "lower"


def compare(one: Sequence[Measurement], other: Sequence[Measurement]) -> list[Comparison]:
    """Compare two functions on one task.

    Of each part of the data, the places are taken in which both have the most seeds in common.

    Args:
        one: all measurements of the first function on the task.
        other: all of the second.

    Returns:
        One comparison per part in which both were measured, validation first.
    """
    found = []
    for part in PARTS:
        pairs = [
            (a, b)
            for a, b in itertools.product(one, other)
            if a.part == part == b.part and a.scores and b.scores and a.score == b.score
        ]
        if pairs:
            # Of equal ones the first, which are the tables.
            found.append(_compare(part, *max(pairs, key=lambda pair: len(_common(*pair)))))
    return found


def _common(a: Measurement, b: Measurement) -> list[tuple[int | None, float, float]]:
    """Seed and both scores of each training that has a partner."""
    if a.seeds is not None and b.seeds is not None:
        mine, theirs = (dict(zip(m.seeds or (), m.scores, strict=True)) for m in (a, b))
        return [(seed, mine[seed], theirs[seed]) for seed in sorted(mine.keys() & theirs.keys())]
    # All functions of a table have the same seeds in the same order, whichever they are.
    if a.source == b.source == TABLE and len(a.scores) == len(b.scores):
        return [(None, *pair) for pair in zip(a.scores, b.scores, strict=True)]
    return []


def _compare(part: str, a: Measurement, b: Measurement) -> Comparison:
    from actsearch.search.paired import paired_difference, smallest_p

    common = _common(a, b)
    if len(common) >= 2:
        scores, others = tuple(c[1] for c in common), tuple(c[2] for c in common)
        known = tuple(c[0] for c in common if c[0] is not None)
        found = paired_difference(scores, others)
        ends = (found["mean"], found["low"], found["high"], found["p"])
        least = smallest_p(len(common))
        return Comparison(part, a, b, scores, others, known or None, True, *ends, least)
    difference, low, high, p = _welch(a.scores, b.scores)
    return Comparison(part, a, b, a.scores, b.scores, None, False, difference, low, high, p, None)


def _welch(
    scores: Sequence[float], others: Sequence[float]
) -> tuple[float, float | None, float | None, float | None]:
    """Mean difference, the ends of its interval, and p; None where there is none."""
    difference = sum(scores) / len(scores) - sum(others) / len(others)
    several = min(len(scores), len(others)) > 1
    if not several or (len(set(scores)) == 1 and len(set(others)) == 1):
        return difference, None, None, None
    from scipy import stats

    found: Any = stats.ttest_ind(scores, others, equal_var=False)
    interval = found.confidence_interval(0.95)
    return difference, float(interval.low), float(interval.high), float(found.pvalue)
