"""The part of an experiment's files in which functions are compared: searches, stages, the end."""

from __future__ import annotations

from typing import TypeVar

from actsearch.config import Config, Final, Search, Task
from actsearch.plan import counts, layout
from actsearch.plan.settings import task_section

S = TypeVar("S")


class Comparisons:
    """Files of live searches, of last comparisons, and of the stages before these.

    Attributes:
        config: the configuration.
        baselines: names of the functions that searches start from.
        tasks: all tasks, by name.
        compared: names of the tasks with a last comparison.
        staged: of those with stages before it.
    """

    def __init__(self, config: Config, baselines: tuple[str, ...]) -> None:
        """Take the configuration and its baselines."""
        self.config = config
        self.baselines = baselines
        self.tasks: dict[str, Task] = config.tasks
        self.compared = [name for name, task in self.tasks.items() if task.final]
        self.staged = [name for name in self.compared if self.final(name).stages]

    def search(self, task: str) -> Search:
        """A task's live search; ConfigError where it has none."""
        return self._section(Search, task, "search")

    def final(self, task: str) -> Final:
        """A task's last comparison; ConfigError where it has none."""
        return self._section(Final, task, "final")

    def _section(self, kind: type[S], task: str, name: str) -> S:
        section = task_section(self.config, task, name)
        assert isinstance(section, kind)
        return section

    # Live searches

    def search_slots(self, task: str, round: int) -> range:
        """Slots of a round of a task's live search."""
        return counts.search_slots(self.search(task), len(self.baselines), round)

    def earlier_rounds(self, task: str, strategy: str, round: int) -> dict[str, list[str]]:
        """Proposals and trials of the rounds before ``round`` of a live search, in order."""
        earlier = range(round)
        return {
            "proposals": [layout.proposals(task, strategy, r) for r in earlier],
            "trials": [
                path
                for r in earlier
                for path in layout.search_trials(task, strategy, r, self.search_slots(task, r))
            ],
        }

    def all_rounds(self, task: str, strategy: str) -> dict[str, list[str]]:
        """The same for the whole search."""
        return self.earlier_rounds(task, strategy, len(counts.search_rounds(self.search(task))))

    def tables(self, task: str) -> list[str]:
        """The task's table, if it has one."""
        return [layout.table(task)] if self.tasks[task].benchmark else []

    def histories(self, task: str) -> list[str]:
        """Tables of a task's live searches."""
        search = self.tasks[task].search
        return [
            layout.history(task, strategy) for strategy in (search.strategies if search else ())
        ]

    # Stages

    def stage_slots(self, task: str, stage: int) -> range:
        """Slots of a stage before a task's last comparison."""
        return counts.stage_slots(self.final(task), len(self.baselines), stage)

    def stage_trials(self, task: str, stage: int) -> list[str]:
        """Trials of a stage."""
        return layout.stage_trials(task, stage, self.stage_slots(task, stage))

    def stage_rankings(self, task: str) -> list[str]:
        """What the functions of all stages scored, in order."""
        return [layout.stage_ranking(task, n) for n in range(len(self.final(task).stages))]

    def stage_sources(self, task: str, stage: int) -> list[tuple[str, str]]:
        """Files that the functions of a stage are chosen from, each after the option that takes it.

        Args:
            task: the task.
            stage: the stage; that after all of them is the last comparison.

        Returns:
            The ranking of the stage before; of the first stage tables and histories, of the task or
            of those that it takes functions from.
        """
        if stage:
            return [("--ranking ", layout.stage_ranking(task, stage - 1))]
        others = self.final(task).candidates_from
        if others:
            return [
                (f"--from {other}=", path)
                for other in others
                for path in self.tables(other) + self.histories(other)
            ]
        own = [("--table ", path) for path in self.tables(task)]
        return own + [("", path) for path in self.histories(task)]

    def ranked_trials(self, task: str, stage: int) -> list[str]:
        """Trials that a stage's functions are ranked by: its own, earlier ones of the recipe."""
        recipe = self.tasks[task].in_stage(stage).recipe
        return [
            path
            for earlier in range(stage + 1)
            if self.tasks[task].in_stage(earlier).recipe == recipe
            for path in self.stage_trials(task, earlier)
        ]

    def ranked_sources(self, task: str, stage: int) -> list[tuple[str, str]]:
        """Tables and histories that a stage's functions are ranked by too, after their options.

        Returns:
            Those of the task itself, where the stage trains by the task's recipe; else nothing. An
            imported table says nothing of its runs, and functions that a search trained besides
            would have more than others.
        """
        chosen = self.tasks[task]
        imported = chosen.benchmark is not None and chosen.benchmark.act_bench is not None
        others = self.final(task).candidates_from
        if imported or others or chosen.in_stage(stage).recipe != chosen.recipe:
            return []
        tables = [("--table ", path) for path in self.tables(task)]
        return tables + [("--history ", path) for path in self.histories(task)]

    # Last comparisons

    def final_slots(self, task: str) -> range:
        """Slots of a task's last comparison."""
        return counts.final_slots(self.final(task), len(self.baselines))

    def final_sources(self, task: str) -> list[tuple[str, str]]:
        """Files that finalists are chosen from, each after the option that takes it."""
        return self.stage_sources(task, len(self.final(task).stages))

    def final_trials(self, task: str) -> list[str]:
        """Trials of the last comparison."""
        return layout.final_trials(task, self.final_slots(task))

    def activation_files(self) -> list[str]:
        """The chosen functions as modules."""
        return [layout.final_activation(task) for task in self.compared]
