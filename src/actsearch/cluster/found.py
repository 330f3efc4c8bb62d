"""What a job has found, in one line: read from the files that it has made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actsearch.cluster.journal import Job
from actsearch.config import score_called
from actsearch.records.formats import ArtifactError, read_json
from actsearch.search.equal_scores import compared

_BRACKETS = re.compile(r" \([^()]*\)$")


def what_was_found(job: Job, folder: Path = Path()) -> str | None:
    """One line on a finished job.

    Args:
        job: the job.
        folder: that its paths start from.

    Returns:
        For trainings their number, the best function and how many diverged; None for other jobs.
    """
    what = _BRACKETS.sub("", job.message)
    if trials := _trials(job.output, folder):
        return f"{what}: {_summary(trials)}"
    return None


def _trials(paths: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in paths:
        if not path.endswith(".json"):
            continue
        try:
            content = read_json(folder / path)
        except (ArtifactError, OSError):
            continue
        if {"function", "status", "score"} <= content.keys():
            found.append(content)
    return found


def _summary(trials: list[dict[str, Any]]) -> str:
    parts = [f"{len(trials)} function{'s' if len(trials) > 1 else ''}"]
    # Test scores are for the last comparison, which reads all of them at once.
    completed = [trial for trial in trials if trial["status"] == "completed"]
    if completed and not any("test_score" in trial for trial in trials):
        # Ties by name, as in tables.
        best = min(completed, key=lambda t: (-compared(t["validation_score"]), t["function"]))
        score = score_called(best["score"])
        told = score.write(float(best["validation_score"]))
        parts.append(f"best {best['function']} (validation {score.shown} {told})")
    for status in ("partial", "diverged"):
        if number := sum(trial["status"] == status for trial in trials):
            parts.append(f"{number} {'partly diverged' if status == 'partial' else status}")
    seconds = [float(trial.get("provenance", {}).get("seconds", 0)) for trial in trials]
    parts.append(f"{sum(seconds):.0f} s of training")
    return ", ".join(parts)
