"""The verdict of a task in at most ten words; the sentence behind it stands beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from actsearch.config import Score
from actsearch.report.formats import count, difference, is_number, p_value

MOST_WORDS = 10
IN_WORDS = {
    "better": "better",
    "worse": "worse",
    "tie": "a tie",
    "undecided": "no verdict",
    "reference": "the reference",
}
"""Verdicts on a function, as the page says them."""
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
    """To keep the best baseline, where no function found was shown to be better; else None."""
    found = [f for f in final["functions"] if f["kind"] == "found"] if final else []
    if not final or not found or any(f["verdict"] == "better" for f in found):
        return None
    return f"Keep {final['best_baseline']}: no function found is shown to be better."


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
