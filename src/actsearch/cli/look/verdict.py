"""Command: verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import (
    CONFIG,
    RESULTS,
    OwnOperators,
    ResultsFolder,
    TaskWord,
)
from actsearch.cli.progress import console

Form = Literal["table", "csv", "latex", "json"]


@app.command()
def verdict(
    task: TaskWord,
    format: Annotated[
        Form, typer.Option("--format", help="For the terminal, programs, or a paper.")
    ] = "table",
    results: ResultsFolder = RESULTS,
    config: OwnOperators = CONFIG,
) -> None:
    """Show the last comparison of a task, on the test set: the scores to report.

    A row per function: mean, deviation, number of seeds, difference from the best baseline with its
    95% interval, p after Holm's correction, and the verdict. csv and json have the full precision.
    With --format latex, the table needs the packages amsmath and booktabs.
    """
    from actsearch.reading.errors import ResultsError
    from actsearch.reading.finding import find_task
    from actsearch.report import verdict_table

    found = find_task(task, results, False, config)
    if found.is_shipped:
        raise ResultsError(
            f"{task}: a last comparison does not ship, and there are no results of this task here; "
            f"it is made by a run: snakemake --cores all results/{task}/final.json"
        )
    found.experiment.register_operators()
    final = found.final
    if format == "csv":
        typer.echo(verdict_table.as_csv(verdict_table.verdict_rows(final)), nl=False)
    elif format == "json":
        typer.echo(verdict_table.as_json(verdict_table.verdict_rows(final)), nl=False)
    elif format == "latex":
        typer.echo(verdict_table.as_latex(final), nl=False)
    else:
        _print(final, found.place)


def _print(final: Mapping[str, Any], place: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from actsearch.config import score_called
    from actsearch.report.headline import advice, at_zero
    from actsearch.report.verdict_table import cells, notes, verdict_rows

    score = score_called(final["score"])
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    table.add_column("function", overflow="fold")
    shown = f"test {score.shown}"
    for column in (shown, "seeds", "difference", "95% interval", "p, Holm"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    rows = verdict_rows(final)
    fails = {row["name"] for row in rows if at_zero(row["name"])}
    for row in rows:
        mean, *numbers, said = cells(row, score)
        mark = " [bold]*[/]" if row["kind"] == "baseline" else ""
        mark += " [bold]![/]" if row["name"] in fails else ""
        mark += " (chosen)" if row["chosen"] else ""
        name = escape(row["name"]) + mark
        table.add_row(str(row["rank"]), name, mean, str(row["seeds"]), *numbers, said)
    out = console()
    out.print(table)
    and_fails = ", ! what is not finite at x = 0" if fails else ""
    out.print(escape(f"{place}: * marks baselines{and_fails}"))
    for text in notes(final):
        out.print(escape(text))
    if to_do := advice(final):
        out.print(escape(to_do))
