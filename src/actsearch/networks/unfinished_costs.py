"""A table of costs whose job was stopped goes on after its last row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from actsearch.records.checkpoints import CheckpointFile

_SECONDS_BETWEEN = 60.0  # what is lost when a job is killed


class UnfinishedCosts:
    """The first rows of a table, in a file that the next job of the table reads."""

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        say: Callable[[str], None] = lambda text: None,
        seconds_between: float = _SECONDS_BETWEEN,
    ) -> None:
        """Name the file; nothing is read or written yet.

        Args:
            path: the file.
            identity: plain data that tell whether a file is of this table: functions, code, and
                the machine, since rows of two machines do not compare.
            say: called with a line for people.
            seconds_between: from one writing to the next; 0 for one after every row.
        """
        self._file = CheckpointFile(
            path, identity, seconds_between, say, work="measuring", kin="functions, code or machine"
        )

    def take_over(self) -> list[dict[str, Any]]:
        """The first rows of the table, as an earlier job left them."""
        self._file.belong_to()
        found = self._file.read(_load) or []
        if found:
            self._file.tell(f"goes on after {len(found)} rows")
        return found

    def keep(self, rows: Sequence[Mapping[str, Any]], *, now: bool = False) -> None:
        """Write the file if it is time, or ``now``."""
        if rows and (now or self._file.is_due()):
            content = json.dumps({"identity": self._file.stamp, "rows": list(rows)}).encode()

            def save(file: BinaryIO) -> None:
                file.write(content)

            self._file.write(save)

    def remove(self) -> None:
        """Remove the file: the table is finished."""
        self._file.remove()


def _load(path: Path) -> tuple[str, list[dict[str, Any]]]:
    held = json.loads(path.read_text(encoding="utf-8"))
    return str(held["identity"]), list(held["rows"])
