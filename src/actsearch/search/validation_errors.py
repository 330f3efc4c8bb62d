"""How far a validation score that chooses may be off, by what seeds differ in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from actsearch.benchmark.runs import pooled_deviation


def standard_errors(
    trials: Mapping[str, Mapping[str, Any]], candidates: pd.DataFrame, others: Sequence[str]
) -> dict[str, float]:
    """Standard errors of the validation scores by which a last comparison chooses.

    Args:
        trials: Contents of its trials, by name.
        candidates: With ``validation_error`` (NaN where not known) and ``n_runs`` behind the score
            (0 where not known), if the candidates are those of the task.
        others: The tasks that candidates come from; then the scores are means over ``trials``.

    Returns:
        By name, NaN where nothing is known. What is not known of the task's candidates is taken
        from the trainings here, if validation examples were new to these.
    """
    deviation = deviation_between_seeds(trials)
    if others:
        n = len(next(iter(trials.values()))["runs"])
        return dict.fromkeys(trials, deviation / math.sqrt(n))
    errors = {}
    for row in candidates.to_dict("records"):
        error = float(row["validation_error"])
        if not math.isfinite(error) and row["n_runs"]:
            error = deviation / math.sqrt(row["n_runs"])
        errors[str(row["name"])] = error
    return errors


def deviation_between_seeds(trials: Mapping[str, Mapping[str, Any]]) -> float:
    """Deviation of a function's validation scores between seeds, pooled over functions.

    Args:
        trials: By name; those of which a run diverged are left out.

    Returns:
        The deviation; NaN where runs have no such score, since they were fitted on these examples.
    """
    runs = [
        [run.get("validation_score") for run in trial["runs"]]
        for trial in trials.values()
        if all(run["status"] == "completed" for run in trial["runs"])
    ]
    if not runs or any(score is None for of in runs for score in of):
        return math.nan
    pooled = pooled_deviation(np.array(runs, dtype=np.float64))
    return math.nan if pooled is None else pooled
