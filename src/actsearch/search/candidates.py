"""The functions a search may propose: those on the map, with all of their coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from actsearch.features.columns import axis_columns, component_columns

FEATURES = ("outputs", "fisher", "union")


def coordinates(features: str) -> list[str]:
    """Columns of the map table that hold the 2-d coordinates of ``features``."""
    return axis_columns(features)


def components(features: str) -> list[str]:
    """Columns that hold the principal components of ``features``: in the union those of both."""
    parts = ("outputs", "fisher") if features == "union" else (features,)
    return [column for part in parts for column in component_columns(part)]


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
