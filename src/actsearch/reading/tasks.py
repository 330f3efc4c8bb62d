"""What was made of a task: its table, runs, map, searches and last comparison."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.functions.expressions import Expression
from actsearch.plan import layout
from actsearch.reading.errors import ResultsError, require_known, require_made
from actsearch.records import shipped
from actsearch.records.formats import read_arrays, read_csv, read_json, read_table

if TYPE_CHECKING:
    import pandas as pd

    from actsearch.features.shipped import Features
    from actsearch.functions.activation import Activation
    from actsearch.reading.experiment import Experiment


class TaskResults:
    """The results of one task. All is read when it is first asked for, and then kept.

    Attributes:
        name: of the task.
        experiment: that it belongs to.
    """

    is_shipped = False
    """Whether it is a table that ships."""

    def __init__(self, name: str, experiment: Experiment) -> None:
        self.name = name
        self.experiment = experiment

    def __repr__(self) -> str:
        return f"TaskResults({self.name!r}, {str(self.experiment.folder)!r})"

    @property
    def place(self) -> str:
        """Where it is from, for people: its folder, or that it ships."""
        return f"{self.name}, which ships" if self.is_shipped else str(self._folder)

    @property
    def _folder(self) -> Path:
        return self.experiment.folder / self.name

    def path(self, target: str) -> Path:
        """Where a result lies whose path in the experiment is ``target``."""
        return self.experiment.path(target)

    def _made(self, target: str) -> Path:
        return require_made(self.path(target), target)

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """The benchmark table: a row per function.

        Columns: name, slug, status, n_runs, n_diverged, train_score, validation_score, test_score
        and the losses (medians over the runs), run_validation_scores (by seed), score (what the
        scores are).

        Raises:
            ResultsError: when it was not made yet; the message has the command that makes it.
        """
        from actsearch.benchmark.table import load_benchmark

        target = layout.table(self.name)
        try:
            return load_benchmark(self._made(target))
        except ResultsError as error:
            if self.name not in shipped.tables_in(shipped.FOLDER):
                raise
            raise ResultsError(
                f"{error}; a table of that name ships, see it by --shipped"
            ) from None

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """All trainings of the table: a row per function and seed.

        Columns: name, slug, seed, status, epochs, and score and loss of the parts train and
        validation.

        Raises:
            ResultsError: when nothing was trained here, as for imported tables.
        """
        from actsearch.benchmark.shipped.packing import runs_table

        files = sorted(self.path(layout.trials_folder(self.name)).glob("*.json"))
        if not files:
            raise ResultsError(
                f"{self.experiment.folder}: no trials of {self.name}; they are made by: "
                f"snakemake --cores all {layout.table(self.name)}"
            )
        return runs_table(map(read_json, files))

    @functools.cached_property
    def map(self) -> pd.DataFrame:
        """Coordinates of the functions by each feature and by both: a row per function.

        Raises:
            ResultsError: when it was not made yet.
        """
        return read_table(self._made(layout.map_file(self.name)))

    @functools.cached_property
    def features(self) -> Features:
        """Both features of the functions of the map: ``names``, ``outputs``, ``fisher``.

        Raises:
            ResultsError: when they were not made yet.
            ConfigError: without the configuration, which says how spectra become features.
        """
        from actsearch.features.shipped import Features
        from actsearch.features.spectra import stack_cdfs
        from actsearch.functions.equivalence import outputs
        from actsearch.functions.misspelt import parse

        self.experiment.register_operators()
        first = self._made(layout.fim_part(self.name, "", 0))
        parts = sorted(first.parent.glob(layout.FIM_PARTS), key=lambda path: _number(path.stem))
        fisher = self.experiment.config.task(self.name).fisher
        names, cdfs = stack_cdfs(map(read_arrays, parts), fisher)
        return Features(names, outputs(map(parse, names)), cdfs)

    @functools.cached_property
    def surrogate(self) -> pd.DataFrame:
        """How well scores are predicted: a row per feature set and regressor.

        Raises:
            ResultsError: when it was not made yet.
        """
        return read_table(self._made(layout.surrogate(self.name)))

    @functools.cached_property
    def predictions(self) -> pd.DataFrame:
        """Predictions behind `surrogate`, each made without the function that it is for.

        Raises:
            ResultsError: when they were not made yet.
        """
        return read_table(self._made(layout.predictions(self.name)))

    @functools.cached_property
    def characterisation(self) -> pd.DataFrame:
        """How well features predict scores, by the number of functions known.

        Raises:
            ResultsError: when it was not made yet.
        """
        return read_table(self._made(layout.characterisation(self.name)))

    @property
    def simulated(self) -> list[str]:
        """Strategies whose searches were replayed on the table."""
        return [path.stem for path in self._matching(layout.simulation(self.name, "*"))]

    def simulation(self, strategy: str) -> pd.DataFrame:
        """Searches replayed on the table with one strategy: a row per run and evaluation.

        Args:
            strategy: one of `simulated`.

        Returns:
            See `actsearch.search.simulation.simulate`.

        Raises:
            ResultsError: when there are none; the message lists the strategies that have some.
        """
        require_known("replayed search", strategy, self.simulated, self.place)
        return read_table(self.path(layout.simulation(self.name, strategy)))

    @functools.cached_property
    def screen(self) -> dict[str, Any]:
        """What the screen of the searches went through, and how far it can be relied on.

        Raises:
            ResultsError: when there is none.
        """
        return dict(read_json(self._made(layout.screen(self.name))))

    @functools.cached_property
    def screened(self) -> pd.DataFrame:
        """The functions that the screen lists, of which searches choose.

        Raises:
            ResultsError: when there is no screen.
        """
        return read_table(self._made(layout.screened_functions(self.name)))

    @property
    def strategies(self) -> list[str]:
        """Strategies of the live searches that have a history."""
        return [path.parent.name for path in self._matching(layout.history(self.name, "*"))]

    def history(self, strategy: str | None = None) -> pd.DataFrame:
        """All that a live search trained: a row per function, by round and slot.

        Args:
            strategy: of the search; not needed where there is one search.

        Returns:
            Columns: round, slot, name, slug, prediction, status, n_runs, n_diverged, train_score,
            validation_score, run_validation_scores, score.

        Raises:
            ResultsError: when there is no such search; the message lists those that exist.
        """
        chosen = _chosen(self.name, strategy, self.strategies)
        return read_table(self.path(layout.history(self.name, chosen)))

    def proposals(self, strategy: str | None = None) -> pd.DataFrame:
        """The functions that rounds of a live search chose to train, also before they are trained.

        Args:
            strategy: of the search; not needed where there is one search.

        Returns:
            Columns: slot, name, slug, prediction, round.

        Raises:
            ResultsError: when no search has proposed anything; the message lists those that did.
        """
        import pandas as pd

        files = self._matching(layout.proposals(self.name, "*", "*"))
        known = sorted({path.parents[1].name for path in files})
        chosen = _chosen(self.name, strategy, known)
        rounds = {_number(f.parent.name): f for f in files if f.parents[1].name == chosen}
        return pd.concat([read_csv(rounds[r]) for r in sorted(rounds)], ignore_index=True)

    def _matching(self, pattern: str) -> list[Path]:
        return layout.matching(self.experiment.folder, pattern)

    @property
    def scores(self) -> pd.DataFrame:
        """Validation scores of all functions: of the table, and what live searches trained besides.

        Of a function that is in several of them, it is the row of the table, or else that of the
        first search. The column ``source`` says which: ``table`` or ``search STRATEGY``. Columns
        that searches lack are missing there.

        Raises:
            ResultsError: when there is neither.
        """
        from actsearch.report.ranking import once_each

        parts = [self.table.assign(source="table")] if self.has_table or not self.strategies else []
        for strategy in self.strategies:
            parts.append(self.history(strategy).assign(source=f"search {strategy}"))
        shared = [name for name in parts[0].columns if all(name in part for part in parts)]
        return once_each([part[shared] for part in parts], shared)

    @functools.cached_property
    def final(self) -> dict[str, Any]:
        """The last comparison as plain data; see `actsearch.search.final.compare`.

        Raises:
            ResultsError: when it was not made yet.
        """
        return dict(read_json(self._made(layout.final(self.name))))

    @property
    def chosen(self) -> str:
        """Name of the function that was chosen after the last comparison."""
        return str(self.final["chosen"]["name"])

    def activation(self) -> Activation:
        """The chosen function as a module, to be put into any network."""
        from actsearch.functions.activation import Activation

        self.experiment.register_operators()
        return Activation(self.chosen)

    def trial(self, function: Expression) -> dict[str, Any] | None:
        """All that the trainings of one function said; None where it was not trained by itself."""
        if len(function.slug) > layout.LONGEST_SLUG:  # no file can have that name
            return None
        path = self.path(layout.trial(self.name, function.slug))
        return dict(read_json(path)) if path.is_file() else None

    def has(self, target: str) -> bool:
        """Whether the file whose path in the experiment is ``target`` exists."""
        return self.path(target).is_file()

    @property
    def has_table(self) -> bool:
        """Whether there is a table."""
        return self.has(layout.table(self.name))

    @property
    def has_map(self) -> bool:
        """Whether there is a map."""
        return self.has(layout.map_file(self.name))

    @property
    def has_final(self) -> bool:
        """Whether there is a last comparison."""
        return self.has(layout.final(self.name))


class ShippedTask(TaskResults):
    """A table that ships, with its runs, map and features; it has no searches."""

    is_shipped = True

    def _made(self, target: str) -> Path:
        raise ResultsError(
            f"{self.name}: {Path(target).name} does not ship; what does: table, runs, map, features"
        )

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """See :attr:`TaskResults.table`."""
        from actsearch.benchmark.table import load_benchmark

        return load_benchmark(self._folder / shipped.TABLE)

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """See :attr:`TaskResults.runs`."""
        return read_table(self._folder / shipped.RUNS)

    @functools.cached_property
    def map(self) -> pd.DataFrame:
        """See :attr:`TaskResults.map`."""
        return read_table(self._folder / shipped.MAP)

    @functools.cached_property
    def features(self) -> Features:
        """See :attr:`TaskResults.features`."""
        from actsearch.features.shipped import load_features

        return load_features(self._folder)

    def has(self, target: str) -> bool:
        """Whether it ships: the table and the map do."""
        return target in (layout.table(self.name), layout.map_file(self.name))

    def trial(self, function: Expression) -> dict[str, Any] | None:
        """See :meth:`TaskResults.trial`; of what ships, the runs alone."""
        rows = self.runs[self.runs["name"] == function.name]
        if not len(rows):
            return None
        runs = rows.drop(columns=["name", "slug"]).to_dict("records")
        score = self.table.loc[self.table["name"] == function.name, "score"].iloc[0]
        return {"task": self.name, "function": function.name, "score": score, "runs": runs}


def _chosen(task: str, strategy: str | None, known: list[str]) -> str:
    """The search that is asked for, which need not be named where there is one."""
    if strategy is None and len(known) == 1:
        return known[0]
    if strategy is None:
        which = f"name one of its searches: {', '.join(known)}" if known else "it has no search"
        raise ResultsError(f"{task}: {which}")
    require_known("search", strategy, known, task)
    return strategy


def _number(stem: str) -> int:
    found = re.search(r"\d+$", stem)
    return int(found.group()) if found else 0
