"""Command: why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Json
from actsearch.cli.progress import console, track
from actsearch.cli.recording import load
from actsearch.config import ConfigError
from actsearch.plan.causes import Cause, Planned, causes
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.outputs import Outputs, run, snakemake
from actsearch.plan.staleness import staleness
from actsearch.records.lineage import SUFFIXES, Lineage, alike, read_artifact
from actsearch.records.names import printable, printable_name
from actsearch.records.provenance import environment
from actsearch.records.reasons import other_versions

ROOTS = ("missing", "unreadable", "settings", "code", "inputs", "rule")
"""Kinds of causes that are not another file's."""
COLUMNS = 6


@app.command()
def why(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Files or rules; all when left out.")
    ] = None,
    as_json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say which files would be made again, and why."""
    settings = load(config)
    plans = _plans(targets or [], config)
    kinds = tuple(SUFFIXES)
    standing = [p.path for p in plans if p.path.endswith(kinds) and os.path.lexists(p.path)]
    graph = Lineage({path: read_artifact(path) for path in track(standing, "reading records")})
    outputs = Outputs.of_workflow(config, standing)
    stale = staleness(settings, graph.artifacts, outputs.inputs_of, outputs.wanted)
    pending = frozenset(plan.path for plan in plans if plan.pending)
    altered = {path: a.problem for path, a in graph.artifacts.items() if a.problem}
    found = {}
    for plan in plans:
        artifact = graph.artifacts.get(plan.path)
        reasons = stale(artifact) if artifact and plan.pending else ()
        found[plan.path] = causes(plan, artifact, reasons, pending, altered)
    versions = _versions(graph)
    if as_json:
        files = {
            plan.path: {
                "rule": plan.rule,
                "rebuild": plan.pending,
                "causes": [{"kind": c.kind, "what": c.text} for c in found[plan.path]],
            }
            for plan in plans
        }
        typer.echo(json.dumps({"files": files, "other_versions": versions}, indent=1))
        return
    _print(found, graph, versions)
    if lost := [p.path for p in plans if not p.pending and not os.path.lexists(p.path)]:
        first = printable_name(lost[0])
        typer.echo(
            f"{len(lost)} files are missing and not needed, such as {first}: what was made from "
            "them is up to date; ask for one by name to make it again"
        )


def _plans(targets: list[str], config: Path) -> list[Planned]:
    """Snakemake's own plan, file by file."""
    command = snakemake("--summary", *targets, config=config)
    done = run(command)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        noise = ("Using ", "Building ", "error:")
        told = [line.strip() for line in said if not line.startswith(noise)]
        if any(line.startswith("Traceback") for line in told):  # over something that is no file
            raise ConfigError(f"Snakemake cannot plan ({told[-1]}); see `actsearch audit`")
        raise ConfigError(" ".join(told[:3]) or "Snakemake failed")
    plans = []
    for line in done.stdout.splitlines():
        columns = line.split("\t")
        if len(columns) != COLUMNS or columns[0] == "output_file":
            continue
        path, _, rule, _, status, plan = columns
        plans.append(Planned(path, rule, status, pending=plan != "no update"))
    return plans


def _versions(graph: Lineage) -> dict[str, list[str]]:
    """Files that were made under other versions, by what differs: no reason to rebuild."""
    here = environment()
    files: dict[str, list[str]] = {}
    for path, artifact in graph.artifacts.items():
        if told := other_versions(artifact.block, here):
            files.setdefault("; ".join(told), []).append(path)
    return files


def _print(found: dict[str, list[Cause]], graph: Lineage, versions: dict[str, list[str]]) -> None:
    from rich.markup import escape
    from rich.tree import Tree

    again = {path: told for path, told in found.items() if told and told[0].kind != "kept"}
    kept = [path for path, told in found.items() if told and told[0].kind == "kept"]
    groups: dict[tuple[str, str], list[str]] = {}
    for path, told in again.items():
        for cause in told:
            groups.setdefault((cause.kind, cause.text), []).append(path)

    def grow(tree: Tree, paths: list[str]) -> None:
        for group in alike(paths, graph.artifacts, limit=3):
            more = f" and {len(group) - 1} files like it" if len(group) > 1 else ""
            tree.add(f"{escape(printable_name(group[0]))}{more}")

    out = console()
    if not again:
        out.print(f"[green]nothing would be made again; {len(found)} files are up to date[/]")
    else:
        tree = Tree(f"{len(again)} of {len(found)} files would be made again")
        for kind in (*ROOTS, "follows"):
            for (name, text), paths in groups.items():
                if name == kind:
                    said = escape(printable(text))
                    label = said if kind == "follows" else f"{kind}: {said}"
                    grow(tree.add(f"[{'dim' if kind == 'follows' else 'bold'}]{label}[/]"), paths)
        out.print(tree)
    if kept:
        out.print(
            f"{len(kept)} files are up to date and are kept, though their jobs run for other files"
        )
    for text, paths in versions.items():
        out.print(
            f"{len(paths)} files were made under other versions ({escape(text)}); "
            "that alone rebuilds nothing"
        )
