"""Tables that ship as data: where they lie, what a table's folder holds, and what may be in it.

A folder of tables holds a configuration, a data card, and a folder a table.
"""

from __future__ import annotations

import re
from pathlib import Path

from actsearch.records.files import ArtifactError
from actsearch.records.names import printable

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "data" / "act-bench-small"
"""The tables of this repository."""

CARD = "README.md"
CONFIGURATION = "config.yaml"
TABLE = "benchmark.parquet"
MAP = "map.parquet"
FUNCTIONS = "functions.parquet"
TRIALS = "trials.parquet"
RUNS = "runs.parquet"
FISHER = "fisher.npz"
COPIED = (TABLE, MAP, FUNCTIONS)
"""Files that are as the workflow made them, to the byte."""
PACKED = (TRIALS, RUNS, FISHER)
"""Files that ``actsearch ship`` makes of many."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def tables_in(folder: Path) -> list[str]:
    """Names of the tables in a folder of tables, sorted; none where there is no such folder."""
    return sorted(path.parent.name for path in folder.glob(f"[!.]*/{TRIALS}"))


def is_shipped(folder: Path) -> bool:
    """Whether ``folder`` is a folder of tables that ship, damaged or not."""
    return (folder / CONFIGURATION).is_file() and bool(tables_in(folder))


def is_table(folder: Path) -> bool:
    """Whether ``folder`` is that of one table that ships."""
    return (folder / TRIALS).is_file()


def is_name(text: object) -> bool:
    """Whether ``text`` is the name of a task, and no path."""
    return _NAME.fullmatch(str(text)) is not None


def table_folder(table: str | Path) -> Path:
    """The folder of a table that ships.

    Args:
        table: its name, which goes before a folder of that name here; its folder; or a file in it.

    Returns:
        The folder.

    Raises:
        ArtifactError: when there is no such table; the message lists those that ship.
    """
    path = Path(table)
    named = [FOLDER / path] if is_name(table) else []
    for folder in (*named, path, path.parent):
        if is_table(folder):
            return folder
    raise ArtifactError(
        f"{printable(str(table))}: no table that ships, by name or by folder; {known_tables()}"
    )


def known_tables() -> str:
    """What ships, in words."""
    if names := tables_in(FOLDER):
        return f"tables that ship: {', '.join(names)}"
    return (
        "no tables are there: they lie in data/act-bench-small of the repository, beside the "
        "sources; install from a clone of it (make setup)"
    )
