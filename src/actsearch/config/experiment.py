"""The whole configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from actsearch.config.base import (
    MOST,
    ConfigError,
    Model,
    Modules,
    Name,
    PositiveInt,
    Seed,
    Strategies,
    known,
    require_path,
)
from actsearch.config.baselines import Baselines
from actsearch.config.data import Data
from actsearch.config.plain import show
from actsearch.config.spaces import Space
from actsearch.config.tasks import Task


def _ascending(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if list(sizes) != sorted(set(sizes)):
        raise ValueError(f"{list(sizes)} do not ascend; write each once, the smallest first")
    return sizes


Known = Annotated[
    tuple[Annotated[int, Field(ge=3, le=MOST)], ...],
    Field(min_length=1),
    AfterValidator(_ascending),
]
"""Numbers of functions; three nearest neighbours need three."""


class Surrogate(Model):
    """How well scores are predicted from features: cross-validation, and by functions known."""

    folds: Annotated[int, Field(ge=2, le=MOST)] = 5
    """Number of folds."""
    repeats: PositiveInt = 4
    """How often the cross-validation is repeated, shuffled anew each time."""
    seed: Seed = 0
    """Seed of the folds, of the draws of known functions and of forests."""
    known: Known = (10, 30, 100, 300, 1000)
    """Numbers of known functions at which it is measured how well features predict the others. A
    number that leaves less than a fifth of the functions to predict is skipped."""
    draws: PositiveInt = 5
    """Random draws of the known functions, for each number of them."""


class Simulation(Model):
    """Searches replayed on a benchmark table."""

    strategies: Strategies = ("random", "union-knr")
    """Strategies to compare."""
    runs: PositiveInt = 100
    """Independent runs per strategy."""
    evaluations: PositiveInt = 100
    """Functions evaluated per run, the baselines included."""
    at_once: PositiveInt = 1
    """Functions proposed before the next results are known."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the table's functions that a run may choose from, drawn anew for each run."""
    sees: Literal["score", "one-seed"] = "score"
    """What a search sees of a training: the score in the table (``score``), or that of one of the
    seeds behind it (``one-seed``). Regret is always computed from the mean over seeds."""
    seed: Seed = 0
    """Seed of the first run; run k uses seed + k."""


def _folder(path: str) -> str:
    if not re.fullmatch(r"[\w./+@%:,=-]+", path) or path.startswith("-"):
        raise ValueError(
            f"{show(path)} is used in commands; allowed: letters, digits and any of "
            ". / _ - + @ % : , =, but no - first"
        )
    if os.path.normpath(path).split("/")[0] in ("results", ".snakemake"):
        raise ValueError(f"{show(path)} is where the workflow puts its own files")
    return require_path(path)


def _tell_apart(message: str, names: Iterable[str], alike: str = "") -> dict[str, str]:
    """Names by how they look in small letters, and with ``alike`` as an underscore."""
    found: dict[str, str] = {}
    for name in names:
        other = found.setdefault(name.lower().replace(alike or "_", "_"), name)
        if other != name:
            raise ValueError(message.format(name, other))
    return found


class Config(Model):
    """The whole experiment."""

    data: dict[Name, Data]
    """Data sets by name."""
    spaces: dict[Name, Space]
    """Search spaces by name."""
    tasks: Annotated[dict[Name, Task], Field(min_length=1)]
    """Tasks by name."""
    baselines: Baselines = "paper"
    """The functions that searches start from, and that found functions are compared with:
    ``paper``, the eight of Bingham and Miikkulainen; ``modern``, those and others that networks of
    today use; or a list of names of functions."""
    surrogate: Surrogate = Surrogate()
    """How well scores are predicted: cross-validation, and the number of known functions."""
    simulation: Simulation = Simulation()
    """Searches replayed on benchmark tables."""
    data_folder: Annotated[str, AfterValidator(_folder)] = "data"
    """Folder of the data sets that are downloaded; no result depends on where it is."""
    license: Annotated[str, Field(min_length=1)] | None = None
    """Licence of the results: an SPDX identifier such as ``CC-BY-4.0``, a URL, or a text. The
    RO-Crate states it."""
    operators: Modules = ()
    """Modules that register further operators when imported."""

    @model_validator(mode="after")
    def _references(self) -> Config:
        self._task_names()
        for name, task in self.tasks.items():
            known(task.data, self.data, f"tasks.{name}.data")
            train = self.data[task.data].split.train
            if task.fisher.examples > train:
                raise ValueError(
                    f"tasks.{name}.fisher.examples is {task.fisher.examples}, "
                    f"but data {task.data!r} has {train} training examples"
                )
            if 2 * task.resources.processes > train:
                raise ValueError(
                    f"tasks.{name}.resources.processes is {task.resources.processes}, but data "
                    f"{task.data!r} has {train} training examples: each process needs two"
                )
            self._images(name, task)
            if task.benchmark:
                known(task.benchmark.space, self.spaces, f"tasks.{name}.benchmark.space")
            if task.search:
                known(task.search.space, self.spaces, f"tasks.{name}.search.space")
                self._screen(name, task)
            for other in task.prior_from:
                where = f"tasks.{name}.prior_from"
                known(other, self.tasks, where)
                if other == name or not self.tasks[other].benchmark:
                    raise ValueError(f"{where}: {other!r} is not another task with a benchmark")
            for other in task.final.candidates_from if task.final else ():
                where = f"tasks.{name}.final.candidates_from"
                known(other, self.tasks, where)
                if other == name or not (self.tasks[other].benchmark or self.tasks[other].search):
                    raise ValueError(f"{where}: {other!r} has neither benchmark nor search")
        return self

    def _screen(self, name: str, task: Task) -> None:
        """A screen of a sample: it goes through a whole space."""
        if task.search and task.search.screen:
            sample = self.spaces[task.search.space].sample
            if sample is not None:
                raise ValueError(
                    f"tasks.{name}.search.screen goes through a whole space, but space "
                    f"{task.search.space!r} has sample: {sample}; leave the sample out"
                )

    def _images(self, name: str, task: Task) -> None:
        """Images that the network cannot take, or the job's memory cannot hold."""
        data = self.data[task.data]
        if task.model.startswith("torchvision:") and data.channels not in (3, None):
            raise ValueError(
                f"tasks.{name}.model: {task.model!r} takes images of 3 channels, but data "
                f"{task.data!r} ({data.source}) have {data.channels}"
            )
        resources = task.resources
        copies = resources.processes // resources.nodes
        if data.megabytes * copies > resources.mem_mb:
            each = f" in each of {copies} processes" if copies > 1 else ""
            raise ValueError(
                f"tasks.{name}.resources.mem_mb is {resources.mem_mb}, but the images of data "
                f"{task.data!r} take {data.megabytes:.0f} MB in memory{each}; give more, or "
                "in_memory: false"
            )

    def _task_names(self) -> None:
        """Names become folders beside others and, dashes made underscores, names of rules."""
        others = {"spaces": "the folder of spaces", "workflow": "the folder of the workflow"}
        # Some file systems do not tell capital letters apart.
        _tell_apart("spaces: the name {!r} clashes with space {!r}", self.spaces)
        _tell_apart("data: the name {!r} clashes with data {!r}", self.data)
        rules = _tell_apart("tasks: the name {!r} clashes with task {!r}", self.tasks, "-")
        for rule, name in rules.items():
            if name.lower() in others:
                raise ValueError(f"tasks: the name {name!r} clashes with {others[name.lower()]}")
            # A rule's name goes on after two underscores.
            for other, task in rules.items():
                if rule.startswith(f"{other}__"):
                    raise ValueError(
                        f"tasks: the name {name!r} clashes with rules of task {task!r}"
                    )

    def task(self, name: str) -> Task:
        """The task called ``name``; raises ConfigError listing the known ones."""
        try:
            known(name, self.tasks, "task")
        except ValueError as error:
            raise ConfigError(str(error)) from None
        return self.tasks[name]

    def in_stage(self, task: str, number: int) -> Config:
        """The configuration with a task as a stage of its last comparison trains it.

        Returns:
            A configuration.

        Raises:
            ConfigError: when there is no such task, or it has no such stage.
        """
        try:
            staged = self.task(task).in_stage(number)
        except ConfigError as error:
            raise ConfigError(
                f"tasks.{task}.{error}" if task in self.tasks else str(error)
            ) from None
        return self.model_copy(update={"tasks": self.tasks | {task: staged}})

    def space(self, name: str) -> Space:
        """The space called ``name``; raises ConfigError listing the known ones."""
        try:
            known(name, self.spaces, "space")
        except ValueError as error:
            raise ConfigError(str(error)) from None
        return self.spaces[name]
