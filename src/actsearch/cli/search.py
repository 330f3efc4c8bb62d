"""Commands: propose, history, finalists, final, final-activation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from actsearch.cli.app import (
    DEFAULT_CONFIG,
    ConfigFile,
    MapFile,
    Out,
    Strategy,
    TaskName,
    TrialFiles,
    app,
    execution,
    load,
)
from actsearch.cli.progress import say
from actsearch.cli.steps import space_operators, task_section, task_spaces
from actsearch.config import ConfigError, Final, Search
from actsearch.records.formats import (
    read_csv,
    read_json,
    read_table,
    shown,
    write_csv,
    write_json,
    write_python,
    write_table,
)

ProposalFiles = Annotated[
    list[Path] | None, typer.Option("--proposals", help="Proposals of earlier rounds, in order.")
]


def _rounds(proposals: list[Path], trials: list[Path]) -> list[dict[str, Any]]:
    """Trials with the round, slot and prediction they were proposed with."""
    by_function = {trial["function"]: trial for trial in map(read_json, trials)}
    rounds = []
    for path in proposals:
        for row in read_csv(path).to_dict("records"):
            if row["name"] not in by_function:
                raise ConfigError(f"{path}: no trial of {row['name']!r} among the trials given")
            fields = {key: row[key] for key in ("round", "slot", "prediction")}
            rounds.append(by_function[row["name"]] | fields)
    return rounds


@app.command()
def propose(
    task: TaskName,
    strategy: Strategy,
    map_file: MapFile,
    round_number: Annotated[int, typer.Option("--round", help="Which round; 0 is the baselines.")],
    out: Out,
    proposals: ProposalFiles = None,
    trials: Annotated[list[Path] | None, typer.Argument(help="Trials of earlier rounds.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Choose the functions that a round of a live search trains."""
    from actsearch.search.rounds import build_history
    from actsearch.search.rounds import propose as choose

    settings = load(config)
    search: Search = task_section(settings, task, "search")
    record = execution(
        "propose",
        settings,
        task,
        inputs=[map_file, *(proposals or []), *(trials or [])],
        seeds={"search": search.seed},
        strategy=strategy,
        round=round_number,
    )
    table = choose(
        strategy,
        read_table(map_file),
        build_history(_rounds(proposals or [], trials or [])),
        slots=search.slots,
        round=round_number,
        seed=search.seed,
    )
    write_csv(out, table.assign(round=round_number), record.block())


@app.command()
def history(
    task: TaskName,
    out: Out,
    trials: TrialFiles,
    proposals: ProposalFiles = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Gather the trials of a live search into one table."""
    from actsearch.search.rounds import build_history

    record = execution("history", load(config), task, inputs=[*(proposals or []), *trials])
    write_table(out, build_history(_rounds(proposals or [], trials)), record.block())


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
    from actsearch.search.finalists import choose_candidates, choose_from_tasks

    settings = load(config)
    final: Final = task_section(settings, task, "final")
    own = [path for path in (table, *(histories or [])) if path is not None]
    sources = _sources_by_task(final, own, others or [])
    paths = [*own, *(path for files in sources.values() for path in files)]
    operators = space_operators(settings, *task_spaces(settings, task))
    record = execution("finalists", settings, task, inputs=paths, operators=operators)
    if sources:
        tables = {name: [read_table(path) for path in files] for name, files in sources.items()}
        chosen = choose_from_tasks(tables, final.functions)
    else:
        chosen = choose_candidates(
            read_table(table) if table else None,
            [read_table(path) for path in histories or []],
            final.functions,
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


@app.command()
def final(
    task: TaskName,
    candidates: Annotated[Path, typer.Option(help="The finalists.")],
    out: Out,
    trials: TrialFiles,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare the finalists on the test set."""
    from actsearch.search.final import compare

    settings = load(config)
    section: Final = task_section(settings, task, "final")
    record = execution(
        "final",
        settings,
        task,
        inputs=[candidates, *trials],
        seeds={"runs": section.seeds},
    )
    comparison = compare(
        [read_json(path) for path in trials], read_csv(candidates), section.significance
    )
    write_json(out, {"task": task, **comparison}, record.block())


@app.command()
def final_activation(
    task: TaskName,
    comparison: Annotated[Path, typer.Option(help="The last comparison.")],
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the chosen function as a PyTorch module that needs nothing but torch."""
    from actsearch.search.chosen import final_activation as source_of

    settings = load(config)  # registers the user's operators
    operators = space_operators(settings, *task_spaces(settings, task))  # whose source it copies
    record = execution("final-activation", settings, task, inputs=[comparison], operators=operators)
    command = f"actsearch final-activation --task {task} --comparison {shown(comparison)}"
    source, missing = source_of(read_json(comparison), task, f"{command} --out {shown(out)}")
    for reason in missing:
        say(f"warning: {reason}; {out} raises until it is written there")
    write_python(out, source, record.block())
