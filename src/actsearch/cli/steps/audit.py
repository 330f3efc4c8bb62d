"""Command: audit."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import ResultsArgument, ResultsFolder, results_folder
from actsearch.cli.options import ConfigFile, FindingKinds
from actsearch.cli.progress import console, say, track
from actsearch.cli.questions.audit_shipped import FURTHER_ALLOWED, audit_shipped
from actsearch.cli.recording import execution, load
from actsearch.cluster.runs import running
from actsearch.config import Config, ConfigError
from actsearch.plan import layout
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.made import may_be_made, step_makes
from actsearch.plan.outputs import Outputs
from actsearch.plan.staleness import staleness
from actsearch.records.audit import KINDS, NO_FAILURES, Finding, Rules, audit
from actsearch.records.code import forget_kept
from actsearch.records.digests import settings_digest
from actsearch.records.files import FILE
from actsearch.records.folders import FOLDER, Entry, entries_under
from actsearch.records.formats import ArtifactError, shown, write_json
from actsearch.records.lineage import Artifact, read_all
from actsearch.records.names import printable, printable_name
from actsearch.records.provenance import RULE_VARIABLE, environment
from actsearch.records.shipped import CONFIGURATION, is_shipped

EXAMPLES = 4
"""Findings of a kind that the page shows; the others are counted."""


@app.command("audit")
def audit_command(
    place: ResultsArgument = None,
    results: ResultsFolder = None,
    out: Annotated[Path | None, typer.Option(help="Write the findings as JSON too.")] = None,
    allow: FindingKinds = None,
    paths: Annotated[
        str | None, typer.Option("--list", help="Print only the files with this kind of finding.")
    ] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 always.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Check every file: unaltered, made by a rule, from these inputs and settings.

    Exit code 1 when something is found, or when nothing is there. Files that are only left over are
    listed, and are not a failure. Nothing is changed or deleted. A folder of tables that ship is
    checked by the configuration in it.
    """
    for kind in [*(allow or []), *([paths] if paths else [])]:
        if kind not in KINDS:
            raise ConfigError(f"no kind of finding {kind!r}; kinds: {', '.join(KINDS)}")
    forget_kept()
    folder = results_folder(place, results)
    root = Path(shown(folder))
    ships = is_shipped(root)
    settings = load(root / CONFIGURATION if ships else config)
    if os.path.lexists(root) and not root.is_dir():
        raise ArtifactError(f"{printable(str(folder))}: is not a folder")
    if RULE_VARIABLE not in os.environ and (run := running(Path.cwd())):
        say(f"a run of {run} is under way: what it makes changes while it is checked")
    own = shown(out) if out is not None else None
    entries = [e for e in entries_under(root) if e.path != own] if root.is_dir() else []
    artifacts, findings = audit_shipped(root) if ships else checked(entries, settings, config)
    # The report counts itself.
    n_files = len(artifacts) + (own is not None and os.path.lexists(own))
    if out is not None:
        told = {"files": n_files, "digest": digest_of(artifacts), "findings": by_kind(findings)}
        write_json(out, told, execution("audit", settings).block())
    allowed = {*(allow or []), *NO_FAILURES, *(FURTHER_ALLOWED if ships else ())}
    is_empty = all(entry.what == FOLDER for entry in entries)
    if paths:
        for finding in findings:
            if finding.kind == paths:
                typer.echo(printable_name(finding.path))
    elif not is_empty:
        print_findings(findings, n_files, allowed)
    if is_empty:
        say(f"{printable(str(folder))}/: nothing is there; snakemake --cores all makes results")
    if not exit_zero and (is_empty or any(finding.kind not in allowed for finding in findings)):
        raise typer.Exit(1)


def checked(
    entries: list[Entry], settings: Config, config: Path
) -> tuple[dict[str, Artifact], list[Finding]]:
    """The files among what stands there that a step may have made, and what is wrong with all."""
    # What no step makes is a stray, whatever is in it.
    names = [entry.path for entry in entries if entry.what == FILE and may_be_made(entry.path)]
    with ThreadPoolExecutor(1) as beside:  # Snakemake is asked in a process of its own
        asked = beside.submit(Outputs.of_workflow, config, names)
        artifacts = read_all(names, track=lambda found: track(found, "checking files"))
        outputs = asked.result()
    findings = audit(
        artifacts,
        entries=entries,
        rules=Rules(outputs.__contains__, outputs.wanted.__contains__, once_made),
        reasons_of=staleness(settings, artifacts, outputs.inputs_of, outputs.wanted),
        environment=environment(),
    )
    return artifacts, findings


def once_made(artifact: Artifact) -> bool:
    """Whether a file has a name that its step gives to files."""
    return step_makes(artifact.step, artifact.path)


def by_kind(findings: list[Finding]) -> dict[str, dict[str, str]]:
    """Messages by kind and file, as JSON has them."""
    return {
        kind: {printable_name(f.path): printable(f.message) for f in findings if f.kind == kind}
        for kind in KINDS
        if any(finding.kind == kind for finding in findings)
    }


def digest_of(artifacts: Mapping[str, Artifact]) -> str:
    """One digest over all files but the audit's own: to be kept where no forger comes."""
    return settings_digest(
        {
            printable_name(path): artifact.block.get("file_digest")
            for path, artifact in artifacts.items()
            if path != layout.AUDIT
        }
    )


def print_findings(findings: list[Finding], n_files: int, allowed: Collection[str]) -> None:
    """One page: the kinds of findings, their number, some examples."""
    from rich.markup import escape

    out = console()
    for kind, meaning in KINDS.items():
        found = [finding for finding in findings if finding.kind == kind]
        if not found:
            continue
        color = "yellow" if kind in allowed else "red"
        of = "" if kind == "stray" else f"of {n_files} "  # strays are not among these
        out.print(f"[{color}]{kind}[/]: {len(found)} {of}files {meaning}")
        groups = _by_message(found)
        for message, paths in groups[:EXAMPLES]:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            told = f"{printable_name(paths[0])}{more}: {printable(message)}"
            out.print(f"  {escape(told)}", soft_wrap=True)
        if (rest := len(groups) - EXAMPLES) > 0:
            out.print(f"  [dim]and {rest} other messages; all files: --list {kind}[/]")
    if not findings:
        out.print(f"[green]{n_files} files checked: no problems found[/]")


def _by_message(findings: list[Finding]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for finding in findings:
        groups.setdefault(finding.message, []).append(finding.path)
    return sorted(groups.items(), key=lambda group: -len(group[1]))
