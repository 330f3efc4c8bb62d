"""The verdict of a task in at most ten words; the sentence behind it stands beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from actsearch.config import Score
from actsearch.functions.at_zero import ZEROS, is_finite_at_zero
from actsearch.functions.expressions import ExpressionError, parse
from actsearch.report.formats import count, difference, is_number, p_value, plural
from actsearch.search.paired import seeds_needed

MOST_WORDS = 10
IN_WORDS = {
    "better": "better",
    "worse": "worse",
    "tie": "a tie",
    "undecided": "no verdict",
    "reference": "the reference",
}
"""Verdicts on a function, as the page says them."""
SIGNIFICANCE = 0.05
"""Where a last comparison does not say its own, as those of before."""
NO_FINAL = "Not confirmed: no last comparison was made"


def headline(final: Mapping[str, Any] | None) -> str:
    """What the last comparison says of the functions found, in at most ``MOST_WORDS`` words."""
    if not final:
        return NO_FINAL
    found = [f["verdict"] for f in final["functions"] if f["kind"] == "found"]
    verdicts, best = Counter(found), final["best_baseline"]
    if not found:
        return "No found function was compared with the baselines"
    if better := verdicts["better"]:
        if len(found) == 1:
            return f"The function found beats the best baseline, {best}"
        return f"{count(better)} of {count(len(found))} found functions beat {best}"
    if verdicts["tie"]:
        return f"A tie: no found function beats {best}"
    if verdicts["undecided"]:
        return f"No verdict: no found function clearly beats {best}"
    return f"No found function beats {best}"


def advice(final: Mapping[str, Any] | None) -> str | None:
    """What to do after a last comparison; None without one, or without a function found."""
    found = [f for f in final["functions"] if f["kind"] == "found"] if final else []
    if not final or not found:
        return None
    chosen = next(f for f in found if f["name"] == final["chosen"]["name"])
    better = [f["name"] for f in found if f["verdict"] == "better"]
    if chosen["verdict"] == "better":
        return f"Use {chosen['name']}: it is in final_activation.py.{at_zero(chosen['name'])}"
    if better:
        return (
            f"Use {better[0]}: {chosen['name']}, chosen before the test, is "
            f"{IN_WORDS[chosen['verdict']]}.{at_zero(better[0])}"
        )
    best = final["best_baseline"]
    if chosen["verdict"] == "undecided":
        n, compared = len(final["seeds"]), len(final["functions"]) - 1
        enough = seeds_needed(compared, final.get("significance", SIGNIFICANCE)) or "no number"
        return (
            f"No verdict: {n} seeds (final.seeds) are too few, {enough} would do for "
            f"{plural(compared, 'comparison')}."
        )
    baselines = [f for f in final["functions"] if f["kind"] != "found"]
    if others := [f["name"] for f in baselines if f["verdict"] == "better"]:
        return f"Use {others[0]}, a baseline: it is better than {best}, and no function found is."
    return f"Stay with a baseline, such as {best}: no function found is shown to be better."


def at_zero(name: str) -> str:
    """That a function is not finite at 0, as a sentence after another; empty where it is."""
    try:
        expression = parse(name)
    except ExpressionError:
        return ""
    if is_finite_at_zero(expression):
        return ""
    return f" Beware: it is not finite at x = 0, and {ZEROS}."


def difference_on_test(function: Mapping[str, Any], score: Score) -> tuple[str, str]:
    """How far a function is from the best baseline on the test set.

    Returns:
        Such as ``+3.73 points``, and what is to be known of it: ``95% interval +1.20 to +6.26,
        p = 0.014 after Holm: better``.
    """
    apart, said = function["difference"], IN_WORDS[function["verdict"]]
    if not apart:
        return difference(score, 0.0), said
    parts = []
    if is_number(apart["low"]) and is_number(apart["high"]):
        ends = (difference(score, apart[end]) for end in ("low", "high"))
        parts.append(f"95% interval {' to '.join(ends)}")
    if is_number(apart["p_holm"]):
        kept_together = f"p {p_value(apart['p_holm'])}".replace(" ", "\u00a0")
        parts.append(f"{kept_together} after Holm")
    note = f"{', '.join(parts)}: {said}" if parts else said
    return score.with_unit(difference(score, apart["mean"])), note
