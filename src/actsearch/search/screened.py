"""What a screen reads and writes, as tables and plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from actsearch.functions.equivalence import Floats
from actsearch.search.candidates import require_columns, require_unique
from actsearch.search.screening import BY, POOL, Known, Screened, ScreenError

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def known_functions(table: pd.DataFrame, names: Sequence[str], outputs: Floats) -> Known:
    """What a benchmark table says of the functions of its space.

    Args:
        table: Benchmark table: ``name`` and ``validation_score``.
        names: (k,) functions of the space.
        outputs: (k, 1000) their outputs on the normal samples.

    Returns:
        Those in the table whose outputs are finite.

    Raises:
        ScreenError: when names and outputs do not fit, or too few functions can teach.
        ValueError: when the table lacks a column, or has a function twice.
    """
    require_columns(table, ["name", "validation_score"], "benchmark table")
    require_unique(table["name"], "benchmark table")
    if len(names) != len(outputs):
        raise ScreenError(f"{len(names)} functions and {len(outputs)} outputs do not fit")
    of_name = table.set_index("name")["validation_score"].astype(float)
    there = np.isin(np.array(names, dtype=object), of_name.index.to_numpy(dtype=object))
    chosen = [name for name, is_there in zip(names, there, strict=True) if is_there]
    return Known.of(outputs[there], np.asarray(of_name.loc[chosen], dtype=np.float64))


def list_screened(found: Screened) -> pd.DataFrame:
    """The listed functions in the form of a listed space.

    Returns:
        One row a function, in the order of the list. Columns: name, slug, representative (the name
        itself), finite (on every normal sample), position (Int64, from 0), prediction (float64, the
        score predicted by outputs; NaN for a function that is not finite), chosen_by (one of `BY`).
    """
    expressions = [found.space[int(number)] for number in found.chosen]
    names = [expression.name for expression in expressions]
    return pd.DataFrame(
        {
            "name": names,
            "slug": [expression.slug for expression in expressions],
            "representative": names,
            "finite": found.listed.finite[found.chosen],
            "position": pd.array(range(len(names)), dtype="Int64"),
            "prediction": found.chosen_predictions,
            "chosen_by": found.chosen_by,
        }
    )


def summarise(found: Screened, known: Known, space: str) -> dict[str, Any]:
    """What a screen saw, as JSON holds it.

    Returns:
        space, its name; names, distinct, finite: how many names it has, how many distinct
        functions, and how many of these are finite on every normal sample, each of which was
        predicted; known: how many functions the predictor learned from; rank_correlation:
        Spearman's, of their cross-validated predictions and scores (None where unknown); listed:
        how many functions, by what chose them; pool: those listed by prediction were chosen among
        the best predicted, so many times as many; distance: any two listed by prediction are at
        least so far from each other (root mean square difference of arcsinh of outputs); predicted:
        quantiles of predicted scores, by their level, of all and of the listed ones by what chose
        them.
    """
    counts = Counter(found.chosen_by)
    by = np.array(found.chosen_by)
    groups = {"all": found.predictions}
    groups |= {kind: found.chosen_predictions[by == kind] for kind in BY if counts[kind]}
    correlation = found.rank_correlation
    return {
        "space": space,
        "names": found.space.size,
        "distinct": int(found.listed.representative.sum()),
        "finite": len(found.numbers),
        "known": len(known.scores),
        "rank_correlation": None if np.isnan(correlation) else correlation,
        "listed": {kind: counts[kind] for kind in BY},
        "pool": POOL,
        "distance": found.distance,
        "predicted": {kind: _quantiles(values) for kind, values in groups.items()},
    }


def _quantiles(values: Floats) -> dict[str, float] | None:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    found = np.quantile(finite, QUANTILES).tolist()
    return {f"{level:g}": value for level, value in zip(QUANTILES, found, strict=True)}
