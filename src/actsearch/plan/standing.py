"""Which trials and spectra exist, and which of them Snakemake would make again.

Read from the files alone, some thousands in a second: whoever watches a run asks often. A file
counts as current when its record says today's settings, code, operators and data, and so do the
records of all that it was made from. Whether its bytes were altered since, an audit says.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actsearch.config import Config
from actsearch.plan import layout
from actsearch.plan.proposed import still_proposed
from actsearch.plan.staleness import present_of
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import ArtifactError
from actsearch.records.lineage import Artifact

_NEEDED = frozenset(
    {"step", "task", "wildcards", "item", "settings_digest", "code_digest", "operators"}
    | {"data", "inputs", "content_digest", "seconds", "seeds", "ended"}
)
"""Parts of a record that are looked at; the others are large, and there are many records."""


@dataclass(frozen=True)
class Trial:
    """A trained function, in its place or finished by a job that still works on others."""

    place: str
    """Its path as records have it: ``results/...``."""
    is_current: bool
    """Whether it is kept; Snakemake would make it again otherwise."""
    function: str = ""
    status: str = ""
    """completed, partial (some runs diverged) or diverged."""
    validation_score: float | None = None
    seconds: float | None = None
    """Of one of its trainings."""


@dataclass(frozen=True)
class _File:
    """What is needed of a file that carries a record."""

    block: Mapping[str, Any] = field(default_factory=dict)
    content: Mapping[str, Any] = field(default_factory=dict)


class Standing:
    """The files of an experiment, compared with what they would be made with today."""

    def __init__(self, config: Config, results: Path) -> None:
        """Take the configuration, with the user's operators registered, and the results."""
        self._results = results
        self._present = present_of(config)
        self._read: dict[Path, tuple[tuple[int, int], _File | None]] = {}
        self._current: dict[Path, bool] = {}

    def look_again(self) -> None:
        """Forget what was found of files that may have changed since."""
        self._current.clear()

    def trials(self, task: str, pattern: str) -> list[Trial]:
        """Trials of a task.

        Args:
            task: its name.
            pattern: of their paths below the task's folder, as ``layout`` has it.

        Returns:
            One for each function, by its place; a current one, where there are several.
        """
        folder = self._results / task
        found: dict[str, Trial] = {}
        head, _, tail = pattern.rpartition("/")
        # A job that makes several holds those that are finished under hidden names.
        held = [(path, _place(path)) for path in folder.glob(f"{head}/.{tail}.finished")]
        placed = [(path, path) for path in folder.glob(pattern) if not path.name.startswith(".")]
        # In the order of rounds: each is made from those before it.
        for path, place in sorted([*held, *placed], key=lambda pair: _natural(pair[1])):
            if (trial := self._trial(path, place)) is None:
                continue
            if trial.place not in found or trial.is_current:
                found[trial.place] = trial
        return list(found.values())

    def is_current(self, path: Path) -> bool:
        """Whether the file at ``path`` is there, and would not be made again."""
        if path not in self._current:
            self._current[path] = False  # of files in a circle none is current
            file = self._file(path)
            self._current[path] = file is not None and self._says(path, file)
        return self._current[path]

    def _trial(self, path: Path, place: Path) -> Trial | None:
        file = self._file(path)
        if file is None:
            return None
        current, named = self.is_current(path), self._named(place)
        block, content = file.block, file.content
        seconds = None
        with contextlib.suppress(KeyError, TypeError, ValueError, ZeroDivisionError):
            seconds = float(block["seconds"]) / len(block["seeds"]["runs"])
        score = content.get("validation_score")
        return Trial(
            named,
            current,
            str(content.get("function", "")),
            str(content.get("status", "")),
            float(score) if isinstance(score, int | float) else None,
            seconds,
        )

    def _says(self, path: Path, file: _File) -> bool:
        """Whether a record, and those of all its inputs, say what they would say today."""
        block = file.block
        try:
            now = self._present(block)
        except (TypeError, AttributeError):  # a block of another shape
            return False
        same = (
            now.problem is None
            and block.get("settings_digest") == now.settings_digest
            and block.get("code_digest") == now.code_digest
            and dict(block.get("operators") or {}) == dict(now.operators)
            and _same_data(block.get("data") or {}, now.data)
        )
        return same and all(
            self._input_stands(path, block, name, digest)
            for name, digest in (block.get("inputs") or {}).items()
        )

    def _input_stands(self, path: Path, block: Mapping[str, Any], name: str, digest: str) -> bool:
        source = self._results.parent / name
        if layout.is_result(name):
            source = self._results / Path(name).relative_to(layout.RESULTS)
        if (file := self._file(source)) is None:
            # What is gone is not made again while nothing that is to be made needs it.
            return not source.exists()
        if not self.is_current(source):
            return False
        if file.block.get("content_digest") == digest:
            return True
        return still_proposed(Artifact(str(_place(path)), block), str(source))

    def _named(self, path: Path) -> str:
        return str(Path(layout.RESULTS) / path.relative_to(self._results))

    def _file(self, path: Path) -> _File | None:
        """What the file says; None where there is none that can be read."""
        try:
            state = path.stat()
        except OSError:
            return None
        stamp = (state.st_mtime_ns, state.st_size)
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = (stamp, _read(path))
        return self._read[path][1]


def _read(path: Path) -> _File | None:
    if path.suffix not in (".json", ".finished"):
        try:
            block = read_provenance(path)
        except (ArtifactError, OSError):
            return None
        return _File({key: block[key] for key in _NEEDED & block.keys()})
    try:
        content = json.loads(path.read_bytes())
        block = content["provenance"]
        needed = {key: block[key] for key in _NEEDED & block.keys()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    told = ("function", "status", "validation_score")
    return _File(needed, {key: content[key] for key in told if key in content})


def _same_data(then: Mapping[str, str], now: Mapping[str, str | None]) -> bool:
    """Whether data are those of a record, wherever they lie; what is not there is no difference."""
    if not now:
        return not then
    return all(digest is None or digest in then.values() for digest in now.values())


def _place(path: Path) -> Path:
    """Where a file will lie that a job holds until its others are finished."""
    if path.suffix != ".finished":
        return path
    return path.with_name(path.name.removesuffix(".finished").removeprefix("."))


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def only(trials: Iterable[Trial], slugs: frozenset[str] | None) -> list[Trial]:
    """Those of ``trials`` that are named by one of ``slugs``, where these are given."""
    if slugs is None:
        return list(trials)
    return [trial for trial in trials if Path(trial.place).stem in slugs]
