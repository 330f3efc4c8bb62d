"""Command: ship."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile
from actsearch.cli.progress import say, track
from actsearch.cli.recording import load
from actsearch.config import Config, ConfigError, load_config
from actsearch.plan import layout
from actsearch.plan.counts import fim_parts
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.plan.staleness import settings_of
from actsearch.records import shipped
from actsearch.records.embedded import input_digest, read_provenance
from actsearch.records.files import writable, written_beside
from actsearch.records.formats import (
    ArtifactError,
    copy_file,
    read_arrays,
    read_table,
    write_arrays,
    write_table,
)
from actsearch.records.provenance import Execution

SHOWN = 3
"""Missing files that are named."""


@app.command()
def ship(
    results: Annotated[Path, typer.Option(help="The folder with the results.")] = Path(
        layout.RESULTS
    ),
    out: Annotated[Path, typer.Option(help="The folder of tables.")] = shipped.FOLDER,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="A task whose table is complete; all of them if left out."),
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Copy complete tables into a folder that can be read, audited and replayed alone.

    Tables that are there are left as they are: further ones are added. The data card is written
    anew. At the end the folder is audited; exit code 1 when something is found.
    """
    from actsearch.benchmark.shipped.card import card
    from actsearch.cli.questions.audit_shipped import FURTHER_ALLOWED, audit_shipped
    from actsearch.cli.steps.audit import print_findings
    from actsearch.records.audit import NO_FAILURES

    settings = load(config)
    source, folder, configuration = results.absolute(), out.absolute(), config.absolute()
    if source.name != layout.RESULTS or not source.is_dir():
        raise ConfigError(f"--results {results}: no folder {layout.RESULTS}/ of an experiment")
    if out == shipped.FOLDER and not (shipped.ROOT / "pyproject.toml").is_file():
        raise ConfigError("actsearch was not installed from a clone: name a folder with --out")
    with contextlib.chdir(source.parent):  # records name their files from there
        chosen = _complete(settings, tasks)
        _refuse_other_settings(settings, folder)
        for task in chosen:
            _ship(settings, task, folder)
    copy_file(configuration, folder / shipped.CONFIGURATION)
    page = folder / shipped.CARD
    with writable(page), written_beside(page) as beside:
        beside.write_text(card(folder), encoding="utf-8")
    artifacts, findings = audit_shipped(folder)
    allowed = {*NO_FAILURES, *FURTHER_ALLOWED}
    print_findings(findings, len(artifacts), allowed)
    if any(finding.kind not in allowed for finding in findings):
        raise typer.Exit(1)


def _complete(config: Config, asked: list[str] | None) -> list[str]:
    """The tasks to ship: those asked for, or all whose table is complete."""
    missing = {}
    for task in asked or [name for name, task in config.tasks.items() if task.benchmark]:
        section = task_section(config, task, "benchmark")
        if section.act_bench:
            raise ConfigError(f"task {task!r}: its table is imported; only trained ones ship")
        if told := _missing(config, task):
            missing[task] = told
    if missing and (asked or len(missing) == sum(bool(t.benchmark) for t in config.tasks.values())):
        told = "; ".join(f"{task}: {text}" for task, text in missing.items())
        raise ConfigError(f"a table can ship only when it is complete; {told}")
    for task, text in missing.items():
        say(f"{task} is not complete and is left out: {text}")
    return [
        name
        for name in asked or config.tasks
        if name not in missing and config.tasks[name].benchmark
    ]


def _missing(config: Config, task: str) -> str:
    """What a table lacks, in words; nothing where it is complete."""
    from actsearch.functions.listed import selected_slugs

    listing = layout.functions(task_section(config, task, "benchmark").space)
    needed = [listing, layout.table(task), layout.map_file(task)]
    if Path(listing).is_file():
        slugs = selected_slugs(read_table(listing))
        needed += [layout.trial(task, slug) for slug in slugs]
        parts = fim_parts(len(slugs), config.task(task).fisher.functions_per_job)
        needed += [layout.fim_part(task, "", part) for part in parts]
    lacking = [path for path in needed if not Path(path).is_file()]
    more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
    return f"{', '.join(lacking[:SHOWN])}{more} missing" if lacking else ""


def _refuse_other_settings(config: Config, folder: Path) -> None:
    """Refuse a configuration under which the tables that are there would be others.

    Raises:
        ConfigError: with the table.
    """
    if not shipped.is_shipped(folder):
        return
    then = load_config(folder / shipped.CONFIGURATION)
    for name in shipped.tables_in(folder):
        for step in ("enumerate", "train", "fim", "map"):
            if name not in config.tasks or _settings(config, step, name) != _settings(
                then, step, name
            ):
                raise ConfigError(
                    f"{folder}: table {name!r} was made under other settings of {step}; give the "
                    "configuration of all tables, or remove the table's folder to ship it again"
                )


def _settings(config: Config, step: str, task: str) -> dict[str, Any]:
    if step == "enumerate":
        space = task_section(config, task, "benchmark").space
        return settings_of(step, config, None, {"space": space})
    return settings_of(step, config, task, {})


def _ship(config: Config, task: str, folder: Path) -> None:
    """Put one table into the folder, whole or not at all."""
    from actsearch.benchmark.shipped.packing import pack_trials, runs_table, unpack_trials
    from actsearch.features.packed_cdfs import pack_cdfs
    from actsearch.features.spectra import n_bins, stack_cdfs
    from actsearch.functions.listed import selected_slugs

    place, table = folder / task, layout.table(task)
    if place.exists():
        _require_same(place, table, layout.map_file(task))
        say(f"{task} ships already and is kept")
        return
    chosen = config.task(task)
    listing = layout.functions(task_section(config, task, "benchmark").space)
    slugs = selected_slugs(read_table(listing))
    trials = [layout.trial(task, slug) for slug in slugs]
    size = chosen.fisher.functions_per_job
    parts = [layout.fim_part(task, "", part) for part in fim_parts(len(slugs), size)]
    _require_whole(table, [listing, *trials])
    _require_whole(layout.map_file(task), [listing, *parts])
    of_table = _record(task, [table])
    of_map = _record(task, [layout.map_file(task), *parts])
    packed = pack_trials(
        Path(path).read_text(encoding="utf-8") for path in track(trials, f"packing {task}")
    )
    first = read_arrays(parts[0])
    names, cdfs = stack_cdfs((read_arrays(part) for part in parts), chosen.fisher)
    weights = first["n_weights"].tolist()
    features = pack_cdfs(
        names,
        cdfs,
        first["layers"].tolist(),
        [n_bins(w, chosen.fisher.weights_per_bin, chosen.fisher.minimum_bins) for w in weights],
        (first["input_shapes"].prod(axis=1) * first["gradient_shapes"][:, 1]).tolist(),
    )
    with _folder_beside(place) as beside:
        for name, path in zip(shipped.COPIED, (table, layout.map_file(task), listing), strict=True):
            copy_file(path, beside / name)
        write_table(beside / shipped.TRIALS, packed, _block(of_table, task, shipped.TRIALS))
        runs = runs_table(unpack_trials(packed))
        write_table(beside / shipped.RUNS, runs, _block(of_table, task, shipped.RUNS))
        write_arrays(beside / shipped.FISHER, features, _block(of_map, task, shipped.FISHER))


def _require_same(place: Path, *files: str) -> None:
    for file in files:
        there, here = (
            read_provenance(path)["content_digest"] for path in (place / Path(file).name, file)
        )
        if there != here:
            raise ConfigError(
                f"{place}: ships already, and {file} is different; remove it to ship it again"
            )


def _require_whole(path: str, sources: list[str]) -> None:
    """Refuse a file that was not made from what stands.

    Raises:
        ArtifactError: with the source that differs; or when one was altered.
    """
    recorded = read_provenance(path).get("inputs", {})
    for source in sources:
        if recorded.get(source) != input_digest(source, made=True):
            raise ArtifactError(f"{path}: was not made from {source} as it is now; run Snakemake")


def _record(task: str, inputs: list[str]) -> Execution:
    return Execution("ship", task=task, inputs=inputs, is_made=lambda path: True)


def _block(record: Execution, task: str, name: str) -> dict[str, Any]:
    # Read on other machines, where the places of this one say nothing.
    words = ["actsearch", "ship", "--results", layout.RESULTS, "--task", task]
    block = {**record.block(), "file": f"{task}/{name}", "command": shlex.join(words)}
    block.pop("configuration", None)
    return block


@contextlib.contextmanager
def _folder_beside(place: Path) -> Iterator[Path]:
    """A hidden folder, which becomes ``place`` at the end and is removed after an error."""
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with writable(place):
            beside.mkdir(parents=True)
        yield beside
        with writable(place):
            beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
