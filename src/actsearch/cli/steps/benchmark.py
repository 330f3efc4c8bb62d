"""Command: benchmark."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, Out, TaskName, TrialsFolder
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_json, read_table, write_table


@app.command()
def benchmark(
    task: TaskName,
    functions: FunctionsFile,
    trials: TrialsFolder,
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Gather the trials of a space into the task's table."""
    from actsearch.benchmark.table import build_table
    from actsearch.functions.listed import selected_slugs

    settings = load(config)  # before names are parsed: it registers the user's operators
    paths = [trials / f"{slug}.json" for slug in selected_slugs(read_table(functions))]
    record = execution("benchmark", settings, task, inputs=[functions, *paths])
    write_table(out, build_table(read_json(path) for path in paths), record.block())
