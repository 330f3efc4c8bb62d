"""Commands on Act-Bench files: fetch, import, look up functions and features, export again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actsearch.cli.app import (
    DEFAULT_CONFIG,
    ConfigFile,
    FunctionsFile,
    Out,
    TaskName,
    app,
    execution,
    load,
    selected,
)
from actsearch.cli.progress import counter, say
from actsearch.cli.steps import (
    STEP_MODULES,
    space_operators,
    step_modules,
    step_settings,
    task_section,
)
from actsearch.config import ACT_BENCH_RUNS, Config, ConfigError
from actsearch.records.formats import (
    read_arrow,
    read_table,
    write_arrays,
    write_entries,
    write_json,
    write_table,
)
from actsearch.records.provenance import Execution

if TYPE_CHECKING:
    from actsearch.benchmark.act_bench.format import ActBench

Imported = Annotated[
    Path, typer.Option("--act-bench", help="An imported file: results/TASK/act_bench.parquet.")
]


@app.command("fetch-act-bench")
def fetch_act_bench(
    name: Annotated[str, typer.Argument(help=f"{', '.join(ACT_BENCH_RUNS)}.")],
    out: Out,
    address: Annotated[str | None, typer.Option(help="A mirror's address of the file.")] = None,
) -> None:
    """Download a public Act-Bench file, and record its SHA-256 beside it when it is first seen.

    A file that stands is not fetched again, but compared with its record.
    """
    from actsearch.benchmark.act_bench.download import PUBLIC, fetch, record_path

    if name not in PUBLIC:
        raise ConfigError(f"no public Act-Bench table {name!r}; allowed: {', '.join(PUBLIC)}")
    record = Execution("fetch-act-bench", code=STEP_MODULES["fetch-act-bench"])
    say(f"{out} stands" if out.is_file() else f"fetching {address or PUBLIC[name]}")
    found = fetch(address or PUBLIC[name], out, counter(f"bytes of {out.name}"))
    if found is None:
        say(f"{out}: its SHA-256 is the one that was recorded")
        return
    write_json(record_path(out), {"file": out.name, **found}, record.block())
    say(f"{out}: SHA-256 {found['sha256']} recorded, {found['bytes']:,} bytes")


@app.command("import-act-bench")
def import_act_bench(
    task: TaskName,
    file: Annotated[Path, typer.Option("--file", help="A file in the Act-Bench format.")],
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read a file in the Act-Bench format into a table that says the same."""
    from actsearch.benchmark.act_bench.download import verify
    from actsearch.benchmark.act_bench.format import ActBenchError, read_act_bench

    settings = load(config)
    if not file.is_file():
        raise ActBenchError(f"{file}: no such file")
    verify(file)
    record = Execution(
        "import-act-bench",
        task=task,
        settings=step_settings("import-act-bench", settings, task),
        code=step_modules("import-act-bench", settings, task),
        data=file,  # it lies outside results/
    )
    bench = read_act_bench(file)
    say(f"{file}: {len(bench):,} functions")
    write_table(out, bench.to_table(), record.block())


def _imported(path: Path) -> ActBench:
    from actsearch.benchmark.act_bench.format import ActBench

    return ActBench.from_table(read_arrow(path), str(path))


def _look_up(
    step: str, config: Config, task: str, functions: Path, act_bench: Path
) -> tuple[Execution, list[str], ActBench]:
    """The record of a step that compares a task's functions with a file; the names; the file."""
    space = task_section(config, task, "benchmark").space
    operators = space_operators(config, space)
    inputs = (functions, act_bench)
    record = execution(step, config, task, inputs=inputs, operators=operators)
    return record, selected(read_table(functions)), _imported(act_bench)


@app.command("imported-table")
def imported_table(
    task: TaskName,
    functions: FunctionsFile,
    act_bench: Imported,
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Look the functions of a space up in an imported file: the task's table."""
    from actsearch.benchmark.act_bench.matching import imported_table as make

    record, names, bench = _look_up("imported-table", load(config), task, functions, act_bench)
    table = make(names, bench)
    say(f"{len(table):,} functions of the space, of {len(bench):,} entries of the file")
    if unmeasured := [name for name in names if name not in set(table["name"])]:
        say(f"{len(unmeasured)} have no validation accuracy there, {unmeasured[0]} first: left out")
    write_table(out, table, record.block())


@app.command("published-features")
def published_features(
    task: TaskName,
    functions: FunctionsFile,
    act_bench: Imported,
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Take the Fisher features of a space's functions from an imported file."""
    import numpy as np

    from actsearch.benchmark.act_bench.matching import published_features as look_up

    record, names, bench = _look_up("published-features", load(config), task, functions, act_bench)
    features = look_up(names, bench)
    write_arrays(out, {"names": np.array(names), "cdfs": features}, record.block())


@app.command("export-imported")
def export_imported(
    task: TaskName,
    act_bench: Imported,
    out: Out,
    bare: Annotated[
        bool, typer.Option("--bare", help="The file as it was imported, NaN included.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write an imported file in the public format again, with one key more for its provenance.

    With that key the file is JSON for any reader: numbers that are not finite are null.
    """
    record = execution("export-imported", load(config), task, inputs=[act_bench])
    entries = _imported(act_bench).entries(finite=not bare)
    write_entries(out, entries, None if bare else record.block())
