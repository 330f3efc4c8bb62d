"""What a file was made from, against what it would be made from now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from actsearch.records.lineage import Artifact

SHOWN = 3
"""Paths that are named of each kind of change; further ones are counted."""
HOW = ("changed", "missing", "new", "not used any more")


@dataclass(frozen=True)
class Change:
    """One difference between the sources then and now."""

    path: str
    """The input, or the file of data where it lies now."""
    how: str
    """One of HOW."""


def source_changes(
    artifact: Artifact,
    artifacts: Mapping[str, Artifact],
    planned: Iterable[str] | None,
    data: Mapping[str, str | None],
) -> list[Change]:
    """Where the sources of a file differ from those that it would be made from now; by path.

    Args:
        artifact: the file.
        artifacts: the files that stand, by path.
        planned: inputs among the results that the workflow would give it; None where that is not
            known, and the recorded ones are looked at.
        data: digests of the data that it would be made from, by today's path; None for a file that
            is not there. The same data may lie elsewhere now.
    """
    found = []
    inputs = artifact.block.get("inputs", {})
    wanted = inputs.keys() if planned is None else set(planned)
    for path in inputs.keys() | wanted:
        standing = artifacts.get(path)
        if path not in wanted:
            found.append(Change(path, "not used any more"))
        elif path not in inputs:
            found.append(Change(path, "new"))
        elif standing is None:
            found.append(Change(path, "missing"))
        elif standing.content != inputs[path]:
            found.append(Change(path, "changed"))
    then = artifact.block.get("data", {})
    for path, digest in data.items():
        if digest is None:
            found.append(Change(path, "missing"))
        elif digest not in then.values():
            found.append(Change(path, "changed" if then else "new"))
    if then and not data:
        found += [Change(path, "not used any more") for path in then]
    return sorted(found, key=lambda change: change.path)


def told(changes: Iterable[Change]) -> str:
    """Changes in words: ``a, b changed; c new``."""
    groups: dict[str, list[str]] = {how: [] for how in HOW}
    for change in changes:
        groups[change.how].append(change.path)
    return "; ".join(f"{_some(paths)} {how}" for how, paths in groups.items() if paths)


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more
