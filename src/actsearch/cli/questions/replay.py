"""Command: replay."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.options import AnyFile, ConfigFile
from actsearch.cli.progress import console, say
from actsearch.cli.questions.scratch import (
    command_in_scratch,
    configuration_of,
    name_in_scratch,
    prepare,
    relative_configuration,
)
from actsearch.cli.recording import load
from actsearch.config import Config, ConfigError, parse_config, read_values
from actsearch.plan.environment import CONFIG_VARIABLE, DEFAULT_CONFIG, merged
from actsearch.plan.staleness import present_of, settings_of
from actsearch.plan.steps import step_called
from actsearch.records import search_path
from actsearch.records.differences import changes
from actsearch.records.formats import ArtifactError, shown
from actsearch.records.lineage import Artifact, read_artifact
from actsearch.records.names import printable, printable_name
from actsearch.records.provenance import environment
from actsearch.records.reasons import Present, other_versions, reasons
from actsearch.records.shipped import is_name, is_shipped, known_tables, tables_in

EXAMPLES = 10


@app.command()
def replay(
    file: AnyFile,
    keep: Annotated[
        Path | None, typer.Option(help="Work in this new folder, and leave it there.")
    ] = None,
    entries: Annotated[
        int | None,
        typer.Option(min=1, help="Of a table that ships: how many functions are drawn."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a file again from its recorded inputs, in a temporary folder, and compare.

    Exit code 0 when both have the same content: to the bit on a CPU, on a GPU within the tolerance
    that the file states. The file itself is not changed. For a table that ships, given by its name
    or folder, some functions are drawn and trained again.
    """
    from actsearch.cli.questions.replay_shipped import is_for, replay_entries
    from actsearch.records.comparison import differences

    if is_for(file):
        replay_entries(file, entries, seed, keep)
        return
    if is_shipped(file):
        raise ConfigError(f"{printable(str(file))}: name one table: {', '.join(tables_in(file))}")
    if entries is not None or (is_name(file) and not file.exists()):
        raise ConfigError(f"{printable(str(file))}: no table that ships; {known_tables()}")
    artifact = read_artifact(shown(file))
    if artifact.problem:
        raise ArtifactError(f"{file}: {artifact.problem}")
    step = step_called(artifact.step)
    if step is None or not step.replayable:
        raise ConfigError(f"{file}: step {artifact.step!r} cannot be made again by itself")
    name = name_in_scratch(artifact)
    settings = as_it_was(load(config), config, artifact.block)
    now = present_of(settings)(artifact.block)
    suspects = suspects_of(now, artifact)
    for suspect in suspects:
        say(f"now different: {suspect}")
    words = command_in_scratch(artifact, now.data)
    if keep is not None and keep.exists():
        raise ConfigError(f"--keep {keep}: exists already")
    with contextlib.ExitStack() as stack:
        if keep is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replay-")))
        else:
            keep.mkdir(parents=True)
            scratch = keep
        home = prepare(scratch, artifact, settings)
        _run(home, artifact, words)
        tolerance = artifact.block.get("tolerance")
        found = differences(file, home / name, tolerance)
    _print(file, found, tolerance, suspects)
    if found:
        raise typer.Exit(1)


def as_it_was(present: Config, path: Path, block: Mapping[str, Any]) -> Config:
    """The present configuration with the recorded settings in it."""
    values = read_values(path)
    task = block.get("task")
    if task is not None and task not in present.tasks:
        raise ConfigError(f"{path} has no task {task!r}; tasks: {', '.join(present.tasks)}")
    threads = block.get("device", {}).get("threads")
    if task is not None and threads is not None:
        values = merged(values, {"tasks": {task: {"resources": {"threads": threads}}}})
    whole = parse_config(merged(values, _in_lists(values, block.get("settings", {}))))
    then = settings_of(block["step"], whole, task, block.get("wildcards", {}))
    if told := changes(block.get("settings", {}), then):
        raise ConfigError(f"the recorded settings cannot be put into {path}: {'; '.join(told)}")
    return whole


def _in_lists(values: Any, settings: Any) -> Any:
    """Settings with whole lists, where what was recorded is some items of one by their place."""
    if not isinstance(settings, Mapping):
        return settings
    if isinstance(values, list) and all(key.isdecimal() for key in settings):
        items = list(values)
        for place, item in settings.items():
            if int(place) >= len(items):
                raise ConfigError(f"the configuration has no stage {place} any more")
            items[int(place)] = merged(items[int(place)], item)
        return items
    below = values if isinstance(values, Mapping) else {}
    return {key: _in_lists(below.get(key), value) for key, value in settings.items()}


def suspects_of(now: Present, artifact: Artifact) -> list[str]:
    """What is no more as it was when the file was made, besides the configuration."""
    block = artifact.block
    suspects = [
        f"{reason.kind} of {name}"
        for reason in reasons(artifact, {}, (), now)
        for name in reason.names
    ]
    suspects += other_versions(block, environment())
    if block["step"] == "report" and configuration_of(block).is_absolute():
        suspects.append("the place of the configuration, which the page names")
    return suspects


def _run(home: Path, artifact: Artifact, words: list[str]) -> None:
    asked = {
        CONFIG_VARIABLE: str(relative_configuration(artifact.block)),
        search_path.MODULES_VARIABLE: search_path.home(),
    }
    say(f"$ actsearch {shlex.join(words)}")
    command = [sys.executable, "-m", "actsearch.cli", *words]
    done = subprocess.run(command, cwd=home, env=os.environ | asked, check=False)
    if done.returncode or not (home / name_in_scratch(artifact)).is_file():
        raise ArtifactError(f"{artifact.path}: the command failed (exit code {done.returncode})")


def _print(
    file: Path, found: list[str], tolerance: Mapping[str, float] | None, suspects: list[str]
) -> None:
    from rich.markup import escape

    out = console()
    name = escape(printable_name(str(file)))
    within = "identical" if tolerance is None else f"the same within {dict(tolerance)}"
    if not found:
        out.print(f"[green]{name}: {within}[/]")
        return
    out.print(f"[red]{name}: not {within}[/]")
    print_differences(found, suspects)


def print_differences(found: list[str], suspects: list[str]) -> None:
    """Show the first differences, and that ``suspects`` may be their cause."""
    from rich.markup import escape

    out = console()
    for line in found[:EXAMPLES]:
        out.print(f"  {escape(printable(line))}", soft_wrap=True)
    if len(found) > EXAMPLES:
        out.print(f"  and {len(found) - EXAMPLES} more")
    if suspects:
        out.print("  [dim]the cause may be what is now different, as said above[/]")
