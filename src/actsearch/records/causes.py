"""Why a file would be made again, from what it says and what stands now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from actsearch.records.audit import Present, changed_names
from actsearch.records.differences import changes
from actsearch.records.lineage import Artifact, Lineage

PACKED = ("train", "train-final")
"""Steps that make several files, and keep those that stand."""


@dataclass(frozen=True)
class Plan:
    """What Snakemake plans for a file."""

    path: str
    rule: str
    status: str
    """In Snakemake's words: ``ok``, ``missing``, ``params have changed`` ..."""
    pending: bool
    """Whether the rule would run."""


@dataclass(frozen=True)
class Cause:
    """Why a file would be made again."""

    kind: str
    """missing, unreadable, settings, code, inputs, rule, follows or kept."""
    text: str
    """What exactly: key and values, modules, files."""


def causes(
    plan: Plan,
    graph: Lineage,
    present: Present,
    data_digest: Callable[[str], str | None],
    pending: frozenset[str],
) -> list[Cause]:
    """Why Snakemake's plan would make a file again; nothing where it would not.

    Args:
        plan: the plan for the file.
        graph: the artifacts that stand.
        present: what the file would be made with today.
        data_digest: digest of a file of data today; None where there is none.
        pending: all files that would be made again.
    """
    if not plan.pending:
        return []
    artifact = graph.artifacts.get(plan.path)
    if artifact is None and plan.status != "missing":  # a copy of the workflow's sources
        return [Cause("rule", plan.status)]
    if artifact is None:
        return [Cause("missing", "the file is missing")]
    if artifact.problem:
        return [Cause("unreadable", artifact.problem)]
    own = [*_own(artifact, present), *_inputs(artifact, graph, data_digest)]
    if own:
        return own
    if artifact.step in PACKED and not set(artifact.inputs) & pending:
        return [Cause("kept", "its job runs for other files; this one stands and is kept")]
    if set(artifact.inputs) & pending:
        return [Cause("follows", "what it is made from would be made again")]
    return [Cause("rule", plan.status)]


def _own(artifact: Artifact, present: Present) -> list[Cause]:
    block = artifact.block
    if present.problem:
        return [Cause("settings", present.problem)]
    found = []
    if present.settings_digest != block.get("settings_digest"):
        told = changes(block.get("settings", {}), present.settings)
        found.append(Cause("settings", "; ".join(told) or "other settings"))
    for key, now in (("modules", present.modules), ("operators", present.operators)):
        if told := changed_names(block.get(key, {}), now):
            found.append(Cause("code", ", ".join(told)))
    return found


def _inputs(
    artifact: Artifact, graph: Lineage, data_digest: Callable[[str], str | None]
) -> list[Cause]:
    data = artifact.block.get("data", {})
    changed = [path for path in graph.changed_inputs(artifact.path) if path in graph.artifacts] + [
        path for path, digest in data.items() if data_digest(path) != digest
    ]
    return [Cause("inputs", ", ".join(changed) + " changed")] if changed else []
