"""Why a file would be made again, from what it says and what stands now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actsearch.records.audit import WATCHING, Present, changed_names
from actsearch.records.differences import changes
from actsearch.records.lineage import Artifact, Lineage
from actsearch.records.sources import source_changes, told

PACKED = ("train", "train-final")
"""Steps that make several files, trials, and keep those that stand."""
KEPT = (*PACKED, "fim")
"""Steps whose command keeps a file that stands, though its job runs."""


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
    planned: Iterable[str] | None,
    pending: frozenset[str],
) -> list[Cause]:
    """Why Snakemake's plan would make a file again; nothing where it would not.

    Args:
        plan: the plan for the file.
        graph: the artifacts that stand.
        present: what the file would be made with today.
        planned: inputs among the results that the workflow would give it; None where unknown.
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
    own = [*_own(artifact, present), *_inputs(artifact, graph, planned, present)]
    if own:
        return own
    if artifact.step in KEPT and not set(artifact.inputs) & pending:
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
        keys = changes(block.get("settings", {}), present.settings)
        found.append(Cause("settings", "; ".join(keys) or "other settings"))
    for key, now in (("modules", present.modules), ("operators", present.operators)):
        if names := changed_names(block.get(key, {}), now):
            found.append(Cause("code", ", ".join(names)))
    return found


def _inputs(
    artifact: Artifact, graph: Lineage, planned: Iterable[str] | None, present: Present
) -> list[Cause]:
    known = None if artifact.step in WATCHING else planned
    changed = source_changes(artifact, graph.artifacts, known, present.data)
    # A missing input is no cause: what was made of it may stand without it.
    found = [change for change in changed if change.how != "missing"]
    return [Cause("inputs", told(found))] if found else []
