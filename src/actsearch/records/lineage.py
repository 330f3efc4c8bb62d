"""What was made from what, as the files themselves say it.

Paths are those of the records: relative to the folder of the experiment, ``results/...``.
"""

from __future__ import annotations

import functools
import marshal
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from actsearch.records.embedded import is_intact, read_provenance
from actsearch.records.files import FILE
from actsearch.records.folders import entries_under
from actsearch.records.formats import FORMATS, ArtifactError
from actsearch.records.seals import is_sealed

SUFFIXES = tuple(FORMATS)
"""Kinds of files that carry provenance."""
_SHARED = frozenset(
    {"settings", "modules", "environment", "git", "seeds", "agent", "device", "slurm", "command"}
)
"""Parts of a block that many files have in common."""
_PLAIN = 2  # of equal parts marshal writes the same bytes: later versions write references


@dataclass(frozen=True)
class Artifact:
    """A file under ``results/`` and what it says of itself."""

    path: str
    """Relative to the folder of the experiment."""
    block: Mapping[str, Any] = field(default_factory=dict)
    """Its provenance; empty where it has none."""
    problem: str | None = None
    """Why it cannot be relied on: unreadable, without provenance, altered."""

    @property
    def step(self) -> str:
        """The step that made it."""
        return str(self.block.get("step", ""))

    @property
    def inputs(self) -> Mapping[str, str]:
        """Content digests of the files it was made from, and of the data, by path."""
        return {**self.block.get("inputs", {}), **self.block.get("data", {})}

    @property
    def content(self) -> str | None:
        """Digest of what it says, as recorded when it was written."""
        return self.block.get("content_digest")

    @property
    def execution(self) -> tuple[str, ...]:
        """What files of one execution have in common."""
        names = ("step", "command", "host", "started")
        return tuple(str(self.block.get(name, "")) for name in names)


def read_artifact(path: str, root: Path = Path()) -> Artifact:
    """The file at ``path`` with its provenance; what is wrong with it is told, not raised."""
    try:
        block = read_provenance(root / path)
        intact = is_intact(root / path, block)
    except ArtifactError as error:
        return Artifact(path, problem=str(error).removeprefix(f"{root / path}: "))
    if not is_sealed(block):
        return Artifact(path, block, "has no digest of itself: made by an old version, or edited")
    return Artifact(path, block, None if intact else "altered since it was written")


def files_under(folder: Path, root: Path = Path()) -> Iterator[str]:
    """Paths of all files under ``root / folder``, hidden ones too; see :func:`entries_under`."""
    return (entry.path for entry in entries_under(folder, root) if entry.what == FILE)


def is_hidden(path: str) -> bool:
    """Whether a file or a folder above it is hidden: work that is not finished."""
    return any(part.startswith(".") for part in Path(path).parts)


def read_artifacts(
    folder: Path,
    root: Path = Path(),
    track: Callable[[list[str]], Iterable[str]] = lambda paths: paths,
) -> dict[str, Artifact]:
    """Every file under ``folder`` that is not hidden, by path; ``track`` may show progress."""
    return read_all(files_under(folder, root), root, track)


def read_all(
    paths: Iterable[str],
    root: Path = Path(),
    track: Callable[[list[str]], Iterable[str]] = lambda paths: paths,
) -> dict[str, Artifact]:
    """The files at ``paths`` that are not hidden, without those that are gone by now."""
    seen = [path for path in paths if not is_hidden(path)]
    known: dict[bytes, Any] = {}
    found = {path: _sharing(read_artifact(path, root), known) for path in track(seen)}
    return {
        path: artifact
        for path, artifact in found.items()
        if artifact.block or os.path.lexists(root / path)
    }


def _sharing(artifact: Artifact, known: dict[bytes, Any]) -> Artifact:
    """The same, whose parts are those of other files that say the same: one copy for all trials.

    Args:
        artifact: a file.
        known: parts by what they say; those of this file are added.

    Returns:
        An equal object.
    """
    block = {
        key: known.setdefault(marshal.dumps(part, _PLAIN), part) if key in _SHARED else part
        for key, part in artifact.block.items()
    }
    return replace(artifact, block=block)


class Lineage:
    """The graph of artifacts."""

    def __init__(self, artifacts: Mapping[str, Artifact]) -> None:
        """Take the artifacts by path."""
        self.artifacts = dict(artifacts)

    def made_from(self, path: str) -> list[str]:
        """Paths that the file at ``path`` was made from, itself an artifact or not; sorted."""
        found = self.artifacts.get(path)
        return sorted(found.inputs) if found else []

    @functools.cached_property
    def _users(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = {}
        for path in sorted(self.artifacts):
            for source in self.artifacts[path].inputs:
                users.setdefault(source, []).append(path)
        return users

    def made_into(self, path: str) -> list[str]:
        """Artifacts made from the file at ``path``, sorted."""
        return self._users.get(path, [])


def read_sources(path: str, root: Path = Path()) -> dict[str, Artifact]:
    """The file at ``path`` and every artifact it was made from, at any distance."""
    found: dict[str, Artifact] = {}
    waiting = [path]
    while waiting:
        name = waiting.pop()
        if name in found or Path(name).suffix not in SUFFIXES or not _stands(root / name):
            continue
        found[name] = read_artifact(name, root)
        waiting.extend(found[name].block.get("inputs", {}))
    return found


def _stands(path: Path) -> bool:
    """Whether there is something of this name, a file or not."""
    return os.path.lexists(path)


def alike(paths: Iterable[str], artifacts: Mapping[str, Artifact], limit: int) -> list[list[str]]:
    """``paths`` in groups: those of one step, task and kind together if they are over ``limit``."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        artifact = artifacts.get(path, Artifact(path))
        key = (artifact.step, str(artifact.block.get("task", "")), Path(path).suffix)
        groups.setdefault(key, []).append(path)
    return [
        part
        for group in groups.values()
        for part in ([group] if len(group) > limit else [[path] for path in group])
    ]
