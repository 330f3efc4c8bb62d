"""What a last comparison says, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actsearch.config import Score
from actsearch.search.paired import smallest_p


def conclusion(
    functions: Sequence[Mapping[str, Any]],
    chosen: str,
    by_cost: bool,
    n_seeds: int,
    n_test: int,
    significance: float,
    score: Score,
    left_out: Sequence[str] = (),
    equals: Sequence[str] = (),
) -> str:
    """One sentence that claims what the numbers carry and no more.

    Args:
        functions: As `actsearch.search.final.compare` lists them, a found one at least.
        chosen: The found function that was chosen.
        by_cost: Whether its cost has chosen it among those that tie on validation.
        n_seeds: Number of seeds.
        n_test: Number of test examples.
        significance: Level under which a corrected p is called a difference.
        score: What functions are compared by.
        left_out: Baselines that were left out before, since others scored better on validation.
        equals: Baselines with the validation score of the best, which were not taken.

    Returns:
        The sentence, without markup.
    """
    reference = next(f for f in functions if f["verdict"] == "reference")
    found = [f for f in functions if f["kind"] == "found"]
    against = (
        f"the best baseline {reference['name']} (mean test {score.shown} "
        f"{_with_minus(score.write(reference['test_score_mean']))} over {n_seeds} seeds on these "
        f"{n_test:,} test examples)"
    )
    top = max(found, key=lambda f: (f["verdict"] == "better", f["difference"]["mean"]))
    clauses = [
        _no_verdict(len(functions) - 1, n_seeds, len(found), against)
        if top["verdict"] == "undecided"
        else _claim([f["verdict"] for f in found], against),
        _of_top(top, len(found), significance, score),
    ]
    if others := [
        f["name"] for f in functions if f["kind"] != "found" and f["verdict"] == "better"
    ]:
        verb = "is" if len(others) == 1 else "are"
        clauses.append(f"of the other baselines {', '.join(others)} {verb} better than it")
    if equals:
        which = "first" if reference["cost"] is None else "cheapest"
        clauses.append(
            f"that baseline is the {which} of the {len(equals) + 1} that share the best validation "
            f"{score.shown} (the others: {', '.join(equals)})"
        )
    if left_out:
        n_baselines = sum(f["kind"] != "found" for f in functions)
        clauses.append(
            f"{len(left_out)} of {n_baselines + len(left_out)} baselines were left out earlier for "
            f"their validation scores, and were not tested ({', '.join(left_out)})"
        )
    chosen_by = "validation, and then by cost" if by_cost else "validation"
    named = next(f for f in found if f["name"] == chosen)
    clauses.append(f"chosen before the test, by {chosen_by}: {_of_chosen(named, top, score)}")
    if diverged := sum(f["n_diverged"] for f in functions):
        clauses.append(
            f"diverged runs ({diverged} of {n_seeds * len(functions)}) count with "
            f"{score.of_failure}"
        )
    return "; ".join(clauses) + "."


def _no_verdict(compared: int, n_seeds: int, n: int, against: str) -> str:
    """That no difference, however large, could be told from chance."""
    smallest = smallest_p(n_seeds, compared)
    functions = "function was" if n == 1 else "functions were"
    comparisons = "1 comparison" if compared == 1 else f"{compared} comparisons"
    return (
        f"No verdict: {n_seeds} seeds are too few for {comparisons} (no corrected p can "
        f"be below {smallest:.2g}); {n} found {functions} compared with {against}"
    )


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


def _of_top(top: Mapping[str, Any], n: int, significance: float, score: Score) -> str:
    """The numbers of the best of ``n`` found functions on the test set."""
    lead = (
        "the best of them is"
        if top["verdict"] == "better"
        else "the highest mean of these is that of"
    )
    lead = "it is" if n == 1 else lead
    difference = top["difference"]
    mean, low, high = (score.write_difference(difference[key]) for key in ("mean", "low", "high"))
    numbers = (
        f"{score.with_unit(mean)} from the baseline's (uncorrected 95% interval over seeds "
        f"{low} to {high}, p = {difference['p_holm']:.2g} after Holm, level {significance:g})"
    )
    return f"{lead} {top['name']}, {_with_minus(numbers)}"


def _of_chosen(chosen: Mapping[str, Any], top: Mapping[str, Any], score: Score) -> str:
    """The function that was chosen, with its numbers where they are not told yet."""
    if chosen is top:
        return str(top["name"])
    apart = _with_minus(score.with_unit(score.write_difference(chosen["difference"]["mean"])))
    verdict = {"undecided": "no verdict", "tie": "a tie"}.get(chosen["verdict"], chosen["verdict"])
    return f"{chosen['name']}, {apart} from the baseline's, {verdict}"


def _with_minus(numbers: str) -> str:
    return numbers.replace("-", "−")
