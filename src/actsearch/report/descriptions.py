"""Data, networks, recipes and files of an experiment in words, for the page and for ``check``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from actsearch.config import Config, Data, Recipe

_RUNS = {"cnn": 3, "resnet": 3, "vit": 1}
"""Public Act-Bench tables, with the runs that each of their numbers is the median of."""
_LABELS = {
    "table": "Benchmark table",
    "costs": "What functions cost",
    "functions": "Functions of a space",
    "map": "Map",
    "surrogate": "Scores of the predictors",
    "characterisation": "What features tell",
    "simulation": "Simulated searches",
    "strategies": "Strategies compared",
    "screened": "Functions listed by the screen",
    "screen": "What the screen saw",
    "history": "Live search",
    "final": "Last comparison",
    "activation": "Chosen function as a module",
}


def describe_files(files: Mapping[str, Mapping[str, Path]]) -> dict[str, str]:
    """Paths of the page's files, by a label each.

    Args:
        files: by kind (``table``, ``map`` ...) and key (the task, or task and strategy).

    Returns:
        Paths by label, in the page's order.
    """
    return {
        f"{label}, {key}": str(path)
        for kind, label in _LABELS.items()
        for key, path in files[kind].items()
    }


def describe_command(configuration: Path, default: Path) -> str:
    """The command that makes the page and all it shows; a default configuration is not named."""
    command = "snakemake --cores all"
    return command if configuration == default else f"{command} --configfile {configuration}"


def describe_import(config: Config, name: str) -> str | None:
    """What a task's imported table is, for people; None for a table that is trained here."""
    benchmark = config.task(name).benchmark
    if benchmark is None or benchmark.act_bench is None:
        return None
    runs = _RUNS.get(benchmark.act_bench)
    if runs is None:
        return f"imported from {benchmark.act_bench}; the file does not say of how many runs"
    each = f"each number the median of {runs} runs" if runs > 1 else "one run per function"
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
