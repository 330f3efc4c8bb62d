"""Command: finalists."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import (
    ConfigFile,
    HistoryFiles,
    Out,
    RankingFile,
    SourcesOfTasks,
    TaskName,
    TaskTable,
)
from actsearch.cli.recording import execution, load
from actsearch.cli.sources import Sources
from actsearch.config import ConfigError, Final
from actsearch.plan.counts import final_baselines
from actsearch.plan.dependencies import space_operators, task_spaces
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_csv, write_csv


@app.command()
def finalists(
    task: TaskName,
    out: Out,
    table: TaskTable = None,
    histories: HistoryFiles = None,
    others: SourcesOfTasks = None,
    ranking: RankingFile = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Choose the functions of the last comparison: baselines, and the best found.

    These are functions of the task itself, or of the tasks in its candidates_from; after stages,
    the best of the last one.
    """
    from actsearch.functions.baselines import baselines_of
    from actsearch.search.stages import choose_next

    settings = load(config)
    final: Final = task_section(settings, task, "final")
    baselines = baselines_of(settings)
    sources = Sources.given(final, table, histories, others)
    if ranking and sources.paths:
        raise ConfigError(f"--ranking {ranking}: it has all candidates, no other file is read")
    operators = space_operators(settings, *task_spaces(settings, task))
    inputs = [ranking] if ranking else sources.paths
    record = execution("finalists", settings, task, inputs=inputs, operators=operators)
    if ranking:
        n_baselines = final_baselines(final, len(baselines))
        chosen = choose_next(read_csv(ranking), n_baselines, final.functions)
    else:
        chosen = sources.choose(final.functions, baselines)
    write_csv(out, chosen, record.block())
