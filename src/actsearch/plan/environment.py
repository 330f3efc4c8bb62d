"""How commands find the configuration and the workflow: by variables of the environment.

So these paths are no parameters of any rule, and moving a configuration rebuilds nothing.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from actsearch.config import ConfigError, parse_values, read_values, write_values
from actsearch.plan import layout
from actsearch.records.digests import settings_digest
from actsearch.records.files import written_beside

CONFIG_VARIABLE = "ACTSEARCH_CONFIG"
"""Names the configuration."""
SNAKEFILE_VARIABLE = "ACTSEARCH_SNAKEFILE"
"""Names the Snakefile where it does not lie in the working folder."""
OUTPUTS_VARIABLE = "ACTSEARCH_OUTPUTS"
"""Names the file into which the workflow writes what its rules make."""
CODE_VARIABLE = "ACTSEARCH_CODE"
"""Holds digests of the user's modules as they were when the run began."""
DEFAULT_CONFIG = Path("config.yaml")


def one_of(names: Iterable[str]) -> str:
    """A pattern that matches these names, or nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def configuration_values(files: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    """The configuration as Snakemake puts it together, but read by the package's own rules.

    Snakemake lets the last of two equal keys win, and takes numbers within ``--config`` for text.

    Args:
        files: of the configuration; a later one changes values of those before it.
        options: ``KEY=VALUE`` of the command line, which change values of the files.

    Returns:
        Plain data, not yet checked against the schema.

    Raises:
        ConfigError: when a file or an option cannot be read, or an option gives a value twice.
    """
    values: dict[str, Any] = {}
    for file in files:
        values = merged(values, read_values(file))
    told: dict[str, Any] = {}
    for option in options:
        key, _, text = option.partition("=")
        value = {key: parse_values(text, f"--config {key}")}
        if twice := _both(told, value):
            raise ConfigError(f"--config gives {twice} twice")
        told = merged(told, value)
    return merged(values, told)


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with those of ``over`` in their place, key by key."""
    whole = dict(values)
    for key, value in over.items():
        below = whole.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        whole[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return whole


def _both(one: Mapping[str, Any], other: Mapping[str, Any], path: str = "") -> str | None:
    """Path of a value that both give."""
    for key in other:
        if key in one:
            values, name = (one[key], other[key]), f"{path}{key}"
            if not all(isinstance(value, Mapping) for value in values):
                return name
            if found := _both(*values, f"{name}."):
                return found
    return None


def configuration_file(
    values: dict[str, Any], files: Sequence[str], snakefile: str
) -> dict[str, str]:
    """The variables by which commands find configuration and Snakefile.

    A configuration that was merged of several files or options is written under its digest.

    Args:
        values: the whole configuration, as plain data.
        files: that it was read from.
        snakefile: the workflow's main file.

    Returns:
        Paths relative to the working folder, by variable.
    """
    if len(files) == 1 and settings_digest(read_values(files[0])) == settings_digest(values):
        path = os.path.relpath(files[0])
    else:
        digest = settings_digest(values)[-16:]
        merged = layout.MERGED_CONFIGURATIONS / f"{digest}.yaml"
        if not merged.exists():
            with written_beside(merged) as beside:
                beside.write_text(write_values(values), encoding="utf-8")
        path = str(merged)
    return {CONFIG_VARIABLE: path, SNAKEFILE_VARIABLE: os.path.relpath(snakefile)}


def command_prefix(told: Mapping[str, str]) -> str:
    """What precedes every command: that of the Python which computes the digests here."""
    paths = {"PATH": f"{shlex.quote(str(Path(sys.executable).parent))}:$PATH"}
    paths |= {name: shlex.quote(path) for name, path in told.items()}
    words = " ".join(f"{name}={value}" for name, value in paths.items())
    return f"set -euo pipefail; export {words}; "


def is_asked_for_outputs() -> bool:
    """Whether this process only tells a command what the rules make."""
    return OUTPUTS_VARIABLE in os.environ
