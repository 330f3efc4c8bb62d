"""Command: finalists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, TaskName
from actsearch.cli.recording import execution, load
from actsearch.config import ConfigError, Final
from actsearch.plan.dependencies import space_operators, task_spaces
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_table, write_csv


@app.command()
def finalists(
    task: TaskName,
    out: Out,
    table: Annotated[Path | None, typer.Option(help="The task's benchmark table.")] = None,
    histories: Annotated[list[Path] | None, typer.Argument(help="Histories of searches.")] = None,
    others: Annotated[
        list[str] | None,
        typer.Option(
            "--from", help="A table or a history of another task, as TASK=FILE, in order."
        ),
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Choose who meets in the last comparison: the baselines, and the best found.

    These are functions of the task itself, or of the tasks in its candidates_from.
    """
    from actsearch.functions.baselines import baselines_of
    from actsearch.search.finalists import choose_candidates, choose_from_tasks

    settings = load(config)
    final: Final = task_section(settings, task, "final")
    own = [path for path in (table, *(histories or [])) if path is not None]
    sources = _sources_by_task(final, own, others or [])
    paths = [*own, *(path for files in sources.values() for path in files)]
    operators = space_operators(settings, *task_spaces(settings, task))
    record = execution("finalists", settings, task, inputs=paths, operators=operators)
    baselines = baselines_of(settings)
    if sources:
        tables = {name: [read_table(path) for path in files] for name, files in sources.items()}
        chosen = choose_from_tasks(tables, final.functions, baselines)
    else:
        chosen = choose_candidates(
            read_table(table) if table else None,
            [read_table(path) for path in histories or []],
            final.functions,
            baselines,
        )
    write_csv(out, chosen, record.block())


def _sources_by_task(final: Final, own: list[Path], others: list[str]) -> dict[str, list[Path]]:
    """Files of every task in ``candidates_from``, in its order; empty for the task's own."""
    sources: dict[str, list[Path]] = {name: [] for name in final.candidates_from}
    if own and sources:
        raise ConfigError(f"{own[0]}: candidates_from names other tasks: give files with --from")
    for option in others:
        name, separator, path = option.partition("=")
        if not separator or not path or name not in sources:
            allowed = ", ".join(sources) or "none, for there is no candidates_from"
            raise ConfigError(f"--from {option!r}: expected TASK=FILE; tasks: {allowed}")
        sources[name].append(Path(path))
    return sources
