"""Command: why."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import DEFAULT_CONFIG, ConfigFile, app, load
from actsearch.cli.present import Outputs, present_of, snakemake
from actsearch.cli.progress import console, track
from actsearch.config import ConfigError
from actsearch.records.causes import Cause, Plan, causes
from actsearch.records.differences import changes
from actsearch.records.lineage import SUFFIXES, Artifact, Lineage, alike, read_artifact
from actsearch.records.provenance import environment

ROOTS = ("missing", "unreadable", "settings", "code", "inputs", "rule")
"""Kinds of causes that are not another file's."""
COLUMNS = 6


@app.command()
def why(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Files or rules; all when left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines, file by file.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say what would be made again, and which setting, module, input or loss is the cause."""
    present = present_of(load(config))
    plans = _plans(targets or [], config)
    kinds = tuple(SUFFIXES)
    standing = [p.path for p in plans if p.path.endswith(kinds) and Path(p.path).is_file()]
    graph = Lineage({path: read_artifact(path) for path in track(standing, "reading records")})
    outputs = Outputs.of_workflow(config, standing)
    pending = frozenset(plan.path for plan in plans if plan.pending)
    found = {
        plan.path: causes(
            plan,
            graph,
            present(graph.artifacts.get(plan.path, Artifact(plan.path)).block),
            outputs.inputs_of(plan.path),
            pending,
        )
        for plan in plans
    }
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
    if lost := [p.path for p in plans if not p.pending and not Path(p.path).is_file()]:
        typer.echo(
            f"{len(lost)} files are missing and not needed, {lost[0]} first: what was made of them "
            "stands; ask for one by name to make it again"
        )


def _plans(targets: list[str], config: Path) -> list[Plan]:
    """Snakemake's own plan, file by file."""
    command = snakemake("--summary", *targets, config=config)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        told = [line for line in said if not line.startswith(("Using ", "Building "))]
        raise ConfigError(" ".join(line.strip() for line in told[:3]) or "Snakemake failed")
    plans = []
    for line in done.stdout.splitlines():
        columns = line.split("\t")
        if len(columns) != COLUMNS or columns[0] == "output_file":
            continue
        path, _, rule, _, status, plan = columns
        plans.append(Plan(path, rule, status, pending=plan != "no update"))
    return plans


def _versions(graph: Lineage) -> dict[str, list[str]]:
    """Files that were made under other versions, by what differs: no reason to rebuild."""
    here = environment()
    files: dict[str, list[str]] = {}
    for path, artifact in graph.artifacts.items():
        then = artifact.block.get("environment", {})
        keys = ("python", "versions")
        told = changes({k: then.get(k) for k in keys}, {k: here.get(k) for k in keys})
        if then and told:
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
            tree.add(f"{escape(group[0])}{more}")

    out = console()
    if not again:
        out.print(f"[green]nothing would be made again; {len(found)} files stand[/]")
    else:
        tree = Tree(f"{len(again)} of {len(found)} files would be made again")
        for kind in (*ROOTS, "follows"):
            for (name, text), paths in groups.items():
                if name == kind:
                    label = escape(text) if kind == "follows" else f"{kind}: {escape(text)}"
                    grow(tree.add(f"[{'dim' if kind == 'follows' else 'bold'}]{label}[/]"), paths)
        out.print(tree)
    if kept:
        out.print(f"{len(kept)} files of jobs that run for others stand and are kept")
    for text, paths in versions.items():
        out.print(
            f"{len(paths)} files were made under other versions ({escape(text)}); "
            "that alone rebuilds nothing"
        )
