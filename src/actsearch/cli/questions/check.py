"""Command: check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile
from actsearch.cli.progress import counter
from actsearch.cli.questions.check_data import data_lines, require_data
from actsearch.cli.recording import load
from actsearch.config import Config
from actsearch.plan.environment import DEFAULT_CONFIG

if TYPE_CHECKING:
    from actsearch.data.dataset import Dataset, DataShape

SHOWN = 12
"""Names in a line, of lists that may be long."""


@app.command()
def check(
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="A task, or several of them; all when left out."),
    ] = None,
    shapes: Annotated[
        bool,
        typer.Option("--shapes", help="Take no more of the data than shape and number of classes."),
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Try out operators, data and network of a task in seconds; nothing is trained or written.

    Says which activations are replaced and which stay. What the first job would refuse is refused
    here, in the same words; but of image files a few are opened, once they have been described by
    actsearch fetch.
    """
    from actsearch.networks.probe import check_operators

    settings = load(config)
    chosen = tasks or list(settings.tasks)
    for name in chosen:
        settings.task(name)
    if operators := check_operators():
        _line("Operators", f"{', '.join(operators)}: NumPy and torch agree")
    for name in chosen:
        typer.echo(f"\ntask {name}")
        _describe(settings, name, _data(settings, name, shapes), shapes)


def _data(config: Config, name: str, shapes: bool) -> Dataset | DataShape:
    """A task's data; their shape alone where that is asked for, or where they are image files."""
    from actsearch.data.loading import task_dataset, task_shape

    if shapes:
        return task_shape(config, name)
    if not config.data[config.task(name).data].of_files:
        return task_dataset(config, name, counter(f"decoding {config.task(name).data}"))
    require_data(config, name)
    return task_shape(config, name)


def _describe(config: Config, name: str, data: Dataset | DataShape, shapes: bool) -> None:
    from actsearch.networks.probe import check_network
    from actsearch.report.descriptions import describe_task

    described = describe_task(config, name)
    channels, height, width = data.image_shape
    form = f"{channels} {'channel' if channels == 1 else 'channels'} of {height} x {width} pixels"
    _line("Data", f"{described['Data']}: {form}, {data.n_classes} classes")
    _line("Split", described["Split"])
    for text in data_lines(config, name, data, shapes=shapes):
        _line("", text)
    found = check_network(config.task(name), data)
    _line("Network", f"{described['Network']}: {found.parameters:,} parameters")
    _line("Replaced", _listed(found.replaced))
    if found.idle:
        _line("", f"never called: {_listed(found.idle)}")
    stays = [f"{module} ({kind})" for module, kind in found.stays.items()]
    calls = [f"{function} (plain function, {n} calls)" for function, n in found.plain.items()]
    _line("Stays", _listed([*stays, *calls]) if stays or calls else "no other activation")
    _line("Passes", "one step of training, one evaluation")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)}: {', '.join(names[:SHOWN])}{more}"


def _line(label: str, text: str) -> None:
    typer.echo(f"  {label:10}{text}")
