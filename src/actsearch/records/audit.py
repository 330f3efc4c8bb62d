"""What is wrong with results: every file against its own digests, the others, and the present.

Nothing is changed or deleted.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actsearch.records.differences import changes
from actsearch.records.digests import digest_file, settings_digest
from actsearch.records.files import FILE
from actsearch.records.folders import FOLDER, Entry
from actsearch.records.formats import ArtifactError, content_digest
from actsearch.records.lineage import SUFFIXES, Artifact, is_hidden
from actsearch.records.reasons import Reason

KINDS = {
    "unreadable": "cut short, damaged, or without provenance",
    "altered": "changed after they were written",
    "moved": "stand under another name than they were written as",
    "stray": "made by no rule",
    "left-over": "that a run without named targets does not make: left by another "
    "configuration, or asked for by name; this is not a problem",
    "settings": "made under another configuration",
    "code": "made by other code than stands here",
    "inputs": "made from other inputs than they would be made from here",
    "mixed-code": "made from results of several versions of the code",
    "mixed-environment": "made from results of several environments",
    "dirty": "made by code that was not committed",
    "lock": "made under another lock of package versions",
}
"""Findings by kind, and what is said of the files."""
NO_FAILURES = ("left-over",)
"""Kinds that are told and fail no audit."""
DAMAGES = ("unreadable", "altered", "moved")
"""Kinds that say that a file is not what was written there, whatever would be made today."""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a file."""

    kind: str
    """A key of KINDS."""
    path: str
    """The file, relative to the folder of the experiment."""
    message: str
    """What is wrong, for this file."""


_NO_ENVIRONMENT: Mapping[str, Any] = {}
ReasonsOf = Callable[[Artifact], Iterable[Reason]]
_CHECKPOINT = re.compile(r"\.checkpoint(\.[0-9a-f]+\.new)?$")


@dataclass(frozen=True)
class Rules:
    """What an audit asks the workflow, by path."""

    can_make: Callable[[str], bool]
    """Whether some rule makes the file, if only when it is asked for."""
    make_always: Callable[[str], bool]
    """Whether a run without targets makes it."""
    once_made: Callable[[Artifact], bool]
    """Whether its step leaves such a file there, under this configuration or another."""


def audit(
    artifacts: Mapping[str, Artifact],
    *,
    entries: Iterable[Entry],
    rules: Rules,
    reasons_of: ReasonsOf,
    environment: Mapping[str, Any],
) -> list[Finding]:
    """Everything wrong with ``artifacts``, in the order of KINDS and of paths.

    Args:
        artifacts: the files by path, see :func:`lineage.read_artifacts`.
        entries: all that stands there, see :func:`folders.entries_under`.
        rules: what the workflow makes.
        reasons_of: what is out of date in a file, see :func:`reasons.reasons`.
        environment: the environment here, as in a block.

    Returns:
        One finding for each thing that is wrong with a file; nothing where all holds. What a run
        without targets does not make is ``left-over`` as long as it is what was written there.
    """
    left = {path for path, artifact in artifacts.items() if _is_left_over(artifact, rules)}
    findings = [*_strays(entries, rules, left)]
    for path, artifact in artifacts.items():
        if Path(path).suffix not in SUFFIXES:
            continue
        stale = list(_stale(artifact, reasons_of(artifact)))
        if not rules.make_always(path):
            damages = [finding for finding in stale if finding.kind in DAMAGES]
            findings += [_left_over(path, stale)] if path in left else damages
            continue
        findings += stale
        if artifact.block and not artifact.problem:
            findings += _copies(artifact)
            findings += _dirty(artifact)
            findings += _lock(artifact, environment)
            findings += _mixtures(artifact, artifacts)
    order = list(KINDS)
    return sorted(findings, key=lambda finding: (order.index(finding.kind), finding.path))


def _is_left_over(artifact: Artifact, rules: Rules) -> bool:
    """Whether a file is as it was written, under its name, and no run without targets makes it."""
    written = artifact.block.get("file") == artifact.path and not artifact.problem
    return written and not rules.make_always(artifact.path) and rules.once_made(artifact)


def _left_over(path: str, stale: Iterable[Finding]) -> Finding:
    told = [f"{finding.kind}: {finding.message}" for finding in stale]
    return Finding("left-over", path, "; ".join(told) or "up to date")


def _strays(entries: Iterable[Entry], rules: Rules, left: Collection[str]) -> Iterator[Finding]:
    for entry in entries:
        path, name = entry.path, Path(entry.path).name
        if entry.what == FOLDER:
            if rules.can_make(path):
                yield Finding("unreadable", path, "is a folder, no file")
        elif entry.what != FILE:
            makes = not is_hidden(path) and rules.can_make(path)
            yield Finding(
                "unreadable" if makes else "stray", path, f"is {entry.what}, no file; not opened"
            )
        elif not is_hidden(path):
            if not rules.can_make(path) and path not in left:
                yield Finding("stray", path, "no rule makes it")
        elif name.endswith(".tmp"):
            yield Finding("stray", path, "left by a command that was killed while it wrote")
        elif name.endswith(".finished") or _CHECKPOINT.search(name):
            continue
        elif name != ".snakemake_timestamp":
            yield Finding("stray", path, "no rule makes it")


def _stale(artifact: Artifact, reasons: Iterable[Reason]) -> Iterator[Finding]:
    """What is out of date, in the kinds of an audit: one finding a kind."""
    found: dict[str, list[str]] = {}
    for reason in reasons:
        kind: str = "code" if reason.kind == "operators" else reason.kind
        text = _alteration(artifact) if kind == "altered" else reason.text
        found.setdefault(kind, []).append(text)
    for kind, texts in found.items():
        yield Finding(kind, artifact.path, "; ".join(texts))


def _dirty(artifact: Artifact) -> Iterator[Finding]:
    """Whether the code that made a file was committed."""
    git = artifact.block.get("git", {})
    if git.get("clean") is False:
        yield Finding("dirty", artifact.path, f"commit {git.get('commit', '')[:12]} and edits")


def _alteration(artifact: Artifact) -> str:
    try:
        content = content_digest(artifact.path)
    except ArtifactError:
        return str(artifact.problem)
    if artifact.content is None:
        return str(artifact.problem)
    if content == artifact.content:
        return "its provenance or layout was edited; the numbers are as they were written"
    return "its content was edited"


def _copies(artifact: Artifact) -> Iterator[Finding]:
    """Copies of sources, which carry no provenance themselves, against who wrote them."""
    for path, digest in artifact.block.get("copies", {}).items():
        if not os.path.lexists(path):
            yield Finding("unreadable", path, f"missing, though {artifact.path} names it")
            continue
        try:
            same = digest_file(path) == digest
        except ArtifactError as error:
            yield Finding("unreadable", path, str(error).removeprefix(f"{path}: "))
        else:
            if not same:
                yield Finding("altered", path, "its content was edited")


def _lock(artifact: Artifact, environment: Mapping[str, Any]) -> Iterator[Finding]:
    """A file's pinned versions against those that are pinned here."""
    then = artifact.block.get("environment", {})
    if then.get("lock") and environment.get("lock") and then["lock"] != environment["lock"]:
        versions = changes(then.get("versions", {}), environment.get("versions", {}))
        yield Finding("lock", artifact.path, "; ".join(versions) or "versions of other packages")


def _mixtures(artifact: Artifact, artifacts: Mapping[str, Artifact]) -> Iterator[Finding]:
    """A file against the records of its inputs, which should be alike."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for path in artifact.block.get("inputs", {}):
        block = artifacts[path].block if path in artifacts else {}
        if block:
            groups.setdefault((block["step"], str(block.get("task"))), []).append(block)
    for (step, _), blocks in groups.items():
        # Of thousands of trials few have an environment of their own: see lineage.py.
        known = {id(environment): environment for environment in map(_environment_of, blocks)}
        names = {number: _environment(environment) for number, environment in known.items()}
        environments = Counter(names[id(_environment_of(block))] for block in blocks)
        counted = [("mixed-code", codes) for codes in _codes(blocks)]
        for kind, counts in (*counted, ("mixed-environment", environments)):
            if len(counts) > 1:
                ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
                shares = ", ".join(f"{count} by {name}" for name, count in ordered)
                yield Finding(kind, artifact.path, f"{step}: {shares}")


def _codes(blocks: Iterable[Mapping[str, Any]]) -> Iterable[Counter[str]]:
    """How many of ``blocks`` each code made; of a strategy each, for it has code of its own."""
    found: dict[object, Counter[str]] = {}
    for block in blocks:
        strategy = block.get("wildcards", {}).get("strategy")
        name = f"code {str(block.get('code_digest'))[7:19]}"
        found.setdefault(strategy, Counter())[name] += 1
    return found.values()


def _environment_of(block: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = block.get("environment", _NO_ENVIRONMENT)
    return found


def _environment(known: Mapping[str, Any]) -> str:
    """What of an environment shapes numbers; other packages may differ from machine to machine."""
    shaping = {key: known.get(key) for key in ("python", "lock", "versions")}
    return f"environment {settings_digest(shaping)[7:19]}"
