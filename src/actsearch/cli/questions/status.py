"""Command: status."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import ResultsArgument, ResultsFolder, results_folder
from actsearch.cli.options import ConfigOfResults, Json
from actsearch.cli.progress import console, duration
from actsearch.cli.recording import load
from actsearch.cluster.configuration import configuration_of
from actsearch.cluster.watching import Status, Watcher
from actsearch.config import ConfigError
from actsearch.plan.progress import STALE, WITHOUT_UNKNOWN

if TYPE_CHECKING:
    from rich.console import RenderableType


@app.command()
def status(
    place: ResultsArgument = None,
    results: ResultsFolder = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again.")] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds between two looks of --watch.")
    ] = 5.0,
    as_json: Json = False,
    config: ConfigOfResults = None,
) -> None:
    """Show how far a run is: what is done, running, waiting and failed, and the best so far.

    It reads files and asks SLURM for its queue, so it works beside a run, before and after it. The
    time left is the median seconds of a training times the trainings that are left, by the number
    of jobs that train beside each other now.
    """
    if not 0 < every <= 86_400:
        raise ConfigError(f"--every {every:g}: allowed are seconds above 0, up to 86400")
    found = results_folder(place, results).absolute()
    folder = found.parent
    chosen = configuration_of(found, config)
    with contextlib.chdir(folder if folder.is_dir() else Path.cwd()):
        settings = load(chosen.file)
        watcher = Watcher(settings, found, folder)
        if not watch:
            _show(watcher.look(), as_json=as_json)
            return
        for look in _looks(watcher, every, as_json=as_json):
            _show(look, as_json=as_json)


def _looks(watcher: Watcher, every: float, *, as_json: bool) -> Iterator[Status]:
    """A look every so many seconds, without end; in a terminal the last one is drawn over."""
    from rich.live import Live

    if as_json or not console().is_terminal:
        while True:
            yield watcher.look()
            time.sleep(every)
    with Live(console=console(), auto_refresh=False, transient=False) as live:
        while True:
            live.update(_page(watcher.look()), refresh=True)
            time.sleep(every)


def _show(found: Status, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=1))
    else:
        console().print(_page(found))


def _plain(found: Status) -> dict[str, Any]:
    jobs = found.jobs
    return {
        "run": asdict(found.run) if found.run else None,
        "jobs": {
            "done": jobs.done if jobs else 0,
            "total": jobs.total if jobs else 0,
            "running": len(found.active),
            "queued": len(found.queued),
            "failed": sum(1 for _ in jobs.of("failed")) if jobs else 0,
            "retries": jobs.retries if jobs else 0,
        },
        "rows": [asdict(row) | {"waiting": row.waiting} for row in found.rows],
        "best": {
            task: {
                "all": asdict(best) if best else None,
                "baseline": asdict(baseline) if baseline else None,
            }
            for task, (best, baseline) in found.best.items()
        },
        "seconds_left": found.seconds_left,
        "partly_unknown": found.is_partly_unknown,
        "workers": found.workers,
        "problem": found.problem,
    }


def _page(found: Status) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    # Only columns that say something: the page is to fit a terminal.
    numbers = ("running", "waiting", "failed", "diverged", "stale")
    shown = [name for name in numbers if any(getattr(row, name) for row in found.rows)]
    table = Table(box=None, padding=(0, 1, 0, 0))
    for column in ("task", "step"):
        table.add_column(column, no_wrap=True)
    for column in ("done", *shown, "time left"):
        table.add_column(column, justify="right", no_wrap=True)
    before = ""
    for row in found.rows:
        left = "?" if row.seconds_left is None else duration(row.seconds_left / found.workers)
        if row.kind.endswith("fim") or row.done == row.functions:
            left = ""  # spectra are not timed
        table.add_row(
            row.task if row.task != before else "",
            row.kind,
            f"{row.done:,} of {row.functions:,}",
            *(f"{getattr(row, name):,}" if getattr(row, name) else "" for name in shown),
            left,
            style="dim" if row.done == row.functions else None,
        )
        before = row.task
    lines: list[RenderableType] = [Text(_about_run(found)), Text(), table, Text()]
    for task, (best, baseline) in found.best.items():
        if best is not None:
            than = f"; best baseline {baseline.function} {baseline.shown}" if baseline else ""
            lines.append(Text(f"{task}: best so far {best.function} {best.shown}{than}"))
    if any(best for best, _ in found.best.values()):
        lines.append(Text("(validation scores: the best of many looks better than it is)"))
    seconds = found.seconds_left
    if seconds is None:
        lines.append(Text("time left: not known until a training is finished"))
    elif seconds > 0:
        beside = f"{found.workers} jobs at a time" if found.workers > 1 else "one job at a time"
        more = WITHOUT_UNKNOWN if found.is_partly_unknown else ""
        about = "at least" if found.is_partly_unknown else "about"
        lines.append(Text(f"time left for trainings: {about} {duration(seconds)}, {beside}{more}"))
    if any(row.stale for row in found.rows):
        lines.append(Text(STALE))
    return Group(*lines)


def _about_run(found: Status) -> str:
    jobs = found.jobs
    failed = list(jobs.of("failed")) if jobs else []
    told = f"{jobs.done} of {jobs.total} jobs done" if jobs and jobs.total else "no job yet"
    if jobs and jobs.retries:
        told += f", {jobs.retries} tried again"
    if failed:
        told += f", {len(failed)} failed (first {failed[0].message}"
        told += f"; its log: {failed[0].log[0]})" if failed[0].log else ")"
    if found.run is not None:
        told += f", {len(found.active)} running"
        if found.queued:
            told += f", {len(found.queued)} waiting in SLURM's queue"
        problem = f" The queue is not known: {found.problem}." if found.problem else ""
        return f"Running: {found.run}: {told}.{problem}"
    if found.last is None and jobs is None:
        return "Nothing is running, and no run is noted in this folder."
    return f"Nothing is running. The last run: {told}."
