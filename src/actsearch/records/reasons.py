"""What is out of date in a file, and why: the one place that says it.

``audit``, ``why``, ``adopt``, ``lineage`` and ``replay`` print what is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from actsearch.records.differences import changes
from actsearch.records.lineage import Artifact

SHOWN = 3
"""Paths that are named of each kind of change; further ones are counted."""
HOW = ("changed", "missing", "new", "not used any more")
Kind = Literal["unreadable", "altered", "moved", "settings", "code", "operators", "inputs"]
REASON_KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds, the gravest first."""


@dataclass(frozen=True)
class Present:
    """What a file would be made with today."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_digest: str = ""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Digests of the step's modules, abbreviated as in a block."""
    code_digest: str | None = None
    operators: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str | None] = field(default_factory=dict)
    """Digests of the data that stand for its task's, by path; None where a file is missing."""
    problem: str | None = None
    """Why it could not be made: a task or a section that the configuration lacks."""


@dataclass(frozen=True)
class Change:
    """One difference between the sources of a file then and now."""

    path: str
    """The input, or the file of data where it lies now."""
    how: str
    """One of HOW."""


@dataclass(frozen=True)
class Reason:
    """Why a file is not what would be made today."""

    kind: Kind
    text: str
    """What exactly, for people: key and values, modules, files."""
    names: tuple[str, ...] = ()
    """Modules that differ, for code and operators."""
    changes: tuple[Change, ...] = ()
    """For inputs."""


def reasons(
    artifact: Artifact,
    standing: Mapping[str, Artifact],
    planned: Iterable[str] | None = None,
    now: Present | None = None,
) -> list[Reason]:
    """All that is out of date in a file, without what its inputs are made from.

    Args:
        artifact: the file.
        standing: the files that stand, by path.
        planned: inputs among the results that the workflow would give it; None where that is not
            known, and the recorded ones are looked at.
        now: what it would be made with today; None where that is not known, and only files are
            compared.

    Returns:
        Nothing for a file that is up to date. One reason for a file that cannot be relied on.
    """
    if not artifact.block:
        return [Reason("unreadable", artifact.problem or "carries no provenance")]
    if artifact.problem:
        return [Reason("altered", artifact.problem)]
    written = artifact.block.get("file")
    found = [] if written == artifact.path else [Reason("moved", f"was written as {written}")]
    if now is not None and now.problem:
        return [*found, Reason("settings", now.problem)]
    if now is not None:
        found += _then_and_now(artifact.block, now)
    if changed := source_changes(artifact, standing, planned, None if now is None else now.data):
        found.append(Reason("inputs", told(changed), changes=tuple(changed)))
    return found


def _then_and_now(block: Mapping[str, Any], now: Present) -> list[Reason]:
    found = []
    if now.settings_digest != block.get("settings_digest"):
        keys = changes(block.get("settings", {}), now.settings)
        found.append(Reason("settings", "; ".join(keys) or "other settings"))
    modules = _changed_names(block.get("modules", {}), now.modules)
    if modules or block.get("code_digest") != now.code_digest:
        found.append(Reason("code", ", ".join(modules) or "other modules", modules))
    if operators := _changed_names(block.get("operators", {}), now.operators):
        found.append(Reason("operators", f"operators: {', '.join(operators)}", operators))
    return found


def _changed_names(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Names whose digests differ, or that only one of both has; sorted."""
    return tuple(sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n)))


def source_changes(
    artifact: Artifact,
    standing: Mapping[str, Artifact],
    planned: Iterable[str] | None,
    data: Mapping[str, str | None] | None,
) -> list[Change]:
    """Where the sources of a file differ from those that it would be made from now.

    Args:
        artifact: the file.
        standing: the files that stand, by path.
        planned: as for :func:`reasons`.
        data: digests of the data that it would be made from, by today's path; None for a file that
            is not there, and for all where they are not looked at. The same data may lie elsewhere
            now.

    Returns:
        The differences, sorted by path.
    """
    found = []
    inputs = artifact.block.get("inputs", {})
    wanted = inputs.keys() if planned is None else set(planned)
    for path in inputs.keys() | wanted:
        source = standing.get(path)
        if path not in wanted:
            found.append(Change(path, "not used any more"))
        elif path not in inputs:
            found.append(Change(path, "new"))
        elif source is None:
            found.append(Change(path, "missing"))
        elif source.content != inputs[path]:
            found.append(Change(path, "changed"))
    if data is not None:
        found += _data_changes(artifact.block.get("data", {}), data)
    return sorted(found, key=lambda change: change.path)


def _data_changes(then: Mapping[str, str], now: Mapping[str, str | None]) -> list[Change]:
    found = []
    for path, digest in now.items():
        if digest is None:
            found.append(Change(path, "missing"))
        elif digest not in then.values():
            found.append(Change(path, "changed" if then else "new"))
    if then and not now:
        found += [Change(path, "not used any more") for path in then]
    return found


def told(changes: Iterable[Change]) -> str:
    """Changes in words: ``a, b changed; c new``."""
    groups: dict[str, list[str]] = {how: [] for how in HOW}
    for change in changes:
        groups[change.how].append(change.path)
    return "; ".join(f"{_some(paths)} {how}" for how, paths in groups.items() if paths)


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more


def without_missing(found: Iterable[Reason]) -> list[Reason]:
    """``found`` without inputs that are merely missing.

    What was made of a file may stand without it: nothing is made again for that.

    Returns:
        The reasons that are left, with the changes that are left.
    """
    return without(found, lambda change: change.how == "missing")


def without(found: Iterable[Reason], is_none: Callable[[Change], bool]) -> list[Reason]:
    """``found`` without the changes of inputs that are no reason.

    Args:
        found: the reasons for a file.
        is_none: of a change.

    Returns:
        The reasons that are left, with the changes that are left.
    """
    kept = []
    for reason in found:
        changed = tuple(change for change in reason.changes if not is_none(change))
        if len(changed) == len(reason.changes):
            kept.append(reason)
        elif changed:
            kept.append(Reason(reason.kind, told(changed), reason.names, changed))
    return kept


def other_versions(block: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Versions that shape numbers and differ between a file's environment and the one ``here``."""
    then = block.get("environment", {})
    keys = ("python", "versions")
    return changes({k: then.get(k) for k in keys}, {k: here.get(k) for k in keys}) if then else []
