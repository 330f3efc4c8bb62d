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
from actsearch.cli.progress import console

if TYPE_CHECKING:
    import pandas as pd

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
    """List the best functions of a task: mean, deviation, number of seeds.

    Functions are ordered by the median over seeds, as everywhere; baselines are marked. With
    --format latex, the table needs the packages amsmath and booktabs.
    """
    from actsearch.reading.finding import find_task
    from actsearch.report import score_table

    found = find_task(task, results, shipped, config)
    found.experiment.register_operators()
    everything = score_table.ranked(found.scores, found.experiment.baselines)
    rows = score_table.chosen_rows(everything, n, baselines)
    if format == "csv":
        typer.echo(score_table.as_csv(rows), nl=False)
    elif format == "json":
        typer.echo(score_table.as_json(rows), nl=False)
    elif format == "latex":
        typer.echo(score_table.as_latex(rows, task), nl=False)
    else:
        _print(everything, rows, found.place)


def _print(everything: pd.DataFrame, rows: pd.DataFrame, place: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from actsearch.report.score_table import mean_and_deviation, score_of

    score = score_of(everything)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    table.add_column("function", overflow="fold")
    for column in (f"{score.shown}, mean ± deviation", "median", "seeds", "diverged"):
        table.add_column(column, justify="right")
    for row in rows.to_dict("records"):
        mark = " [bold]*[/]" if row["baseline"] else ""
        table.add_row(
            str(row["rank"]),
            escape(row["name"]) + mark,
            mean_and_deviation(score, row["mean"], row["deviation"]),
            mean_and_deviation(score, row["median"], None),
            str(row["seeds"]),
            str(row["diverged"] or ""),
        )
    out = console()
    out.print(table)
    known = everything[everything["baseline"]]
    best = ""
    if len(known):
        first = known.iloc[0]
        best = f"; the best of {len(known)} baselines (*), {first['name']}, is {first['rank']}"
    out.print(
        escape(
            f"{place}: {len(everything):,} functions, validation {score.shown}, by the median "
            f"over seeds{best}"
        )
    )
