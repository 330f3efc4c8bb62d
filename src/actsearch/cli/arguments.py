"""Arguments of the commands that people call: functions and tasks by name, with completion."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from actsearch.config import ConfigError, read_values
from actsearch.functions.baselines import MODERN
from actsearch.functions.expressions import Expression, ExpressionError
from actsearch.functions.misspelt import parse
from actsearch.functions.operators import LEAF
from actsearch.plan import layout
from actsearch.plan.environment import CONFIG_VARIABLE, DEFAULT_CONFIG
from actsearch.records import shipped
from actsearch.records.files import written_beside
from actsearch.records.names import printable_name

MOST_COMPLETED = 200
"""Suggestions of a shell: more than anybody reads."""


def read_function(text: str, config: Path | None = None, results: Path | None = None) -> Expression:
    """A function by its name or its slug: the one place where commands read either.

    Operators of the user's are looked for in the configuration when a word is not known without.

    Args:
        text: such as ``mul(sigmoid(x), erf(x))`` or ``mul.sigmoid.x.erf.x``.
        config: the configuration; nothing is read of it for functions of built-in operators.
        results: the folder whose configuration is read when none is given.

    Returns:
        The function.

    Raises:
        ExpressionError: when it is neither; the message says where and what is allowed.
    """
    try:
        return _read(text)
    except ExpressionError:
        from actsearch.cluster.configuration import configuration_of

        found = configuration_of(results or Path(layout.RESULTS), config)
        if not found.is_there:
            raise
        from actsearch.cli.recording import load

        problem = ""
        try:
            with found.at_home():
                load(found.file)
        except ConfigError as error:
            problem = f"\nown operators are not known, for this is wrong in {error}"
        try:
            return _read(text)
        except ExpressionError as error:
            raise ExpressionError(f"{error}{problem}") from None


def _read(text: str) -> Expression:
    return Expression.from_slug(text.strip()) if is_slug(text) else parse(text)


def write_file(out: Path, content: bytes) -> None:
    """Write a file that people keep, with the folders above it; a reader never sees half of it.

    Raises:
        ConfigError: when it cannot be written there.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(out) as beside:
            beside.write_bytes(content)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ConfigError(
            f"--out {printable_name(str(out))}: cannot be written: {problem}"
        ) from None


def is_slug(text: str) -> bool:
    """Whether a text is meant as a slug: it has dots and no brackets, or is ``x``."""
    return text.strip() == LEAF or ("." in text and not set("(),") & set(text))


def complete_task(incomplete: str) -> list[str]:
    """Tasks with results here, and tables that ship, for a shell; folders are looked at alone."""
    names = {*layout.tasks_in(Path(layout.RESULTS)), *shipped.tables_in(shipped.FOLDER)}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_configured_task(incomplete: str) -> list[str]:
    """Tasks of the configuration in this folder."""
    with contextlib.suppress(ConfigError, OSError):
        tasks = read_values(os.environ.get(CONFIG_VARIABLE, DEFAULT_CONFIG)).get("tasks")
        return sorted(name for name in map(str, tasks or ()) if name.startswith(incomplete))
    return []


def complete_function(incomplete: str) -> list[str]:
    """Slugs of the baselines and of what was trained here; a shell needs no quotes for them."""
    baselines = [parse(name).slug for name in MODERN]
    found = dict.fromkeys(slug for slug in baselines if slug.startswith(incomplete))
    for slug in _trained():
        if len(found) >= MOST_COMPLETED:
            break
        if slug.startswith(incomplete):
            found[slug] = None
    return list(found)


def _trained() -> Iterator[str]:
    for folder in layout.matching(Path(layout.RESULTS), layout.trials_folder("*")):
        with os.scandir(folder) as files:
            for name in sorted(file.name for file in files):
                if name.endswith(".json") and not name.startswith("."):
                    yield name.removesuffix(".json")


_FUNCTION = 'A function: its name, in quotes ("relu(x)"), or its slug (relu.x).'
FunctionName = Annotated[
    str, typer.Argument(metavar="NAME", help=_FUNCTION, autocompletion=complete_function)
]
FunctionNames = Annotated[
    list[str], typer.Argument(metavar="NAME", help=_FUNCTION, autocompletion=complete_function)
]
_TASK = "A task with results here, or a table that ships."
TaskWord = Annotated[str, typer.Argument(metavar="TASK", help=_TASK, autocompletion=complete_task)]
TaskOption = Annotated[str, typer.Option("--task", help=_TASK, autocompletion=complete_task)]
ResultsFolder = Annotated[
    Path | None,
    typer.Option("--results", help="The folder with the results. Left out: results, if it exists."),
]
ResultsArgument = Annotated[
    Path | None,
    typer.Argument(metavar="RESULTS", help="The same as --results.", show_default=False),
]
OnlyShipped = Annotated[
    bool, typer.Option("--shipped", help="Look at tables that ship, not at results here.")
]
OwnOperators = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar=CONFIG_VARIABLE,
        help="The configuration, which names own operators and baselines. Left out: that of the "
        "last run in the folder of the results, or config.yaml there, if it exists.",
    ),
]
RESULTS: Path | None = None
CONFIG: Path | None = None


def results_folder(argument: Path | None, option: Path | None) -> Path:
    """The folder with the results, which commands take as an argument and as an option.

    Returns:
        The one that is given; ``results`` when both are left out.

    Raises:
        ConfigError: when it is given in both ways.
    """
    if argument is not None and option is not None:
        shown = " and --results ".join(printable_name(str(path)) for path in (argument, option))
        raise ConfigError(f"the folder with the results is given twice, as {shown}: give it once")
    return argument or option or Path(layout.RESULTS)
