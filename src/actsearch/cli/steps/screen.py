"""Command: screen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, Out, TableFile, TaskName
from actsearch.cli.progress import counter
from actsearch.cli.recording import execution, load
from actsearch.config import ConfigError
from actsearch.plan.dependencies import space_operators
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_array, read_table, write_array, write_json, write_table


@app.command()
def screen(
    task: TaskName,
    table: TableFile,
    functions: FunctionsFile,
    outputs: Annotated[Path, typer.Option(help="Outputs of these functions.")],
    out: Out,
    out_outputs: Annotated[Path, typer.Option(help="The NPY file of the listed ones' outputs.")],
    out_screen: Annotated[Path, typer.Option(help="The JSON file of what the screen saw.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """List the most promising functions of a whole space, by outputs alone.

    The task's table, with the functions and outputs of its benchmark space, is what is known.
    """
    from actsearch.functions.baselines import baselines_of
    from actsearch.functions.equivalence import outputs as evaluate
    from actsearch.functions.listed import selected_names
    from actsearch.search.screened import known_functions, list_screened, summarise
    from actsearch.search.screening import screen_space

    settings = load(config)
    search = settings.task(task).search
    if search is None or search.screen is None:
        raise ConfigError(f"tasks.{task}.search has no screen")
    record = execution(
        "screen",
        settings,
        task,
        inputs=[table, functions, outputs],
        seeds={"screen": search.screen.seed},
        operators=space_operators(settings, search.space),
    )
    scores = read_table(table)
    known = known_functions(scores, selected_names(read_table(functions)), read_array(outputs))
    found = screen_space(
        settings.space(search.space),
        search.screen,
        known,
        baselines_of(settings),
        counter(f"screening {search.space}"),
    )
    expressions = [found.space[int(number)] for number in found.chosen]
    write_table(out, list_screened(found), record.block())
    write_array(out_outputs, evaluate(expressions), record.block())
    write_json(out_screen, summarise(found, known, search.space), record.block())
