"""How functions rank on other tasks: measured where a table has them, else foretold by outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.functions.equivalence import outputs as evaluate
from actsearch.functions.expressions import parse
from actsearch.search.candidates import PRIOR, require_columns, require_unique
from actsearch.search.curves import predictor, values_and_slopes

Floats = NDArray[np.float64]

SEED = 0
"""Of the trees."""


def rank_elsewhere(
    names: Sequence[str], outputs: Floats, tables: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Ranks of functions on other tasks.

    A function of a task's table has its rank there. For another one extremely randomised trees
    (Geurts, Ernst & Wehenkel 2006) predict the rank from its outputs, fitted on the table; one that
    is not finite on every normal sample has the middle rank.

    Args:
        names: (n,) the functions.
        outputs: (n, 1000) their outputs on the normal samples.
        tables: Benchmark table of each other task: ``name`` and ``validation_score``.

    Returns:
        ``name``, and ``prior_{task}`` for each task: from 0, the worst of that task's table, to 1,
        the best; equal scores share their mean rank.

    Raises:
        ValueError: When names and outputs do not fit, a table lacks a column, has a function twice,
            or none whose outputs are finite.
    """
    if len(names) != len(outputs):
        raise ValueError(f"{len(names)} functions and {len(outputs)} outputs do not fit")
    finite = np.isfinite(outputs).all(axis=1)
    found = pd.DataFrame({"name": list(names)})
    for task, table in tables.items():
        require_columns(table, ["name", "validation_score"], f"the table of {task}")
        require_unique(table["name"], f"the table of {task}")
        ranks = table.set_index("name")["validation_score"].rank()
        ranks = (ranks - 1) / max(len(ranks) - 1, 1)
        values = found["name"].map(ranks).to_numpy(dtype=float, copy=True)
        foretold = np.isnan(values) & finite
        if foretold.any():
            values[foretold] = _foretold(ranks, outputs[foretold], task)
        values[np.isnan(values)] = 0.5
        found[f"{PRIOR}{task}"] = values
    return found


def _foretold(ranks: pd.Series[float], at: Floats, task: str) -> Floats:
    known = np.asarray(evaluate([parse(name) for name in ranks.index]))
    finite = np.isfinite(known).all(axis=1)
    if not finite.any():
        raise ValueError(f"no function in the table of {task} has finite outputs")
    forest = predictor(SEED).fit(values_and_slopes(known[finite]), ranks.to_numpy()[finite])
    return np.asarray(forest.predict(values_and_slopes(at)))
