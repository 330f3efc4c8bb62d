"""The command line's application, its common options and helpers."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actsearch.cli.progress import counter
from actsearch.cli.steps import (
    NETWORK_STEPS,
    data_file,
    operator_digests,
    register_operators,
    step_modules,
    step_settings,
)
from actsearch.config import Config, load_config
from actsearch.data.sources.places import place_of, require_fetched
from actsearch.records.provenance import Execution

if TYPE_CHECKING:
    import pandas as pd

    from actsearch.data.dataset import Dataset, DataShape

app = typer.Typer(
    help="Activation function search: every step of the workflow as one command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[
    Path,
    typer.Option("--config", envvar="ACTSEARCH_CONFIG", help="The experiment's configuration."),
]
TaskName = Annotated[str, typer.Option("--task", help="A task of the configuration.")]
SpaceName = Annotated[str, typer.Option("--space", help="A space of the configuration.")]
Strategy = Annotated[str, typer.Option("--strategy", help="A search strategy.")]
Out = Annotated[Path, typer.Option("--out", help="The file to make.")]
TableFile = Annotated[Path, typer.Option("--table", help="A benchmark table.")]
MapFile = Annotated[Path, typer.Option("--map", help="A map of functions.")]
FunctionsFile = Annotated[Path, typer.Option("--functions", help="The functions of a space.")]
TrialFiles = Annotated[list[Path], typer.Argument(help="Trials.")]

DEFAULT_CONFIG = Path("config.yaml")


def load_commands() -> None:
    """Import the modules that define the commands."""
    steps = ("data", "spaces", "training", "act_bench", "features", "search", "report", "crate")
    questions = ("check", "estimate", "lineage", "why", "audit", "adopt", "replay")
    for module in (*steps, *questions):
        importlib.import_module(f"actsearch.cli.{module}")


def load(path: Path) -> Config:
    """The configuration, with the user's operators registered."""
    config = load_config(path)
    register_operators(config)
    return config


def execution(
    step: str,
    config: Config,
    task: str | None = None,
    *,
    inputs: Sequence[str | Path] = (),
    seeds: Mapping[str, Any] | None = None,
    operators: Iterable[str] = (),
    **wildcards: Any,
) -> Execution:
    """The record of a step that starts now, with the settings and code it depends on.

    ``operators`` names those of the functions that it evaluates.
    """
    return Execution(
        step,
        task=task,
        wildcards=wildcards,
        settings=step_settings(step, config, task, **wildcards),
        code=step_modules(step, config, task),
        operators=operator_digests(operators),
        inputs=inputs,
        data=_data(config, task) if task is not None and step in NETWORK_STEPS else None,
        seeds=seeds,
    )


def _data(config: Config, task: str) -> Path | None:
    """What stands for a task's data in its records: a file, or the manifest of a data set."""
    require_data(config, task)
    return data_file(config, task)


def require_data(config: Config, task: str) -> None:
    """Raise MissingDataError unless a task's data, if they are to be fetched, have been."""
    name = config.task(task).data
    place = place_of(config.data[name], config.data_folder)
    if place is not None:
        require_fetched(place, name)


def task_dataset(config: Config, name: str) -> Dataset:
    """A task's data; progress is said where many images are decoded.

    Raises:
        DataError: when they are not there, or not what they were.
    """
    from actsearch.data.loading import load_dataset

    task = config.task(name)
    return load_dataset(
        config.data[task.data],
        config.data_folder,
        task.resources.threads,
        counter(f"decoding {task.data}"),
    )


def task_shape(config: Config, name: str) -> DataShape:
    """What of a task's data shapes a network; image files are not opened for it.

    Raises:
        DataError: when they cannot be used, or are not there to tell it.
    """
    from actsearch.data.loading import data_shape

    return data_shape(config.data[config.task(name).data], config.data_folder)


def selected(functions: pd.DataFrame) -> list[str]:
    """Names of the distinct functions of a space, in the order of its outputs."""
    chosen = functions[functions["position"].notna()].sort_values("position")
    return list(chosen["name"])


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration."""
    typer.echo(json.dumps(Config.model_json_schema(), indent=2))
