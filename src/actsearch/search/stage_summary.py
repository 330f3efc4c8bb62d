"""What the stages before a last comparison said, as it lists them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd


def summary(
    rankings: Sequence[pd.DataFrame],
    candidates: pd.DataFrame,
    stages: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Stages as a last comparison lists them.

    Args:
        rankings: Of all stages, in order, as returned by ``actsearch.search.stages.rank``.
        candidates: Of the last comparison.
        stages: Plain data of the configuration: ``seeds`` and ``recipe`` of each.

    Returns:
        Plain data of each stage: ``stage`` (from 0), ``seeds``, ``recipe`` (what it changes), and
        ``functions``, by kind and place: ``name``, ``kind``, ``validation_score`` (a mean),
        ``deviation`` (None of one run), ``n_runs``, ``n_diverged``, and ``went_on``.

    Raises:
        ValueError: When there are not as many stages as rankings.
    """
    nexts = [*rankings, candidates][1:]
    listed = []
    for number, (stage, ranking, after) in enumerate(zip(stages, rankings, nexts, strict=True)):
        went_on = set(after["name"])
        functions = [
            {
                "name": row["name"],
                "kind": row["kind"],
                "validation_score": float(row["validation_score"]),
                "deviation": _or_none(row["validation_deviation"]),
                "n_runs": int(row["n_runs"]),
                "n_diverged": int(row["n_diverged"]),
                "went_on": row["name"] in went_on,
            }
            for row in ranking.sort_values(["kind", "rank"]).to_dict("records")
        ]
        about = {"stage": number, "seeds": list(stage["seeds"]), "recipe": dict(stage["recipe"])}
        listed.append(about | {"functions": functions})
    return listed


def left_out(stages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Baselines that did not meet the finalists.

    Args:
        stages: As returned by ``summary``.

    Returns:
        Plain data of each, the last ones to go first: ``name``, ``stage``, after which it was left
        out, ``validation_score``, ``deviation``, ``n_runs`` and ``n_diverged`` there.
    """
    keys = ("name", "validation_score", "deviation", "n_runs", "n_diverged")
    return [
        {key: function[key] for key in keys} | {"stage": stage["stage"]}
        for stage in reversed(list(stages))
        for function in stage["functions"]
        if function["kind"] == "baseline" and not function["went_on"]
    ]


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
