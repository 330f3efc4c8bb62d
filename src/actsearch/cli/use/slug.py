"""Command: slug."""

from __future__ import annotations

import typer

from actsearch.cli.app import app
from actsearch.cli.arguments import CONFIG, FunctionNames, OwnOperators, is_slug, read_function


@app.command()
def slug(names: FunctionNames, config: OwnOperators = CONFIG) -> None:
    """Turn names into slugs, which are parts of paths, and slugs into names.

    One line per NAME: actsearch slug "mul(sigmoid(x),erf(x))" prints mul.sigmoid.x.erf.x, and
    the reverse.
    """
    for text in names:
        function = read_function(text, config)
        typer.echo(function.name if is_slug(text) else function.slug)
