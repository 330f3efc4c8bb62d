"""The verdict of a task in at most ten words; the sentence behind it stands beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from actsearch.report.formats import count

MOST_WORDS = 10
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
