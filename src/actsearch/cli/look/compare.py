"""Command: compare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import (
    CONFIG,
    RESULTS,
    OnlyShipped,
    OwnOperators,
    ResultsFolder,
    TaskOption,
    complete_function,
    read_function,
)
from actsearch.cli.options import Json

if TYPE_CHECKING:
    from actsearch.functions.expressions import Expression
    from actsearch.reading.comparison import Comparison
    from actsearch.reading.measurements import Measurement
    from actsearch.reading.tasks import TaskResults

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A function, by name or slug.", autocompletion=complete_function
    ),
]


@app.command()
def compare(
    one: Name,
    other: Name,
    task: TaskOption,
    as_json: Json = False,
    shipped: OnlyShipped = False,
    results: ResultsFolder = RESULTS,
    config: OwnOperators = CONFIG,
) -> None:
    """Compare two functions on a task, seed by seed, with a 95% interval.

    The difference is the first function's score less the second's. Where both were trained on the
    same seeds, scores are paired and p is that of the sign-flip test over seeds.
    """
    from actsearch.reading.comparison import compare as compared
    from actsearch.reading.finding import find_task

    functions = [read_function(text, config, results) for text in (one, other)]
    found = find_task(task, results, shipped, config)
    found.experiment.register_operators()
    first, second = (_measured(found, function) for function in functions)
    comparisons = compared(first, second)
    if as_json:
        typer.echo(json.dumps([_as_data(c) for c in comparisons], indent=1, ensure_ascii=False))
        return
    typer.echo(f"{functions[0].name} compared with {functions[1].name}: {found.place}")
    for comparison in comparisons:
        typer.echo("\n".join(["", *_lines(comparison)]))
    if any(comparison.paired for comparison in comparisons):
        typer.echo(
            "\none comparison, not corrected: of functions that were picked from many, the verdict "
            "of the last comparison counts (actsearch verdict)"
        )
    if not comparisons:
        typer.echo("no part of the data was scored for both: there is nothing to compare")


def _measured(task: TaskResults, function: Expression) -> list[Measurement]:
    """All scores of a function; ResultsError without any."""
    from actsearch.plan import layout
    from actsearch.reading.errors import ResultsError
    from actsearch.reading.measurements import measurements, names_of

    found = measurements(task, [function.name])
    if not found:  # under another name of the same function, which takes longer to find
        spaces = task.experiment.spaces.values()
        equals = [name for space in spaces for name in space.equals(function)]
        found = measurements(task, names_of(function, equals))
    if not found:
        made = f"; it is trained by: snakemake --cores 1 {layout.trial(task.name, function.slug)}"
        raise ResultsError(
            f"{function.name} has no scores in {task.place}" + ("" if task.is_shipped else made)
        )
    return found


def _lines(comparison: Comparison) -> list[str]:
    from actsearch.report.formats import plural
    from actsearch.report.score_table import mean_and_deviation

    score = comparison.one.score
    lines = [f"{comparison.part} {score.shown}"]
    for measurement, scores in (
        (comparison.one, comparison.scores),
        (comparison.other, comparison.other_scores),
    ):
        mean, deviation = _moments(scores)
        failed = f", {measurement.n_diverged} diverged" if measurement.n_diverged else ""
        lines.append(
            f"  {measurement.function}: {mean_and_deviation(score, mean, deviation)} "
            f"({plural(len(scores), 'seed')}{failed}; {measurement.source})"
        )
    text = f"  difference: {score.with_unit(score.write_difference(comparison.difference))}"
    if comparison.low is not None and comparison.high is not None:
        ends = [score.write_difference(end) for end in (comparison.low, comparison.high)]
        text += f", 95% interval {ends[0]} to {ends[1]}"
    if comparison.p is not None:
        text += f", p = {comparison.p:.2g}"
    return [*lines, text, f"  {_conclusion(comparison)}"]


def _moments(scores: tuple[float, ...]) -> tuple[float, float | None]:
    import statistics

    return statistics.fmean(scores), statistics.stdev(scores) if len(scores) > 1 else None


_SAID = {"higher": "the first is better", "lower": "the second is better", "tie": "a tie"}


def _conclusion(comparison: Comparison) -> str:
    from actsearch.report.formats import plural

    if not comparison.paired:
        how = "not paired: they have fewer than two seeds in common, so seeds add their noise"
        return f"{how}; {_without_pairs(comparison)}"
    n = len(comparison.scores)
    if comparison.seeds:
        how = f"paired over the seeds {', '.join(map(str, comparison.seeds))}"
    else:
        how = f"paired over the {n} seeds of the table"
    if comparison.too_few:
        return (
            f"{how}; undecided: with {plural(n, 'seed')} p is {comparison.smallest_p:.2g} at "
            "least, however large the difference is (0.05 needs 6 seeds)"
        )
    return f"{how}; {_SAID[comparison.verdict]} (sign-flip test, level 0.05)"


def _without_pairs(comparison: Comparison) -> str:
    if comparison.too_few:
        return "undecided: too few seeds for an interval"
    if comparison.p is None:
        return (
            "undecided: all seeds of each have the same score, so there is no noise to compare the "
            "difference with"
        )
    return f"{_SAID[comparison.verdict]} (Welch's t-test, level 0.05)"


def _as_data(comparison: Comparison) -> dict[str, Any]:
    return {
        "part": comparison.part,
        "score": comparison.one.score.name,
        "functions": [m.function for m in (comparison.one, comparison.other)],
        "sources": [m.source for m in (comparison.one, comparison.other)],
        "scores": [comparison.scores, comparison.other_scores],
        "seeds": comparison.seeds,
        "paired": comparison.paired,
        "difference": comparison.difference,
        "low": comparison.low,
        "high": comparison.high,
        "p": comparison.p,
        "smallest_p": comparison.smallest_p,
        "verdict": comparison.verdict,
    }
