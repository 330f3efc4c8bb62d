"""Command: estimate."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import ResultsArgument, ResultsFolder, results_folder
from actsearch.cli.options import ConfigFile, Json
from actsearch.cli.progress import console, duration
from actsearch.cli.recording import load
from actsearch.config import Config, Task
from actsearch.networks.work import Work, gigabytes
from actsearch.plan import layout
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.kept import kept
from actsearch.plan.network_checks import network_digest
from actsearch.plan.progress import (
    STALE,
    WITHOUT_UNKNOWN,
    Group,
    Parts,
    groups,
    median_seconds,
    parts,
)
from actsearch.plan.standing import Standing
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import ArtifactError
from actsearch.rehearsal.work import Known, counted

UNKNOWN = (
    "unknown until some trainings are done: start the run (snakemake --cores all), wait for a "
    "few trainings, and ask again beside it; what is done is kept"
)
READ_AT_MOST = 200
"""Parts with spectra that are read for their seconds."""


@dataclass(frozen=True)
class Stage:
    """Trainings or spectra of one kind for one task."""

    task: str
    kind: str
    """table, search, stage 0 and so on, final or fim."""
    functions: int
    done: int
    """Functions whose files exist and would not be made again."""
    stale: int
    """Functions whose files exist and would be made again: other settings, code or data."""
    runs: int
    """Trainings of each function."""
    gpus: int
    seconds: float | None
    """Of one training, or of one function's spectrum; None where nothing is known."""
    measured: bool
    """Whether the seconds were measured here; they are estimated otherwise."""
    memory: int | None = None
    """Bytes that the factors of a function's spectra take; None for trainings, and unknown."""

    @property
    def hours_left(self) -> float | None:
        """GPU-hours (CPU-hours without GPUs) of what is not done yet."""
        left = self.functions - self.done
        if self.seconds is None:
            return None if left else 0.0
        return left * self.runs * self.seconds * max(self.gpus, 1) / 3600


@app.command()
def estimate(
    place: ResultsArgument = None,
    results: ResultsFolder = None,
    as_json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say how many trainings the experiment takes, and how long what is left of them takes.

    Left is what Snakemake would make: what is missing, and what was made with other settings,
    code, operators or data, or from files that were. Seconds are medians of the trials that are
    done. Where there are none they are estimated for a GPU from the arithmetic and the memory
    traffic of the network, to a factor of two or three.
    """
    settings, found = load(config), results_folder(place, results)
    stages = [stage for name in settings.tasks for stage in _stages(settings, name, found)]
    if as_json:
        rows = [asdict(stage) | {"hours_left": stage.hours_left} for stage in stages]
        typer.echo(json.dumps({"stages": rows}, indent=1))
    else:
        _print(stages)


def _stages(config: Config, name: str, results: Path) -> Iterator[Stage]:
    task = config.task(name)
    known = _known(config, name)
    standing = Standing(config, results)
    found = list(groups(config, name, standing))
    searched = layout.SEARCH_TRIALS.format(strategy="*")
    patterns = (layout.TRIALS, searched, layout.FINAL_TRIALS)
    train = median_seconds(t for pattern in patterns for t in standing.trials(name, pattern))
    for group in found:
        seconds, is_measured = _seconds(task, group, known.work, train)
        yield Stage(
            name,
            group.kind,
            group.asked.functions,
            group.done,
            group.stale,
            group.asked.runs,
            task.resources.gpu,
            seconds,
            is_measured,
        )
    for made in parts(config, name, standing, results):
        measured = _measured_spectrum(made)
        spectrum = measured if measured is not None else _fisher_seconds(task, known)
        gpus, is_measured = min(task.resources.gpu, 1), measured is not None
        yield Stage(
            *(name, "fim", made.functions, made.done, made.stale),
            *(1, gpus, spectrum, is_measured),
            memory=known.memory,
        )


def _seconds(
    task: Task, group: Group, work: Work | None, train: tuple[float | None, bool]
) -> tuple[float | None, bool]:
    """Seconds of a training, and whether they were measured; ``train``: those of the recipe."""
    asked = group.asked
    if asked.stage is not None:
        measured, is_current = median_seconds(group.trials)
        if measured is not None:
            return measured, is_current
        staged = task.in_stage(asked.stage)
        if staged.recipe != task.recipe:
            if train[0] is not None:  # by the same machine, for more epochs or fewer
                return train[0] * staged.recipe.epochs / task.recipe.epochs, False
            return _training_seconds(staged, work, asked.fitted, asked.measured), False
    estimated = None if train[1] else _training_seconds(task, work, asked.fitted, asked.measured)
    if train[0] is not None and estimated is None:
        return train
    return estimated, False


def _measured_spectrum(made: Parts) -> float | None:
    """Median seconds of a function's spectrum among the parts that exist, without the last one."""
    seconds = []
    for path in (made.current or made.outdated)[:-1][:READ_AT_MOST]:
        with contextlib.suppress(ArtifactError, KeyError, ValueError):
            block = read_provenance(path)
            times = (datetime.fromisoformat(block[key]) for key in ("ended", "started"))
            ended, started = times
            seconds.append((ended - started).total_seconds() / made.per_job)
    return statistics.median(seconds) if seconds else None


def _known(config: Config, name: str) -> Known:
    """Counted once, and kept; nothing while the data are not there to tell their shape."""
    from actsearch.data.sources.places import DataError

    task = config.task(name)
    if not (task.resources.gpu or task.has_spectra):
        return Known()
    path = layout.SEEN_WORK / network_digest(config, name)
    with contextlib.suppress(DataError):
        found = kept(path, lambda: asdict(counted(config, task)))
        work = found.pop("work")
        return Known(Work(**work) if work else None, **found)
    return Known()


def _training_seconds(task: Task, work: Work | None, fitted: int, measured: int) -> float | None:
    """Estimated seconds of one training by all processes of the task together."""
    if work is None:
        return None
    half = task.recipe.precision == "bfloat16"
    batch = task.recipe.batch_size / task.resources.processes
    train = work.seconds(fitted * task.recipe.epochs, batch, training=True, half=half)
    look = work.seconds(fitted + measured, 256, training=False, half=half)
    return (train + look) / task.resources.processes


def _fisher_seconds(task: Task, known: Known) -> float | None:
    if known.work is None:
        return None
    return known.work.fisher_seconds(task.fisher.examples, known.passes)


def _print(stages: list[Stage]) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("task", "step"):
        table.add_column(column)
    for column in ("functions", "done", "stale", "trainings", "s each", "on", "memory", "left"):
        table.add_column(column, justify="right")
    for stage in stages:
        mark = "" if stage.measured else "~"
        table.add_row(
            stage.task,
            stage.kind,
            f"{stage.functions:,}",
            f"{stage.done:,}",
            f"{stage.stale:,}" if stage.stale else "",
            f"{stage.functions * stage.runs:,}" if stage.kind != "fim" else "",
            "?" if stage.seconds is None else f"{mark}{stage.seconds:.3g}",
            f"{stage.gpus} GPU" if stage.gpus else "CPU",
            "" if stage.memory is None else gigabytes(stage.memory),
            "?" if stage.hours_left is None else duration(3600 * stage.hours_left),
        )
    out = console()
    out.print(table)
    for device, chosen in (
        ("GPU", [stage for stage in stages if stage.gpus]),
        ("CPU", [stage for stage in stages if not stage.gpus]),
    ):
        if chosen:
            hours = [stage.hours_left for stage in chosen if stage.hours_left is not None]
            unknown = len(hours) < len(chosen)
            if unknown and not any(hours):
                out.print(f"{device} time left: {UNKNOWN}")
                continue
            more = WITHOUT_UNKNOWN if unknown else ""
            out.print(f"{device} time left: {duration(3600 * sum(hours))}{more}")
    if any(stage.stale for stage in stages):
        out.print(STALE)
    if any(stage.seconds is not None and not stage.measured for stage in stages):
        out.print(
            "~ is estimated, from the size of the network (to a factor of two or three) or from "
            "trials with other settings; everything else was measured here"
        )
