"""Files outside results/ that stand for what a task was given: data, and tables to import."""

from __future__ import annotations

import functools
from pathlib import Path

from actsearch.config import ACT_BENCH_TABLES, Config
from actsearch.data.sources.places import place_of
from actsearch.plan import layout
from actsearch.plan.steps import step_called
from actsearch.records.embedded import input_digest
from actsearch.records.formats import ArtifactError, shown


def data_file(config: Config, task: str) -> Path | None:
    """The file that stands for a task's data: an ``.npz`` file, or the manifest of any other."""
    data = config.data[config.task(task).data]
    place = place_of(data, config.data_folder)
    if place is not None:
        return place.manifest
    kind, _, path = data.source.partition(":")
    return Path(path) if kind == "npz" else None


def act_bench_file(config: Config, task: str) -> Path | None:
    """The Act-Bench file that a task's table is imported from, if it is."""
    benchmark = config.task(task).benchmark
    if benchmark is None or benchmark.act_bench is None:
        return None
    if benchmark.act_bench not in ACT_BENCH_TABLES:
        return Path(benchmark.act_bench)
    return Path(layout.public_table(config.data_folder, benchmark.act_bench))


def data_now(step: str, config: Config, task: str | None) -> dict[str, str | None]:
    """Digest of what stands for the data of a step today, by path; None where it is missing."""
    path = None
    known = step_called(step)
    if task is not None and known is not None and known.task_code:
        path = data_file(config, task)
    if task is not None and step == "import-act-bench":
        path = act_bench_file(config, task)
    return {} if path is None else {shown(path): data_digest(shown(path))}


@functools.cache
def data_digest(path: str) -> str | None:
    """Digest of a file of data; None where there is none."""
    try:
        return input_digest(path)
    except ArtifactError:
        return None
