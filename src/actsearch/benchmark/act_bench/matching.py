"""The functions of a space looked up in an Act-Bench file, whatever they are called there.

The files tell functions apart by float32 outputs, we by outputs up to rounding
(`actsearch.functions.equivalence`). So one function of ours may be several of theirs: the public
tables hold 2,913 where 2,791 differ. And the name that stands for a function may be another.

A function of ours is, in the file:

1. every entry whose own name is the same function to us; or, where there is none,
2. every entry that lists the same function under "Equivalent Activation Functions": to float32 the
   two are one.

Of several entries, each a training of its own, the median counts, number by number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from actsearch.benchmark.act_bench.format import NUMBERS, ActBench, ActBenchError, Floats
from actsearch.config import ACT_BENCH_SCORE
from actsearch.functions.equivalence import classes
from actsearch.functions.expressions import parse

if TYPE_CHECKING:
    import pandas as pd

_MEDIANS = [column for column in NUMBERS.values() if column != "runtime"]
_KEYS = {column: key.lower() for key, column in NUMBERS.items()}


def require_functions(names: Sequence[str], known: Iterable[str], origin: str) -> None:
    """Raise ActBenchError unless each of ``names`` is the same function as one that is ``known``.

    ``origin`` is where the known functions stand, for the message.
    """
    there = list(known)
    numbers = classes([*names, *there])
    held = set(numbers[len(names) :])
    lacking = [name for name, number in zip(names, numbers, strict=False) if number not in held]
    _refuse_lacking(lacking, len(names), origin)


def match(names: Sequence[str], bench: ActBench) -> list[list[int]]:
    """Find each of the functions ``names`` in a file.

    Returns:
        For each name the rows of ``bench`` that are its function, in the file's order, one at
        least.

    Raises:
        ActBenchError: when the file lacks a function; names the first, and says how many.
    """
    listed = [(other, row) for row, others in enumerate(bench.equivalents) for other in others]
    numbers = classes([*names, *bench.names, *(other for other, _ in listed)])
    wanted, rest = numbers[: len(names)], numbers[len(names) :]
    own: dict[int, list[int]] = {}
    for row, number in enumerate(rest[: len(bench)]):
        own.setdefault(number, []).append(row)
    alike: dict[int, list[int]] = {}
    for (_, row), number in zip(listed, rest[len(bench) :], strict=True):
        rows = alike.setdefault(number, [])
        if not rows or rows[-1] != row:  # they come in order
            rows.append(row)
    found = [own.get(number) or alike.get(number) or [] for number in wanted]
    lacking = [name for name, rows in zip(names, found, strict=True) if not rows]
    _refuse_lacking(lacking, len(names), bench.origin)
    return found


def _refuse_lacking(lacking: Sequence[str], n: int, origin: str) -> None:
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise ActBenchError(
            f"{origin} lacks {lacking[0]!r}{more} of the {n} functions of the space, under any of "
            "their names; give the task's benchmark a space of functions that it holds"
        )


def imported_table(names: Sequence[str], bench: ActBench) -> pd.DataFrame:
    """The functions ``names`` as a benchmark table, made of a file in the format.

    Accuracies and losses are medians over the entries that are the function and have a validation
    accuracy; a function without such an entry was not measured and is left out. ``status`` is
    diverged where the train or the validation loss of every entry is missing or not finite, partial
    where that of some is, else completed. An accuracy stays as it is in either case: one at chance
    may be of a training that diverged or of one that learnt nothing. The file does not say what its
    numbers are medians of: ``n_runs`` and ``n_diverged`` are 0, and ``run_validation_scores``
    is empty.

    Returns:
        See :func:`actsearch.benchmark.table.build_table`; sorted by name.

    Raises:
        ActBenchError: when the file lacks a function, an accuracy is not a share from 0 to 1, or no
            function was measured.
    """
    import pandas as pd

    from actsearch.benchmark.table import COLUMNS

    columns = {column: bench.values(column) for column in _MEDIANS}
    for column in _MEDIANS[:3]:
        _require_shares(column, columns[column], bench)
    trained = np.isfinite(columns["train_loss"]) & np.isfinite(columns["validation_loss"])
    measured = ~np.isnan(columns["validation_score"])
    rows = []
    for name, entries in zip(names, match(names, bench), strict=True):
        chosen = [entry for entry in entries if measured[entry]]
        if not chosen:
            continue
        status = "completed" if trained[chosen].all() else "partial"
        row: dict[str, Any] = {
            "name": name,
            "slug": parse(name).slug,
            "status": status if trained[chosen].any() else "diverged",
            "n_runs": 0,
            "n_diverged": 0,
            "run_validation_scores": np.empty(0),
            "score": ACT_BENCH_SCORE.name,
        }
        rows.append(row | {key: _median(values[chosen]) for key, values in columns.items()})
    if not rows:
        raise ActBenchError(f"{bench.origin}: no function of the space has a validation accuracy")
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("name", ignore_index=True)


def _median(values: Floats) -> float:
    """Of the finite ones; NaN where there is none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def _require_shares(column: str, values: Floats, bench: ActBench) -> None:
    outside = np.flatnonzero((values < 0) | (values > 1))
    if len(outside):
        row = int(outside[0])
        raise ActBenchError(
            f"{bench.origin}: function {bench.names[row]!r}: {_KEYS[column]} {values[row]:g} is no "
            "share from 0 to 1"
        )


def published_features(names: Sequence[str], bench: ActBench) -> Floats:
    """Fisher features of the functions ``names`` as the file has them.

    Of several entries that are one function the first counts whose CDF is there and finite: they
    differ by rounding alone, but for those that overflowed.

    Returns:
        (n, d) float64; rows of NaN for functions that have none.

    Raises:
        ActBenchError: when the file lacks a function, or has no CDF, or CDFs of several lengths.
    """
    d = cdf_length(bench)
    features = np.full((len(names), d), np.nan)
    for row, entries in zip(features, match(names, bench), strict=True):
        cdfs = (bench.cdfs[entry] for entry in entries if len(bench.cdfs[entry]))
        row[:] = next((cdf for cdf in cdfs if np.isfinite(cdf).all()), math.nan)
    return features


def cdf_length(bench: ActBench) -> int:
    """Numbers in each CDF of a file.

    Returns:
        The length that all CDFs have.

    Raises:
        ActBenchError: when there are none, or the lengths differ.
    """
    lengths: dict[int, str] = {}
    for name, cdf in zip(bench.names, bench.cdfs, strict=True):
        if len(cdf):
            lengths.setdefault(len(cdf), name)
    if len(lengths) > 1:
        (one, first), (two, other), *_ = lengths.items()
        raise ActBenchError(
            f"{bench.origin}: published_features: {first!r} has a Fisher CDF of {one} numbers, "
            f"{other!r} one of {two}; all must have as many"
        )
    if not lengths:
        raise ActBenchError(f"{bench.origin}: published_features: no function has a Fisher CDF")
    return next(iter(lengths))
