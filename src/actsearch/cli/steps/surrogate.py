"""Command: surrogate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, MapFile, Out, TableFile, TaskName
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_table, write_table


@app.command()
def surrogate(
    task: TaskName,
    map_file: MapFile,
    table: TableFile,
    out: Out,
    predictions: Annotated[Path, typer.Option(help="Out-of-fold predictions.")],
    characterisation: Annotated[
        Path, typer.Option(help="How well features predict, by the number of functions known.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Measure how well features predict scores, by cross-validation."""
    from actsearch.search.characterisation import characterise
    from actsearch.search.surrogates import cross_validated_predictions, score

    settings = load(config)
    record = execution(
        "surrogate",
        settings,
        task,
        inputs=[map_file, table],
        seeds={"folds": settings.surrogate.seed, "draws": settings.surrogate.seed},
    )
    features, scores = read_table(map_file), read_table(table)
    guesses = cross_validated_predictions(features, scores, settings.surrogate)
    write_table(out, score(guesses), record.block())
    write_table(predictions, guesses, record.block())
    found = characterise(features, scores, settings.surrogate)
    write_table(characterisation, found, record.block())
