"""Command: rank-stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import (
    ConfigFile,
    Out,
    StageCandidates,
    StageNumber,
    TaskName,
    TaskTable,
    TrialFiles,
)
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_csv, read_json, read_table, write_csv


@app.command("rank-stage")
def rank_stage(
    task: TaskName,
    number: StageNumber,
    candidates: StageCandidates,
    out: Out,
    trials: TrialFiles,
    table: TaskTable = None,
    history: Annotated[list[Path] | None, typer.Option(help="A history of a search.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Rank the candidates of a stage by the mean over all their seeds.

    Trials are those of the stage and of earlier ones with the same recipe; a table and histories
    are given where the recipe is the task's.
    """
    from actsearch.search.stages import rank

    settings = load(config)
    settings.in_stage(task, number)  # refuses a stage that is none
    sources = [path for path in (table, *(history or [])) if path is not None]
    inputs = [candidates, *sources, *trials]
    record = execution("rank-stage", settings, task, inputs=inputs, stage=number)
    ranking = rank(read_csv(candidates), map(read_json, trials), [*map(read_table, sources)])
    write_csv(out, ranking, record.block())
