"""The command line's application, and the modules that define its commands."""

from __future__ import annotations

import importlib
import json

import typer

from actsearch.config import Config
from actsearch.plan.steps import STEPS

QUESTIONS = ("status", "check", "estimate", "lineage", "why", "adopt", "replay", "ship")

app = typer.Typer(
    help="Activation function search: every step of the workflow as one command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def load_commands() -> None:
    """Import the modules that define the commands: those of the steps, in the order of the flow."""
    questions = [f"actsearch.cli.questions.{name}" for name in QUESTIONS]
    for module in dict.fromkeys([*(step.module for step in STEPS.values()), *questions]):
        importlib.import_module(module)


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration."""
    typer.echo(json.dumps(Config.model_json_schema(), indent=2))
