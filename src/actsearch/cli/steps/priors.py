"""Command: priors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, Out, TaskName, by_key
from actsearch.cli.recording import execution, load
from actsearch.plan.dependencies import space_operators, task_spaces
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_array, read_table, write_table


@app.command()
def priors(
    task: TaskName,
    functions: FunctionsFile,
    outputs: Annotated[Path, typer.Option(help="Outputs of the functions.")],
    out: Out,
    from_: Annotated[
        list[str], typer.Option("--from", metavar="TASK=FILE", help="Table of another task.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Rank the functions of a space by their scores on other tasks."""
    from actsearch.functions.listed import selected_names
    from actsearch.search.priors import SEED, rank_elsewhere

    settings = load(config)
    files = by_key(from_)
    spaces = {space for other in files for space in task_spaces(settings, other)}
    record = execution(
        "priors",
        settings,
        task,
        inputs=[functions, outputs, *files.values()],
        seeds={"trees": SEED},
        operators=space_operators(settings, *spaces),
    )
    names = selected_names(read_table(functions))
    tables = {other: read_table(path) for other, path in files.items()}
    write_table(out, rank_elsewhere(names, read_array(outputs), tables), record.block())
