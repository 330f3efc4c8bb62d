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

from actsearch.config import (
    ACT_BENCH_RUNS,
    BUILT_IN_MODELS,
    Config,
    ConfigError,
    Data,
    Fisher,
    Recipe,
    Task,
    describe_fault,
)
from actsearch.data.sources.places import place_of
from actsearch.functions.operators import modules_of, registered
from actsearch.functions.spaces import SearchSpace
from actsearch.records.code import code_digest, module_digests

# Looked up by name when a function is first evaluated, so the import graph does not show it.
TORCH_OPERATORS = "actsearch.functions.torch_operators"

STEP_MODULES: dict[str, tuple[str, ...]] = {
    "fetch": ("actsearch.data.fetching",),
    "enumerate": ("actsearch.functions.listing",),
    "train": ("actsearch.training.trial", TORCH_OPERATORS),
    "train-final": ("actsearch.training.trial", TORCH_OPERATORS),
    "benchmark": ("actsearch.benchmark.table",),
    "export": ("actsearch.benchmark.act_bench.format", "actsearch.features.spectra"),
    "fetch-act-bench": ("actsearch.benchmark.act_bench.download",),
    "import-act-bench": ("actsearch.benchmark.act_bench.format",),
    "imported-table": ("actsearch.benchmark.act_bench.matching", "actsearch.benchmark.table"),
    "published-features": ("actsearch.benchmark.act_bench.matching",),
    "export-imported": ("actsearch.benchmark.act_bench.format",),
    "fim": ("actsearch.features.fisher_parts", TORCH_OPERATORS),
    "map": ("actsearch.features.embedding", "actsearch.features.spectra"),
    "surrogate": ("actsearch.search.surrogates",),
    "simulate": ("actsearch.search.simulation",),
    "propose": ("actsearch.search.rounds",),
    "history": ("actsearch.search.rounds",),
    "finalists": ("actsearch.search.finalists",),
    "final": ("actsearch.search.final",),
    "final-activation": ("actsearch.search.chosen", TORCH_OPERATORS),
    "report": ("actsearch.report.page", "actsearch.benchmark.table"),
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
    """Import the modules that register the user's operators, from the working folder too.

    Raises:
        ConfigError: when one cannot be imported, whatever it stumbles over.
        OperatorError: when one registers what is no operator.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    for module in config.operators:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            looked = f"; looked in {here} and Python's own folders"
            where = looked if module.startswith(str(error.name)) else ""
            raise ConfigError(f"operators: cannot import {module!r} ({error}{where})") from None
        except Exception as error:  # whatever the module stumbles over
            if type(error).__module__.startswith("actsearch."):
                raise
            raise ConfigError(
                f"operators: cannot import {module!r} ({describe_fault(error)})"
            ) from error


def data_file(config: Config, task: str) -> Path | None:
    """The file that stands for a task's data: an ``.npz`` file, or the manifest of a data set."""
    data = config.data[config.task(task).data]
    place = place_of(data, config.data_folder)
    if place is not None:
        return place.manifest
    kind, _, path = data.source.partition(":")
    return Path(path) if kind == "npz" else None


def act_bench_file(config: Config, task: str) -> Path | None:
    """The Act-Bench file that a task's table is imported from, if it is."""
    benchmark = config.task(task).benchmark
    if benchmark is None or benchmark.act_bench is None:
        return None
    if benchmark.act_bench not in ACT_BENCH_RUNS:
        return Path(benchmark.act_bench)
    return Path(config.data_folder, "act-bench", f"act-bench-{benchmark.act_bench}.json")


def step_modules(step: str, config: Config, task: str | None = None) -> tuple[str, ...]:
    """Roots of the code digest of ``step``: ours, and the task's own network and data.

    Modules of operators are not among them: see :func:`operator_digests`.
    """
    modules = [*STEP_MODULES[step]]
    if step in NETWORK_STEPS:
        _, chosen = _chosen(config, task)
        for name in (chosen.model, config.data[chosen.data].source):
            module, _, function = BUILT_IN_MODELS.get(name, name).partition(":")
            if function and module not in ("npz", "folder", "torchvision", "timm"):
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
        wildcards: what else the step is called with; ``space`` chooses a part of the configuration,
            ``published`` says that features are those of an imported file.
    """
    readers: dict[str, Callable[[], dict[str, Any]]] = {
        "fetch": lambda: {
            "data": {
                wildcards["data"]: _entry(config, wildcards["data"]).model_dump(
                    mode="json", include={"source", "image_size"}
                )
            }
        },
        "enumerate": lambda: {
            "spaces": {wildcards["space"]: config.space(wildcards["space"]).model_dump(mode="json")}
        },
        "train": lambda: _training(config, task),
        "train-final": lambda: _training(config, task, final={"seeds", *_others(config, task)}),
        "export": lambda: _sections(config, task, fisher=BINNING),
        "fim": lambda: _network(config, task, fisher=set(Fisher.model_fields) - BINNING),
        "import-act-bench": lambda: _sections(config, task, benchmark={"act_bench"}),
        "map": lambda: (
            _sections(config, task, benchmark={"published_features"}, map=None)
            if wildcards.get("published")
            else _sections(config, task, fisher=BINNING, map=None)
        ),
        "surrogate": lambda: {"surrogate": config.surrogate.model_dump(mode="json")},
        "simulate": lambda: {
            "simulation": config.simulation.model_dump(mode="json", exclude={"strategies"})
        },
        "propose": lambda: _sections(config, task, search={"slots", "seed"}),
        "finalists": lambda: _sections(config, task, final={"functions", *_others(config, task)}),
        "final": lambda: _sections(config, task, final={"significance"}),
        "report": lambda: _described(config),
        "crate": lambda: {"license": config.license} if config.license else {},
    }
    return readers[step]() if step in readers else {}


def _entry(config: Config, name: str) -> Data:
    if name not in config.data:
        raise ConfigError(f"no data {name!r}; data: {', '.join(config.data)}")
    return config.data[name]


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


def _others(config: Config, task: str | None) -> set[str]:
    """The key that names the tasks whose functions are compared, of tasks that have it."""
    return {"candidates_from"} if task_section(config, task, "final").candidates_from else set()


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
    if chosen.model_options:
        network["model_options"] = chosen.model_options
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
    fisher: set[str] | None = {"kind", "examples", "weights_per_bin", "minimum_bins"}
    imported: set[str] | None = {"act_bench", "published_features"}
    parts = [
        _training(
            config,
            name,
            fisher=fisher,
            **({"benchmark": imported} if act_bench_file(config, name) else {}),
        )
        for name in config.tasks
    ]
    return {
        "data": {key: value for part in parts for key, value in part["data"].items()},
        "tasks": {key: value for part in parts for key, value in part["tasks"].items()},
    }


def describe_import(config: Config, name: str) -> str | None:
    """What a task's imported table is, for people; None for a table that is trained here."""
    benchmark = config.task(name).benchmark
    if benchmark is None or benchmark.act_bench is None:
        return None
    runs = ACT_BENCH_RUNS.get(benchmark.act_bench)
    if runs is None:
        return f"imported from {benchmark.act_bench}; the file does not say of how many runs"
    each = f"each number the median of {runs} runs" if runs > 1 else "one run a function"
    return f"imported from the public Act-Bench ({benchmark.act_bench}); as published, {each}"


def _image_details(data: Data) -> list[str]:
    """How image files are read; nothing for other data."""
    if data.image_size is None:
        return []
    kept = "in memory" if data.in_memory else "decoded when needed"
    return [f"{data.image_size} x {data.image_size} pixels", kept]


def _recipe_details(recipe: Recipe) -> list[str]:
    """What a recipe has besides the usual, where it differs from the defaults."""
    changes = recipe.augmentation
    share = changes.resized_crop
    momentum = Recipe.model_fields["momentum"].default
    falls = ", ".join(f"{milestone:.3g}" for milestone in recipe.milestones)
    details = {
        f"falling after {falls} of it": recipe.milestones,
        f"warm-up {recipe.warmup_epochs:g} epochs": recipe.warmup_epochs,
        f"momentum {recipe.momentum:g}": recipe.optimizer == "sgd" and recipe.momentum != momentum,
        f"label smoothing {recipe.label_smoothing:g}": recipe.label_smoothing,
        f"gradients clipped at {recipe.gradient_clip or 0:g}": recipe.gradient_clip,
        "flips": changes.flip,
        f"crops with {changes.pad_crop} pixels padded": changes.pad_crop,
        f"crops of {share[0]:g} to {share[1]:g} of the area" if share else "": share,
        recipe.precision: recipe.precision != "float32",
        "channels last": recipe.channels_last,
        f"compiled {recipe.compile}": recipe.compile != "none",
    }
    return [text for text, said in details.items() if said]


def describe_task(config: Config, name: str) -> dict[str, str]:
    """Data, network and recipe of a task for people: a label and its value each."""
    task = config.task(name)
    data = config.data[task.data]
    recipe, split, fisher = task.recipe, data.split, task.fisher
    options = ", ".join(f"{key}: {value}" for key, value in task.model_options.items())
    processes = task.resources.processes
    shared = f" shared by {processes} processes" if processes > 1 else ""
    described = {
        "Data": ", ".join([f"{task.data} ({data.source})", *_image_details(data)]),
        "Split": f"{split.train} train, {split.validation} validation, {split.test} test, "
        f"seed {split.seed}",
        "Network": task.model + (f" ({options})" if options else ""),
        "Recipe": f"{recipe.optimizer}, learning rate {recipe.learning_rate:g} "
        f"({recipe.schedule}), {recipe.epochs} epochs, batch {recipe.batch_size}{shared}, "
        + ", ".join([f"weight decay {recipe.weight_decay:g}", *_recipe_details(recipe)]),
        "Seeds": ", ".join(map(str, task.seeds)),
        "FIM": f"{fisher.kind} Fisher of {fisher.examples} examples; a bin for "
        f"{fisher.weights_per_bin} weights, at least {fisher.minimum_bins} a layer",
    }
    imported = describe_import(config, name)
    if imported is None:
        return described
    # What was trained elsewhere is not described by the recipe here.
    if task.benchmark and task.benchmark.published_features:
        described["FIM"] = "the published features of the imported table" + (
            f"; in live searches: {described['FIM']}" if task.search else ""
        )
    return {"Table": imported, **described}
