"""Benchmark tables and trials for the tests of the final comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from actsearch.functions.baselines import BASELINES
from actsearch.functions.expressions import parse

SEEDS = tuple(range(100, 110))


def make_source(
    found: dict[str, float],
    baselines: float = 0.5,
    score: str = "accuracy",
    wobble: tuple[float, ...] = (0.0,),
) -> pd.DataFrame:
    """A table; ``wobble``: how far the runs of every function lie from its score."""
    scores = dict.fromkeys(BASELINES, baselines) | found
    return pd.DataFrame(
        {
            "name": list(scores),
            "slug": [parse(name).slug for name in scores],
            "validation_score": list(scores.values()),
            "n_runs": len(wobble),
            "n_diverged": 0,
            "run_validation_scores": [[value + w for w in wobble] for value in scores.values()],
            "score": score,
        }
    )


def make_costs(both: dict[str, float], **compiled: dict[str, float]) -> pd.DataFrame:
    """Costs of the baselines, 1 each, and of others; ``compiled=`` as the task trains."""
    modes = {"eager": dict.fromkeys(BASELINES, 1.0) | both, **compiled}
    return pd.DataFrame(
        [
            {
                "name": name,
                "device": "cpu",
                "processor": "A Processor",
                "mode": mode,
                "forward": 0.5 * value,
                "backward": 1.5 * value,
                "both": value,
                "bytes_kept": 8.0 * value,
                "as_trained": mode == ("compiled" if compiled else "eager"),
            }
            for mode, times in modes.items()
            for name, value in times.items()
        ]
    )


def found_names(candidates: pd.DataFrame) -> list[str]:
    return candidates[candidates["kind"] == "found"]["name"].to_list()


def make_trial(
    name: str,
    scores: Sequence[float],
    diverged: Sequence[int] = (),
    seeds: Any = SEEDS,
    score: str = "accuracy",
    failure: float = 0.1,
) -> dict[str, Any]:
    runs = [
        {
            "seed": seed,
            "status": "diverged" if i in diverged else "completed",
            "test_score": failure if i in diverged else value,
        }
        for i, (seed, value) in enumerate(zip(seeds, scores, strict=True))
    ]
    return {
        "function": name,
        "slug": parse(name).slug,
        "score": score,
        "status": "partial" if diverged else "completed",
        "examples": {"test": 437},
        "runs": runs,
    }


BEST = [0.90, 0.91, 0.89, 0.92, 0.90] * 2
OTHER = [0.80, 0.83, 0.80, 0.81, 0.82] * 2


def shifted(shift: float, wobble: float = 0.002) -> list[float]:
    return [a + shift + wobble * w for a, w in zip(BEST, (1, -1, 0, 2, -2) * 2, strict=True)]


def rows(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in result["functions"]}
