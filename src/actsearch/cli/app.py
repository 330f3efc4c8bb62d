"""The command line's application, and the modules that define its commands."""

from __future__ import annotations

import importlib
import inspect
import json
import re

import typer
from typer.models import CommandInfo

from actsearch.cli.contents import place_of
from actsearch.config import Config
from actsearch.plan.steps import STEPS

QUESTIONS = ("status", "check", "estimate", "lineage", "why", "adopt", "replay", "ship")
LOOKS = ("top", "verdict", "explain", "compare", "plot")
USES = ("export", "slug")

app = typer.Typer(
    help="""Activation function search, as an experiment that can be repeated and audited.

    NAME is a function, such as "mul(sigmoid(x),erf(x))", or its slug, mul.sigmoid.x.erf.x.
    TASK is a task of the configuration, or a table that ships.
    """,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def load_commands() -> None:
    """Import the modules that define the commands, and sort these into their groups."""
    folders = {"questions": QUESTIONS, "look": LOOKS, "use": USES}
    others = [f"actsearch.cli.{room}.{name}" for room, names in folders.items() for name in names]
    for module in dict.fromkeys([*(step.module for step in STEPS.values()), *others]):
        importlib.import_module(module)
    steps = list(dict.fromkeys(step.words[0] for step in STEPS.values()))
    places = {id(command): place_of(name_of(command), steps) for command in app.registered_commands}
    for command in app.registered_commands:
        _, command.rich_help_panel = places[id(command)]
        command.help = flowing(inspect.getdoc(command.callback) or "")
    app.registered_commands.sort(key=lambda command: places[id(command)][0])


def flowing(text: str) -> str:
    """A docstring as help: paragraphs without the line ends of the source, lists as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        paragraph
        if re.search(r"^(?:[-*] | )", paragraph, re.MULTILINE)
        else " ".join(paragraph.split())
        for paragraph in paragraphs
    )


def name_of(command: CommandInfo) -> str:
    """The word after ``actsearch``."""
    if command.name:
        return command.name
    assert command.callback is not None
    return command.callback.__name__.replace("_", "-")


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration."""
    typer.echo(json.dumps(Config.model_json_schema(), indent=2))
