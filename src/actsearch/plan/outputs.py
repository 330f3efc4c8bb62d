"""What the rules of the workflow make, and from what: asked of Snakemake itself.

A command names a file in the environment and starts Snakemake, which puts the answer in its place
(``internals.write_outputs``) while it reads the workflow. So what is checked is what would be made.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from actsearch.config import ConfigError
from actsearch.plan import layout
from actsearch.plan.environment import DEFAULT_CONFIG, OUTPUTS_VARIABLE, SNAKEFILE_VARIABLE


def snakemake(*arguments: str, config: Path) -> list[str]:
    """A command line of Snakemake, in the folder of the experiment.

    Args:
        arguments: targets and options.
        config: the configuration.

    Returns:
        The words of the command.

    Raises:
        ConfigError: when there is no Snakefile here, and none is named in the environment.
    """
    snakefile = os.environ.get(SNAKEFILE_VARIABLE, "Snakefile")
    if not Path(snakefile).is_file():
        raise ConfigError("no Snakefile here: ask in the folder of the experiment")
    given = ["--snakefile", snakefile]
    given += ["--configfile", str(config)] if config != DEFAULT_CONFIG else []
    return [sys.executable, "-m", "snakemake", *arguments, *given]


def run(
    command: list[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it prints may name files in any bytes."""
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )


@dataclass(frozen=True)
class Outputs:
    """What the rules of the workflow make."""

    files: frozenset[str]
    """Files by name."""
    patterns: tuple[re.Pattern[str], ...]
    """Patterns of all others."""
    inputs: Mapping[str, list[str] | None] = field(default_factory=dict)
    """What the files asked for are made from; None where no rule makes one."""
    rules: tuple[str, ...] = ()
    """Names of the rules that make files under results/."""
    wanted: frozenset[str] = frozenset()
    """Files that a run without targets makes, at any distance."""

    @classmethod
    def of_workflow(cls, config: Path, paths: Iterable[str] = ()) -> Outputs:
        """As the workflow itself says it, with the inputs of ``paths``.

        Returns:
            Files, patterns and inputs under one configuration.

        Raises:
            ConfigError: when Snakemake cannot read it.
        """
        command = snakemake("--list-target-rules", "--quiet", config=config)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "outputs.json"
            question = json.dumps(list(paths))
            file.write_text(question, encoding="utf-8")
            asked = os.environ | {OUTPUTS_VARIABLE: str(file)}
            done = run(command, asked)
            answer = file.read_text(encoding="utf-8")
            if answer == question:
                raise ConfigError(f"Snakemake cannot read the workflow:\n{done.stderr.strip()}")
            told = json.loads(answer)
        patterns = tuple(map(re.compile, told["patterns"]))
        files, wanted = frozenset(told["files"]), frozenset(told["wanted"])
        return cls(files, patterns, told["inputs"], tuple(told["rules"]), wanted)

    def __contains__(self, path: str) -> bool:
        """Whether some rule makes the file at ``path``."""
        return path in self.files or any(pattern.fullmatch(path) for pattern in self.patterns)

    def inputs_of(self, path: str) -> list[str] | None:
        """Files under results/ that the file at ``path`` is made from; data are no such files."""
        found = self.inputs.get(path)
        return None if found is None else [name for name in found if layout.is_result(name)]
