"""Which of the functions found is chosen: the cheapest that validation cannot tell from the best.

By the rule of one standard error (Breiman, Friedman, Olshen and Stone 1984, chapter 3): what lies
within one of the best score ties with it. There they take the smallest tree, here the function that
costs least.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actsearch.config import Score
from actsearch.search.equal_scores import compared
from actsearch.search.final_costs import FinalCosts

NOISE = 1.05
"""Costs as near to the least as this factor are equal: times are noisy."""


@dataclass(frozen=True)
class Choice:
    """The function that is chosen."""

    name: str
    best: str
    """The one with the best validation score, the first of several."""
    tied: tuple[str, ...]
    """Those within one standard error of it, itself among them."""
    error: float | None
    """The standard error of the best score; None where it is not known."""
    mode: str | None
    """As what the costs were compared: "eager" or "compiled"; None where nothing was measured."""
    how: str
    """Why, in words that follow "chosen for"."""

    @property
    def by_cost(self) -> bool:
        """Whether cost has decided, and not the best validation score."""
        return self.name != self.best


def choose(
    names: Sequence[str],
    validation: Mapping[str, float],
    errors: Mapping[str, float],
    costs: FinalCosts | None,
    score: Score,
    measured: str,
) -> Choice:
    """Choose by validation scores and costs; the test set has no say.

    Args:
        names: The functions found, at least one; on a tie in everything the first is taken.
        validation: Their validation scores.
        errors: Standard errors of these; NaN where not known, and then equal scores alone tie.
        costs: What they cost; None where nothing was measured, and then the first of the best
            scores is taken.
        score: What they are compared by.
        measured: Which validation score it is, such as "before this comparison".

    Returns:
        The function of the highest validation score among those that cost least, to ``NOISE``,
        among those that tie.
    """
    validation = {name: compared(validation[name]) for name in names}
    best = max(names, key=lambda name: validation[name])
    error = errors[best] if math.isfinite(errors[best]) else None
    tied = tuple(name for name in names if validation[name] >= validation[best] - (error or 0.0))
    mode, times = costs.to_compare(tied) if costs else (None, dict.fromkeys(tied, 0.0))
    least = min(times.values())
    cheap = [name for name in tied if times[name] <= NOISE * least]
    name = max(cheap, key=lambda name: validation[name])
    how = _how(name, best, tied, validation, error, score, measured)
    if mode:
        how += f"; {_of_costs(name, best, tied, times, mode)}"
    return Choice(name, best, tied, error, mode, how)


def _how(
    name: str,
    best: str,
    tied: Sequence[str],
    validation: Mapping[str, float],
    error: float | None,
    score: Score,
    measured: str,
) -> str:
    """What validation has decided."""
    reach = None if error is None else score.with_unit(score.write_size(error))
    if name == best:
        same = sum(value == validation[best] for value in validation.values())
        shared = f", which {same} of them share" if same > 1 else ""
        how = f"the best validation {score.shown} of the functions found{shared}, {measured}"
        how += f" ({score.write(validation[best])}"
        if reach is None:
            return f"{how}, of an unknown standard error: only equals tie)"
        others = "no other lies" if len(tied) == 1 else f"{len(tied) - 1} more lie"
        others = "1 more lies" if len(tied) == 2 else others
        return f"{how}; {others} within one standard error, {reach})"
    alike = (
        "that validation cannot tell apart"
        if reach
        else f"with the best validation {score.shown} found"
    )
    within = (
        f"; they lie within one standard error of it, {reach}, pooled over functions"
        if reach
        else ""
    )
    return (
        f"its cost: the cheapest of the {len(tied)} functions {alike}, {measured} "
        f"({score.write(validation[name])}; the best is {best}, {score.write(validation[best])}"
        f"{within})"
    )


def _of_costs(
    name: str, best: str, tied: Sequence[str], times: Mapping[str, float], mode: str
) -> str:
    """What costs have decided; differences under five per cent are none."""
    how = f"it takes {times[name]:.3g} times as long as relu, forward and backward"
    how += ", compiled" if mode == "compiled" else ""
    if name != best:
        return f"{how}, and {best} {times[best]:.3g} times"
    if len(tied) == 1:
        return how
    return f"{how}, and none of these is over {NOISE - 1:.0%} cheaper"
