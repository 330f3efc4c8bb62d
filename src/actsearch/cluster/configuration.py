"""Which configuration results belong to: one rule for all that look at results."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from actsearch.cluster.journal import read_journal
from actsearch.plan.environment import CONFIG_VARIABLE, DEFAULT_CONFIG


@dataclass(frozen=True)
class Configuration:
    """Where a configuration is looked for."""

    file: Path
    folder: Path
    """In which modules of the user's are looked for."""
    is_named: bool
    """Whether somebody named it: it must exist then."""

    @property
    def is_there(self) -> bool:
        """Whether to read it: one that was named and is missing is an error of its reader."""
        return self.is_named or self.file.is_file()

    @contextlib.contextmanager
    def at_home(self) -> Iterator[None]:
        """While the user's modules are imported: they are found in the folder."""
        with contextlib.chdir(self.folder if self.folder.is_dir() else Path.cwd()):
            yield


def configuration_of(results: Path, given: Path | None = None) -> Configuration:
    """The configuration of results.

    It is the first of these: the one that is given; what the environment names; that of the last
    run in the folder of the results, if its file still exists; ``config.yaml`` in that folder.

    Args:
        results: the folder with the results.
        given: the file that somebody named.

    Returns:
        The configuration, of which only the third is sure to exist.
    """
    named = given or os.environ.get(CONFIG_VARIABLE)
    if named:
        return Configuration(Path(named).absolute(), Path.cwd(), is_named=True)
    folder = results.absolute().parent
    jobs = read_journal(folder)
    if jobs is not None and jobs.configuration is not None:
        last = folder / jobs.configuration
        if last.is_file():
            return Configuration(last, folder, is_named=False)
    return Configuration(folder / DEFAULT_CONFIG, folder, is_named=False)
