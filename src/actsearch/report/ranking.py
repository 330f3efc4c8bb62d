"""The functions of a task by what was measured, and the role each plays on the page."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

import pandas as pd

from actsearch.config import SCORES, Score
from actsearch.report.data import TaskData
from actsearch.search.equal_scores import compared


def measured(task: TaskData) -> pd.DataFrame:
    """Every function with a validation score, from the table and the searches, once each.

    Returns:
        Columns name, status, validation_score and in_table, and run_validation_scores where a part
        has it; the best first.
    """
    parts = [] if task.table is None else [task.table.assign(in_table=True)]
    parts += [history.assign(in_table=False) for history in (task.histories or {}).values()]
    columns = ["name", "status", "validation_score", "in_table"]
    kept = [*columns, "run_validation_scores"]
    return best_first(once_each([part[part.columns.intersection(kept)] for part in parts], columns))


def once_each(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Functions of a table and of searches as one table: of each name the first row.

    Args:
        parts: each with a row per function.
        columns: of the result where no part has a row.

    Returns:
        The rows, with the columns of all parts.
    """
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame({column: [] for column in columns})
    return pd.concat(filled).drop_duplicates("name", ignore_index=True)


def best_first(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by falling validation score, the diverged last, ties by name."""
    keyed = table.assign(_diverged=table["status"] == "diverged", _score=_scores(table))
    ordered = keyed.sort_values(
        ["_diverged", "_score", "name"], ascending=[True, False, True], ignore_index=True
    )
    return ordered.drop(columns=["_diverged", "_score"])


def _scores(table: pd.DataFrame) -> pd.Series[float]:
    """Scores as they are compared: what differs by rounding alone is equal."""
    return table["validation_score"].map(compared)


def shared_ranks(ordered: Sequence[Hashable]) -> list[int]:
    """Ranks of what is ordered by some keys; equal ones share a rank: 1, 2, 2, 4."""
    ranks: list[int] = []
    for place, key in enumerate(ordered):
        same = place > 0 and key == ordered[place - 1]
        ranks.append(ranks[-1] if same else place + 1)
    return ranks


def ranks_in_order(ordered: pd.DataFrame) -> list[int]:
    """Ranks of rows as `best_first` orders them; the diverged share none with others."""
    diverged = ordered["status"] == "diverged"
    return shared_ranks(list(zip(diverged, _scores(ordered), strict=True)))


def ranks(task: TaskData) -> dict[str, int]:
    """Ranks among all functions of the table and the searches; equal scores share one."""
    ordered = measured(task)
    return dict(zip(map(str, ordered["name"]), ranks_in_order(ordered), strict=True))


def steady(functions: pd.DataFrame, baselines: Collection[str]) -> pd.DataFrame:
    """The baselines among some functions that trained, in their order."""
    trained = functions["status"] != "diverged"
    return functions[functions["name"].isin(baselines) & trained]


def best_baseline(functions: pd.DataFrame, baselines: Collection[str]) -> pd.Series | None:
    """The first of them, of functions with the best first; None where none trained."""
    trained = steady(functions, baselines)
    return trained.iloc[0] if len(trained) else None


def role(name: str, baselines: Collection[str]) -> str:
    """``baseline`` or ``found``: the colour a function has everywhere on the page."""
    return "baseline" if name in baselines else "found"


def floor_of(functions: pd.DataFrame, score: Score) -> float | None:
    """The R2 of the mean predictor, which functions that are worse than it count with.

    A trial does not say whether its score is one of these. It is where several functions share the
    lowest score to the last digit, and that is 0 or a little below.

    Args:
        functions: Columns status and validation_score.
        score: What they are compared by; only R2 has such a floor.

    Returns:
        The floor; None where no function that trained is at it.
    """
    if score != SCORES["R2"]:
        return None
    values = functions["validation_score"].dropna()
    lowest = values.min() if len(values) else 1.0
    at = functions[functions["validation_score"] == lowest]
    trained = at["status"] != "diverged"
    near = score.ends[0] < lowest <= 0
    return float(lowest) if near and len(at) > 1 and trained.any() else None
