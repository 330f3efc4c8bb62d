"""The stages before a last comparison, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actsearch.config import Score
from actsearch.report.formats import Context, plural, size, value


def stages_table(
    stages: Sequence[Mapping[str, Any]], n_met: int, score: Score
) -> list[Context] | None:
    """Who went in, what each scored, and who went on.

    Args:
        stages: As `actsearch.search.stage_summary.summary` lists them.
        n_met: Functions of the last comparison.
        score: What functions are compared by.

    Returns:
        An entry per stage, with its rows; None without stages.
    """
    after = [*(len(stage["functions"]) for stage in stages[1:]), n_met]
    return [
        {
            "number": stage["stage"],
            "seeds": ", ".join(map(str, stage["seeds"])),
            "n_seeds": plural(len(stage["seeds"]), "seed"),
            "recipe": _in_words(stage["recipe"]),
            "n": plural(len(stage["functions"]), "function"),
            "n_after": after[number],
            "rows": [
                {
                    "name": function["name"],
                    "role": function["kind"],
                    "mean": value(score, function["validation_score"]),
                    "deviation": size(score, function["deviation"]),
                    "n_runs": function["n_runs"],
                    "n_diverged": function["n_diverged"],
                    "went_on": function["went_on"],
                }
                for function in stage["functions"]
            ],
        }
        for number, stage in enumerate(stages)
    ] or None


def _in_words(changes: Mapping[str, Any]) -> str:
    """What a stage changes in the recipe, such as ``epochs: 30``; empty without changes."""
    return ", ".join(f"{key}: {changed}" for key, changed in changes.items())
