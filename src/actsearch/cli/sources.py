"""What candidates of a last comparison are first chosen from: tables, and histories of searches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from actsearch.config import ConfigError, Final
from actsearch.records.formats import read_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sources:
    """Files of the task itself, or of the tasks in its candidates_from."""

    table: Path | None
    histories: tuple[Path, ...]
    others: dict[str, list[Path]]
    """Tables and histories of each other task, in the order of candidates_from."""

    @classmethod
    def given(
        cls,
        final: Final,
        table: Path | None,
        histories: Iterable[Path] | None,
        others: Iterable[str] | None,
    ) -> Sources:
        """Those that a command was given, ``others`` as TASK=FILE.

        Returns:
            The files, sorted.

        Raises:
            ConfigError: when the task's own are given where other tasks are to be asked, or the
                reverse, or an option is none.
        """
        histories = tuple(histories or ())
        own = [path for path in (table, *histories) if path is not None]
        sources: dict[str, list[Path]] = {name: [] for name in final.candidates_from}
        if own and sources:
            raise ConfigError(
                f"{own[0]}: candidates_from names other tasks: give files with --from"
            )
        for option in others or ():
            name, separator, path = option.partition("=")
            if not separator or not path or name not in sources:
                allowed = ", ".join(sources) or "none, for there is no candidates_from"
                raise ConfigError(f"--from {option!r}: expected TASK=FILE; tasks: {allowed}")
            sources[name].append(Path(path))
        return cls(table, histories, sources)

    @property
    def paths(self) -> list[Path]:
        """All files."""
        own = [path for path in (self.table, *self.histories) if path is not None]
        return [*own, *(path for files in self.others.values() for path in files)]

    def choose(self, n: int, baselines: Sequence[str], in_all: int | None = None) -> pd.DataFrame:
        """The baselines, and the best ``n`` functions of the task or of each other task.

        Args:
            n: number of functions.
            baselines: by name.
            in_all: functions of all other tasks together, if fewer.

        Returns:
            Candidates, see `actsearch.search.finalists`.

        Raises:
            ValueError: when there are not as many.
        """
        from actsearch.search.finalists import choose_candidates, choose_from_tasks

        if self.others:
            tables = {name: [*map(read_table, files)] for name, files in self.others.items()}
            return choose_from_tasks(tables, n, baselines, in_all)
        table = read_table(self.table) if self.table else None
        return choose_candidates(table, map(read_table, self.histories), n, baselines)
