"""Command: train-stage."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.launch import launch, launched
from actsearch.cli.options import ConfigFile, StageCandidates, StageNumber, TaskName
from actsearch.cli.progress import say
from actsearch.cli.recording import execution, load

# That module is code of every training there is: it is used as it is.
from actsearch.cli.steps.train import (
    _assist,
    _checkpoint_path,
    _functions_by_slot,
    _train_all,
)
from actsearch.plan.dependencies import operator_digests
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.packs import Pack


@app.command("train-stage")
def train_stage(
    task: TaskName,
    number: StageNumber,
    candidates: StageCandidates,
    files: Annotated[list[Path], typer.Argument(help="Trials to make, named by slot.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Train candidates of a stage, one file per function; files that exist already are kept.

    With the recipe and the seeds of the stage, fitted on training data; the test set is not read.
    Otherwise as ``train``.
    """
    settings = load(config)
    staged = settings.in_stage(task, number)
    functions = _functions_by_slot(files, candidates)
    chosen = staged.task(task)
    joining = chosen.resources.processes > 1 and launched()
    if joining and os.environ["RANK"] != "0":
        _assist(staged, task, functions, final=False)
        return
    seeds = {"split": staged.data[chosen.data].split.seed, "runs": chosen.seeds}
    record = execution(
        "train-stage", settings, task, inputs=[candidates], seeds=seeds, stage=number
    )
    pack = Pack(
        {path: f.slug for path, f in functions.items()},
        record.identity,
        {path: {"operators": operator_digests(f.operators)} for path, f in functions.items()},
    )
    to_do = {path: functions[path] for path in pack.to_do()}
    for path in functions.keys() - to_do.keys():
        _checkpoint_path(path).unlink(missing_ok=True)  # of a job stopped right after the trial
    if to_do and chosen.resources.processes > 1 and not joining:
        launch(chosen.resources, sys.argv[1:])
    if kept := len(functions) - len(to_do):
        say(f"{kept} of {len(functions)} trials are up to date and are kept")
    if to_do or joining:
        failed = _train_all(staged, task, pack, to_do, record, final=False)
        if failed:
            say(f"error: {len(failed)} of {len(to_do)} functions failed: {', '.join(failed)}")
            raise typer.Exit(1)
    pack.release()
