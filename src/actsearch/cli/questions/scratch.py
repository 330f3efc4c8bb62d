"""The scratch folder in which a file is made again: a small copy of the experiment, of links."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from actsearch.config import Config, ConfigError, write_values
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.made import is_made
from actsearch.plan.proposed import still_proposed
from actsearch.plan.steps import step_called
from actsearch.records.code import files_among
from actsearch.records.embedded import input_digest
from actsearch.records.formats import ArtifactError, shown
from actsearch.records.lineage import Artifact


def name_in_scratch(artifact: Artifact) -> str:
    """The name under which a file was written, relative to the folder of the experiment.

    Raises:
        ConfigError: when it was written outside: a command that names it would write over it.
    """
    name = str(artifact.block.get("file", artifact.path))
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ConfigError(
            f"{artifact.path}: was written as {name}, outside the folder of its experiment; what "
            "lies in it can be made again by itself"
        )
    return name


def configuration_of(block: Mapping[str, Any]) -> Path:
    """Where the configuration lay, as the command was told."""
    words = _words(block)
    given = [_option(words, at) for at in range(len(words)) if _is_config(words[at])]
    return Path((given or [block.get("configuration") or str(DEFAULT_CONFIG)])[-1])


def command_in_scratch(artifact: Artifact, data: Mapping[str, str | None]) -> list[str]:
    """Words of the command that makes a file, after ``actsearch``, for the scratch folder.

    Args:
        artifact: the file.
        data: digests of its data by path, where they lie now.

    Raises:
        ArtifactError: when its data are gone or say something else.
        ConfigError: when the command would write outside the scratch folder.
    """
    moved = _data_now(artifact, data)
    sources = {os.path.abspath(path) for path in artifact.block.get("inputs", {})}  # noqa: PTH100
    kept = []
    skip = False
    for word in _words(artifact.block):
        if skip or _is_config(word):  # the scratch folder has its own
            skip = word == "--config"
            continue
        head, sign, path = word.rpartition("=")
        name = shown(path) if path and not path.startswith("--") else path
        if name in moved:
            path = str(Path(moved[name]).absolute())
        elif Path(path).is_absolute() and not Path(name).is_absolute():
            path = name
        elif Path(path).is_absolute() and not any(_holds(path, source) for source in sources):
            raise ConfigError(
                f"{artifact.path}: its command names {path}, outside the folder of its experiment; "
                "it cannot be made again by itself"
            )
        kept.append(f"{head}{sign}{path}")
    step = step_called(artifact.step)
    packed = step is not None and step.packed
    return _alone(kept, name_in_scratch(artifact)) if packed else kept


def prepare(root: Path, artifact: Artifact, config: Config) -> Path:
    """Link inputs, data and files that code reads under their names; write the configuration.

    Returns:
        The folder below ``root`` that stands for that of the experiment: as many levels deep as a
        name leads up.

    Raises:
        ArtifactError: when an input is gone or says something else.
    """
    for path, digest in artifact.block.get("inputs", {}).items():
        if input_digest(path, made=is_made(path)) != digest and not still_proposed(artifact, path):
            raise ArtifactError(f"{path}: is not what it was when {artifact.path} was made")
    configuration = relative_configuration(artifact.block)
    sources = [data.source.partition(":") for data in config.data.values()]
    brought = [path for kind, _, path in sources if kind in ("npz", "folder")]
    brought += files_among(artifact.block.get("modules", {}))
    named = [word.rpartition("=")[2] for word in _words(artifact.block)]
    above = [path for path in named if _levels_up(path)]
    home = root.joinpath(*["in"] * max(map(_levels_up, [str(configuration), *brought, *above])))
    # What is written comes first, so that no link to a folder of somebody's leads there.
    place = home / configuration
    for written in (place, home / name_in_scratch(artifact)):
        written.parent.mkdir(parents=True, exist_ok=True)
    values = config.model_dump(mode="json", exclude_none=True)
    values["data_folder"] = str(Path(config.data_folder).absolute())
    place.write_text(write_values(values), encoding="utf-8")
    inputs = artifact.block.get("inputs", {})
    for path in [*inputs, *brought, *(path for path in above if shown(path) in inputs)]:
        _link(home, path)
    return home


def relative_configuration(block: Mapping[str, Any]) -> Path:
    """Where the configuration lies in the scratch folder; elsewhere than it lay if absolute."""
    path = configuration_of(block)
    return DEFAULT_CONFIG if path.is_absolute() else path


def _words(block: Mapping[str, Any]) -> list[str]:
    """Words of the recorded command; its first is what the step's command is called today."""
    try:
        words = shlex.split(block.get("command", ""))[1:]
    except ValueError as error:
        raise ConfigError(f"the recorded command cannot be read ({error})") from None
    step = step_called(block.get("step"))
    return [step.words[0], *words[1:]] if step and words else words


def _is_config(word: str) -> bool:
    return word == "--config" or word.startswith("--config=")


def _option(words: list[str], at: int) -> str:
    return words[at].partition("=")[2] or "".join(words[at + 1 : at + 2])


def _holds(folder: str, path: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it; both absolute."""
    return Path(path).is_relative_to(os.path.normpath(folder))


def _data_now(artifact: Artifact, data: Mapping[str, str | None]) -> dict[str, str]:
    """Where data lie now by where they lay, which may be elsewhere."""
    there = {digest: path for path, digest in data.items()}
    for path, digest in artifact.block.get("data", {}).items():
        if digest not in there:
            missing = [now for now, found in data.items() if found is None]
            if missing or not data:
                raise ArtifactError(f"{(missing or [path])[0]}: no such file")
            raise ArtifactError(
                f"{next(iter(data))}: is not what it was when {artifact.path} was made"
            )
    return {path: there[digest] for path, digest in artifact.block.get("data", {}).items()}


def _levels_up(path: str) -> int:
    return Path(os.path.normpath(path)).parts.count("..")


def _link(home: Path, path: str) -> None:
    place = home / path
    if Path(path).is_absolute() or os.path.lexists(place) or not Path(path).exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(Path(path).absolute())


def _alone(words: Iterable[str], name: str) -> list[str]:
    """A pack's command for one of its files."""
    kept: list[str] = []
    before = ""
    for word in words:
        is_value = before.startswith("--") and before != "--final"
        if is_value or not word.endswith(".json") or shown(word) == name:
            kept.append(word)
        before = word
    return kept
