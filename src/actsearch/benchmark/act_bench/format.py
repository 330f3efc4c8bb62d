"""The public Act-Bench format: one JSON object of function name to nine measured things.

Bingham and Miikkulainen (2023) publish a table of every function of the three-node space for each
of three networks (``PUBLIC`` in act_bench_download.py). What such a file says is kept as it stands:
names as written, in their order, ``null`` told apart from NaN. Numbers are float64, so an integer
comes back as the same number with a point.

A function's spectrum has some 13,000 numbers, and a file 40 million: lists of them become arrays as
soon as they are read.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.expressions import ExpressionError, parse
from actsearch.functions.syntax import shorten
from actsearch.records.digests import PROVENANCE_KEY

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Floats: TypeAlias = NDArray[np.float64]

NUMBERS = {
    "Train Accuracy": "train_score",
    "Validation Accuracy": "validation_score",
    "Test Accuracy": "test_score",
    "Train Loss": "train_loss",
    "Validation Loss": "validation_loss",
    "Test Loss": "test_loss",
    "Runtime (s)": "runtime",
}
"""Keys with a number, and what its column is called here."""
EQUIVALENTS = "Equivalent Activation Functions"
CDF = "Fisher log eigenvalue CDF"
KEYS = (*NUMBERS, EQUIVALENTS, CDF)


MOST_NAMES = 200_000
"""Functions and equivalents in a file: each is evaluated, which takes a minute for so many."""
MOST_BYTES = 4_000_000_000


class ActBenchError(ValueError):
    """A file that is not in the format, or not usable; names the function, the key and the file."""


@dataclass(frozen=True, eq=False)
class ActBench:
    """What a file in the format says, in its order.

    Attributes:
        origin: The file, for messages.
        names: (n,) names as written.
        numbers: By column (the values of NUMBERS), n numbers each; None where the file has null.
        equivalents: Of every function, other names that the file says are the same function.
        cdfs: Of every function, the CDF of its Fisher log eigenvalues (d,); empty where undefined.
    """

    origin: str
    names: list[str] = field(default_factory=list)
    numbers: dict[str, list[float | None]] = field(
        default_factory=lambda: {column: [] for column in NUMBERS.values()}
    )
    equivalents: list[list[str]] = field(default_factory=list)
    cdfs: list[Floats] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.names)

    def values(self, column: str) -> Floats:
        """A column's numbers (n,), NaN where the file has null."""
        return np.array(self.numbers[column], dtype=np.float64)

    def entries(self, finite: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the file says of every function, ready for JSON.

        Args:
            finite: a number that is not finite becomes None and such a CDF an empty list, so that
                any reader of JSON can read it.

        Yields:
            Name and object of a function, in the order of rows.
        """
        for row, (name, others, cdf) in enumerate(
            zip(self.names, self.equivalents, self.cdfs, strict=True)
        ):
            numbers = {key: self.numbers[column][row] for key, column in NUMBERS.items()}
            if finite:
                numbers = {key: _finite(number) for key, number in numbers.items()}
                cdf = cdf if np.isfinite(cdf).all() else cdf[:0]
            yield name, {**numbers, EQUIVALENTS: others, CDF: cdf.tolist()}

    def to_table(self) -> pa.Table:
        """Columns name, those of NUMBERS, equivalents (list of str), fisher_cdf (list of float)."""
        import pyarrow as pa

        columns: dict[str, Any] = {"name": pa.array(self.names, pa.string())}
        for column, numbers in self.numbers.items():
            columns[column] = pa.array(numbers, pa.float64())  # None is null, NaN stays NaN
        columns["equivalents"] = pa.array(self.equivalents, pa.list_(pa.string()))
        ends = np.cumsum([0, *map(len, self.cdfs)], dtype=np.int64)
        flat = pa.array(np.concatenate([np.empty(0), *self.cdfs]))
        columns["fisher_cdf"] = pa.LargeListArray.from_arrays(pa.array(ends), flat)
        return pa.table(columns)

    @classmethod
    def from_table(cls, table: pa.Table, origin: str) -> ActBench:
        """The inverse of ``to_table``.

        Returns:
            The functions of the table, in its order.

        Raises:
            ActBenchError: when a column is missing.
        """
        wanted = ("name", *NUMBERS.values(), "equivalents", "fisher_cdf")
        if missing := [column for column in wanted if column not in table.column_names]:
            raise ActBenchError(f"{origin}: columns are missing: {', '.join(missing)}")
        cdfs: list[Floats] = []
        for chunk in table["fisher_cdf"].chunks:
            flat, ends = chunk.values.to_numpy(), chunk.offsets.to_numpy()
            cdfs += [flat[start:end] for start, end in itertools.pairwise(ends)]
        return cls(
            origin,
            table["name"].to_pylist(),
            {column: table[column].to_pylist() for column in NUMBERS.values()},
            table["equivalents"].to_pylist(),
            cdfs,
        )


def read_act_bench(path: str | Path) -> ActBench:
    """Read a file in the format; the provenance that our own exports carry is passed over.

    Returns:
        The functions of the file, in its order.

    Raises:
        ActBenchError: when there is no such file, it is no JSON or too large, a key is missing,
            unknown or there twice, a value has the wrong type, or a name is no function.
    """
    path = Path(path)
    names = -1  # the object that holds them all is counted too

    def taken(pairs: list[tuple[str, Any]]) -> _Object:
        nonlocal names
        names += 1 + sum(len(value) for key, value in pairs if _is_list_of_names(key, value))
        if names > MOST_NAMES:
            raise ActBenchError(
                f"{path}: more than {MOST_NAMES:,} functions and equivalents; so many are allowed"
            )
        return _Object(pairs)

    try:
        if path.stat().st_size > MOST_BYTES:
            raise ActBenchError(f"{path}: more than {MOST_BYTES:,} bytes; so many are allowed")
        content = json.loads(path.read_bytes(), object_pairs_hook=taken)
    except ActBenchError:
        raise
    except OSError as error:
        raise ActBenchError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:  # text that is not UTF-8; lists in lists
        raise ActBenchError(f"{path}: cut short or not JSON ({error})") from None
    if not isinstance(content, _Object):
        raise ActBenchError(f"{path}: holds no JSON object, but {_kind(content)}")
    bench = ActBench(str(path))
    for name, value in content.pairs:
        if name == PROVENANCE_KEY:
            continue
        try:
            _add(bench, name, value)
        except (ActBenchError, ExpressionError) as error:
            raise ActBenchError(f"{path}: function {shorten(name)!r}: {error}") from None
    if repeated := _repeated(bench.names):
        raise ActBenchError(f"{path}: function {shorten(repeated)!r} is there twice")
    if not bench.names:
        raise ActBenchError(f"{path}: holds no function")
    return bench


def _is_list_of_names(key: str, value: Any) -> bool:
    return key == EQUIVALENTS and isinstance(value, list)


class _Object:
    """A JSON object as it stands in the file, its spectrum as an array already."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = [(key, _array(value) if key == CDF else value) for key, value in pairs]


def _array(value: Any) -> Any:
    """A list of numbers as an array; anything else as it is."""
    if isinstance(value, list) and set(map(type, value)) <= {float, int}:
        try:
            return np.array(value, dtype=np.float64)
        except OverflowError:
            return value
    return value


def _add(bench: ActBench, name: str, value: Any) -> None:
    parse(name)
    if not isinstance(value, _Object):
        raise ActBenchError(f"expected an object with its numbers, got {_kind(value)}")
    keys = [key for key, _ in value.pairs]
    if missing := [key for key in KEYS if key not in keys]:
        raise ActBenchError(f"key {missing[0]!r} is missing")
    if unknown := [key for key in keys if key not in KEYS]:
        raise ActBenchError(f"unknown key {shorten(unknown[0])!r}; the keys are {', '.join(KEYS)}")
    if repeated := _repeated(keys):
        raise ActBenchError(f"key {shorten(repeated)!r} is there twice")
    known = dict(value.pairs)
    numbers = {column: _number(key, known[key]) for key, column in NUMBERS.items()}
    others = known[EQUIVALENTS]
    if not isinstance(others, list):
        raise ActBenchError(f"{EQUIVALENTS!r} must be a list of names, got {_kind(others)}")
    for other in others:
        try:
            parse(other)
        except ExpressionError as error:
            raise ActBenchError(f"{EQUIVALENTS!r}: {error}") from None
    cdf = known[CDF]
    if isinstance(cdf, list):
        odd = next((item for item in cdf if type(item) not in (float, int)), cdf[:1])
        raise ActBenchError(f"{CDF!r} must be a list of numbers, got one with {_kind(odd)}")
    if not isinstance(cdf, np.ndarray):
        raise ActBenchError(f"{CDF!r} must be a list of numbers, got {_kind(cdf)}")
    bench.names.append(name)
    for column, number in numbers.items():
        bench.numbers[column].append(number)
    bench.equivalents.append(others)
    bench.cdfs.append(cdf)


def _number(key: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ActBenchError(f"{key!r} must be a number or null, got {_kind(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ActBenchError(f"{key!r}: an integer too large for a number") from None


def _kind(value: Any) -> str:
    """What a value is, in JSON's words."""
    if isinstance(value, _Object):
        return "an object"
    words = {bool: "true or false", str: "a string", list: "a list", type(None): "null"}
    return words.get(type(value), "a number")


def _repeated(words: Sequence[str]) -> str | None:
    return next((word for word, count in Counter(words).items() if count > 1), None)


def to_act_bench(
    table: pd.DataFrame,
    runtimes: Mapping[str, float],
    equivalents: Mapping[str, Sequence[str]],
    fisher_cdfs: Mapping[str, Floats] | None = None,
) -> ActBench:
    """A benchmark table in the format.

    Args:
        table: see :func:`actsearch.benchmark.table.build_table`.
        runtimes: seconds a function's trial took.
        equivalents: names of a function's class; the function itself may be among them, and a name
            may come twice.
        fisher_cdfs: CDF (d,) of a function's Fisher log eigenvalues; empty when left out, or where
            it is not finite.

    Returns:
        The functions in the table's order. A number that was not measured (or a loss that does not
        exist) is None. Equivalents are the other names of the class, each once, in the order given;
        none for a function that is left out of ``equivalents``.
    """
    cdfs = fisher_cdfs or {}
    bench = ActBench("benchmark table")
    for row in table.to_dict("records"):
        name = row["name"]
        bench.names.append(name)
        for column, numbers in bench.numbers.items():
            numbers.append(_finite(runtimes.get(name) if column == "runtime" else row[column]))
        others = dict.fromkeys(equivalents.get(name, ()))
        bench.equivalents.append([other for other in others if other != name])
        cdf = np.asarray(cdfs.get(name, ()), dtype=np.float64)
        bench.cdfs.append(cdf if np.isfinite(cdf).all() else cdf[:0])
    return bench


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
