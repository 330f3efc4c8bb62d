"""Command: propose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import (
    ConfigFile,
    MapFile,
    Out,
    PriorsFile,
    ProposalFiles,
    Strategy,
    TaskName,
)
from actsearch.cli.recording import execution, load
from actsearch.config import Search
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_csv, read_json, read_table, write_csv


@app.command()
def propose(
    task: TaskName,
    strategy: Strategy,
    map_file: MapFile,
    round_number: Annotated[int, typer.Option("--round", help="Which round; 0 is the baselines.")],
    out: Out,
    proposals: ProposalFiles = None,
    trials: Annotated[list[Path] | None, typer.Argument(help="Trials of earlier rounds.")] = None,
    priors: PriorsFile = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Choose the functions that a round of a live search trains."""
    from actsearch.functions.baselines import baselines_of
    from actsearch.search.history import build_history, join_rounds
    from actsearch.search.rounds import propose as choose

    settings = load(config)
    search: Search = task_section(settings, task, "search")
    given = [priors] if priors else []
    record = execution(
        "propose",
        settings,
        task,
        inputs=[map_file, *given, *(proposals or []), *(trials or [])],
        seeds={"search": search.seed},
        strategy=strategy,
        round=round_number,
    )
    earlier = {str(path): read_csv(path) for path in proposals or []}
    table = choose(
        strategy,
        read_table(map_file),
        build_history(join_rounds(earlier, map(read_json, trials or []))),
        slots=search.slots,
        round=round_number,
        seed=search.seed,
        baselines=baselines_of(settings),
        priors=read_table(priors) if priors else None,
    )
    write_csv(out, table, record.block())
