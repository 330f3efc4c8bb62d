"""What a file that a step makes depends on besides its inputs: settings, code, operators.

The workflow puts these digests into a rule's parameters, and the command writes them into the files
it makes, from this one place. Nothing heavy is imported: the workflow asks at every parse.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from actsearch.config import (
    BUILT_IN_MODELS,
    FAULTS,
    Config,
    ConfigError,
    describe_fault,
    named_strategy,
    users_strategy,
)
from actsearch.functions.baselines import baselines_of
from actsearch.functions.operators import modules_of, registered
from actsearch.functions.spaces import SearchSpace
from actsearch.plan.environment import CODE_VARIABLE
from actsearch.plan.settings import chosen_task
from actsearch.plan.steps import STEPS
from actsearch.records.code import code_digest, module_digests, option_files
from actsearch.records.digests import DigestError
from actsearch.records.imports import used_names, users_modules
from actsearch.records.search_path import UsersOwnProcesses, home, working_folder_last
from actsearch.records.sources import find, in_home, is_users, place_of_code, taken_names


def step_modules(
    step: str, config: Config, task: str | None = None, strategy: str | None = None
) -> tuple[str, ...]:
    """Roots of a step's code digest: its command, the task's own network and data, the strategy.

    Returns:
        Dotted names. Modules of operators are not among them: see :func:`operator_digests`.
    """
    record = STEPS[step]
    modules = [record.module, *record.further]
    if record.task_code:
        modules += task_modules(config, task)
    if record.strategy_code and strategy is not None:
        modules.append(named_strategy(strategy).module)
    return tuple(dict.fromkeys(modules))


def task_modules(config: Config, task: str | None) -> list[str]:
    """Modules with the network and the data of a task, where they are code; files of options."""
    _, chosen = chosen_task(config, task)
    names = (chosen.model, config.data[chosen.data].source)
    modules = [module for module in map(_module_of, names) if module]
    return [*modules, *option_files(chosen.model_options)]


def _module_of(name: str) -> str:
    """The module of a network or of data that are code; empty for others."""
    module, _, function = BUILT_IN_MODELS.get(name, name).partition(":")
    return module if function and module not in ("npz", "folder", "torchvision", "timm") else ""


def step_code(
    step: str, config: Config, task: str | None = None, strategy: str | None = None
) -> str:
    """Code digest of ``step`` under a configuration."""
    return code_digest(*step_modules(step, config, task, strategy))


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
        ConfigError: when one cannot be imported, whatever it stumbles over, or a module that the
            configuration names is there twice.
        OperatorError: when one registers what is no operator.
        FAULTS: those of this package, as they are.
    """
    working_folder_last()
    refuse_shadowed(config)
    for module in config.operators:
        try:
            with UsersOwnProcesses():
                importlib.import_module(module)
        except ModuleNotFoundError as error:
            looked = f"; looked in {home()} and Python's own folders"
            where = looked if module.startswith(str(error.name)) else ""
            raise ConfigError(f"operators: cannot import {module!r} ({error}{where})") from None
        except FAULTS as error:  # whatever the module stumbles over
            if type(error).__module__.startswith("actsearch."):
                raise
            raise ConfigError(
                f"operators: cannot import {module!r} ({describe_fault(error)})"
            ) from error


def refuse_shadowed(config: Config) -> None:
    """Refuse a module in the working folder that has the name of another.

    Imports would take the other. What merely lies there does no harm: it is not named in the
    configuration, and no module of the user's in this folder takes from that name what it holds.

    Raises:
        ConfigError: with both places.
    """
    named = {f"operators: {module!r}": module for module in config.operators}
    for name, task in config.tasks.items():
        named[f"tasks.{name}.model: {task.model!r}"] = _module_of(task.model)
    for where, strategy in named_strategies(config):
        named[f"{where}: {strategy!r}"] = users_strategy(strategy)
    for name, data in config.data.items():
        named[f"data.{name}.source: {data.source!r}"] = _module_of(data.source)
    for where, module in named.items():
        mine = place_of_code(in_home(module)) if module else None
        found = place_of_code(find(module)) if mine else None
        if mine is None or (found and os.path.realpath(found) == os.path.realpath(mine)):
            continue
        raise ConfigError(_shadowed(where, mine, module.partition(".")[0]))
    taken = taken_names()
    for where, module in named.items() if taken else ():
        for place, name, inner in _imports_in_home(module):
            if name in taken and _may_hold(Path(taken[name]), inner):
                imported = f"{where}: the {name!r} that {os.path.relpath(place)} imports"
                raise ConfigError(_shadowed(imported, taken[name], name))


def named_strategies(config: Config) -> list[tuple[str, str]]:
    """Strategies that a configuration names, each with the key that does."""
    found = [("simulation.strategies", name) for name in config.simulation.strategies]
    for task, section in config.tasks.items():
        if section.search:
            where = f"tasks.{task}.search.strategies"
            found += [(where, name) for name in section.search.strategies]
    return found


def users_strategies(config: Config) -> set[str]:
    """Modules of strategies that are not built in."""
    return {users_strategy(name) for _, name in named_strategies(config)} - {""}


def _shadowed(what: str, mine: str, root: str) -> str:
    return (
        f"{what} is {os.path.relpath(mine)} in the working folder, but {root!r} is the name of "
        f"{_owner(root)}, which Python finds first: give yours another name"
    )


def _imports_in_home(module: str) -> Iterator[tuple[str, str, set[str]]]:
    """Files below the working folder that ``module`` reaches, with what they take from others."""
    try:
        reached = users_modules(module).modules if module else {}
    except DigestError:  # it cannot be found: whoever imports it says so
        return
    for code in reached.values():
        # Packages of the user's that lie elsewhere know nothing of this folder.
        if Path(os.path.realpath(code.place)).is_relative_to(os.path.realpath(home())):
            for name, inner in sorted(used_names(code).items()):
                yield code.place, name, inner


def _may_hold(file: Path, names: set[str]) -> bool:
    """Whether a module's file mentions one of ``names``, or a package has a file called so."""
    words = set(re.findall(rb"\w+", file.read_bytes()))
    beside = {path.stem for path in file.parent.iterdir()} if file.stem == "__init__" else set()
    return "*" in names or any(name.encode() in words or name in beside for name in names)


def users_code(config: Config) -> str:
    """Digests of the user's modules that a configuration names, as JSON, for the jobs of a run."""
    names = {module for task in config.tasks for module in task_modules(config, task)}
    names |= users_strategies(config)
    return json.dumps(
        {name: code_digest(name)[7:19] for name in sorted({*names, *config.operators})}
    )


def refuse_edited(config: Config, task: str | None, strategy: str | None = None) -> None:
    """Refuse to go on in a run that began with other code of the user's.

    What it makes would be noted under the code of its beginning.

    Raises:
        ConfigError: with the module.
    """
    then = json.loads(os.environ.get(CODE_VARIABLE, "{}"))
    own = [users_strategy(strategy)] if strategy else []
    for name in [*config.operators, *(task_modules(config, task) if task else ()), *own]:
        if name in then and then[name] != code_digest(name)[7:19]:
            raise ConfigError(
                f"the code of {name!r}, or of what it imports, was edited after this run began: "
                "let it end, and start it again"
            )


def _owner(root: str) -> str:
    """Whose module is found under a name that is taken."""
    if root in sys.stdlib_module_names:
        return "a module of Python's own"
    spec = find(root)
    places = list((spec.submodule_search_locations if spec else None) or [])
    place = place_of_code(spec) or (places or [""])[0]
    return f"another module ({place})" if is_users(spec) else f"an installed package ({place})"


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
    baselines = baselines_of(config)
    whole = (SearchSpace.from_config(config.space(name), baselines) for name in spaces)
    return frozenset(operator for space in whole for operator in space.operators)


def task_spaces(config: Config, task: str) -> list[str]:
    """Names of the spaces that the functions of a task come from, those of its finalists too."""
    chosen = config.task(task)
    sections = [chosen.benchmark, chosen.search]
    for other in chosen.final.candidates_from if chosen.final else ():
        sections += [config.task(other).benchmark, config.task(other).search]
    return sorted({section.space for section in sections if section is not None})
