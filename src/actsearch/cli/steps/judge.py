"""Command: judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, ReportSimulations, ReportTables, by_key
from actsearch.cli.recording import execution, load
from actsearch.config import ConfigError
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd


@app.command()
def judge(
    out: Out,
    table: ReportTables = None,
    simulation: ReportSimulations = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare the strategies over all replayed searches."""
    from actsearch.functions.baselines import baselines_of
    from actsearch.search.judging import judge as compare

    settings = load(config)
    tables, searches = by_key(table), by_key(simulation)
    if not searches:
        raise ConfigError("there is nothing to compare: give --simulation TASK/STRATEGY=FILE")
    record = execution(
        "judge",
        settings,
        inputs=[*tables.values(), *searches.values()],
        seeds={"bootstrap": settings.simulation.seed},
    )
    simulations: dict[str, dict[str, pd.DataFrame]] = {task: {} for task in tables}
    for key, path in searches.items():
        task, _, strategy = key.partition("/")
        if task not in tables:
            raise ConfigError(f"--simulation {key}: there is no --table of task {task!r}")
        simulations[task][strategy] = read_table(path)
    judged = compare(
        {task: read_table(path) for task, path in tables.items()},
        simulations,
        len(baselines_of(settings)),
        settings.simulation.seed,
    )
    write_table(out, judged, record.block())
