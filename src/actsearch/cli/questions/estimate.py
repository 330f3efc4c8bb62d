"""Command: estimate."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Json
from actsearch.cli.progress import console
from actsearch.cli.recording import load
from actsearch.config import Config, Task
from actsearch.functions.baselines import baselines_of
from actsearch.functions.selection import known_size
from actsearch.networks.work import Work, gigabytes
from actsearch.plan import layout
from actsearch.plan.counts import Trainings, trainings
from actsearch.plan.dependencies import step_settings
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.kept import kept
from actsearch.plan.kept_functions import KeptFunctions
from actsearch.plan.network_checks import network_digest
from actsearch.records.digests import settings_digest
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import ArtifactError
from actsearch.rehearsal.work import Known, counted

READ_AT_MOST = 200
"""Trials of a task that are read for their seconds."""


@dataclass(frozen=True)
class Stage:
    """Trainings or spectra of one kind for one task."""

    task: str
    kind: str
    """table, search, stage 0 and so on, final or fim."""
    functions: int
    done: int
    """Functions whose files stand and are of these settings."""
    runs: int
    """Trainings a function."""
    gpus: int
    seconds: float | None
    """Of one training, or of one function's spectrum; None where nothing is known."""
    measured: bool
    """Whether the seconds were measured here; they are estimated otherwise."""
    memory: int | None = None
    """Bytes that the factors of a function's spectra take; None for trainings, and unknown."""

    @property
    def hours_left(self) -> float | None:
        """GPU-hours (CPU-hours without GPUs) of what does not stand yet."""
        left = self.functions - self.done
        if self.seconds is None:
            return None if left else 0.0
        return left * self.runs * self.seconds * max(self.gpus, 1) / 3600


@app.command()
def estimate(
    results: Annotated[Path, typer.Argument(help="The folder of results.")] = Path(layout.RESULTS),
    as_json: Json = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Tell how many trainings the experiment takes, and the GPU-hours that are left.

    What other settings made is not counted as done; what changed code or data make again,
    ``snakemake -n`` tells. Seconds are medians of the trials that stand. Where there are none they
    are estimated for a GPU from the arithmetic and the memory traffic of the network, to a factor
    of two or three.
    """
    settings = load(config)
    stages = [stage for name in settings.tasks for stage in _stages(settings, name, results)]
    if as_json:
        rows = [asdict(stage) | {"hours_left": stage.hours_left} for stage in stages]
        typer.echo(json.dumps({"stages": rows}, indent=1))
    else:
        _print(stages)


def _stages(config: Config, name: str, results: Path) -> Iterator[Stage]:
    task = config.task(name)
    folder = results / name
    known = _known(config, name)
    searched = layout.SEARCH_TRIALS.format(strategy="*")
    train = _measured(folder, layout.TRIALS, searched, layout.FINAL_TRIALS)
    split = config.data[task.data].split

    spaces: dict[str, int] = {}
    size, slugs = _selected(config, task.benchmark.space) if task.benchmark else (0, None)
    if task.benchmark and not task.benchmark.published_features:
        spaces["fim"] = size
    if task.search:
        screen = task.search.screen
        listed = screen.functions if screen else _selected(config, task.search.space)[0]
        spaces[f"{layout.SEARCH_SCOPE}fim"] = listed
    n_baselines = len(baselines_of(config))
    for asked in trainings(task, n_baselines, size, split.train, split.validation, split.test):
        seconds, is_measured = _seconds(task, folder, known.work, train, asked)
        yield Stage(
            name,
            asked.kind if asked.stage is None else f"{asked.kind} {asked.stage}",
            asked.functions,
            min(_standing(config, name, folder, asked, slugs), asked.functions),
            asked.runs,
            task.resources.gpu,
            seconds,
            is_measured,
        )
    for place, size in spaces.items():
        digest = settings_digest(step_settings("fim", config, name))
        parts = _count(digest, folder, f"{place}/{layout.FIM_PARTS}")
        done = min(parts * task.fisher.functions_per_job, size)
        measured = _measured_spectrum(folder / place, task.fisher.functions_per_job)
        seconds = measured if measured is not None else _fisher_seconds(task, known)
        gpus = min(task.resources.gpu, 1)
        yield Stage(name, "fim", size, done, 1, gpus, seconds, measured is not None, known.memory)


def _seconds(
    task: Task, folder: Path, work: Work | None, train: float | None, asked: Trainings
) -> tuple[float | None, bool]:
    """Seconds of a training, and whether they were measured; ``train``: those of the recipe."""
    if asked.stage is not None:
        measured = _measured(folder, layout.STAGE_TRIALS.format(stage=asked.stage))
        if measured is not None:
            return measured, True
        staged = task.in_stage(asked.stage)
        if staged.recipe != task.recipe:
            if train is not None:  # by the same machine, for more epochs or fewer
                return train * staged.recipe.epochs / task.recipe.epochs, False
            return _training_seconds(staged, work, asked.fitted, asked.measured), False
    if train is not None:
        return train, True
    return _training_seconds(task, work, asked.fitted, asked.measured), False


def _standing(
    config: Config, name: str, folder: Path, asked: Trainings, slugs: frozenset[str] | None
) -> int:
    """Trials of a kind that stand; a search's are counted for the strategies asked for."""
    search, kind = config.task(name).search, asked.kind
    if asked.stage is not None:
        staged = step_settings("train-stage", config, name, stage=asked.stage)
        pattern = layout.STAGE_TRIALS.format(stage=asked.stage)
        return _count(settings_digest(staged), folder, pattern)
    step = "train-final" if kind == "final" else "train"
    digest = settings_digest(step_settings(step, config, name))
    if kind == "table":
        return _count(digest, folder, layout.TRIALS, slugs)
    if kind == "final":
        return _count(digest, folder, layout.FINAL_TRIALS)
    strategies = search.strategies if search else ()
    patterns = (layout.SEARCH_TRIALS.format(strategy=strategy) for strategy in strategies)
    return sum(_count(digest, folder, pattern) for pattern in patterns)


def _count(digest: str, folder: Path, pattern: str, slugs: frozenset[str] | None = None) -> int:
    """Files of a pattern that were made with the settings of a digest.

    Those named by one of ``slugs`` where these are given.
    """
    return sum(
        _made_with(digest, path)
        for path in folder.glob(pattern)
        if slugs is None or path.stem in slugs
    )


def _made_with(digest: str, path: Path) -> bool:
    with contextlib.suppress(ArtifactError, OSError):
        if path.suffix == ".json":  # of which there may be many: looked into, not read
            return digest.encode() in path.read_bytes()
        return read_provenance(path).get("settings_digest") == digest
    return False


def _selected(config: Config, name: str) -> tuple[int, frozenset[str] | None]:
    """Number of functions that a space selects, and their slugs where it is listed anyway."""
    space, baselines = config.space(name), baselines_of(config)
    size = known_size(name, space, baselines)
    if size is not None:
        return size, None
    slugs = frozenset(KeptFunctions(config.operators).slugs(space, baselines))
    return len(slugs), slugs


def _measured(folder: Path, *patterns: str) -> float | None:
    """Median seconds of a training among the trials that stand."""
    seconds = []
    for pattern in patterns:
        for path in sorted(folder.glob(pattern))[:READ_AT_MOST]:
            with contextlib.suppress(ArtifactError, KeyError, TypeError):
                block = read_provenance(path)
                seconds.append(float(block["seconds"]) / len(block["seeds"]["runs"]))
    return statistics.median(seconds) if seconds else None


def _measured_spectrum(folder: Path, functions: int) -> float | None:
    """Median seconds of a function's spectrum among the parts that stand, the last one left out."""
    seconds = []
    for path in sorted(folder.glob(layout.FIM_PARTS))[:-1][:READ_AT_MOST]:
        with contextlib.suppress(ArtifactError, KeyError, ValueError):
            block = read_provenance(path)
            times = (datetime.fromisoformat(block[key]) for key in ("ended", "started"))
            ended, started = times
            seconds.append((ended - started).total_seconds() / functions)
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
    for column in ("functions", "done", "trainings", "s each", "on", "memory", "hours left"):
        table.add_column(column, justify="right")
    for stage in stages:
        mark = "" if stage.measured else "~"
        table.add_row(
            stage.task,
            stage.kind,
            f"{stage.functions:,}",
            f"{stage.done:,}",
            f"{stage.functions * stage.runs:,}" if stage.kind != "fim" else "",
            "?" if stage.seconds is None else f"{mark}{stage.seconds:.3g}",
            f"{stage.gpus} GPU" if stage.gpus else "CPU",
            "" if stage.memory is None else gigabytes(stage.memory),
            "?" if stage.hours_left is None else f"{stage.hours_left:,.1f}",
        )
    out = console()
    out.print(table)
    for device, chosen in (
        ("GPU", [stage for stage in stages if stage.gpus]),
        ("CPU", [stage for stage in stages if not stage.gpus]),
    ):
        if chosen:
            hours = sum(stage.hours_left or 0.0 for stage in chosen)
            unknown = any(stage.hours_left is None for stage in chosen)
            more = ", without what is not known (?)" if unknown else ""
            out.print(f"{device}-hours left: {hours:,.1f}{more}")
    if any(stage.seconds is not None and not stage.measured for stage in stages):
        out.print("~ is estimated, to a factor of two or three; all else was measured here")
