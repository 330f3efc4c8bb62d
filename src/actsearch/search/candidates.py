"""The functions a search may propose: those on the map, with all of their coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.features.columns import axis_columns, component_columns

FEATURES = ("outputs", "fisher", "union")


def coordinates(features: str) -> list[str]:
    """Columns of the map table that hold the 2-d coordinates of ``features``."""
    return axis_columns(features)


def components(features: str) -> list[str]:
    """Columns that hold the principal components of ``features``: in the union those of both."""
    parts = ("outputs", "fisher") if features == "union" else (features,)
    return [column for part in parts for column in component_columns(part)]


PRIOR = "prior_"
"""Before a task's name: the column of ranks on that task, from 0 to 1."""


def prior_columns(candidates: pd.DataFrame) -> list[str]:
    """Columns of ``candidates`` that say how functions rank on other tasks."""
    return [column for column in candidates.columns if column.startswith(PRIOR)]


COORDINATES = [column for features in FEATURES for column in coordinates(features)]
COLUMNS = [*COORDINATES, *components("union")]
"""What a map says of where functions lie."""


def on_map(map_table: pd.DataFrame) -> pd.DataFrame:
    """The functions that every strategy and surrogate is compared on.

    A function is in when it has both features: all coordinates and components are finite. One
    common set keeps comparisons fair: nobody, random search included, sees more functions than
    the others.

    Args:
        map_table: One row a function: ``name``, ``slug`` and the columns ``COLUMNS``.

    Returns:
        Those rows, indexed by name, in the order of the map: ``slug`` and ``COLUMNS``.

    Raises:
        ValueError: When a column is missing or a name appears twice.
    """
    require_columns(map_table, ["name", "slug", *COLUMNS], "map table")
    require_unique(map_table["name"], "map table")
    table = map_table.set_index("name")[["slug", *COLUMNS]]
    finite: np.ndarray = np.isfinite(table[COLUMNS].to_numpy(dtype=float)).all(axis=1)
    return table.loc[finite]


def measured_on_map(map_table: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The functions of ``on_map`` that are in a benchmark table.

    Args:
        map_table: See ``on_map``.
        table: Benchmark table: ``name`` and ``validation_score``.

    Returns:
        The rows of ``on_map``, in its order, with the column ``validation_score`` besides.

    Raises:
        ValueError: When a column is missing, a name appears twice or a score is not finite.
    """
    require_columns(table, ["name", "validation_score"], "benchmark table")
    require_unique(table["name"], "benchmark table")
    scores = table.set_index("name")["validation_score"].astype(float)
    functions = on_map(map_table).join(scores, how="inner")
    broken = functions.index[~np.isfinite(functions["validation_score"].to_numpy())]
    if len(broken):
        raise ValueError(f"the validation score of {broken[0]!r} is not finite")
    return functions


def with_priors(candidates: pd.DataFrame, priors: pd.DataFrame) -> pd.DataFrame:
    """Candidates with their ranks on other tasks.

    Args:
        candidates: Indexed by name.
        priors: ``name`` and ``prior_{task}`` for each other task, from 0 to 1.

    Returns:
        The candidates with these columns besides, in their order.

    Raises:
        ValueError: When a candidate has no rank.
    """
    columns = prior_columns(priors)
    ranks = priors.set_index("name")[columns].reindex(candidates.index)
    missing = candidates.index[ranks.isna().any(axis=1)]
    if len(missing):
        raise ValueError(f"the ranks on other tasks lack {missing[0]!r}")
    return candidates.join(ranks)


@dataclass(frozen=True)
class BenchmarkRuns:
    """Results of the trainings of n functions."""

    truth: NDArray[np.float64]
    """The score that counts (n,)."""
    seen: NDArray[np.float64]
    """Scores of each seed (n, seeds); of a table of scores alone, these (n, 1)."""
    failed: NDArray[np.bool_]
    """Whether that training diverged, of the same shape."""

    def one_of(self, rng: np.random.Generator) -> pd.DataFrame:
        """Results of one training of each: ``validation_score`` and ``failed``."""
        seed = rng.integers(self.seen.shape[1], size=len(self.seen))
        rows = np.arange(len(self.seen))
        return pd.DataFrame(
            {"validation_score": self.seen[rows, seed], "failed": self.failed[rows, seed]}
        )


def runs_of(table: pd.DataFrame, names: pd.Index[str], by_seed: bool) -> BenchmarkRuns:
    """Results of the trainings behind a benchmark table.

    Args:
        table: Benchmark table: ``name``, ``validation_score``, and where there are ``status`` and
            ``run_validation_scores``.
        names: Functions of it.
        by_seed: Whether each seed counts for itself, and the mean over seeds is the truth; else the
            table's score is both.

    Returns:
        In the order of ``names``. Which of a function's runs diverged a table does not say: it is
        those with its lowest score, where some did.

    Raises:
        ValueError: When seeds are asked for of a table that does not have the same number of all.
    """
    rows = table.set_index("name").loc[names]
    some = np.zeros(len(rows), dtype=bool)
    if "status" in rows:
        some = (rows["status"] != "completed").to_numpy()
    scores = rows["validation_score"].to_numpy(dtype=float)
    if not by_seed:
        return BenchmarkRuns(scores, scores[:, None], some[:, None])
    require_columns(table, ["run_validation_scores"], "benchmark table")
    lengths = rows["run_validation_scores"].map(len)
    if lengths.min() < 1 or lengths.nunique() > 1:
        raise ValueError(
            "simulation.sees is one-seed, but the benchmark table has not the same number of runs "
            f"for each function ({lengths.min()} to {lengths.max()}); allowed: score"
        )
    seen = np.array(rows["run_validation_scores"].to_list(), dtype=float)
    lowest = seen == seen.min(axis=1, keepdims=True)
    all_of_them = (rows["status"] == "diverged").to_numpy() if "status" in rows else some
    failed = (lowest & some[:, None]) | all_of_them[:, None]
    return BenchmarkRuns(seen.mean(axis=1), seen, failed)


def require_columns(table: pd.DataFrame, columns: list[str], what: str) -> None:
    """Raise ValueError naming every one of ``columns`` that ``table`` lacks."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{what} lacks the columns {', '.join(missing)}")


def require_unique(names: pd.Series[str], what: str) -> None:
    """Raise ValueError naming the first function that appears twice in ``names``."""
    repeated = names[names.duplicated()]
    if len(repeated):
        raise ValueError(f"{what} holds {repeated.iloc[0]!r} more than once")


def require_baselines(available: pd.Index[str], what: str, baselines: Sequence[str]) -> None:
    """Raise ValueError naming the ``baselines`` that ``available`` (a set of names) lacks."""
    missing = [name for name in baselines if name not in available]
    if missing:
        raise ValueError(
            f"{what} lacks the baselines {', '.join(missing)}; a search begins with all "
            f"{len(baselines)}"
        )
