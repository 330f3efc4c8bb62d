"""What a task trains: how many functions, in which slots, and what that takes of a space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from actsearch.config import Final, Search, Task

T = TypeVar("T")
Kind = Literal["table", "search", "stage", "final"]


@dataclass(frozen=True)
class Trainings:
    """Functions that a task trains for one purpose."""

    kind: Kind
    functions: int
    """Baselines included, and those that other trainings of the task may have trained already."""
    runs: int
    """Trainings a function: one a seed."""
    fitted: int
    """Examples that each is fitted on."""
    measured: int
    """Examples that it is evaluated on besides."""
    stage: int | None = None
    """Which of the stages before the last comparison, of the kind ``stage``."""


def search_slots(search: Search, n_baselines: int, round: int) -> range:
    """Slots of a round of a live search; round 0 is the baselines."""
    return range(n_baselines if round == 0 else search.slots)


def search_rounds(search: Search) -> range:
    """Rounds of a live search, that of the baselines included."""
    return range(search.rounds + 1)


def search_size(search: Search, n_baselines: int) -> int:
    """Functions that one strategy trains, the baselines included."""
    return n_baselines + search.rounds * search.slots


def final_slots(final: Final, n_baselines: int) -> range:
    """Slots of the last comparison: the baselines, then those chosen, of each task asked."""
    tasks = 1 if final.stages else max(1, len(final.candidates_from))
    return range(final_baselines(final, n_baselines) + final.functions * tasks)


def final_baselines(final: Final, n_baselines: int) -> int:
    """Baselines of the last comparison."""
    return n_baselines if final.baselines is None else final.baselines


def stage_baselines(final: Final, n_baselines: int) -> list[int]:
    """Baselines that each of the stages before the last comparison trains."""
    numbers: list[int] = []
    for stage in final.stages:
        before = numbers[-1] if numbers else n_baselines
        numbers.append(before if stage.baselines is None else stage.baselines)
    return numbers


def stage_slots(final: Final, n_baselines: int, stage: int) -> range:
    """Slots of a stage: its baselines, then its other candidates."""
    return range(stage_baselines(final, n_baselines)[stage] + final.stages[stage].functions)


def fim_parts(functions: int, per_job: int) -> range:
    """Numbers of the parts in which the spectra of so many functions are made."""
    return range(-(-functions // per_job))


def packs(items: Iterable[T], size: int) -> list[Sequence[T]]:
    """``items`` in lists of at most ``size``, in order."""
    listed = list(items)
    return [listed[start : start + size] for start in range(0, len(listed), size)]


def trainings(
    task: Task, n_baselines: int, table_size: int, train: int, validation: int, test: int
) -> Iterator[Trainings]:
    """What a task trains, by purpose.

    Args:
        task: the task.
        n_baselines: baselines of the experiment.
        table_size: functions of its benchmark space; 0 where it has none.
        train: examples of its training part, and so on.
        validation: of its validation part.
        test: of its test part.

    Yields:
        Its trainings, without those of an imported table.
    """
    runs = len(task.seeds)
    if task.benchmark and task.benchmark.act_bench is None:
        yield Trainings("table", table_size, runs, train, validation)
    if task.search:
        functions = search_size(task.search, n_baselines) * len(task.search.strategies)
        yield Trainings("search", functions, runs, train, validation)
    if task.final:
        for number, stage in enumerate(task.final.stages):
            functions = len(stage_slots(task.final, n_baselines, number))
            yield Trainings("stage", functions, len(stage.seeds), train, validation, number)
        unseen = validation * ("validation" not in task.final.fitted_on)
        fitted, measured = train + validation - unseen, test + unseen
        functions = len(final_slots(task.final, n_baselines))
        yield Trainings("final", functions, len(task.final.seeds), fitted, measured)


def trained_besides_baselines(task: Task, n_baselines: int, table_size: int) -> int:
    """Functions besides the baselines that finalists of a task can be chosen from, at least.

    Args:
        task: the task.
        n_baselines: baselines of the experiment.
        table_size: functions of its benchmark space; 0 where it has none.

    Returns:
        Their number for one strategy: several may choose the same functions.
    """
    found = table_size - n_baselines if task.benchmark else 0
    return found + (search_size(task.search, 0) if task.search else 0)
