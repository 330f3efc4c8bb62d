"""Command: simulate."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import (
    ConfigFile,
    MapFile,
    Out,
    PriorsFile,
    Strategy,
    TableFile,
    TaskName,
)
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_table, write_table


@app.command()
def simulate(
    task: TaskName,
    strategy: Strategy,
    map_file: MapFile,
    table: TableFile,
    out: Out,
    priors: PriorsFile = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Replay many searches on a table."""
    from actsearch.functions.baselines import baselines_of
    from actsearch.search.simulation import simulate as replay

    settings = load(config)
    given = [priors] if priors else []
    record = execution(
        "simulate",
        settings,
        task,
        inputs=[map_file, table, *given],
        seeds={"first run": settings.simulation.seed},
        strategy=strategy,
    )
    history = replay(
        strategy,
        read_table(table),
        read_table(map_file),
        settings.simulation,
        baselines_of(settings),
        read_table(priors) if priors else None,
    )
    write_table(out, history, record.block())
