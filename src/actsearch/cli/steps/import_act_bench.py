"""Command: import-act-bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, TaskName
from actsearch.cli.progress import say
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import write_table


@app.command("import-act-bench")
def import_act_bench(
    task: TaskName,
    file: Annotated[Path, typer.Option("--file", help="A file in the Act-Bench format.")],
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read a file in the Act-Bench format into a table."""
    from actsearch.benchmark.act_bench.download import verify
    from actsearch.benchmark.act_bench.format import ActBenchError, read_act_bench

    settings = load(config)
    if not file.is_file():
        raise ActBenchError(f"{file}: no such file")
    verify(file)
    record = execution("import-act-bench", settings, task, outside=file)
    bench = read_act_bench(file)
    say(f"{file}: {len(bench):,} functions")
    write_table(out, bench.to_table(), record.block())
