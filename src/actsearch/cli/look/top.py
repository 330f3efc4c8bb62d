"""Command: top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import (
    CONFIG,
    RESULTS,
    OnlyShipped,
    OwnOperators,
    ResultsFolder,
    TaskWord,
)
from actsearch.cli.progress import console, say

if TYPE_CHECKING:
    import pandas as pd

    from actsearch.reading.tasks import TaskResults

Form = Literal["table", "csv", "latex", "json"]


@app.command()
def top(
    task: TaskWord,
    n: Annotated[int, typer.Option("-n", min=1, help="How many functions.")] = 20,
    format: Annotated[
        Form, typer.Option("--format", help="For the terminal, programs, or a paper.")
    ] = "table",
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Add the baselines that are below the best N.")
    ] = False,
    shipped: OnlyShipped = False,
    results: ResultsFolder = RESULTS,
    config: OwnOperators = CONFIG,
) -> None:
    """List the best functions of a task: median, mean, deviation, number of seeds.

    It has the functions of the table and those that live searches trained besides, by their
    validation scores. They are ordered by the median over seeds; equal ones share a rank, and are
    listed by name. Marked are baselines (*), functions that only a live search trained (+), and
    functions that are not finite at x = 0 (!). The scores to report are those of the last
    comparison: actsearch verdict. With --format latex, the table needs the packages amsmath and
    booktabs.
    """
    from actsearch.functions.at_zero import is_finite_at_zero
    from actsearch.functions.misspelt import parse
    from actsearch.reading.finding import find_task
    from actsearch.report import score_table

    found = find_task(task, results, shipped, config)
    found.experiment.register_operators()
    everything = score_table.ranked(found.scores, found.experiment.baselines)
    rows = score_table.chosen_rows(everything, n, baselines)
    at_zero = [is_finite_at_zero(parse(name)) for name in rows["name"]]
    rows = rows.assign(finite_at_zero=at_zero)
    if format == "csv":
        typer.echo(score_table.as_csv(rows), nl=False)
    elif format == "json":
        typer.echo(score_table.as_json(rows), nl=False)
    elif format == "latex":
        typer.echo(score_table.as_latex(rows, task), nl=False)
    else:
        _print(everything, rows, found.place)
    if not shipped and (note := _note(found)):
        say(note)


def _note(found: TaskResults) -> str:
    """That the numbers are not, or not yet, those of a finished run here."""
    if found.is_shipped:
        return (
            f"note: these are the numbers of a table that ships with the project; {found.name} has "
            "no results here yet, and its results here will have other numbers"
        )
    experiment = found.experiment
    if found.has_final or not experiment.has_config:
        return ""
    task = experiment.config.tasks.get(found.name)
    if task is None or task.final is None:
        return ""
    return "note: these results are not complete: there is no last comparison of this task yet"


def _print(everything: pd.DataFrame, rows: pd.DataFrame, place: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from actsearch.functions.at_zero import ZEROS
    from actsearch.report.score_table import marks_of, mean_and_deviation, score_of

    score = score_of(everything)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("rank", justify="right")
    table.add_column("function", overflow="fold")
    several = not (rows["seeds"] == 1).all()  # else the mean is the median
    middle = (f"{score.shown}, median", "mean ± deviation") if several else (score.shown,)
    for column in (*middle, "seeds", "diverged"):
        table.add_column(column, justify="right")
    for row in rows.to_dict("records"):
        marks = marks_of(row)
        mark = f" [bold]{' '.join(marks)}[/]" if marks else ""
        table.add_row(
            str(row["rank"]),
            escape(row["name"]) + mark,
            mean_and_deviation(score, row["median"], None),
            *([mean_and_deviation(score, row["mean"], row["deviation"])] * several),
            str(row["seeds"]),
            str(row["diverged"] or ""),
        )
    out = console()
    out.print(table)
    n = len(everything)
    known = everything[everything["baseline"]]
    best = ""
    if len(known):
        first = known.iloc[0]
        best = (
            f"; the best of {len(known)} baselines (*), {first['name']}, has rank "
            f"{first['rank']:,} of {n:,}"
        )
    found = int((everything["source"] != "table").sum())
    where = f"{n - found:,} of the table and {found:,} of live searches alone (+)"
    functions = f"{n:,} functions" + (f", {where}" if found else " of the table")
    out.print(escape(f"{place}: {functions}; validation {score.shown}{_order(rows)}{best}"))
    if not rows["finite_at_zero"].all():
        out.print(escape(f"! not finite at x = 0; {ZEROS}"))


def _order(rows: pd.DataFrame) -> str:
    """What functions are ordered by."""
    if (rows["seeds"] == 1).all():
        return " of 1 seed"
    return ", by the median over seeds"
