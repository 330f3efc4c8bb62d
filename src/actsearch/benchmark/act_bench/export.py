"""A table that was trained here, in the Act-Bench format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.benchmark.act_bench.format import ActBench, ActBenchError, to_act_bench
from actsearch.config import ACT_BENCH_SCORE, one_score
from actsearch.functions.listed import equivalent_names, selected_names


def export_table(
    table: pd.DataFrame,
    functions: pd.DataFrame,
    seconds: Sequence[float],
    cdf_names: Sequence[str],
    cdfs: NDArray[np.float64],
) -> ActBench:
    """A benchmark table with run times, equivalents and Fisher features.

    Args:
        table: the table, see :func:`actsearch.benchmark.table.build_table`.
        functions: the listing of its space.
        seconds: of each selected function's trial, in the order of the selection.
        cdf_names: functions whose features follow.
        cdfs: their features (n, d); NaN where there is none.

    Returns:
        The functions of the table, in its order.

    Raises:
        ActBenchError: when the table holds another score than the format does.
        ValueError: when it does not say which.
    """
    score = one_score(zip(table["name"], table["score"], strict=True), "functions of the table")
    if score is not ACT_BENCH_SCORE:
        raise ActBenchError(
            f"the Act-Bench format holds {ACT_BENCH_SCORE.plural}, but the functions of this table "
            f"are compared by {score.name}: it cannot be written in it"
        )
    runtimes = dict(zip(selected_names(functions), seconds, strict=True))
    features = dict(zip(cdf_names, cdfs, strict=True))
    return to_act_bench(table, runtimes, equivalent_names(functions), features)
