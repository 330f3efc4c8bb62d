"""An experiment's results by the names of its tasks and spaces."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from actsearch.cluster.configuration import Configuration, configuration_of
from actsearch.config import Config, ConfigError, load_config
from actsearch.functions.baselines import MODERN, baselines_of
from actsearch.plan import layout
from actsearch.plan.dependencies import register_operators
from actsearch.reading.errors import ResultsError, require_known, require_made
from actsearch.reading.spaces import SpaceResults, Spaces
from actsearch.reading.tasks import ShippedTask, TaskResults
from actsearch.records import shipped
from actsearch.records.formats import read_table
from actsearch.records.names import printable_name

if TYPE_CHECKING:
    import pandas as pd


class Experiment:
    """The results of an experiment: ``Experiment("results")["mnist1d-mlp"].table``.

    It is a collection of tasks by name: ``list(experiment)``, ``"digits-cnn" in experiment``.

    Args:
        results: the folder with the results, or the folder of the experiment that has them in
            ``results``.
        config: the configuration. When it is left out: what the environment's ACTSEARCH_CONFIG
            names, that of the last run in the folder of the results, or ``config.yaml`` there. Most
            results are read without any.

    Raises:
        ResultsError: when there is no such folder.
    """

    def __init__(
        self, results: str | Path = layout.RESULTS, config: str | Path | None = None
    ) -> None:
        folder = Path(results)
        inner = folder / layout.RESULTS
        self.folder = inner if folder.name != layout.RESULTS and inner.is_dir() else folder
        self._config_file = Path(config) if config is not None else None
        if not self.folder.is_dir():
            raise ResultsError(
                f"{printable_name(str(folder))}: there is no such folder with results; run the "
                "experiment (snakemake --cores all) in the folder with its configuration, or read "
                "a table that ships: Experiment.shipped()"
            )

    @classmethod
    def shipped(cls) -> Experiment:
        """The tables that ship with the project: ``Experiment.shipped()["mnist1d-mlp"].table``.

        Returns:
            An experiment whose tasks have table, runs, map and features.

        Raises:
            ResultsError: when none are there, as where the package lies without its repository.
        """
        if not shipped.tables_in(shipped.FOLDER):
            raise ResultsError(shipped.known_tables())
        return _Shipped(shipped.FOLDER)

    def __repr__(self) -> str:
        return f"Experiment({str(self.folder)!r})"

    def path(self, target: str) -> Path:
        """Where a result lies whose path in the experiment is ``target``, ``results/...``."""
        return layout.below(self.folder, target)

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks that have results, sorted."""
        return layout.tasks_in(self.folder)

    def __getitem__(self, task: str) -> TaskResults:
        require_known("results of a task", task, self.tasks, self.folder)
        return self._task(task)

    def _task(self, name: str) -> TaskResults:
        return TaskResults(name, self)

    def __contains__(self, task: object) -> bool:
        return task in self.tasks

    def _ipython_key_completions_(self) -> list[str]:
        return self.tasks

    def __iter__(self) -> Iterator[str]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def strategies(self) -> pd.DataFrame:
        """How strategies compare in replayed searches: a row per task and strategy.

        Raises:
            ResultsError: when it was not made yet.
        """
        return read_table(require_made(self.path(layout.STRATEGIES), layout.STRATEGIES))

    @property
    def spaces(self) -> Spaces:
        """The spaces that were listed, by name: ``experiment.spaces["three-node"].functions``."""
        folder = self.path(layout.functions("")).parent
        found = {}
        for path in layout.matching(self.folder, layout.functions("*")):
            name = path.parent.name
            files = (layout.functions(name), layout.outputs(name), layout.costs(name))
            found[name] = SpaceResults(name, *map(self.path, files))
        return Spaces(folder, found)

    @functools.cached_property
    def config(self) -> Config:
        """The configuration.

        Raises:
            ConfigError: when there is none where it is looked for, or it has mistakes.
        """
        path = self.config_file
        if not path.is_file():
            raise ConfigError(
                f"{printable_name(str(path))}: there is no configuration; give one: "
                '--config FILE, or in Python Experiment("results", config="FILE")'
            )
        return load_config(path)

    @property
    def config_file(self) -> Path:
        """Where the configuration is looked for."""
        return self._configuration.file

    @property
    def _configuration(self) -> Configuration:
        return configuration_of(self.folder, self._config_file)

    @property
    def has_config(self) -> bool:
        """Whether there is a configuration."""
        return self._configuration.is_there

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines; without a configuration those of the set ``modern``."""
        return baselines_of(self.config) if self.has_config else MODERN

    def register_operators(self) -> None:
        """Make the operators known that the configuration names, if there is one."""
        if self.has_config and self.config.operators:
            with self._configuration.at_home():
                register_operators(self.config)


class _Shipped(Experiment):
    """The tables that ship, each in a folder of its own."""

    def __repr__(self) -> str:
        return "Experiment.shipped()"

    @property
    def tasks(self) -> list[str]:
        return shipped.tables_in(self.folder)

    def _task(self, name: str) -> TaskResults:
        return ShippedTask(name, self)

    @property
    def _configuration(self) -> Configuration:
        return Configuration(self.folder / shipped.CONFIGURATION, self.folder, is_named=True)

    @property
    def strategies(self) -> pd.DataFrame:
        name = Path(layout.STRATEGIES).name
        raise ResultsError(f"{name} does not ship; what does: tables, runs, maps, features")

    @property
    def spaces(self) -> Spaces:
        found: dict[str, SpaceResults] = {}
        for task in self.tasks:
            benchmark = self.config.task(task).benchmark
            if benchmark is not None and benchmark.space not in found:
                listing = self.folder / task / shipped.FUNCTIONS
                found[benchmark.space] = SpaceResults(benchmark.space, listing, None, None)
        return Spaces(self.folder, found)
