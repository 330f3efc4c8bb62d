"""Command: imported-table."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, ImportedFile, Out, TaskName
from actsearch.cli.progress import say
from actsearch.cli.recording import execution, load
from actsearch.plan.dependencies import space_operators
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_arrow, read_table, write_table


@app.command("imported-table")
def imported_table(
    task: TaskName,
    functions: FunctionsFile,
    act_bench: ImportedFile,
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a task's table from an imported file."""
    from actsearch.benchmark.act_bench.format import ActBench
    from actsearch.benchmark.act_bench.matching import imported_table as look_up
    from actsearch.functions.listed import selected_names

    settings = load(config)
    operators = space_operators(settings, task_section(settings, task, "benchmark").space)
    inputs = [functions, act_bench]
    record = execution("imported-table", settings, task, inputs=inputs, operators=operators)
    names = selected_names(read_table(functions))
    bench = ActBench.from_table(read_arrow(act_bench), str(act_bench))
    table = look_up(names, bench)
    say(f"{len(table):,} functions of the space, of {len(bench):,} entries of the file")
    if unmeasured := [name for name in names if name not in set(table["name"])]:
        say(f"{len(unmeasured)} have no validation accuracy there, {unmeasured[0]} first: left out")
    write_table(out, table, record.block())
