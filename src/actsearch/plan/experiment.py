"""An experiment as files: what the rules of the workflow ask of a configuration.

The graph of files is static: spaces are enumerated and rounds have fixed slots, so all of it is
known when the Snakefile is parsed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from actsearch.config import (
    ACT_BENCH_SCORE,
    ACT_BENCH_TABLES,
    STRATEGIES,
    Config,
    Resources,
    Score,
    Screen,
    asks_other_tasks,
)
from actsearch.data.sources.known import arrays_of, score_of
from actsearch.data.sources.places import is_function, place_of
from actsearch.functions.baselines import baselines_of
from actsearch.functions.expressions import Expression
from actsearch.functions.selection import known_size
from actsearch.plan import counts, layout
from actsearch.plan.comparisons import Comparisons
from actsearch.plan.data_files import act_bench_file, array_digest, data_file
from actsearch.plan.dependencies import (
    named_strategies,
    operator_digests,
    register_operators,
    space_operators,
    step_code,
    step_settings,
    task_spaces,
)
from actsearch.plan.kept_functions import KeptFunctions
from actsearch.plan.markers import marker
from actsearch.plan.resources import FETCH_MINUTES, most_of
from actsearch.plan.settings import task_section
from actsearch.records.digests import settings_digest

S = TypeVar("S")


class Plan(Comparisons):
    """The files of an experiment, and the digests of what they depend on.

    Attributes:
        config: the configuration.
        origin: the file that it was read from, for messages.
        baselines: names of the functions that searches start from.
        tasks: all tasks, by name.
        benchmarked: names of the tasks that have a table.
        imported: of those whose table is imported.
        trained: of those whose table is trained here.
        searched: of those with a live search.
        screened: of those whose search begins with a screen of its space.
        informed: of those that ask other tasks how functions rank there.
        strategies: all strategies by name, built in or named in the configuration.
        compared: of those with a last comparison.
        staged: of those with stages before it.
        kept: what is known of functions without evaluating them again.
    """

    def __init__(self, config: Config) -> None:
        """Register the user's operators, and sort the tasks by what they ask for.

        Raises:
            ConfigError: when a module of operators cannot be imported.
            OperatorError: when one registers what is no operator.
        """
        register_operators(config)
        super().__init__(config, baselines_of(config))
        self.origin = "configuration"
        self.kept = KeptFunctions(config.operators)
        self.benchmarked = [name for name, task in self.tasks.items() if task.benchmark]
        self.imported = [name for name in self.benchmarked if act_bench_file(config, name)]
        self.trained = [name for name in self.benchmarked if name not in self.imported]
        self.searched = [name for name, task in self.tasks.items() if task.search]
        self.screened = [name for name in self.searched if self.screen(name, "search")]
        self.informed = [name for name, task in self.tasks.items() if task.prior_from]
        named = (strategy for _, strategy in named_strategies(config))
        self.strategies = list(dict.fromkeys((*STRATEGIES, *named)))
        self._answers: dict[tuple[Any, ...], Any] = {}

    def _once(self, question: tuple[Any, ...], answer: Callable[[], S]) -> S:
        """What ``answer`` gives the first time: each pack is a rule, and asks the same."""
        if question not in self._answers:
            self._answers[question] = answer()
        found: S = self._answers[question]
        return found

    # What files depend on

    def settings(self, step: str, task: str | None = None, **wildcards: Any) -> str:
        """Digest of the part of the configuration that a step depends on."""
        return self._once(
            ("settings", step, task, *sorted(wildcards.items())),
            lambda: settings_digest(step_settings(step, self.config, task, **wildcards)),
        )

    def code(self, step: str, task: str | None = None, strategy: str | None = None) -> str:
        """Digest of the code that a step can execute."""
        return self._once(
            ("code", step, task, strategy),
            lambda: step_code(step, self.config, task, strategy),
        )

    def operators(self, *spaces: str) -> str:
        """Digest of the user's modules behind all functions of spaces.

        For rules that cannot know which of the functions they evaluate.

        Returns:
            ``sha256:<hex>``.
        """
        return self._once(
            ("operators", *sorted(spaces)),
            lambda: settings_digest(operator_digests(space_operators(self.config, *spaces))),
        )

    def operators_of_slug(self, slug: str) -> str:
        """The same for one function.

        Returns:
            ``sha256:<hex>``.

        Raises:
            ExpressionError: when ``slug`` is none.
        """
        return settings_digest(operator_digests(Expression.from_slug(slug).operators))

    def operators_of_task(self, *tasks: str) -> str:
        """The same for all functions that tasks see, those of their finalists too."""
        return self.operators(*{s for task in tasks for s in task_spaces(self.config, task)})

    # Spaces

    def space_of(self, task: str, scope: str) -> str:
        """Name of the space behind a task's features; ``scope`` tells search from benchmark.

        Returns:
            A key of the configuration's spaces.

        Raises:
            ConfigError: when the task has no such section.
        """
        name = "search" if scope else "benchmark"
        return str(task_section(self.config, task, name).space)

    def screen(self, task: str, scope: str) -> Screen | None:
        """What chooses among the functions of that space for a search, if anything does."""
        search = self.tasks[task].search if scope else None
        return search.screen if search else None

    def functions(self, task: str, scope: str = "") -> str:
        """File of the functions of that space, or of those that the screen lists."""
        if self.screen(task, scope):
            return layout.screened_functions(task)
        return layout.functions(self.space_of(task, scope))

    def outputs(self, task: str, scope: str = "") -> str:
        """File of their outputs."""
        if self.screen(task, scope):
            return layout.screened_outputs(task)
        return layout.outputs(self.space_of(task, scope))

    def listed_size(self, task: str, scope: str) -> int:
        """Number of functions in those files."""
        screen = self.screen(task, scope)
        return screen.functions if screen else self.space_size(self.space_of(task, scope))

    def slugs(self, space: str) -> list[str]:
        """Slugs of the functions of a space that is small enough to stand in the graph.

        Returns:
            In the order of the space's outputs.

        Raises:
            SpaceError: when it is too large, or cannot be sampled as asked.
        """
        chosen = self.config.space(space)
        return self._once(("slugs", space), lambda: self.kept.slugs(chosen, self.baselines))

    def space_size(self, space: str) -> int:
        """Number of functions that a space selects."""
        size = known_size(space, self.config.space(space), self.baselines)
        return len(self.slugs(space)) if size is None else size

    def space_resources(self, space: str) -> Resources:
        """What a job for a whole space asks for: as much as those of any task that uses it."""
        return most_of(
            task.resources
            for task in self.tasks.values()
            if space in {part.space for part in (task.benchmark, task.search) if part}
        )

    # Tables and features

    def trial_files(self, task: str) -> list[str]:
        """Trials behind a task's table."""
        return [layout.trial(task, slug) for slug in self.slugs(self.space_of(task, ""))]

    def trial_packs(self, task: str) -> list[tuple[str, list[str]]]:
        """Trials in packs whose functions use the same modules of operators.

        So what a trial depends on is no matter of who shares its pack.

        Returns:
            For each pack the digest of these modules, and its files.
        """
        groups: dict[str, list[str]] = {}
        for slug in self.slugs(self.space_of(task, "")):
            digest = self.operators_of_slug(slug) if self.config.operators else self.operators()
            groups.setdefault(digest, []).append(layout.trial(task, slug))
        size = self.tasks[task].functions_per_job
        return [
            (digest, list(files))
            for digest, group in groups.items()
            for files in counts.packs(group, size)
        ]

    def takes_published(self, task: str, scope: str) -> bool:
        """Whether features are those of an imported file: of the benchmark space alone."""
        benchmark = self.tasks[task].benchmark
        return not scope and benchmark is not None and bool(benchmark.published_features)

    def fim_parts(self, task: str, scope: str) -> list[str]:
        """Files with the Fisher features of a space."""
        if self.takes_published(task, scope):
            return [layout.published_features(task)]
        size = self.listed_size(task, scope)
        parts = counts.fim_parts(size, self.tasks[task].fisher.functions_per_job)
        return [layout.fim_part(task, scope, part) for part in parts]

    def act_bench_files(self) -> list[str]:
        """Tables in the Act-Bench format, which an imported one is there in already."""
        return [layout.exported_table(task) for task in self.trained if self.is_exported(task)]

    def is_exported(self, task: str) -> bool:
        """Whether a task's table can be written in the Act-Bench format."""
        return self.score_of(task) in (ACT_BENCH_SCORE, None)

    def score_of(self, task: str) -> Score | None:
        """What the functions of a task are compared by; None where absent data say it."""
        data = self.config.data[self.tasks[task].data]
        return self._once(("score", task), lambda: score_of(data, self.config.data_folder))

    def has_own_validation(self, task: str) -> bool:
        """Whether a task's data give the validation part by itself: arrays, or what is made."""
        data = self.config.data[self.tasks[task].data]
        held = arrays_of(data, self.config.data_folder)
        return data.made is not None or (held is not None and "validation" in held.parts)

    # The report

    def report_files(self) -> dict[tuple[str, str], str]:
        """Files of the report, by the option that takes them and what it calls them."""
        files: dict[tuple[str, str], str] = {}
        for task in self.benchmarked:
            files["table", task] = layout.table(task)
            space = self.space_of(task, "")
            files["costs", space] = layout.costs(space)
            files["functions", space] = layout.functions(space)
            files["map", task] = layout.map_file(task)
            if not self.takes_published(task, ""):
                files["spectra", task] = self.fim_parts(task, "")[0]
            files["surrogate", task] = layout.surrogate(task)
            files["predictions", task] = layout.predictions(task)
            files["characterisation", task] = layout.characterisation(task)
            for strategy in self.config.simulation.strategies:
                files["simulation", f"{task}/{strategy}"] = layout.simulation(task, strategy)
        for task in self.screened:
            files["screened", task] = layout.screened_functions(task)
            files["screen", task] = layout.screen(task)
        if self.benchmarked:
            files["strategies", "all"] = layout.STRATEGIES
        for task in self.searched:
            for strategy in self.search(task).strategies:
                files["history", f"{task}/{strategy}"] = layout.history(task, strategy)
        for task in self.compared:
            files["final", task] = layout.final(task)
            files["activation", task] = layout.final_activation(task)
        return files

    @staticmethod
    def options(files: Mapping[tuple[str, str], str]) -> str:
        """Files by option and key, as words of a command."""
        return " ".join(f"--{option} {key}={path}" for (option, key), path in files.items())

    # What other tasks say, and strategies compared

    def prior_files(self, task: str, scope: str, strategy: str) -> list[str]:
        """How functions rank on other tasks; nothing where task or strategy asks none."""
        asks = self.tasks[task].prior_from and asks_other_tasks(strategy)
        return [layout.priors(task, scope)] if asks else []

    def prior_sources(self, task: str) -> list[str]:
        """Tables of these other tasks."""
        return [layout.table(other) for other in self.tasks[task].prior_from]

    def judged_files(self) -> dict[tuple[str, str], str]:
        """Tables and replayed searches, by the option that takes them and what it calls them."""
        files: dict[tuple[str, str], str] = {}
        for task in self.benchmarked:
            files["table", task] = layout.table(task)
            for strategy in self.config.simulation.strategies:
                files["simulation", f"{task}/{strategy}"] = layout.simulation(task, strategy)
        return files

    # Files from outside

    def task_data(self, task: str) -> list[str]:
        """What stands for a task's data; nothing for data that come with a package."""
        path = data_file(self.config, task)
        return [str(path)] if path is not None else []

    def data_digest(self, task: str) -> str:
        """Digest of the arrays in a task's file; nothing for other data."""
        data = self.config.data[self.tasks[task].data]
        kind, _, path = data.source.partition(":")
        return array_digest(Path(path)) if kind == "npz" else ""

    def image_markers(self, manifest: str) -> list[str]:
        """What tells that the images of a manifest have changed: of image folders alone."""
        data = self.config.data[self.manifests[manifest][0]]
        return [str(marker(manifest))] if data.source.startswith("folder:") else []

    @functools.cached_property
    def manifests(self) -> dict[str, list[str]]:
        """Names of the data sets that are fetched, by the manifest that those of a source share."""
        found: dict[str, list[str]] = {}
        for name in sorted({task.data for task in self.tasks.values()}):
            if place := place_of(self.config.data[name], self.config.data_folder):
                found.setdefault(str(place.manifest), []).append(name)
        return found

    def calls_function(self, data: str) -> bool:
        """Whether the data set called ``data`` is what a function of the user's returns."""
        return is_function(self.config.data[data])

    def memory_of(self, *data: str) -> int:
        """MB that the jobs of the tasks with these data ask for, at most."""
        return max(t.resources.mem_mb for t in self.tasks.values() if t.data in data)

    def fetch_minutes(self, *data: str) -> int:
        """Minutes to fetch these data in: a function of the user's may take a job's, twice."""
        asked = [t.resources.runtime for t in self.tasks.values() if t.data in data]
        calls = any(map(self.calls_function, data))
        return max(FETCH_MINUTES, 2 * max(asked)) if calls else FETCH_MINUTES

    def act_bench_file(self, task: str) -> str:
        """The file that a task's table is imported from."""
        path = act_bench_file(self.config, task)
        assert path is not None, f"the table of {task} is trained here"
        return str(path)

    def public_tables(self) -> list[str]:
        """The files of the public Act-Bench that tables are imported from, and their checksums."""
        names = {
            task.benchmark.act_bench
            for task in self.tasks.values()
            if task.benchmark and task.benchmark.act_bench in ACT_BENCH_TABLES
        }
        folder = self.config.data_folder
        return sorted(
            path
            for name in names
            for path in (
                layout.public_table(folder, str(name)),
                layout.public_checksum(folder, str(name)),
            )
        )

    def missing_data(self, task: str) -> Iterable[str]:
        """Files of a task's data that no rule brings and that are not there."""
        for path in self.task_data(task):
            if path not in self.manifests and not Path(path).is_file():
                yield path


def rule_name(*parts: object) -> str:
    """A rule's name: the parts, one of which may be a task, whose own name may hold dashes."""
    return "__".join(str(part) for part in parts).replace("-", "_")
