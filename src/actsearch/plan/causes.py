"""Why a file would be made again, from Snakemake's plan, what the file says, and what stands."""

from __future__ import annotations

from collections.abc import Iterable
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
    altered: frozenset[str] = frozenset(),
) -> list[Cause]:
    """Why Snakemake's plan would make a file again.

    Args:
        plan: the plan for the file.
        artifact: the file; None where it is missing, or is of a kind that carries no provenance.
        reasons: what is out of date in it.
        pending: all files that would be made again.
        altered: files that were altered after they were written; their records do not say it.

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
    if edited := sorted(set(artifact.inputs) & altered):
        more = f" and {len(edited) - SHOWN} more" if len(edited) > SHOWN else ""
        own.append(
            Cause("inputs", f"{', '.join(edited[:SHOWN])}{more} altered after it was written")
        )
    if own:
        return own
    follows = bool(set(artifact.inputs) & pending)
    step = step_called(artifact.step)
    if step is not None and step.kept and not follows:
        return [Cause("kept", "its job runs for other files; this one stands and is kept")]
    if follows:
        return [Cause("follows", "what it is made from would be made again")]
    return [Cause("rule", plan.status)]


def _as_cause(reason: Reason) -> Cause:
    if reason.kind == "operators":
        return Cause("code", ", ".join(reason.names))
    return Cause("unreadable" if reason.kind == "altered" else reason.kind, reason.text)
