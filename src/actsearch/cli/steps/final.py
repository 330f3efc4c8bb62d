"""Command: final."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, TaskName, TrialFiles
from actsearch.cli.recording import execution, load
from actsearch.config import ConfigError, Final
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
    ranking: Annotated[
        list[Path] | None, typer.Option(help="What a stage before it scored, in order.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare the finalists on the test set."""
    from actsearch.search.final import compare
    from actsearch.search.stage_summary import summary

    settings = load(config)
    section: Final = task_section(settings, task, "final")
    rankings = ranking or []
    inputs = [candidates, costs, *rankings, *trials]
    record = execution("final", settings, task, inputs=inputs, seeds={"runs": section.seeds})
    chosen = read_csv(candidates)
    if len(rankings) != len(section.stages):
        raise ConfigError(
            f"tasks.{task}.final has {len(section.stages)} stages, but {len(rankings)} times "
            "--ranking was given"
        )
    stages = [stage.model_dump(mode="json") for stage in section.stages]
    comparison = compare(
        [read_json(path) for path in trials],
        chosen,
        section.significance,
        read_csv(costs),
        summary([read_csv(path) for path in rankings], chosen, stages),
    )
    fitted_on = {"fitted_on": list(section.fitted_on)}
    write_json(out, {"task": task, **fitted_on, **comparison}, record.block())
