"""Command: enumerate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, SpaceName
from actsearch.cli.progress import counter
from actsearch.cli.recording import execution, load
from actsearch.config import Config, Space
from actsearch.plan.dependencies import space_operators
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.space_checks import of_space
from actsearch.records.formats import write_array, write_table


def _configuration(name: str, path: Path) -> Config:
    """The configuration and the built-in spaces; these need no configuration file."""
    from actsearch.functions.spaces import BUILT_IN

    needed = name not in BUILT_IN or path.exists()
    config = load(path) if needed else Config.model_construct(spaces={})
    built_in = {space: Space(schemas=(space,)) for space in BUILT_IN}
    return config.model_copy(update={"spaces": built_in | dict(config.spaces)})


@app.command("enumerate")
def enumerate_command(
    space: SpaceName,
    out: Annotated[Path | None, typer.Option(help="Parquet file of the functions.")] = None,
    outputs: Annotated[Path | None, typer.Option(help="NPY file of their outputs.")] = None,
    float32: Annotated[
        bool, typer.Option("--float32", help="Add the classes that published tables use.")
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="An operator that no function may use; give it several times for more."),
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """List the functions of a space: which are the same, which are finite."""
    from actsearch.functions.baselines import baselines_of
    from actsearch.functions.equivalence import outputs as evaluate
    from actsearch.functions.expressions import parse
    from actsearch.functions.listing import float32_classes, list_functions

    settings = _configuration(space, config)
    chosen = settings.space(space)
    if exclude:
        left_out = tuple(dict.fromkeys((*chosen.exclude, *exclude)))
        chosen = chosen.model_copy(update={"exclude": left_out})
        settings = settings.model_copy(update={"spaces": settings.spaces | {space: chosen}})
    with of_space(space):
        report = counter(f"enumerating {space}")
        listing = list_functions(chosen, report, baselines_of(settings))
    typer.echo(f"{listing.n_names} functions, {listing.n_distinct} distinct")
    typer.echo(f"{listing.n_finite} of the distinct functions are finite on every sample")
    if float32:
        table = listing.table
        table["float32_class"] = float32_classes(map(parse, table["name"]))
        typer.echo(f"{table['float32_class'].nunique()} differ in some bit of float32 outputs")
    if out is None and outputs is None:
        return
    record = execution(
        "enumerate",
        settings,
        seeds={"sample": chosen.seed},
        operators=space_operators(settings, space),
        space=space,
    )
    if out is not None:
        write_table(out, listing.table, record.block())
    if outputs is not None:
        write_array(outputs, evaluate(listing.selected), record.block())
