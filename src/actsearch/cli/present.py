"""What stands here now, for commands that compare it with records."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from actsearch.cli.app import DEFAULT_CONFIG
from actsearch.cli.steps import STEP_MODULES, operator_digests, step_modules, step_settings
from actsearch.config import Config, ConfigError
from actsearch.functions.operators import registered
from actsearch.records.artifacts import ArtifactError, input_digest
from actsearch.records.audit import Present
from actsearch.records.code import module_digests
from actsearch.records.digests import settings_digest


def snakemake(*arguments: str, config: Path) -> list[str]:
    """A command line of Snakemake, in the folder of the experiment.

    Raises:
        ConfigError: when there is no Snakefile here.
    """
    if not Path("Snakefile").is_file():
        raise ConfigError("no Snakefile here: ask in the folder of the experiment")
    given = ["--configfile", str(config)] if config != DEFAULT_CONFIG else []
    return [sys.executable, "-m", "snakemake", *arguments, *given]


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
        )

    known = operator_digests(registered())

    def of_file(block: Mapping[str, Any]) -> Present:
        step = str(block.get("step"))
        present = of_step(step, block.get("task"), tuple(block.get("wildcards", {}).items()))
        # A step uses the operators that it used, unless they are gone.
        used = {name: known[name] for name in block.get("operators", {}) if name in known}
        return replace(present, operators=used) if used else present

    return of_file


@functools.cache
def data_digest(path: str) -> str | None:
    """Digest of a file of data; None where there is none."""
    try:
        return input_digest(path)
    except ArtifactError:
        return None
