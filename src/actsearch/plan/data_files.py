"""Files outside results/ that stand for what a task was given: data, and tables to import."""

from __future__ import annotations

import contextlib
import functools
import time
from pathlib import Path

from actsearch.config import ACT_BENCH_TABLES, Config, Data
from actsearch.data.sources.checks import is_changed
from actsearch.data.sources.contents import FRESH, stamp_of
from actsearch.data.sources.manifests import contents_digest, read_manifest
from actsearch.data.sources.places import DataError, image_folder, place_of
from actsearch.plan import layout
from actsearch.plan.steps import step_called
from actsearch.records.digests import settings_digest
from actsearch.records.embedded import input_digest
from actsearch.records.files import written_beside
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


def data_now(
    step: str, config: Config, task: str | None, name: object = None
) -> dict[str, str | None]:
    """Digest of what stands for the data of a step today, by path; None where it is missing.

    Args:
        step: the step.
        config: the configuration.
        task: the task, of a step that has one.
        name: of the data set that is fetched.

    Returns:
        Of images that are not as their manifest says, their folder, with a digest of no file.
    """
    known = step_called(step)
    if step == "fetch":
        data = config.data.get(str(name))
        return _images_now(data, config.data_folder) if data else {}
    if task is not None and step == "import-act-bench":
        path = act_bench_file(config, task)
    elif task is not None and known is not None and known.task_code:
        path = data_file(config, task)
        if changed := _changed_images(config.data[config.task(task).data], config.data_folder):
            return changed
    else:
        path = None
    return {} if path is None else {shown(path): data_digest(shown(path))}


def _images_now(data: Data, data_folder: str) -> dict[str, str | None]:
    """The digest of an image folder, as the record of its manifest has it."""
    place = place_of(data, data_folder)
    if place is None or not data.source.startswith("folder:") or not place.manifest.is_file():
        return {}
    if changed := _changed_images(data, data_folder):
        return changed
    return {shown(image_folder(data)): contents_digest(read_manifest(place))}


def _changed_images(data: Data, data_folder: str) -> dict[str, str | None]:
    """The folder of data that are not as their manifest says; nothing where they are."""
    place = place_of(data, data_folder)
    if place is None or not _is_changed(data, data_folder, Path.cwd()):
        return {}
    folder = image_folder(data) if data.source.startswith("folder:") else place.folder
    return {shown(folder): "other contents"}


@functools.cache
def _is_changed(data: Data, data_folder: str, here: Path) -> bool:
    try:
        return is_changed(data, data_folder)
    except ArtifactError:
        return False  # of the manifest itself no digest is found then


@functools.cache
def data_digest(path: str) -> str | None:
    """Digest of a file of data; None where there is none."""
    try:
        return input_digest(path)
    except ArtifactError:
        return None


def array_digest(path: Path) -> str:
    """Digest of the arrays in a file, read again when its size or times differ.

    The workflow asks at every parse, and the file may be large: what is found is remembered.

    Returns:
        ``sha256:<hex>``; nothing where there is no file that can be read.
    """
    try:
        stamp = stamp_of(str(path))
    except DataError:
        return ""
    key = settings_digest([shown(path), *stamp])[7:23]
    seen = layout.SEEN_ARRAYS / key
    if seen.is_file():
        return seen.read_text(encoding="utf-8")
    digest = data_digest(shown(path)) or ""
    if time.time_ns() - stamp[2] > FRESH:
        with contextlib.suppress(OSError), written_beside(seen) as beside:
            beside.write_text(digest, encoding="utf-8")
    return digest
