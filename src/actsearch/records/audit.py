"""What is wrong with results: every file against its own digests, the others, and the present.

Nothing is changed or deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actsearch.records.differences import changes
from actsearch.records.digests import digest_file, settings_digest
from actsearch.records.formats import ArtifactError, content_digest
from actsearch.records.lineage import SUFFIXES, Artifact, is_hidden
from actsearch.records.sources import source_changes, told

KINDS = {
    "unreadable": "cut short, damaged, or without provenance",
    "altered": "changed after they were written",
    "moved": "stand under another name than they were written as",
    "stray": "made by no rule",
    "settings": "made under another configuration",
    "code": "made by other code than stands here",
    "inputs": "made from other inputs than they would be made from here",
    "mixed-code": "made from results of several versions of the code",
    "mixed-environment": "made from results of several environments",
    "dirty": "made by code that was not committed",
    "lock": "made under another lock of package versions",
}
"""Findings by kind, and what is said of the files."""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a file."""

    kind: str
    """A key of KINDS."""
    path: str
    """The file, relative to the folder of the experiment."""
    message: str
    """What is wrong, for this file."""


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


PresentOf = Callable[[Mapping[str, Any]], Present]
WATCHING = ("crate", "audit")
"""Steps that look at whatever stands, besides what the workflow gives them."""
_CHECKPOINT = re.compile(r"\.checkpoint(\.[0-9a-f]+\.new)?$")


def audit(
    artifacts: Mapping[str, Artifact],
    *,
    files: Iterable[str],
    can_be_made: Callable[[str], bool],
    present_of: PresentOf,
    inputs_of: Callable[[str], Iterable[str] | None],
    environment: Mapping[str, Any],
) -> list[Finding]:
    """Everything wrong with ``artifacts``, in the order of KINDS and of paths.

    Args:
        artifacts: the files by path, see :func:`lineage.read_artifacts`.
        files: all files that stand there, hidden ones and others without provenance too.
        can_be_made: whether some rule makes the file at a path.
        present_of: what the file with a provenance block would be made with today.
        inputs_of: files under results/ that the workflow makes a path from; None where unknown.
        environment: the environment here, as in a block.
    """
    findings = [*_strays(files, can_be_made)]
    for path, artifact in artifacts.items():
        if Path(path).suffix in SUFFIXES:
            findings += _own(artifact)
            findings += _copies(artifact)
            if artifact.block and not artifact.problem:
                now = present_of(artifact.block)
                findings += _then_and_now(artifact, now, environment)
                planned = None if artifact.step in WATCHING else inputs_of(path)
                findings += _inputs(artifact, artifacts, planned, now)
                findings += _mixtures(artifact, artifacts)
    order = list(KINDS)
    return sorted(findings, key=lambda finding: (order.index(finding.kind), finding.path))


def _strays(files: Iterable[str], can_be_made: Callable[[str], bool]) -> Iterator[Finding]:
    for path in files:
        name = Path(path).name
        if not is_hidden(path):
            if not can_be_made(path):
                yield Finding("stray", path, "no rule makes it")
        elif name.endswith(".tmp"):
            yield Finding("stray", path, "left by a command that was killed while it wrote")
        elif name.endswith(".finished") or _CHECKPOINT.search(name):
            continue
        elif name != ".snakemake_timestamp":
            yield Finding("stray", path, "no rule makes it")


def _own(artifact: Artifact) -> Iterator[Finding]:
    """What a file shows by itself."""
    if not artifact.block:
        yield Finding("unreadable", artifact.path, artifact.problem or "carries no provenance")
        return
    if artifact.problem:
        yield Finding("altered", artifact.path, _alteration(artifact))
        return
    written = artifact.block.get("file")
    if written != artifact.path:
        yield Finding("moved", artifact.path, f"was written as {written}")
    git = artifact.block.get("git", {})
    if git.get("clean") is False:
        yield Finding("dirty", artifact.path, f"commit {git.get('commit', '')[:12]} and edits")


def _alteration(artifact: Artifact) -> str:
    try:
        content = content_digest(artifact.path)
    except (ArtifactError, OSError, ValueError):
        return str(artifact.problem)
    if artifact.content is None:
        return str(artifact.problem)
    if content == artifact.content:
        return "its provenance or layout was edited; the numbers are as they were written"
    return "its content was edited"


def _copies(artifact: Artifact) -> Iterator[Finding]:
    """Copies of sources, which carry no provenance themselves, against who wrote them."""
    for path, digest in artifact.block.get("copies", {}).items():
        if not Path(path).is_file():
            yield Finding("unreadable", path, f"missing, though {artifact.path} tells of it")
        elif digest_file(path) != digest:
            yield Finding("altered", path, "its content was edited")


def _then_and_now(
    artifact: Artifact, now: Present, environment: Mapping[str, Any]
) -> Iterator[Finding]:
    """A file against what it would be made with today."""
    block = artifact.block
    if now.problem:
        yield Finding("settings", artifact.path, now.problem)
        return
    if now.settings_digest != block.get("settings_digest"):
        keys = changes(block.get("settings", {}), now.settings)
        yield Finding("settings", artifact.path, "; ".join(keys) or "other settings")
    if now.code_digest != block.get("code_digest"):
        names = changed_names(block.get("modules", {}), now.modules)
        yield Finding("code", artifact.path, ", ".join(names) or "other modules")
    elif dict(now.operators) != block.get("operators", {}):
        names = changed_names(block.get("operators", {}), now.operators)
        yield Finding("code", artifact.path, f"operators: {', '.join(names)}")
    then = block.get("environment", {})
    if then.get("lock") and environment.get("lock") and then["lock"] != environment["lock"]:
        versions = changes(then.get("versions", {}), environment.get("versions", {}))
        yield Finding("lock", artifact.path, "; ".join(versions) or "versions of other packages")


def changed_names(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Names whose digests differ, or that only one of both has; sorted."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _inputs(
    artifact: Artifact,
    artifacts: Mapping[str, Artifact],
    planned: Iterable[str] | None,
    now: Present,
) -> Iterator[Finding]:
    """A file against what it was made from, and would be."""
    if not now.problem and (changed := source_changes(artifact, artifacts, planned, now.data)):
        yield Finding("inputs", artifact.path, told(changed))


def _mixtures(artifact: Artifact, artifacts: Mapping[str, Artifact]) -> Iterator[Finding]:
    """A file against the records of its inputs, which should be alike."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for path in artifact.block.get("inputs", {}):
        block = artifacts[path].block if path in artifacts else {}
        if block:
            groups.setdefault((block["step"], str(block.get("task"))), []).append(block)
    for (step, _), blocks in groups.items():
        for kind, key in (("mixed-code", _code), ("mixed-environment", _environment)):
            counts = _counted(map(key, blocks))
            if len(counts) > 1:
                shares = ", ".join(f"{count} by {name}" for name, count in counts.items())
                yield Finding(kind, artifact.path, f"{step}: {shares}")


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _code(block: Mapping[str, Any]) -> str:
    return f"code {str(block.get('code_digest'))[7:19]}"


def _environment(block: Mapping[str, Any]) -> str:
    """What of an environment shapes numbers; other packages may differ from machine to machine."""
    known = block.get("environment", {})
    shaping = {key: known.get(key) for key in ("python", "lock", "versions")}
    return f"environment {settings_digest(shaping)[7:19]}"
