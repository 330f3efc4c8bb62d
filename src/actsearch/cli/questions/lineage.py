"""Commands: show, lineage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.options import AnyFile, Json
from actsearch.cli.progress import console, track
from actsearch.config.plain import closest, meant
from actsearch.plan import layout
from actsearch.plan.made import is_made
from actsearch.plan.staleness import is_no_reason
from actsearch.records.differences import flat
from actsearch.records.embedded import read_provenance
from actsearch.records.files import NOT_THERE
from actsearch.records.formats import ArtifactError, readable, shown, write_svg
from actsearch.records.lineage import (
    Artifact,
    Lineage,
    alike,
    read_artifact,
    read_artifacts,
    read_sources,
)
from actsearch.records.names import printable, printable_name
from actsearch.records.provenance import Execution
from actsearch.records.reasons import source_changes

if TYPE_CHECKING:
    from rich.tree import Tree

RESULTS = Path(layout.RESULTS)


@app.command()
def show(file: AnyFile, as_json: Json = False) -> None:
    """Print what made a file, and whether it is as it was written."""
    if as_json:
        typer.echo(json.dumps(read_provenance(file), indent=1, ensure_ascii=False))
        return
    artifact = read_artifact(shown(file))
    if not artifact.block:
        raise ArtifactError(f"{file}: {artifact.problem}")
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    state = _escaped(artifact.problem or "as it was written")
    table.add_row("state", f"[{'red' if artifact.problem else 'green'}]{state}[/]")
    for key, value in _facts(artifact):
        table.add_row(key, _escaped(value))
    out = console()
    out.print(f"[bold]{_escaped(printable_name(str(file)))}[/]")
    out.print(table)


def _escaped(text: str) -> str:
    """A text as rich takes it, line by line."""
    from rich.markup import escape

    return escape("\n".join(map(printable, text.split("\n"))))


def _short(value: Any) -> str:
    """A value; of a digest the first twelve digits."""
    text = str(value)
    return text[:19] if text.startswith("sha256:") else text


LEFT_TO_JSON = ("modules", "settings_digest", "file")
AT_MOST = 8
"""Inputs that are listed; further ones are counted."""


def _facts(artifact: Artifact) -> Iterable[tuple[str, str]]:
    """Keys of a block and their values for people, in the block's order."""
    for key, value in artifact.block.items():
        if key in LEFT_TO_JSON:
            continue
        if key in ("inputs", "data"):
            lines = [f"{path}  {_short(digest)}" for path, digest in list(value.items())[:AT_MOST]]
            more = len(value) - AT_MOST
            yield key, "\n".join([*lines, *([f"and {more} more (--json)"] if more > 0 else [])])
        elif key == "settings":
            yield (
                key,
                "\n".join(f"{name}: {json.dumps(item)}" for name, item in flat(value).items()),
            )
        elif isinstance(value, dict):
            yield key, ", ".join(f"{name} {_short(item)}" for name, item in flat(value).items())
        else:
            yield key.replace("_", " "), _short(value)


@app.command()
def lineage(
    file: AnyFile,
    forward: Annotated[bool, typer.Option("--forward", help="What was made from it.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="List alike files one by one.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the tree into this SVG file too.")] = None,
    as_json: Json = False,
) -> None:
    """Draw what a file was made from, back to the raw data, or what was made from it."""
    path = shown(file)
    if not file.exists() and file.parent.is_dir():
        near = closest(file.name, (other.name for other in file.parent.iterdir()))
        if near:
            raise ArtifactError(f"{path}{NOT_THERE}{meant(near)}")
    with readable(file):  # a file, or one sentence
        pass
    if forward:
        found = read_artifacts(RESULTS, track=lambda paths: track(paths, "reading results"))
        graph = Lineage(found | ({} if path in found else {path: read_artifact(path)}))
    else:
        graph = Lineage(read_sources(path))
    if as_json:
        typer.echo(json.dumps(_as_data(graph, path, forward), indent=1))
        return
    out = console(record=svg is not None)
    out.print(_Drawing(graph, forward, everything).draw(path))
    if svg is not None:
        record = Execution("lineage", inputs=[file])
        write_svg(svg, out.export_svg(title=f"lineage of {path}"), record.block())


def _as_data(graph: Lineage, start: str, forward: bool) -> dict[str, Any]:
    """Files reachable from ``start``: what made each, from what (or into what)."""
    step = graph.made_into if forward else graph.made_from
    nodes: dict[str, Any] = {}
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in nodes:
            continue
        artifact = graph.artifacts.get(path, Artifact(path))
        nodes[path] = {
            "step": artifact.step or None,
            "problem": artifact.problem,
            "made_into" if forward else "made_from": step(path),
            "changed_inputs": _changed_inputs(graph, path),
        }
        waiting.extend(step(path))
    return {"file": start, "files": dict(sorted(nodes.items()))}


def _changed_inputs(graph: Lineage, path: str) -> list[str]:
    """Inputs that are missing, or say something else than when ``path`` was made; sorted.

    Files that are no artifacts (data that somebody brought) are not looked at.
    """
    if path not in graph.artifacts:
        return []
    artifact = graph.artifacts[path]
    found = source_changes(artifact, graph.artifacts, None, None)
    return [change.path for change in found if not is_no_reason(artifact, change)]


class _Drawing:
    """A tree in which alike files are one branch, and every branch is drawn once."""

    def __init__(self, graph: Lineage, forward: bool, everything: bool) -> None:
        self.graph = graph
        self.next = graph.made_into if forward else graph.made_from
        self.forward = forward
        self.limit = len(graph.artifacts) if everything else 3
        self.drawn: set[str] = set()

    def draw(self, path: str) -> Tree:
        from rich.tree import Tree

        tree = Tree(self._label([path]))
        # A search of many rounds is deeper than functions may call themselves.
        growing = [self._grow(tree, [path])]
        while growing:
            further = next(growing[-1], None)
            if further is None:
                growing.pop()
            else:
                growing.append(self._grow(*further))
        return tree

    def _grow(self, tree: Tree, paths: list[str]) -> Iterator[tuple[Tree, list[str]]]:
        """Draw what comes next; yielded is each branch that goes on, when it is its turn."""
        self.drawn |= set(paths)
        if not self.forward:
            for source in sorted({s for path in paths for s in self._raw(path)}):
                tree.add(f"[cyan]{_escaped(source)}[/]")
        following = sorted({other for path in paths for other in self.next(path)})
        for group in alike(following, self.graph.artifacts, self.limit):
            new = [path for path in group if path not in self.drawn]
            branch = tree.add(self._label(group) + ("" if new else " [dim](see above)[/]"))
            if new:
                yield branch, new

    def _label(self, paths: list[str]) -> str:
        artifacts = [self.graph.artifacts.get(path, Artifact(path)) for path in paths]
        first = artifacts[0]
        if len(paths) == 1:
            name = f"[bold]{_escaped(printable_name(paths[0]))}[/]"
        else:
            name = f"[bold]{len(paths)} files[/] {_escaped(_pattern(paths))}"
        by = f"  [dim]{_escaped(first.step)}[/]" if first.step else ""
        bad = [a for a in artifacts if a.problem and a.path in self.graph.artifacts]
        if not first.step and not bad:
            by = "  [red]missing[/]" if is_made(first.path) else "  [cyan]raw data[/]"
        stale = [path for path in paths if _changed_inputs(self.graph, path)]
        marks = [f"{len(bad)} not intact"] if bad and len(paths) > 1 else []
        marks += [str(first.problem)] if bad and len(paths) == 1 else []
        marks += ["inputs have changed since"] if stale and not self.forward else []
        return name + by + (f"  [red]{_escaped('; '.join(marks))}[/]" if marks else "")

    def _raw(self, path: str) -> Iterable[str]:
        """What a file was made from that is no file: data of a package, a part of the settings."""
        block = self.graph.artifacts[path].block if path in self.graph.artifacts else {}
        settings = flat(block.get("settings", {}))
        for key, source in settings.items():
            if key.startswith("data.") and key.endswith(".source"):
                name = key.removeprefix("data.").removesuffix(".source")
                seed = settings.get(f"data.{name}.split.seed")
                yield f"data {name}: {source}, split by seed {seed}"
        for name in dict.fromkeys(
            key.split(".")[1] for key in settings if key.startswith("spaces.")
        ):
            yield f"configuration of space {name}"


def _pattern(paths: list[str]) -> str:
    """What alike paths have in common: ``results/t/trials/*.json``."""
    places = {str(Path(path).parent) for path in paths}
    suffix = Path(paths[0]).suffix
    return f"{min(places)}/*{suffix}" + (
        f" and {len(places) - 1} folders" if len(places) > 1 else ""
    )
