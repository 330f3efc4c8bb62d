"""Command: export-act-bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import (
    Bare,
    ConfigFile,
    FunctionsFile,
    Out,
    TableFile,
    TaskName,
    TrialsFolder,
)
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_arrays, read_table, write_entries


@app.command("export-act-bench")
def export(
    task: TaskName,
    functions: FunctionsFile,
    table: TableFile,
    trials: TrialsFolder,
    out: Out,
    fim: Annotated[list[Path] | None, typer.Argument(help="Parts with the FIM spectra.")] = None,
    bare: Bare = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write a task's table as a file in the public Act-Bench format, with its provenance."""
    from actsearch.benchmark.act_bench.export import export_table
    from actsearch.features.spectra import stack_cdfs
    from actsearch.functions.listed import selected_slugs

    settings = load(config)
    listing = read_table(functions)
    paths = [trials / f"{slug}.json" for slug in selected_slugs(listing)]
    parts = fim or []
    record = execution("export", settings, task, inputs=[functions, table, *paths, *parts])
    seconds = [float(read_provenance(path)["seconds"]) for path in paths]
    names, cdfs = stack_cdfs(map(read_arrays, parts), settings.task(task).fisher)
    whole = export_table(read_table(table), listing, seconds, names, cdfs)
    write_entries(out, whole.entries(), None if bare else record.block())
