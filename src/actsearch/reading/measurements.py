"""What is known of one function on one task: each place in which its scores are, seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actsearch.config import Score, score_called
from actsearch.functions.expressions import Expression, parse
from actsearch.plan import layout
from actsearch.records.formats import read_json

if TYPE_CHECKING:
    from actsearch.reading.tasks import TaskResults

TABLE, TRIAL, FINAL = "table", "trial", "last comparison"


@dataclass(frozen=True)
class Measurement:
    """Scores of one function in one place.

    Attributes:
        function: its name there, which may be another name of the same function.
        source: ``table``, ``trial``, ``search STRATEGY`` or ``last comparison``.
        part: of the data: ``validation`` or ``test``.
        seeds: of the trainings, in the order of ``scores``; None where the file does not say.
        scores: one per training.
        n_diverged: trainings that diverged, which count with the score of a failure.
        score: what the scores are.
        summary: their median, by which functions are ordered; of the test part, the mean.
        file: the path in the experiment.
    """

    function: str
    source: str
    part: str
    seeds: tuple[int, ...] | None
    scores: tuple[float, ...]
    n_diverged: int
    score: Score
    summary: float
    file: str

    @property
    def mean(self) -> float | None:
        """Mean over the trainings; None where they are not known one by one."""
        return sum(self.scores) / len(self.scores) if self.scores else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation between seeds (of n - 1); None with fewer than two."""
        import statistics

        return statistics.stdev(self.scores) if len(self.scores) > 1 else None


def measurements(task: TaskResults, names: Sequence[str]) -> list[Measurement]:
    """All scores of a function on a task.

    Args:
        task: where to look.
        names: of the function; the first that is found in a place counts there, so that a
            function's own name goes before its equals.

    Returns:
        One per place, the table (or a trial of its own) first, the last comparison last.
    """
    found = [_of_table(task, names) or _of_trial(task, names)]
    found += [_of_search(task, strategy, names) for strategy in task.strategies]
    found += [_of_final(task, names)]
    return [measurement for measurement in found if measurement is not None]


def _of_table(task: TaskResults, names: Sequence[str]) -> Measurement | None:
    if not task.has_table:
        return None
    for row in _rows(task.table, names):
        trial = task.trial(parse(row["name"]))
        return _measured(row, trial, TABLE, layout.table(task.name))
    return None


def _of_trial(task: TaskResults, names: Sequence[str]) -> Measurement | None:
    for name in names:
        function = parse(name)
        if trial := task.trial(function):
            scores = _by_seed(trial)
            return Measurement(
                name,
                TRIAL,
                "validation",
                tuple(scores),
                tuple(scores.values()),
                sum(run["status"] == "diverged" for run in trial["runs"]),
                score_called(trial["score"]),
                float(trial["validation_score"]),
                layout.trial(task.name, function.slug),
            )
    return None


def _of_search(task: TaskResults, strategy: str, names: Sequence[str]) -> Measurement | None:
    file = layout.history(task.name, strategy)
    for row in _rows(task.history(strategy), names):
        (trial,) = layout.search_trials(task.name, strategy, row["round"], [int(row["slot"])])
        path = task.path(trial)
        return _measured(
            row, read_json(path) if path.is_file() else None, f"search {strategy}", file
        )
    return None


def _of_final(task: TaskResults, names: Sequence[str]) -> Measurement | None:
    if not task.has_final:
        return None
    final = task.final
    known = {function["name"]: function for function in final["functions"]}
    for name in names:
        if name in known:
            function = known[name]
            return Measurement(
                name,
                FINAL,
                "test",
                tuple(final["seeds"]),
                tuple(function["test_scores"]),
                int(function["n_diverged"]),
                score_called(final["score"]),
                float(function["test_score_mean"]),
                layout.final(task.name),
            )
    return None


def _rows(table: Any, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of the names that a table has, in the order of names."""
    for name in names:
        rows = table[table["name"] == name]
        if len(rows):
            yield rows.iloc[0].to_dict()


def _measured(
    row: dict[str, Any], trial: dict[str, Any] | None, source: str, file: str
) -> Measurement:
    """A row of a table, with its seeds where the trial says the same scores."""
    scores = tuple(float(value) for value in row["run_validation_scores"])
    by_seed = _by_seed(trial) if trial else {}
    seeds = tuple(by_seed) if tuple(by_seed.values()) == scores and by_seed else None
    return Measurement(
        str(row["name"]),
        source,
        "validation",
        seeds,
        scores,
        int(row["n_diverged"]),
        score_called(row["score"]),
        float(row["validation_score"]),
        file,
    )


def _by_seed(trial: dict[str, Any]) -> dict[int, float]:
    runs = sorted(trial["runs"], key=lambda run: run["seed"])
    return {int(run["seed"]): float(run["validation_score"]) for run in runs}


def names_of(function: Expression, equals: Sequence[str]) -> list[str]:
    """A function's own name, then those of its equals."""
    return list(dict.fromkeys([function.name, *equals]))
