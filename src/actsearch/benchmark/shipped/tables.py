"""Tables that ship, read by name: the scores, the runs and the map of a task."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from actsearch.benchmark import table as tables
from actsearch.benchmark.table import BenchmarkError
from actsearch.records import shipped
from actsearch.records.formats import ArtifactError, read_table
from actsearch.records.names import printable


def load_benchmark(path: str | Path) -> pd.DataFrame:
    """Read a benchmark table.

    An imported table says nothing of runs: n_runs and n_diverged are 0, and the lists empty.

    Args:
        path: the name of a table that ships (``mnist1d-mlp``), which goes before a folder of that
            name here; a folder with a ``benchmark.parquet``, such as ``results/TASK``; or a file.

    Returns:
        A row a function, with the columns of :func:`actsearch.benchmark.table.build_table`.

    Raises:
        BenchmarkError: when there is none (the message lists what ships), or the file is not
            Parquet or not such a table.
    """
    place = Path(path)
    if shipped.is_name(path) and shipped.is_table(shipped.FOLDER / place):
        place = shipped.FOLDER / place
    if place.is_dir():
        place /= shipped.TABLE
    elif shipped.is_name(path) and not place.exists():
        raise BenchmarkError(
            f"no benchmark table {str(path)!r}: neither a table that ships nor a folder or file "
            f"here; {shipped.known_tables()}"
        )
    return tables.load_benchmark(place)


def load_runs(table: str | Path) -> pd.DataFrame:
    """The runs of a table that ships, a row a function and seed.

    Args:
        table: its name or folder.

    Returns:
        name, slug, seed, status, epochs, and score and loss of the parts train and validation: see
        :func:`actsearch.benchmark.shipped.packing.runs_table`.

    Raises:
        BenchmarkError: when there is no such table; the message lists what ships.
    """
    return _read(table, shipped.RUNS)


def load_map(table: str | Path) -> pd.DataFrame:
    """The map of a table that ships: what strategies see of functions before they train any.

    With it and :func:`load_benchmark`, :func:`actsearch.search.simulation.simulate` replays a
    search in seconds.

    Args:
        table: its name, or its folder; ``results/TASK`` is one too.

    Returns:
        A row a function, with the columns of :func:`actsearch.features.embedding.embed`.

    Raises:
        BenchmarkError: when there is no such table; the message lists what ships.
    """
    if not shipped.is_name(table) and (Path(table) / shipped.MAP).is_file():
        return _read_file(Path(table) / shipped.MAP)
    return _read(table, shipped.MAP)


def _read(table: str | Path, name: str) -> pd.DataFrame:
    try:
        folder = shipped.table_folder(table)
    except ArtifactError as error:
        raise BenchmarkError(str(error)) from None
    return _read_file(folder / name)


def _read_file(path: Path) -> pd.DataFrame:
    try:
        return read_table(path)
    except ArtifactError as error:
        raise BenchmarkError(printable(str(error))) from None
