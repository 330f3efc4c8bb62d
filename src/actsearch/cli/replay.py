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
import yaml

from actsearch.cli.app import DEFAULT_CONFIG, ConfigFile, app, load
from actsearch.cli.progress import console, say
from actsearch.cli.steps import STEP_MODULES, operators_today, step_modules, step_settings
from actsearch.config import Config, ConfigError, load_config, parse_config
from actsearch.records.artifacts import ArtifactError, input_digest, shown
from actsearch.records.audit import changed_names
from actsearch.records.causes import PACKED
from actsearch.records.code import module_digests
from actsearch.records.differences import changes
from actsearch.records.lineage import Artifact, read_artifact
from actsearch.records.provenance import environment
from actsearch.tasks.sources.places import image_folder

NOT_REPLAYED = ("crate", "audit")
"""Steps that look at whatever stands: no recorded inputs would make them again."""
EXAMPLES = 10


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A file under results/.")],
    keep: Annotated[
        Path | None, typer.Option(help="Work in this new folder, and leave it there.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a file again from its recorded inputs in a scratch folder, and compare.

    Exit code 0 when both say the same: to the bit on a CPU, on a GPU within the tolerance that the
    file declares. The file itself stays as it is.
    """
    from actsearch.records.comparison import differences

    artifact = read_artifact(shown(file))
    if artifact.problem:
        raise ArtifactError(f"{file}: {artifact.problem}")
    if artifact.step not in STEP_MODULES or artifact.step in NOT_REPLAYED:
        raise ConfigError(f"{file}: step {artifact.step!r} cannot be made again by itself")
    settings = _as_it_was(load(config), config, artifact.block)
    suspects = _suspects(settings, artifact.block)
    for suspect in suspects:
        say(f"now different: {suspect}")
    if keep is not None and keep.exists():
        raise ConfigError(f"--keep {keep}: exists already")
    with contextlib.ExitStack() as stack:
        if keep is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="replay-")))
        else:
            keep.mkdir(parents=True)
            scratch = keep
        _prepare(scratch, artifact, settings)
        _run(scratch, artifact)
        tolerance = artifact.block.get("tolerance")
        found = differences(file, scratch / artifact.path, tolerance)
    _print(file, found, tolerance, suspects)
    if found:
        raise typer.Exit(1)


def _as_it_was(present: Config, path: Path, block: Mapping[str, Any]) -> Config:
    """The present configuration with the recorded settings in it."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    task = block.get("task")
    if task is not None and task not in present.tasks:
        raise ConfigError(f"{path} has no task {task!r}; tasks: {', '.join(present.tasks)}")
    threads = block.get("device", {}).get("threads")
    if task is not None and threads is not None:
        values = _merged(values, {"tasks": {task: {"resources": {"threads": threads}}}})
    whole = parse_config(_merged(values, block.get("settings", {})))
    then = step_settings(block["step"], whole, task, **block.get("wildcards", {}))
    if told := changes(block.get("settings", {}), then):
        raise ConfigError(f"the recorded settings cannot be put into {path}: {'; '.join(told)}")
    return whole


def _merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with those of ``over`` in their place, key by key."""
    merged = dict(values)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _suspects(config: Config, block: Mapping[str, Any]) -> list[str]:
    """What is no more as it was when the file was made, besides the configuration."""
    modules = module_digests(*step_modules(block["step"], config, block.get("task")))
    now = {name: digest[7:19] for name, digest in modules.items()}
    suspects = [f"code of {name}" for name in changed_names(block.get("modules", {}), now)]
    used = block.get("operators", {})
    suspects += [f"operators of {name}" for name in changed_names(used, operators_today(used))]
    then, here = block.get("environment", {}), environment()
    for key in ("python", "versions"):
        suspects += changes({key: then.get(key)}, {key: here.get(key)})
    return suspects


def _prepare(scratch: Path, artifact: Artifact, config: Config) -> None:
    """The recorded inputs and image folders, linked under their names, and the configuration."""
    for path, digest in artifact.inputs.items():
        if input_digest(path) != digest:
            raise ArtifactError(f"{path}: says something else than when {artifact.path} was made")
        if not Path(path).is_absolute():
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / path).symlink_to(Path(path).absolute())
    values = config.model_dump(mode="json", exclude_none=True)
    values["data_folder"] = str(Path(config.data_folder).absolute())
    folders = (d for d in config.data.values() if d.source.startswith("folder:"))
    for folder in {image_folder(data) for data in folders}:
        if folder.is_dir() and not folder.is_absolute():
            (scratch / folder).parent.mkdir(parents=True, exist_ok=True)
            (scratch / folder).symlink_to(folder.absolute())
    place = scratch / _configuration(artifact)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(yaml.safe_dump(values, sort_keys=False))
    load_config(place)


def _configuration(artifact: Artifact) -> Path:
    """Where the configuration lay, relative to the experiment's folder: the report names it."""
    path = Path(artifact.block.get("configuration", DEFAULT_CONFIG))
    return DEFAULT_CONFIG if path.is_absolute() or ".." in path.parts else path


def _run(scratch: Path, artifact: Artifact) -> None:
    words = shlex.split(artifact.block["command"])[1:]
    if "--config" in words:  # the scratch folder has its own
        at = words.index("--config")
        del words[at : at + 2]
    if artifact.step in PACKED:
        words = _alone(words, artifact.path)
    asked = {
        "ACTSEARCH_CONFIG": str(_configuration(artifact)),
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")]),
    }
    say(f"$ actsearch {shlex.join(words)}")
    command = [sys.executable, "-m", "actsearch.cli", *words]
    done = subprocess.run(command, cwd=scratch, env=os.environ | asked, check=False)
    if done.returncode or not (scratch / artifact.path).is_file():
        raise ArtifactError(f"{artifact.path}: the command failed (exit code {done.returncode})")


def _alone(words: list[str], path: str) -> list[str]:
    """A pack's command for one of its files."""
    kept: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        is_value = before.startswith("--") and before != "--final"
        if is_value or word.startswith("--") or not word.endswith(".json") or word == path:
            kept.append(word)
    return kept


def _print(
    file: Path, found: list[str], tolerance: Mapping[str, float] | None, suspects: list[str]
) -> None:
    from rich.markup import escape

    out = console()
    within = "identical" if tolerance is None else f"the same within {dict(tolerance)}"
    if not found:
        out.print(f"[green]{escape(str(file))}: {within}[/]")
        return
    out.print(f"[red]{escape(str(file))}: not {within}[/]")
    for line in found[:EXAMPLES]:
        out.print(f"  {escape(line)}", soft_wrap=True)
    if len(found) > EXAMPLES:
        out.print(f"  and {len(found) - EXAMPLES} more")
    if suspects:
        out.print("  [dim]the cause may be what is now different, as said above[/]")
