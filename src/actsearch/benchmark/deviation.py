"""What seeds differ in, over many functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pooled_deviation(runs: NDArray[np.float64]) -> float | None:
    """Root of the mean variance within the rows of ``runs`` (functions, seeds).

    Returns:
        The deviation (ddof 1) between the seeds of one function; None without rows, and with fewer
        than two seeds.
    """
    if len(runs) == 0 or runs.shape[1] < 2:
        return None
    return float(np.sqrt(runs.var(axis=1, ddof=1).mean()))
