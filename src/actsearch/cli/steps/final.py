"""Command: final."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, TaskName, TrialFiles
from actsearch.cli.recording import execution, load
from actsearch.config import Final
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_csv, read_json, write_json


@app.command()
def final(
    task: TaskName,
    candidates: Annotated[Path, typer.Option(help="The finalists.")],
    costs: Annotated[Path, typer.Option(help="What they cost.")],
    out: Out,
    trials: TrialFiles,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare the finalists on the test set."""
    from actsearch.search.final import compare

    settings = load(config)
    section: Final = task_section(settings, task, "final")
    inputs = [candidates, costs, *trials]
    record = execution("final", settings, task, inputs=inputs, seeds={"runs": section.seeds})
    comparison = compare(
        [read_json(path) for path in trials],
        read_csv(candidates),
        section.significance,
        read_csv(costs),
    )
    fitted_on = {"fitted_on": list(section.fitted_on)}
    write_json(out, {"task": task, **fitted_on, **comparison}, record.block())
