"""Command: priors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, Out, TaskName, by_key
from actsearch.cli.recording import execution, load
from actsearch.functions.expressions import parse
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
    """Say how the functions of a space rank on other tasks."""
    from actsearch.functions.listed import selected_names
    from actsearch.search.priors import rank_elsewhere

    settings = load(config)
    tables = {other: read_table(path) for other, path in by_key(from_).items()}
    used = {op for table in tables.values() for name in table["name"] for op in _operators(name)}
    record = execution(
        "priors",
        settings,
        task,
        inputs=[functions, outputs, *by_key(from_).values()],
        operators=used,
    )
    names = selected_names(read_table(functions))
    write_table(out, rank_elsewhere(names, read_array(outputs), tables), record.block())


def _operators(name: str) -> frozenset[str]:
    return parse(name).operators
