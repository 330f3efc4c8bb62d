"""Command: stage."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import (
    ConfigFile,
    HistoryFiles,
    Out,
    RankingFile,
    SourcesOfTasks,
    StageNumber,
    TaskName,
    TaskTable,
)
from actsearch.cli.recording import execution, load
from actsearch.cli.sources import Sources
from actsearch.config import ConfigError, Final
from actsearch.plan.counts import stage_baselines
from actsearch.plan.dependencies import space_operators, task_spaces
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_csv, write_csv


@app.command("stage")
def stage(
    task: TaskName,
    number: StageNumber,
    out: Out,
    table: TaskTable = None,
    histories: HistoryFiles = None,
    others: SourcesOfTasks = None,
    ranking: RankingFile = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Choose the functions that a stage before the last comparison trains.

    The first stage trains the baselines and the best of tables and searches, a later one the best
    of the stage before.
    """
    from actsearch.functions.baselines import baselines_of
    from actsearch.search.stages import choose_next

    settings = load(config)
    settings.in_stage(task, number)  # refuses a stage that is none
    final: Final = task_section(settings, task, "final")
    sources = Sources.given(final, table, histories, others)
    if number and (sources.paths or ranking is None):
        raise ConfigError(f"--stage {number} chooses from the stage before alone: give --ranking")
    if not number and ranking is not None:
        raise ConfigError("--stage 0 chooses from tables and histories: there is no --ranking yet")
    operators = space_operators(settings, *task_spaces(settings, task))
    inputs = sources.paths if ranking is None else [ranking]
    record = execution("stage", settings, task, inputs=inputs, operators=operators, stage=number)
    baselines, n = baselines_of(settings), final.stages[number].functions
    if ranking is not None:
        n_baselines = stage_baselines(final, len(baselines))[number]
        chosen = choose_next(read_csv(ranking), n_baselines, n)
    elif sources.others:
        each = -(-n // len(sources.others))
        chosen = sources.choose(each, baselines, in_all=n)
    else:
        chosen = sources.choose(n, baselines)
    write_csv(out, chosen, record.block())
