"""Command: audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FindingKinds
from actsearch.cli.progress import console, track
from actsearch.cli.recording import execution, load
from actsearch.config import Config, ConfigError
from actsearch.plan import layout
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.outputs import Outputs
from actsearch.plan.staleness import staleness
from actsearch.records.audit import KINDS, Finding, audit
from actsearch.records.formats import ArtifactError, shown, write_json
from actsearch.records.lineage import files_under, read_artifacts
from actsearch.records.provenance import environment

EXAMPLES = 4
"""Findings of a kind that the page shows; the others are counted."""


@app.command("audit")
def audit_command(
    folder: Annotated[Path, typer.Argument(help="The folder of results.")] = Path(layout.RESULTS),
    out: Annotated[Path | None, typer.Option(help="Write the findings as JSON too.")] = None,
    allow: FindingKinds = None,
    paths: Annotated[
        str | None, typer.Option("--list", help="Print only the files with this kind of finding.")
    ] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 always.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Check every file: unaltered, made by a rule, from these inputs, by this configuration.

    Exit code 1 when something is found. Nothing is changed or deleted.
    """
    for kind in [*(allow or []), *([paths] if paths else [])]:
        if kind not in KINDS:
            raise ConfigError(f"no kind of finding {kind!r}; kinds: {', '.join(KINDS)}")
    settings = load(config)
    root = Path(shown(folder))
    if not root.is_dir():
        raise ArtifactError(f"{folder}: no such folder")
    own = {shown(out)} if out is not None else set()
    artifacts = read_artifacts(root, track=lambda found: track(found, "checking files"))
    checked = {path: artifact for path, artifact in artifacts.items() if path not in own}
    outputs = Outputs.of_workflow(config, checked)
    findings = audit(
        checked,
        files=[path for path in files_under(root) if path not in own],
        can_be_made=outputs.__contains__,
        reasons_of=staleness(settings, checked, outputs.inputs_of),
        environment=environment(),
    )
    if out is not None:
        _write(out, findings, len(artifacts), settings)
    if paths:
        for finding in findings:
            if finding.kind == paths:
                typer.echo(finding.path)
    else:
        _print(findings, len(artifacts), allow or [])
    if not exit_zero and any(finding.kind not in (allow or []) for finding in findings):
        raise typer.Exit(1)


def _write(out: Path, findings: list[Finding], n_files: int, config: Config) -> None:
    record = execution("audit", config)
    found = {
        kind: {f.path: f.message for f in findings if f.kind == kind}
        for kind in KINDS
        if any(f.kind == kind for f in findings)
    }
    write_json(out, {"files": n_files, "findings": found}, record.block())


def _print(findings: list[Finding], n_files: int, allowed: list[str]) -> None:
    """One page: the kinds of findings, their number, some examples."""
    from rich.markup import escape

    out = console()
    for kind, meaning in KINDS.items():
        found = [finding for finding in findings if finding.kind == kind]
        if not found:
            continue
        color = "yellow" if kind in allowed else "red"
        out.print(f"[{color}]{kind}[/]: {len(found)} of {n_files} files {meaning}")
        for message, paths in _by_message(found)[:EXAMPLES]:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            out.print(f"  {escape(paths[0])}{more}: {escape(message)}", soft_wrap=True)
        if (rest := len(_by_message(found)) - EXAMPLES) > 0:
            out.print(f"  [dim]and {rest} other messages; all files: --list {kind}[/]")
    if not findings:
        out.print(f"[green]{n_files} files, nothing found[/]")


def _by_message(findings: list[Finding]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for finding in findings:
        groups.setdefault(finding.message, []).append(finding.path)
    return sorted(groups.items(), key=lambda group: -len(group[1]))
