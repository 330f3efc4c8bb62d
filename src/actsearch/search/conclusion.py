"""What a last comparison says, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actsearch.search.paired import smallest_p


def conclusion(
    functions: Sequence[Mapping[str, Any]],
    chosen: str,
    n_seeds: int,
    n_test: int,
    significance: float,
) -> str:
    """One sentence that claims what the numbers carry and no more.

    Args:
        functions: As `actsearch.search.final.compare` lists them, a found one at least.
        chosen: The found function that validation chose.
        n_seeds: Number of seeds.
        n_test: Number of test examples.
        significance: Level under which a corrected p is called a difference.

    Returns:
        The sentence, without markup.
    """
    reference = next(f for f in functions if f["verdict"] == "reference")
    found = [f for f in functions if f["kind"] == "found"]
    against = (
        f"the best baseline {reference['name']} (mean test score "
        f"{100 * reference['test_score_mean']:.2f}% over {n_seeds} seeds on these {n_test:,} "
        "test images)"
    )
    top = max(found, key=lambda f: (f["verdict"] == "better", f["difference"]["mean"]))
    clauses = [_claim([f["verdict"] for f in found], against), _of_top(top, significance)]
    if others := [
        f["name"] for f in functions if f["kind"] != "found" and f["verdict"] == "better"
    ]:
        verb = "is" if len(others) == 1 else "are"
        clauses.append(f"of the other baselines {', '.join(others)} {verb} better than it")
    clauses.append(_of_chosen(next(f for f in found if f["name"] == chosen), top))
    if diverged := sum(f["n_diverged"] for f in functions):
        clauses.append(
            f"diverged runs ({diverged} of {n_seeds * len(functions)}) count with chance score"
        )
    compared = len(functions) - 1
    if (smallest := min(1.0, compared * smallest_p(n_seeds))) >= significance:
        clauses.append(
            f"{n_seeds} seeds are too few for {compared} comparisons: no corrected p can be below "
            f"{smallest:.2g}"
        )
    return "; ".join(clauses) + "."


def _claim(verdicts: Sequence[str], against: str) -> str:
    """What the verdicts on the found functions say together."""
    n, better, tie = len(verdicts), verdicts.count("better"), verdicts.count("tie")
    if better:
        verb = "is" if better == 1 else "are"
        return f"{better} of {n} found functions {verb} better than {against}"
    if tie == n:
        return f"A tie: no found function (of {n}) differs significantly from {against}"
    if tie:
        return (
            f"A tie at best: of {n} found functions {tie} cannot be told from {against} "
            f"and {n - tie} {'is' if n - tie == 1 else 'are'} worse"
        )
    return f"Every found function ({n}) is worse than {against}"


def _of_top(top: Mapping[str, Any], significance: float) -> str:
    """The numbers of the best found function on the test set."""
    lead = "the best of them is" if top["verdict"] == "better" else "the highest mean is that of"
    mean, low, high = (100 * top["difference"][key] for key in ("mean", "low", "high"))
    numbers = (
        f"{mean:+.2f} points from the baseline's (uncorrected 95% interval over seeds "
        f"{low:+.2f} to {high:+.2f}, p = {top['difference']['p_holm']:.2g} after Holm, "
        f"level {significance:g})"
    )
    return f"{lead} {top['name']}, {numbers.replace('-', '−')}"


def _of_chosen(chosen: Mapping[str, Any], top: Mapping[str, Any]) -> str:
    """What validation chose, with its numbers where they are not told yet."""
    if chosen is top:
        return f"validation had chosen {top['name']}"
    mean = f"{100 * chosen['difference']['mean']:+.2f}".replace("-", "−")
    verdict = {"tie": "a tie", "better": "better", "worse": "worse"}[chosen["verdict"]]
    return f"validation had chosen {chosen['name']}, {mean} points from the baseline's: {verdict}"
