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

import yaml

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


def plain(value: Any) -> Any:
    """Snakemake's ordered dictionaries as plain ones."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def one_of(names: Iterable[str]) -> str:
    """A pattern that matches these names, or nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


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
    if len(files) == 1 and yaml.safe_load(Path(files[0]).read_text(encoding="utf-8")) == values:
        path = os.path.relpath(files[0])
    else:
        digest = settings_digest(values)[-16:]
        merged = layout.MERGED_CONFIGURATIONS / f"{digest}.yaml"
        if not merged.exists():
            with written_beside(merged) as beside:
                beside.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
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
