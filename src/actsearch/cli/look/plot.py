"""Command: plot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import CONFIG, FunctionNames, OwnOperators, read_function, write_file


@app.command()
def plot(
    names: FunctionNames,
    out: Annotated[Path, typer.Option("--out", help="The figure: FILE.pdf, .png or .svg.")],
    limits: Annotated[
        tuple[float, float], typer.Option("--range", help="First and last x.", metavar="LOW HIGH")
    ] = (-5.0, 5.0),
    plain: Annotated[
        bool, typer.Option("--names", help="Names in the legend, in place of formulas.")
    ] = False,
    config: OwnOperators = CONFIG,
) -> None:
    """Draw functions and their derivatives into one figure, for a paper or a talk.

    The same functions give the same file, byte by byte.
    """
    from actsearch.report.function_figure import draw, shorten

    functions = [read_function(name, config) for name in dict.fromkeys(names)]
    write_file(out, draw(functions, out.suffix, limits, not plain))
    typer.echo(f"{out}: {', '.join(shorten(function.name, 100) for function in functions)}")
