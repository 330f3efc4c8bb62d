"""Command: export-imported."""

from __future__ import annotations

from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, ImportedFile, Out, TaskName
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_arrow, write_entries


@app.command("export-imported")
def export_imported(
    task: TaskName,
    act_bench: ImportedFile,
    out: Out,
    bare: Annotated[
        bool, typer.Option("--bare", help="The file as it was imported, NaN included.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write an imported file in the public Act-Bench format again, with its provenance.

    With that key the file is JSON for any reader: numbers that are not finite are null.
    """
    from actsearch.benchmark.act_bench.format import ActBench

    record = execution("export-imported", load(config), task, inputs=[act_bench])
    bench = ActBench.from_table(read_arrow(act_bench), str(act_bench))
    write_entries(out, bench.entries(finite=not bare), None if bare else record.block())
