"""What every command begins with: the configuration, and the record of what it is about to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from actsearch.config import Config, ConfigError, load_config
from actsearch.data.sources.places import require_task_data
from actsearch.plan.data_files import data_file
from actsearch.plan.dependencies import (
    operator_digests,
    refuse_edited,
    register_operators,
    step_modules,
    step_settings,
    task_modules,
)
from actsearch.plan.made import is_made
from actsearch.plan.steps import STEPS
from actsearch.records.code import module_digests, read_again
from actsearch.records.provenance import Execution


def load(path: Path) -> Config:
    """The configuration, with the user's operators registered."""
    config = load_config(path)
    register_operators(config)
    return config


def execution(
    step: str,
    config: Config,
    task: str | None = None,
    *,
    inputs: Sequence[str | Path] = (),
    seeds: Mapping[str, Any] | None = None,
    operators: Iterable[str] = (),
    outside: Path | None = None,
    **wildcards: Any,
) -> Execution:
    """The record of a step that starts now, with the settings and code it depends on.

    Args:
        step: a key of STEPS.
        config: the configuration.
        task: the task, for steps that have one.
        inputs: files that it reads.
        seeds: by what they seed.
        operators: names of the operators of the functions that it evaluates.
        outside: a file outside results/ that it reads; that of the task's data is found here.
        wildcards: what else tells its files from others of the step.

    Returns:
        The record, from which each file gets its provenance block.

    Raises:
        ConfigError: when code of the user's was edited after the run began.
        MissingDataError: when the task's data are to be fetched first.
        ArtifactError: when an input is missing or cannot be read, was altered after it was written,
            or has lost its provenance though a rule makes it.
    """
    strategy = wildcards.get("strategy")
    refuse_edited(config, task if STEPS[step].task_code else None, strategy)
    if task is not None and STEPS[step].task_code:
        require_task_data(config, task)
        outside = data_file(config, task)
    return Execution(
        step,
        task=task,
        wildcards=wildcards,
        settings=step_settings(step, config, task, **wildcards),
        code=step_modules(step, config, task, strategy),
        operators=operator_digests(operators),
        inputs=inputs,
        data=outside,
        seeds=seeds,
        is_made=is_made,
    )


def require_same_code(config: Config, task: str) -> None:
    """Refuse to go on with code of the user's that was edited since it was recorded.

    It is imported later than it is recorded: data are decoded in between.

    Args:
        config: the configuration.
        task: the task, whose network and data have been imported by now.

    Raises:
        ConfigError: with the module.
    """
    names = [*config.operators, *task_modules(config, task)]
    then = module_digests(*names)
    read_again()
    now = module_digests(*names)
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            raise ConfigError(
                f"{name!r}, which is code or is named in code, was edited after this job began: "
                "start it again"
            )
