"""What stands here now, for commands that compare it with records."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from actsearch.cli.app import DEFAULT_CONFIG
from actsearch.cli.steps import (
    NETWORK_STEPS,
    OUTPUTS_VARIABLE,
    SNAKEFILE_VARIABLE,
    STEP_MODULES,
    act_bench_file,
    data_file,
    operators_today,
    step_modules,
    step_settings,
)
from actsearch.config import Config, ConfigError
from actsearch.records.audit import Present
from actsearch.records.code import module_digests
from actsearch.records.digests import settings_digest
from actsearch.records.embedded import input_digest
from actsearch.records.formats import ArtifactError, shown


def snakemake(*arguments: str, config: Path) -> list[str]:
    """A command line of Snakemake, in the folder of the experiment.

    Raises:
        ConfigError: when there is no Snakefile here, and none is named in the environment.
    """
    snakefile = os.environ.get(SNAKEFILE_VARIABLE, "Snakefile")
    if not Path(snakefile).is_file():
        raise ConfigError("no Snakefile here: ask in the folder of the experiment")
    given = ["--snakefile", snakefile]
    given += ["--configfile", str(config)] if config != DEFAULT_CONFIG else []
    return [sys.executable, "-m", "snakemake", *arguments, *given]


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

    @classmethod
    def of_workflow(cls, config: Path, paths: Iterable[str] = ()) -> Outputs:
        """As the workflow itself says it, with the inputs of ``paths``.

        Raises:
            ConfigError: when Snakemake cannot read it.
        """
        command = snakemake("--list-target-rules", "--quiet", config=config)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "outputs.json"
            question = json.dumps(list(paths))
            file.write_text(question, encoding="utf-8")
            asked = os.environ | {OUTPUTS_VARIABLE: str(file)}
            done = subprocess.run(command, env=asked, capture_output=True, text=True, check=False)
            answer = file.read_text(encoding="utf-8")
            if answer == question:
                raise ConfigError(f"Snakemake cannot read the workflow:\n{done.stderr.strip()}")
            told = json.loads(answer)
        patterns = tuple(map(re.compile, told["patterns"]))
        return cls(frozenset(told["files"]), patterns, told["inputs"], tuple(told["rules"]))

    def __contains__(self, path: str) -> bool:
        """Whether some rule makes the file at ``path``."""
        return path in self.files or any(pattern.fullmatch(path) for pattern in self.patterns)

    def inputs_of(self, path: str) -> list[str] | None:
        """Files under results/ that the file at ``path`` is made from; data are no such files."""
        found = self.inputs.get(path)
        return None if found is None else [name for name in found if _is_result(name)]


def _is_result(path: str) -> bool:
    return Path(path).parts[:1] == ("results",)


def data_now(step: str, config: Config, task: str | None) -> dict[str, str | None]:
    """Digest of what stands for the data of a step today, by path; None where it is missing."""
    path = None
    if task is not None and step in NETWORK_STEPS:
        path = data_file(config, task)
    if task is not None and step == "import-act-bench":
        path = act_bench_file(config, task)
    return {} if path is None else {shown(path): data_digest(shown(path))}


def present_of(config: Config) -> Callable[[Mapping[str, Any]], Present]:
    """What files would be made with today, by their provenance."""

    @functools.cache
    def of_step(step: str, task: str | None, wildcards: tuple[tuple[str, Any], ...]) -> Present:
        if step not in STEP_MODULES:
            return Present(problem=f"no step {step!r}")
        try:
            settings = step_settings(step, config, task, **dict(wildcards))
            modules = module_digests(*step_modules(step, config, task))
        except ConfigError as error:
            return Present(problem=str(error))
        return Present(
            settings=settings,
            settings_digest=settings_digest(settings),
            modules={name: digest[7:19] for name, digest in modules.items()},
            code_digest=settings_digest(modules),
            data=data_now(step, config, task),
        )

    def of_file(block: Mapping[str, Any]) -> Present:
        step = str(block.get("step"))
        present = of_step(step, block.get("task"), tuple(block.get("wildcards", {}).items()))
        # A step uses the operators that it used, unless they are gone.
        return replace(present, operators=operators_today(block.get("operators", ())))

    return of_file


@functools.cache
def data_digest(path: str) -> str | None:
    """Digest of a file of data; None where there is none."""
    try:
        return input_digest(path)
    except ArtifactError:
        return None
