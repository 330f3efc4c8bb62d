"""Command: map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, Out, TaskName
from actsearch.cli.recording import execution, load
from actsearch.config import ConfigError
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_array, read_arrays, read_table, write_table


@app.command("map")
def map_command(
    task: TaskName,
    functions: FunctionsFile,
    outputs: Annotated[Path, typer.Option(help="Outputs of the functions.")],
    out: Out,
    parts: Annotated[
        list[Path], typer.Argument(help="Parts with the FIM spectra, or published features.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Place the functions of a space in two dimensions, by each feature and by both."""
    from actsearch.features.embedding import embed
    from actsearch.features.spectra import stack_cdfs
    from actsearch.functions.listed import selected_names

    settings = load(config)
    chosen = settings.task(task)
    # An imported table has its features in one file.
    published = len(parts) == 1 and "cdfs" in read_arrays(parts[0])
    wildcards: dict[str, Any] = {"published": True} if published else {}
    record = execution(
        "map",
        settings,
        task,
        inputs=[functions, outputs, *parts],
        seeds={"map": chosen.map.seed},
        **wildcards,
    )
    names = selected_names(read_table(functions))
    stacked, cdfs = stack_cdfs((read_arrays(part) for part in parts), chosen.fisher)
    if list(stacked) != names:
        raise ConfigError(f"{parts[0].parent}: the parts do not hold the functions of {functions}")
    table = embed(names, read_array(outputs), cdfs, chosen.map)
    write_table(out, table, record.block())
