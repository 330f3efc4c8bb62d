"""All that is known of one function: notation, properties, equals, features, every task's numbers.

The function need not be in any space, nor have been trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from actsearch.features.columns import component_columns
from actsearch.features.outputs import transform_outputs
from actsearch.functions.equivalence import outputs
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.formulas import plain_formula
from actsearch.functions.latex import latex
from actsearch.functions.properties import Properties, properties
from actsearch.functions.trees import tree_lines, without_form
from actsearch.reading.experiment import Experiment
from actsearch.reading.measurements import FINAL, TRIAL, Measurement, measurements, names_of
from actsearch.reading.tasks import TaskResults


@dataclass(frozen=True)
class Distance:
    """How far a function's features are from those of a baseline.

    Attributes:
        baseline: its name.
        outputs: root mean square difference of the outputs on the normal samples, after arcsinh, as
            the map compares them; None where one is not finite.
        fisher: by task, the distance of the Fisher features in their main components; tasks without
            a map that has both functions are missing.
    """

    baseline: str
    outputs: float | None
    fisher: dict[str, float]


@dataclass(frozen=True)
class Numbers:
    """Scores of the function in one place.

    Attributes:
        task: of the scores.
        shipped: whether they are of a table that ships.
        measurement: the scores.
        rank: among the functions of the table, 1 the best; None elsewhere.
        of: number of functions in the table.
    """

    task: str
    shipped: bool
    measurement: Measurement
    rank: int | None
    of: int | None


@dataclass(frozen=True)
class Explanation:
    """All that is known of a function.

    Attributes:
        function: the function.
        properties: what it is like.
        equals: other names of it by space; spaces without it are missing.
        distances: to the baselines, the nearest first.
        numbers: its scores, by task.
    """

    function: Expression
    properties: Properties
    equals: dict[str, list[str]]
    distances: list[Distance]
    numbers: list[Numbers]

    def as_data(self) -> dict[str, Any]:
        """Everything as plain data; what is not finite is null."""
        function = self.function
        whole = {
            "name": function.name,
            "slug": function.slug,
            "formula": plain_formula(function),
            "latex": latex(function),
            "size": function.size,
            "depth": function.depth,
            "operators": sorted(function.operators),
            "tree": tree_lines(function),
            "onnx": not without_form(function),
            "properties": asdict(self.properties),
            "equals": self.equals,
            "distances": [asdict(distance) for distance in self.distances],
            "numbers": [_number_data(numbers) for numbers in self.numbers],
        }
        plain: dict[str, Any] = _finite(whole)
        return plain


def explain(function: Expression, experiments: Sequence[Experiment]) -> Explanation:
    """Gather what is known of a function.

    Args:
        function: any function.
        experiments: where to look for results; scores are those of all, distances on the maps of
            tasks with the same name those of the first.

    Returns:
        What was found.
    """
    equals: dict[str, list[str]] = {}
    tasks: dict[str, TaskResults] = {}
    baselines: dict[str, None] = {}
    for experiment in experiments:
        for name, space in experiment.spaces.items():
            if name not in equals and (found := space.equals(function)):
                equals[name] = found
        for task in experiment:
            tasks.setdefault(task, experiment[task])
        baselines |= dict.fromkeys(experiment.baselines)
    names = names_of(function, [name for found in equals.values() for name in found])
    others = {space: [n for n in found if n != function.name] for space, found in equals.items()}
    return Explanation(
        function,
        properties(function),
        others,
        _distances(function, names, list(baselines), list(tasks.values())),
        [
            _numbers(task, measurement)
            for experiment in experiments
            for task in map(experiment.__getitem__, experiment)
            for measurement in measurements(task, names)
        ],
    )


def _numbers(task: TaskResults, measurement: Measurement) -> Numbers:
    rank = of = None
    if measurement.source not in (TRIAL, FINAL):
        from actsearch.report.score_table import ranked

        table = ranked(task.scores, ())  # as `actsearch top` lists them
        row = table[table["name"] == measurement.function].iloc[0]
        if row["source"] == measurement.source:
            rank, of = int(row["rank"]), len(table)
    return Numbers(task.name, task.is_shipped, measurement, rank, of)


def _distances(
    function: Expression,
    names: Sequence[str],
    baselines: Sequence[str],
    tasks: Sequence[TaskResults],
) -> list[Distance]:
    """To all baselines but itself, by the distance of outputs."""
    baselines = [name for name in baselines if name not in names]
    if not baselines:
        return []
    values = transform_outputs(outputs([function, *map(parse, baselines)]))
    apart = np.sqrt(((values[1:] - values[0]) ** 2).mean(axis=1))
    fisher = {task.name: _fisher(task, names, baselines) for task in tasks if task.has_map}
    found = [
        Distance(
            name,
            float(distance) if np.isfinite(distance) else None,
            {task: known[name] for task, known in fisher.items() if name in known},
        )
        for name, distance in zip(baselines, apart, strict=True)
    ]
    return sorted(found, key=lambda d: (d.outputs is None, d.outputs or 0.0, d.baseline))


def _fisher(task: TaskResults, names: Sequence[str], baselines: Sequence[str]) -> dict[str, float]:
    """Distances of the Fisher features on a task's map, by baseline."""
    placed = task.map.set_index("name")[component_columns("fisher")].dropna()
    mine = next((name for name in names if name in placed.index), None)
    if mine is None:
        return {}
    known = [name for name in baselines if name in placed.index]
    apart = np.linalg.norm(placed.loc[known].to_numpy() - placed.loc[mine].to_numpy(), axis=1)
    return dict(zip(known, map(float, apart), strict=True))


def _number_data(numbers: Numbers) -> dict[str, Any]:
    measurement = numbers.measurement
    return {
        "task": numbers.task,
        "shipped": numbers.shipped,
        "source": measurement.source,
        "function": measurement.function,
        "part": measurement.part,
        "score": measurement.score.name,
        "mean": measurement.mean,
        "deviation": measurement.deviation,
        "median": measurement.summary if measurement.part == "validation" else None,
        "seeds": measurement.seeds,
        "scores": measurement.scores,
        "diverged": measurement.n_diverged,
        "rank": numbers.rank,
        "of": numbers.of,
        "file": measurement.file,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
