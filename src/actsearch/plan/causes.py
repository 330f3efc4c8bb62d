"""Why a file would be made again, from Snakemake's plan, what the file says, and what stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from actsearch.plan.steps import step_called
from actsearch.records.lineage import Artifact
from actsearch.records.reasons import SHOWN, Reason, without_missing


@dataclass(frozen=True)
class Planned:
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
    plan: Planned,
    artifact: Artifact | None,
    reasons: Iterable[Reason],
    pending: frozenset[str],
    altered: Mapping[str, str] | None = None,
) -> list[Cause]:
    """Why Snakemake's plan would make a file again.

    Args:
        plan: the plan for the file.
        artifact: the file; None where it is missing, or is of a kind that carries no provenance.
        reasons: what is out of date in it.
        pending: all files that would be made again.
        altered: files that are not as they were written, with what is wrong with each.

    Returns:
        Nothing where it would not.
    """
    if not plan.pending:
        return []
    if artifact is None and plan.status != "missing":  # a copy of the workflow's sources
        return [Cause("rule", plan.status)]
    if artifact is None:
        return [Cause("missing", "the file is missing")]
    # A file is made again for what it says, wherever it was written.
    stale = (reason for reason in without_missing(reasons) if reason.kind != "moved")
    own = [_as_cause(reason) for reason in stale]
    # What such an input says of itself is what it said before, so it is no other than was read.
    altered = altered or {}
    edited = sorted(set(artifact.inputs) & set(altered))
    own += [Cause("inputs", f"{path}: {altered[path]}") for path in edited[:SHOWN]]
    if len(edited) > SHOWN:
        own.append(Cause("inputs", f"and {len(edited) - SHOWN} more were altered"))
    if own:
        return own
    follows = bool(set(artifact.inputs) & pending)
    step = step_called(artifact.step)
    if step is not None and step.kept and not follows:
        return [Cause("kept", "its job runs for other files; this one is up to date and is kept")]
    if follows:
        return [Cause("follows", "what it is made from would be made again")]
    return [Cause("rule", plan.status)]


def _as_cause(reason: Reason) -> Cause:
    if reason.kind == "operators":
        return Cause("code", ", ".join(reason.names))
    return Cause("unreadable" if reason.kind == "altered" else reason.kind, reason.text)
