"""Command: explain."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import (
    CONFIG,
    RESULTS,
    FunctionName,
    OwnOperators,
    ResultsFolder,
    read_function,
)
from actsearch.cli.options import Json
from actsearch.cli.progress import console

if TYPE_CHECKING:
    from rich.console import Console

    from actsearch.functions.properties import Properties
    from actsearch.reading.explaining import Explanation, Numbers

EQUALS, NEIGHBOURS = 6, 5
"""Names and baselines that are listed; all are with --json."""


@app.command()
def explain(
    name: FunctionName,
    as_json: Json = False,
    results: ResultsFolder = RESULTS,
    config: OwnOperators = CONFIG,
) -> None:
    """Show all that is known of a function: formula, properties, equals, features, scores.

    Works for any function, trained or not. Scores are those in the results here, and in tables that
    ship.
    """
    from actsearch.reading.explaining import explain as gather
    from actsearch.reading.finding import experiments

    function = read_function(name, config, results)
    known = experiments(results, config)
    for experiment in known:
        experiment.register_operators()
    found = gather(function, known)
    if as_json:
        typer.echo(json.dumps(found.as_data(), indent=1, ensure_ascii=False))
        return
    out = console(markup=False, emoji=False)
    _notation(out, found)
    _features(out, found)
    _scores(out, found)


def _notation(out: Console, found: Explanation) -> None:
    from rich.table import Table

    from actsearch.functions.formulas import plain_formula
    from actsearch.functions.latex import latex
    from actsearch.functions.trees import tree_lines, without_form

    function = found.function
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("name", function.name)
    table.add_row("slug", function.slug)
    table.add_row("formula", plain_formula(function))
    table.add_row("LaTeX", latex(function))
    table.add_row("tree", "\n".join(tree_lines(function)))
    for label, text in _described(found.properties):
        table.add_row(label, text)
    own = without_form(function)
    table.add_row("ONNX", f"no: own operators ({', '.join(own)})" if own else "can be exported")
    for space, names in found.equals.items():
        shown = ", ".join(names[:EQUALS]) or "no other name in it"
        more = f", and {len(names) - EQUALS} more (--json)" if len(names) > EQUALS else ""
        table.add_row("equals", f"in {space}: {shown}{more}")
    if not found.equals:
        table.add_row("equals", "in no space whose functions are listed here")
    out.print(table)


def _described(properties: Properties) -> list[tuple[str, str]]:
    """Properties as label and text."""
    shapes = {
        "rising": "monotone, rising",
        "falling": "monotone, falling",
        "constant": "constant",
        None: "not monotone",
    }
    shape = f"{shapes[properties.monotone]} from -10 to 10"
    if properties.undefined_at is not None:
        shape = f"undefined (0 / 0 or the like) at x = {properties.undefined_at:.4g}"
    words = [
        "finite on the normal samples" if properties.finite else "not finite on all normal samples",
        shape,
        "bounded" if properties.bounded else "not bounded",
        *([properties.symmetry] if properties.symmetry else []),
    ]
    at_zero = "undefined" if math.isnan(properties.at_zero) else f"{properties.at_zero:.4g}"
    values = (
        f"{at_zero} at 0; {properties.lowest:.4g} to {properties.highest:.4g} for x from -10 to 10"
    )
    if properties.finite:
        values += (
            f"; mean {properties.mean:.3g}, deviation {properties.deviation:.3g} for normal inputs"
        )
    return [("properties", "; ".join(words)), ("values", values)]


def _features(out: Console, found: Explanation) -> None:
    from rich.table import Table

    if not found.distances:
        return
    tasks = sorted({task for distance in found.distances for task in distance.fisher})
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("nearest baselines")
    for column in ("outputs", *(f"Fisher, {task}" for task in tasks)):
        table.add_column(column, justify="right")
    for distance in found.distances[:NEIGHBOURS]:
        numbers = [distance.outputs, *(distance.fisher.get(task) for task in tasks)]
        table.add_row(distance.baseline, *("–" if n is None else f"{n:.3f}" for n in numbers))
    out.print()
    out.print(table)
    out.print("distances of features, as the map compares them; 0 is the same")


def _scores(out: Console, found: Explanation) -> None:
    from rich.table import Table

    out.print()
    if not found.numbers:
        out.print("no scores: it was trained on no task whose results are here")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("task", "from", "scores"):
        table.add_column(column, overflow="fold")
    for column in ("mean ± deviation", "seeds", "diverged", "rank"):
        table.add_column(column, justify="right")
    for numbers in found.numbers:
        table.add_row(*_row(numbers))
    out.print(table)
    under = {n.measurement.function for n in found.numbers} - {found.function.name}
    if under:
        out.print(f"trained under the name {', '.join(sorted(under))}, which computes the same")


def _row(numbers: Numbers) -> list[str]:
    from actsearch.report.score_table import mean_and_deviation

    measurement = numbers.measurement
    score = measurement.score
    mean = measurement.mean if measurement.scores else measurement.summary
    return [
        numbers.task,
        measurement.source + (" (ships)" if numbers.shipped else ""),
        f"{measurement.part} {score.shown}",
        mean_and_deviation(score, mean, measurement.deviation),
        str(len(measurement.scores) or "–"),
        str(measurement.n_diverged or ""),
        f"{numbers.rank:,} of {numbers.of:,}" if numbers.rank else "",
    ]
