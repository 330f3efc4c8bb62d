"""Entries of a table that ships made again: a drawn sample of its functions, from what ships."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsearch.cli.progress import console, say
from actsearch.cli.questions.audit_shipped import unfold_trials
from actsearch.cli.recording import load
from actsearch.config import Config, ConfigError, load_config, write_values
from actsearch.data.sources.places import place_of
from actsearch.plan import layout
from actsearch.plan.counts import fim_parts
from actsearch.plan.environment import CONFIG_VARIABLE, DEFAULT_CONFIG
from actsearch.plan.staleness import present_of
from actsearch.records import search_path, shipped
from actsearch.records.formats import ArtifactError, read_arrays, read_table
from actsearch.records.lineage import Artifact, read_artifact
from actsearch.records.provenance import cpu_model

ENTRIES = 3
"""How many are drawn where nothing is said."""
EXAMPLES = 10
_DRAWN, _SPECTRA = Path("drawn.parquet"), Path("spectra.npz")


def is_for(file: Path) -> bool:
    """Whether ``file`` names a table that ships, by its name or folder."""
    if file.is_file():
        return False
    return shipped.is_table(file) or (
        shipped.is_name(file) and shipped.is_table(shipped.FOLDER / file)
    )


def replay_entries(table: Path, entries: int | None, seed: int, keep: Path | None) -> None:
    """Draw functions of a table that ships, make what is known of them again, and compare.

    Args:
        table: its name or folder.
        entries: how many functions.
        seed: of the draw.
        keep: a new folder to work in and leave, if any.

    Raises:
        ConfigError: when there are fewer functions, or ``keep`` exists.
        ArtifactError: when a file was altered, or a command fails.
        typer.Exit: with code 1 when something differs.
    """
    import typer

    place = shipped.table_folder(table).absolute()
    name = place.name
    load(place.parent / shipped.CONFIGURATION)  # registers operators
    slugs = _drawn(place, ENTRIES if entries is None else entries, seed)
    if keep is not None and keep.exists():
        raise ConfigError(f"--keep {keep}: exists already")
    data_folder = Path.cwd()
    with contextlib.ExitStack() as stack:
        if keep is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replay-")))
        else:
            keep.mkdir(parents=True)
            scratch = keep.absolute()
        found, suspects, compared = _made_again(place, name, slugs, scratch, data_folder)
    _print(name, slugs, found, suspects, compared)
    if found:
        raise typer.Exit(1)


def _drawn(place: Path, entries: int, seed: int) -> list[str]:
    slugs = sorted(read_table(place / shipped.TRIALS)["slug"].tolist())
    if entries > len(slugs):
        raise ConfigError(f"--entries {entries}: {place.name} has {len(slugs):,} functions")
    drawn = np.random.default_rng(seed).choice(len(slugs), entries, replace=False)
    return [slugs[position] for position in sorted(drawn)]


def _made_again(
    place: Path, table: str, slugs: list[str], scratch: Path, here: Path
) -> tuple[list[str], list[str], str]:
    """Differences, what is no more as it was, and what was compared, made again in ``scratch``."""
    from actsearch.cli.questions.replay import as_it_was, suspects_of
    from actsearch.records.comparison import differences

    recorded, again = scratch / "recorded", scratch / "again"
    recorded.mkdir()
    with contextlib.chdir(recorded):
        unfold_trials(place, table, frozenset(slugs))
        trials = [read_artifact(layout.trial(table, slug)) for slug in slugs]
    for trial in trials:
        if trial.problem:
            raise ArtifactError(f"{place / shipped.TRIALS}: {trial.path}: {trial.problem}")
    configuration = place.parent / shipped.CONFIGURATION
    config = as_it_was(load_config(configuration), configuration, trials[0].block)
    (again / layout.trials_folder(table)).mkdir(parents=True)
    with contextlib.chdir(again):
        _prepare(config, table, here)
        suspects = _suspects(trials, config, suspects_of)
        for suspect in suspects:
            say(f"now different: {suspect}")
        paths = [layout.trial(table, slug) for slug in slugs]
        _run("train", "--task", table, *paths)
    tolerance = trials[0].block.get("tolerance")
    found = [
        f"{trial.path}: {line}"
        for trial in trials
        for line in differences(recorded / trial.path, again / trial.path, tolerance)
    ]
    if trials[0].block.get("device", {}).get("type") != "cpu":  # bits of a GPU's are its own
        return found, suspects, "trainings"
    with contextlib.chdir(again):
        found += _fisher_again(place, table, slugs, config)
    return found, suspects, "trainings and Fisher features"


def _prepare(config: Config, table: str, here: Path) -> None:
    """The configuration in the working folder, and data: made there, or where they were fetched."""
    name = config.task(table).data
    data = config.data[name]
    values = config.model_dump(mode="json", exclude_none=True)
    if not data.made:
        values["data_folder"] = str(here / config.data_folder)
    DEFAULT_CONFIG.write_text(write_values(values), encoding="utf-8")
    if data.made and place_of(data, config.data_folder) is not None:
        _run("fetch", "--data", name)


def _suspects(trials: list[Artifact], config: Config, suspects_of: Any) -> list[str]:
    present = present_of(config)
    found = {text for trial in trials for text in suspects_of(present(trial.block), trial)}
    processors = {str(trial.block.get("cpu")) for trial in trials} - {str(cpu_model())}
    found |= {f"cpu: {then!r} -> {cpu_model()!r}" for then in processors}
    return sorted(found)


def _fisher_again(place: Path, table: str, slugs: list[str], config: Config) -> Iterator[str]:
    """Lines of what differs between shipped Fisher features and those computed now."""
    from actsearch.features.packed_cdfs import unpack_cdfs
    from actsearch.features.spectra import stack_cdfs
    from actsearch.functions.expressions import Expression

    names = [Expression.from_slug(slug).name for slug in slugs]
    listing = read_table(place / shipped.FUNCTIONS).set_index("name").loc[names].reset_index()
    listing = listing.drop_duplicates("name").assign(position=range(len(names)))
    listing.to_parquet(_DRAWN)
    values = load_config(DEFAULT_CONFIG)
    size = values.task(table).fisher.functions_per_job
    packed = read_arrays(place / shipped.FISHER)
    rows = {name: row for row, name in enumerate(packed["names"].tolist())}
    shipped_cdfs = unpack_cdfs(packed)
    for part in fim_parts(len(names), size):
        _run(
            *("fim", "--task", table, "--functions", str(_DRAWN), "--part", str(part)),
            *("--out", str(_SPECTRA)),
        )
        found, cdfs = stack_cdfs([read_arrays(_SPECTRA)], config.task(table).fisher)
        _SPECTRA.unlink()
        for name, now in zip(found, cdfs, strict=True):
            if told := _told(shipped_cdfs[rows[name]], now):
                yield f"{name}: Fisher feature: {told}"


def _told(then: NDArray[np.float64], now: NDArray[np.float64]) -> str | None:
    if then.shape != now.shape:
        return f"length {len(then)} -> {len(now)}"
    differ = ~((then == now) | (np.isnan(then) & np.isnan(now)))
    return f"{differ.sum()} of {len(then)} values differ" if differ.any() else None


def _run(*words: str) -> None:
    """A command in the working folder, with the configuration there."""
    asked = {CONFIG_VARIABLE: str(DEFAULT_CONFIG), search_path.MODULES_VARIABLE: search_path.home()}
    say(f"$ actsearch {shlex.join(words)}")
    command = [sys.executable, "-m", "actsearch.cli", *words]
    done = subprocess.run(command, env=os.environ | asked, check=False)
    if done.returncode:
        raise ArtifactError(
            f"actsearch {words[0]}: the command failed (exit code {done.returncode})"
        )


def _print(
    table: str, slugs: list[str], found: list[str], suspects: list[str], compared: str
) -> None:
    from actsearch.cli.questions.replay import print_differences

    out = console()
    told = f"{table}: {len(slugs)} of {len(slugs)} functions"
    if not found:
        out.print(f"[green]{told} identical[/]: {compared}")
        return
    out.print(f"[red]{table}: {len(found)} differences[/]")
    print_differences(found, suspects)
