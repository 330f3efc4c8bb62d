"""The runs of trials: what tables say of them, and how far seeds part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def of_runs(trial: Mapping[str, Any]) -> dict[str, Any]:
    """``n_runs``, ``n_diverged`` and ``run_validation_scores``, floats in the order of seeds."""
    runs = sorted(trial["runs"], key=lambda run: run["seed"])
    return {
        "n_runs": len(runs),
        "n_diverged": sum(run["status"] == "diverged" for run in runs),
        "run_validation_scores": [float(run["validation_score"]) for run in runs],
    }


def pooled_deviation(runs: NDArray[np.float64]) -> float | None:
    """Root of the mean variance within the rows of ``runs`` (functions, seeds).

    Returns:
        The deviation (ddof 1) between the seeds of one function; None without rows, and with fewer
        than two seeds.
    """
    if len(runs) == 0 or runs.shape[1] < 2:
        return None
    return float(np.sqrt(runs.var(axis=1, ddof=1).mean()))
