"""Command: final-activation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, TaskName
from actsearch.cli.progress import say
from actsearch.cli.recording import execution, load
from actsearch.plan.dependencies import space_operators, task_spaces
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_json, shown, write_python


@app.command()
def final_activation(
    task: TaskName,
    comparison: Annotated[Path, typer.Option(help="The last comparison.")],
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the chosen function as a PyTorch module that needs nothing but torch."""
    from actsearch.search.chosen import final_activation as source_of

    settings = load(config)  # registers the user's operators
    operators = space_operators(settings, *task_spaces(settings, task))  # whose source it copies
    record = execution("final-activation", settings, task, inputs=[comparison], operators=operators)
    command = f"actsearch final-activation --task {task} --comparison {shown(comparison)}"
    source, missing = source_of(read_json(comparison), task, f"{command} --out {shown(out)}")
    for reason in missing:
        say(f"warning: {reason}; {out} raises until it is written there")
    write_python(out, source, record.block())
