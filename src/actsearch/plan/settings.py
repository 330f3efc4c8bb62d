"""The part of the configuration that a step depends on, in the configuration's own form.

A function a step, named in its record (``steps.py``). What stands here enters digests: a key that
is left out can change without anything being made again.
"""

from __future__ import annotations

from typing import Any

from actsearch.config import Config, ConfigError, Final, Fisher, Task
from actsearch.data.sources.places import made_options
from actsearch.functions.baselines import BASELINES, baselines_of
from actsearch.functions.spaces import names_baselines
from actsearch.plan.counts import final_baselines, stage_baselines

BINNING = {"log_range", "weights_per_bin", "minimum_bins"}
"""Keys of how spectra are binned, which the spectra themselves do not depend on."""
Settings = dict[str, Any]


def nothing(config: Config, task: str | None, **wildcards: Any) -> Settings:
    """Of a step that depends on its inputs alone."""
    return {}


def fetching(config: Config, task: str | None, *, data: str) -> Settings:
    """Of the data set called ``data``.

    Returns:
        What is fetched.

    Raises:
        ConfigError: when there is none.
    """
    if data not in config.data:
        raise ConfigError(f"no data {data!r}; data: {', '.join(config.data)}")
    chosen = config.data[data]
    entry = chosen.model_dump(mode="json", include={"source", "image_size"})
    if chosen.made:
        sizes = chosen.split.model_dump(mode="json", exclude={"seed"})
        entry |= {"options": made_options(chosen.made), "split": sizes}
    return {"data": {data: entry}}


def enumeration(config: Config, task: str | None, *, space: str) -> Settings:
    """Of the space called ``space``."""
    chosen = config.space(space)
    baselines = _baselines(config) if names_baselines(chosen) else {}
    return {"spaces": {space: chosen.as_settings()}} | baselines


def training(config: Config, task: str | None, **_: Any) -> Settings:
    """Of a training: data, network and recipe."""
    return _training(config, task)


def final_training(config: Config, task: str | None, **_: Any) -> Settings:
    """Of a training of the last comparison: its seeds, and on what functions are fitted."""
    return _training(config, task, final={"seeds", *_fitted_on(config, task)})


def stage_training(config: Config, task: str | None, *, stage: int) -> Settings:
    """Of a training of a stage: its seeds, and what it changes in the recipe."""
    name, chosen = chosen_task(config, task)
    chosen.in_stage(stage)  # refuses a stage that is none
    section: Final = task_section(config, task, "final")
    asked = section.stages[stage].model_dump(mode="json", include={"seeds", "recipe"})
    whole = _training(config, task)
    entry = {key: value for key, value in whole["tasks"][name].items() if key != "seeds"}
    # What a stage changes of the recipe is no matter of the recipe any more.
    kept = {key: value for key, value in entry["recipe"].items() if key not in asked["recipe"]}
    staged = {"recipe": kept, "final": {"stages": {str(stage): asked}}}
    return whole | {"tasks": {name: entry | staged}}


def stage_choice(config: Config, task: str | None, *, stage: int) -> Settings:
    """Of the choice of a stage's candidates: how many, and the tasks that the first come from."""
    name, chosen = chosen_task(config, task)
    chosen.in_stage(stage)
    section: Final = task_section(config, task, "final")
    sizes: Settings = {"functions": section.stages[stage].functions}
    if stage:
        sizes["baselines"] = stage_baselines(section, len(baselines_of(config)))[stage]
    final: Settings = {"stages": {str(stage): sizes}}
    if section.candidates_from and not stage:
        final["candidates_from"] = list(section.candidates_from)
    return {"tasks": {name: {"final": final}}} | _baselines(config)


def export(config: Config, task: str | None, **_: Any) -> Settings:
    """Of a table in the Act-Bench format, which holds binned spectra."""
    return _sections(config, task, fisher=BINNING)


def fim(config: Config, task: str | None, **_: Any) -> Settings:
    """Of Fisher spectra, which are stored unbinned."""
    return _network(config, task, fisher=set(Fisher.model_fields) - BINNING)


def act_bench_import(config: Config, task: str | None, **_: Any) -> Settings:
    """Of an imported file: its name."""
    return _sections(config, task, benchmark={"act_bench"})


def embedding(config: Config, task: str | None, *, published: bool = False, **_: Any) -> Settings:
    """Of a map; ``published`` says that features are those of an imported file."""
    if published:
        return _sections(config, task, benchmark={"published_features"}, map=None)
    return _sections(config, task, fisher=BINNING, map=None)


def surrogate(config: Config, task: str | None, **_: Any) -> Settings:
    """Of a cross-validation."""
    return {"surrogate": config.surrogate.model_dump(mode="json")}


def simulation(config: Config, task: str | None, **_: Any) -> Settings:
    """Of simulated searches; which others are simulated is no matter."""
    settings = config.simulation.model_dump(mode="json", exclude={"strategies"})
    return {"simulation": settings} | _baselines(config)


def screening(config: Config, task: str | None, **_: Any) -> Settings:
    """Of a screen: what it asks for, and the whole space."""
    section = _sections(config, task, search={"space", "screen"})
    return section | enumeration(config, None, space=task_section(config, task, "search").space)


def judging(config: Config, task: str | None, **_: Any) -> Settings:
    """Of how strategies compare: the bootstrap's seed, and what all searches begin with."""
    return {"simulation": {"seed": config.simulation.seed}} | _baselines(config)


def priors(config: Config, task: str | None, **_: Any) -> Settings:
    """Of ranks on other tasks: which ones."""
    name, chosen = chosen_task(config, task)
    return {"tasks": {name: {"prior_from": list(chosen.prior_from)}}}


def proposals(config: Config, task: str | None, **_: Any) -> Settings:
    """Of a round of a live search."""
    return _sections(config, task, search={"slots", "seed"}) | _baselines(config)


def finalists(config: Config, task: str | None, **_: Any) -> Settings:
    """Of the choice of finalists; after stages, how many of the baselines are among them."""
    section: Final = task_section(config, task, "final")
    chosen = _sections(config, task, final={"functions", *_fitted_on(config, task)} - {"fit_on"})
    if section.stages:
        n_baselines = final_baselines(section, len(baselines_of(config)))
        chosen["tasks"][str(task)]["final"]["baselines"] = n_baselines
    return chosen | _baselines(config)


def final_costs(config: Config, task: str | None, **_: Any) -> Settings:
    """Of what finalists cost: whether they are compiled, and whether they train on a GPU."""
    name, chosen = chosen_task(config, task)
    entry: Settings = {"recipe": chosen.recipe.model_dump(mode="json", include={"compile"})}
    if chosen.resources.gpu:  # it trains there, and chooses by what functions cost there
        entry["resources"] = {"gpu": True}
    section: Final = task_section(config, task, "final")
    asked = {} if section.compiled_costs is None else {"compiled_costs": section.compiled_costs}
    return {"tasks": {name: entry | {"final": asked}}}


def comparison(config: Config, task: str | None, **_: Any) -> Settings:
    """Of the last comparison, and of the stages before it, which it lists."""
    section: Final = task_section(config, task, "final")
    keys = {"significance", *_fitted_on(config, task)} - {"candidates_from"}
    return _sections(config, task, final=keys | ({"stages"} if section.stages else set()))


def report(config: Config, task: str | None, **_: Any) -> Settings:
    """What ``report.descriptions`` reads of every task."""
    fisher: set[str] | None = {"kind", "examples", "weights_per_bin", "minimum_bins"}
    imported: set[str] | None = {"act_bench", "published_features"}
    parts = [
        _training(
            config,
            name,
            fisher=fisher,
            **({"benchmark": imported} if entry.benchmark and entry.benchmark.act_bench else {}),
        )
        for name, entry in config.tasks.items()
    ]
    return {
        "data": {key: value for part in parts for key, value in part["data"].items()},
        "tasks": {key: value for part in parts for key, value in part["tasks"].items()},
    } | _baselines(config)


def crate(config: Config, task: str | None, **_: Any) -> Settings:
    """Of the crate: the licence, where one is stated."""
    return {"license": config.license} if config.license else {}


def chosen_task(config: Config, task: str | None) -> tuple[str, Task]:
    """A task with its name.

    Returns:
        Both.

    Raises:
        ValueError: when none is named: the step has one.
        ConfigError: when the configuration lacks it.
    """
    if task is None:
        raise ValueError("this step has a task")
    return task, config.task(task)


def task_section(config: Config, task: str | None, name: str) -> Any:
    """A section of a task that not every task has.

    Returns:
        The section, of the type that its name has in the configuration.

    Raises:
        ConfigError: when it is missing.
    """
    section = getattr(chosen_task(config, task)[1], name)
    if section is None:
        raise ConfigError(f"task {task!r} has no section {name!r}")
    return section


def _baselines(config: Config) -> Settings:
    """The baselines, where they are not the paper's: before they could be others, none stood."""
    chosen = baselines_of(config)
    return {} if chosen == BASELINES else {"baselines": list(chosen)}


def _fitted_on(config: Config, task: str | None) -> set[str]:
    """The key that has finalists fitted on train alone, of tasks where one does."""
    section: Final = task_section(config, task, "final")
    if section.candidates_from:
        return {"candidates_from"}
    return {"fit_on"} if section.fit_on == "train" else set()


def _sections(config: Config, task: str | None, **keys: set[str] | None) -> Settings:
    """Sections of a task, with the keys asked for, or all."""
    name, _ = chosen_task(config, task)
    sections = {
        section: task_section(config, task, section).model_dump(mode="json", include=include)
        for section, include in keys.items()
    }
    return {"tasks": {name: sections}}


def _network(config: Config, task: str | None, **keys: set[str] | None) -> Settings:
    """A task's data and network, and further sections."""
    name, chosen = chosen_task(config, task)
    network = chosen.model_dump(mode="json", include={"data", "model", "replace"})
    if chosen.model_options:
        network["model_options"] = chosen.model_options
    sections = _sections(config, task, **keys)["tasks"][name]
    entry = config.data[chosen.data]
    data = {chosen.data: entry.model_dump(mode="json", exclude={"options"})}
    if entry.made:
        data[chosen.data]["options"] = made_options(entry.made)
    return {"data": data, "tasks": {name: network | sections}}


def _training(config: Config, task: str | None, **keys: set[str] | None) -> Settings:
    name, chosen = chosen_task(config, task)
    whole = _network(config, task, **keys)
    recipe = chosen.model_dump(mode="json", include={"recipe", "seeds", "deterministic"})
    # Several processes sum in another order, and batch norm sees a share of the batch in each.
    processes = chosen.resources.processes
    shared = {"resources": {"processes": processes}} if processes > 1 else {}
    return whole | {"tasks": {name: whole["tasks"][name] | recipe | shared}}
