"""The table of a task: one row a function, the same whether trained here or imported."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.benchmark.runs import of_runs, pooled_deviation
from actsearch.config import one_score

_NUMBERS = (
    "train_score",
    "validation_score",
    "test_score",
    "train_loss",
    "validation_loss",
    "test_loss",
)
COLUMNS = (
    *("name", "slug", "status", "n_runs", "n_diverged"),
    *_NUMBERS,
    "run_validation_scores",
    "score",
)


class BenchmarkError(ValueError):
    """A table that cannot be used; the message says what is wrong with it."""


def build_table(trials: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The benchmark table of a task.

    Returns:
        One row a trial, sorted by name. Columns: name, slug, status (completed, partial, diverged),
        n_runs, n_diverged, the medians over runs (scores; losses in nats; NaN where not
        measured), run_validation_scores, a list of floats in the order of seeds, and score, the
        name of what the scores are, the same in every row: a column is kept by whatever reads,
        joins or digests tables, which metadata are not.

    Raises:
        BenchmarkError: when there is no trial, a function appears twice, or seeds or scores differ.
    """
    rows = []
    seeds: dict[tuple[int, ...], str] = {}
    for trial in trials:
        seeds.setdefault(tuple(sorted(run["seed"] for run in trial["runs"])), trial["function"])
        row: dict[str, Any] = {
            "name": trial["function"],
            "slug": trial["slug"],
            "status": trial["status"],
            "score": trial.get("score"),
            **of_runs(trial),
        }
        for column in _NUMBERS:
            value = trial.get(column)
            row[column] = math.nan if value is None else float(value)
        rows.append(row)
    if not rows:
        raise BenchmarkError("a benchmark table needs at least one trial")
    if len(seeds) > 1:
        (first, one), (second, other), *_ = seeds.items()
        raise BenchmarkError(f"trials differ in seeds: {one} has {first}, {other} has {second}")
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("name", ignore_index=True)
    return _checked(table, "trials")


def load_benchmark(path: str | Path) -> pd.DataFrame:
    """Read a benchmark table from Parquet.

    An imported table says nothing of runs: n_runs and n_diverged are 0, and the lists empty.

    Returns:
        A row a function, with the columns of :func:`build_table`.

    Raises:
        BenchmarkError: when the file is missing, is not Parquet, or is not such a table.
    """
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise BenchmarkError(f"no benchmark table at {path}") from None
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path} is not a Parquet file that can be read: {error}") from error
    return _checked(table, str(path))


def seed_reliability(table: pd.DataFrame) -> dict[str, Any]:
    """How far one seed's ranking of functions foretells another's.

    Each correlation is a mean over pairs of seeds. The best quarter is chosen by one seed and its
    order there compared with the other seed's, in both directions. Chosen by the mean of both, the
    two noises would be tied together (whoever is in with a low score on one has a high score on the
    other) and the correlation come out too low. Chosen by one, it says what it should: when one
    seed names the best quarter and orders it, how far does a new seed agree.

    Returns:
        n (functions), n_seeds, n_best_quarter, spearman and spearman_best_quarter (None with fewer
        than two seeds or three functions, or without differences); seed_std, the standard deviation
        between the seeds of one function, pooled over functions (None with one seed);
        seed_std_completed, the same over the n_completed functions of which every run completed
        (None also without any): one that diverged beside a good one outweighs all the others.

    Raises:
        BenchmarkError: when functions differ in their number of runs.
    """
    lengths = set(table["run_validation_scores"].map(len))
    if len(lengths) != 1:
        raise BenchmarkError(f"functions differ in their number of runs: {sorted(lengths)}")
    runs = np.array(table["run_validation_scores"].to_list(), dtype=np.float64)
    n, n_seeds = runs.shape
    n_best = math.ceil(n / 4)
    over_all, over_best = [], []
    for one, other in itertools.permutations(range(n_seeds), 2):
        best = np.argsort(-runs[:, one], kind="stable")[:n_best]
        over_all.append(_spearman(runs[:, one], runs[:, other]))
        over_best.append(_spearman(runs[best, one], runs[best, other]))
    steady = runs[table["n_diverged"].to_numpy() == 0]
    return {
        "n": n,
        "n_seeds": n_seeds,
        "n_best_quarter": n_best,
        "n_completed": len(steady),
        "spearman": _mean(over_all),
        "spearman_best_quarter": _mean(over_best),
        "seed_std": pooled_deviation(runs),
        "seed_std_completed": pooled_deviation(steady),
    }


def _spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    from scipy.stats import spearmanr

    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(spearmanr(one, other).statistic)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _checked(table: pd.DataFrame, origin: str) -> pd.DataFrame:
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise BenchmarkError(f"{origin}: columns are missing: {', '.join(missing)}")
    repeated = table["name"][table["name"].duplicated()].unique()
    if len(repeated):
        raise BenchmarkError(f"{origin}: functions appear twice: {', '.join(repeated)}")
    try:
        one_score(zip(table["name"], table["score"], strict=True), f"{origin}: functions")
    except ValueError as error:
        raise BenchmarkError(str(error)) from None
    # Parquet gives arrays back.
    runs = [[float(value) for value in values] for values in table["run_validation_scores"]]
    return table[list(COLUMNS)].assign(
        run_validation_scores=pd.Series(runs, index=table.index, dtype=object)
    )
