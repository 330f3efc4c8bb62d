"""What a file that a step makes depends on besides its inputs: settings, code, operators.

The workflow puts these digests into a rule's parameters, and the command writes them into the files
it makes, from this one place. Nothing heavy is imported: the workflow asks at every parse.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from actsearch.config import BUILT_IN_MODELS, Config, ConfigError, describe_fault
from actsearch.functions.operators import modules_of, registered
from actsearch.functions.spaces import SearchSpace
from actsearch.plan.settings import chosen_task
from actsearch.plan.steps import STEPS
from actsearch.records.code import code_digest, module_digests
from actsearch.records.search_path import home, working_folder_last


def step_modules(step: str, config: Config, task: str | None = None) -> tuple[str, ...]:
    """Roots of the code digest of ``step``: its command, and the task's own network and data.

    Returns:
        Dotted names. Modules of operators are not among them: see :func:`operator_digests`.
    """
    record = STEPS[step]
    modules = [record.module, *record.further]
    if record.task_code:
        modules += task_modules(config, task)
    return tuple(dict.fromkeys(modules))


def task_modules(config: Config, task: str | None) -> list[str]:
    """Modules with the network and the data of a task, where they are code."""
    _, chosen = chosen_task(config, task)
    modules = []
    for name in (chosen.model, config.data[chosen.data].source):
        module, _, function = BUILT_IN_MODELS.get(name, name).partition(":")
        if function and module not in ("npz", "folder", "torchvision", "timm"):
            modules.append(module)
    return modules


def step_code(step: str, config: Config, task: str | None = None) -> str:
    """Code digest of ``step`` under a configuration."""
    return code_digest(*step_modules(step, config, task))


def step_settings(
    step: str, config: Config, task: str | None = None, **wildcards: Any
) -> dict[str, Any]:
    """The part of the configuration that ``step`` depends on, in the configuration's own form.

    Args:
        step: a key of STEPS.
        config: the configuration.
        task: the task, for steps that have one.
        wildcards: what else the step is called with; see the functions of ``settings.py``.

    Returns:
        Plain data, as JSON holds them.
    """
    return STEPS[step].settings(config, task, **wildcards)


def register_operators(config: Config) -> None:
    """Import the modules that register the user's operators, from the working folder too.

    Raises:
        ConfigError: when one cannot be imported, whatever it stumbles over.
        OperatorError: when one registers what is no operator.
    """
    working_folder_last()
    for module in config.operators:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            looked = f"; looked in {home()} and Python's own folders"
            where = looked if module.startswith(str(error.name)) else ""
            raise ConfigError(f"operators: cannot import {module!r} ({error}{where})") from None
        except Exception as error:  # whatever the module stumbles over
            if type(error).__module__.startswith("actsearch."):
                raise
            raise ConfigError(
                f"operators: cannot import {module!r} ({describe_fault(error)})"
            ) from error


def operator_digests(operators: Iterable[str]) -> dict[str, str]:
    """Digest of each module of the user's that defines one of ``operators``.

    What a step evaluates depends on these besides its own code, so an operator that nobody uses
    makes nothing out of date.

    Returns:
        Digests by dotted name.
    """
    return module_digests(*modules_of(operators))


def operators_today(modules: Iterable[str]) -> dict[str, str]:
    """Digests of ``modules`` that a record names, without those that register nothing any more."""
    known = modules_of(registered())
    return module_digests(*(module for module in modules if module in known))


def space_operators(config: Config, *spaces: str) -> frozenset[str]:
    """Names of the operators that functions of the spaces called ``spaces`` are made of."""
    whole = (SearchSpace.from_config(config.space(name)) for name in spaces)
    return frozenset(operator for space in whole for operator in space.operators)


def task_spaces(config: Config, task: str) -> list[str]:
    """Names of the spaces that the functions of a task come from, those of its finalists too."""
    chosen = config.task(task)
    sections = [chosen.benchmark, chosen.search]
    for other in chosen.final.candidates_from if chosen.final else ():
        sections += [config.task(other).benchmark, config.task(other).search]
    return sorted({section.space for section in sections if section is not None})
