"""What each step depends on besides its input files: modules, and parts of the configuration.

The workflow puts both digests into a rule's parameters, and the command writes them into the files
it makes, from this one place. A command's own lines pass files on and compute nothing; what it
calls stands here. Nothing heavy is imported: the workflow asks at every parse.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from actsearch.config import BUILT_IN_MODELS, Config, ConfigError, Fisher, Task
from actsearch.functions.operators import modules_of, registered
from actsearch.functions.spaces import SearchSpace
from actsearch.records.code import code_digest, module_digests

# Looked up by name when a function is first evaluated, so the import graph does not show it.
TORCH_OPERATORS = "actsearch.functions.torch_operators"

STEP_MODULES: dict[str, tuple[str, ...]] = {
    "enumerate": ("actsearch.functions.listing",),
    "train": ("actsearch.tasks.training", TORCH_OPERATORS),
    "train-final": ("actsearch.tasks.training", TORCH_OPERATORS),
    "benchmark": ("actsearch.tasks.benchmark",),
    "export": ("actsearch.tasks.benchmark", "actsearch.features.spectra"),
    "fim": ("actsearch.features.fisher_parts", TORCH_OPERATORS),
    "map": ("actsearch.features.embedding", "actsearch.features.spectra"),
    "surrogate": ("actsearch.search.surrogates",),
    "simulate": ("actsearch.search.simulation",),
    "propose": ("actsearch.search.rounds",),
    "history": ("actsearch.search.rounds",),
    "finalists": ("actsearch.search.final",),
    "final": ("actsearch.search.final",),
    "report": ("actsearch.report.page", "actsearch.tasks.benchmark"),
    "crate": ("actsearch.records.crate", "actsearch.records.crate_entities"),
    "audit": ("actsearch.records.audit",),
}
NETWORK_STEPS = ("train", "train-final", "fim")
"""Steps that build the task's network and read its data."""
OUTPUTS_VARIABLE = "ACTSEARCH_OUTPUTS"
"""Names the file into which the workflow writes what its rules make."""
SNAKEFILE_VARIABLE = "ACTSEARCH_SNAKEFILE"
"""Names the Snakefile where it does not lie in the working folder."""
BINNING = {"log_range", "weights_per_bin", "minimum_bins"}


def register_operators(config: Config) -> None:
    """Import the modules that register the user's operators, from the working folder too."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    for module in config.operators:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ConfigError(f"operators: cannot import {module!r} ({error})") from None


def data_file(config: Config, task: str) -> Path | None:
    """The file that holds a task's data, where the configuration names one."""
    kind, _, path = config.data[config.task(task).data].source.partition(":")
    return Path(path) if kind == "npz" else None


def step_modules(step: str, config: Config, task: str | None = None) -> tuple[str, ...]:
    """Roots of the code digest of ``step``: ours, and the task's own network and data.

    Modules of operators are not among them: see :func:`operator_digests`.
    """
    modules = [*STEP_MODULES[step]]
    if step in NETWORK_STEPS:
        _, chosen = _chosen(config, task)
        for name in (chosen.model, config.data[chosen.data].source):
            module, _, function = BUILT_IN_MODELS.get(name, name).partition(":")
            if function and module not in ("npz", "torchvision", "timm"):
                modules.append(module)
    return tuple(dict.fromkeys(modules))


def operator_digests(operators: Iterable[str]) -> dict[str, str]:
    """Digest of each module of the user's that defines one of ``operators``, by dotted name.

    What a step evaluates depends on these besides its own code, so an operator that nobody uses
    makes nothing out of date.
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


def step_code(step: str, config: Config, task: str | None = None) -> str:
    """Code digest of ``step`` under a configuration."""
    return code_digest(*step_modules(step, config, task))


def step_settings(
    step: str, config: Config, task: str | None = None, **wildcards: Any
) -> dict[str, Any]:
    """The part of the configuration that ``step`` depends on, in the configuration's own form.

    Args:
        step: a key of STEP_MODULES.
        config: the configuration.
        task: the task, for steps that have one.
        wildcards: what else the step is called with; ``space`` chooses a part of the configuration.
    """
    readers: dict[str, Callable[[], dict[str, Any]]] = {
        "enumerate": lambda: {
            "spaces": {wildcards["space"]: config.space(wildcards["space"]).model_dump(mode="json")}
        },
        "train": lambda: _training(config, task),
        "train-final": lambda: _training(config, task, final={"seeds"}),
        "export": lambda: _sections(config, task, fisher=BINNING),
        "fim": lambda: _network(config, task, fisher=set(Fisher.model_fields) - BINNING),
        "map": lambda: _sections(config, task, fisher=BINNING, map=None),
        "surrogate": lambda: {"surrogate": config.surrogate.model_dump(mode="json")},
        "simulate": lambda: {
            "simulation": config.simulation.model_dump(mode="json", exclude={"strategies"})
        },
        "propose": lambda: _sections(config, task, search={"slots", "seed"}),
        "finalists": lambda: _sections(config, task, final={"functions"}),
        "final": lambda: _sections(config, task, final={"significance"}),
        "report": lambda: _described(config),
        "crate": lambda: {"license": config.license} if config.license else {},
    }
    return readers[step]() if step in readers else {}


def _chosen(config: Config, task: str | None) -> tuple[str, Task]:
    if task is None:
        raise ValueError("this step has a task")
    return task, config.task(task)


def task_section(config: Config, task: str | None, name: str) -> Any:
    """A section of a task that not every task has; ConfigError where it is missing."""
    section = getattr(_chosen(config, task)[1], name)
    if section is None:
        raise ConfigError(f"task {task!r} has no section {name!r}")
    return section


def _sections(config: Config, task: str | None, **keys: set[str] | None) -> dict[str, Any]:
    """Sections of a task, with the keys asked for, or all."""
    name, _ = _chosen(config, task)
    sections = {
        section: task_section(config, task, section).model_dump(mode="json", include=include)
        for section, include in keys.items()
    }
    return {"tasks": {name: sections}}


def _network(config: Config, task: str | None, **keys: set[str] | None) -> dict[str, Any]:
    """A task's data and network, and further sections."""
    name, chosen = _chosen(config, task)
    network = chosen.model_dump(mode="json", include={"data", "model", "replace"})
    sections = _sections(config, task, **keys)["tasks"][name]
    data = {chosen.data: config.data[chosen.data].model_dump(mode="json")}
    return {"data": data, "tasks": {name: network | sections}}


def _training(config: Config, task: str | None, **keys: set[str] | None) -> dict[str, Any]:
    name, chosen = _chosen(config, task)
    whole = _network(config, task, **keys)
    recipe = chosen.model_dump(mode="json", include={"recipe", "seeds", "deterministic"})
    # Several processes sum in another order, and batch norm sees a share of the batch in each.
    processes = chosen.resources.processes
    shared = {"resources": {"processes": processes}} if processes > 1 else {}
    return whole | {"tasks": {name: whole["tasks"][name] | recipe | shared}}


def _described(config: Config) -> dict[str, Any]:
    """What :func:`describe_task` reads of every task."""
    fisher = {"kind", "examples", "weights_per_bin", "minimum_bins"}
    parts = [_training(config, name, fisher=fisher) for name in config.tasks]
    return {
        "data": {key: value for part in parts for key, value in part["data"].items()},
        "tasks": {key: value for part in parts for key, value in part["tasks"].items()},
    }


def describe_task(config: Config, name: str) -> dict[str, str]:
    """Data, network and recipe of a task for people: a label and its value each."""
    task = config.task(name)
    data = config.data[task.data]
    recipe, split, fisher = task.recipe, data.split, task.fisher
    processes = task.resources.processes
    shared = f" shared by {processes} processes" if processes > 1 else ""
    return {
        "Data": f"{task.data} ({data.source})",
        "Split": f"{split.train} train, {split.validation} validation, {split.test} test, "
        f"seed {split.seed}",
        "Network": task.model,
        "Recipe": f"{recipe.optimizer}, learning rate {recipe.learning_rate:g} "
        f"({recipe.schedule}), {recipe.epochs} epochs, batch {recipe.batch_size}{shared}, "
        f"weight decay {recipe.weight_decay:g}",
        "Seeds": ", ".join(map(str, task.seeds)),
        "FIM": f"{fisher.kind} Fisher of {fisher.examples} examples; a bin for "
        f"{fisher.weights_per_bin} weights, at least {fisher.minimum_bins} a layer",
    }
