"""Commands: fim, map, surrogate, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from actsearch.cli.app import (
    DEFAULT_CONFIG,
    ConfigFile,
    FunctionsFile,
    MapFile,
    Out,
    Strategy,
    TableFile,
    TaskName,
    app,
    execution,
    load,
    selected,
    task_dataset,
)
from actsearch.cli.progress import counter, say
from actsearch.config import ConfigError
from actsearch.records.artifacts import (
    read_array,
    read_arrays,
    read_table,
    write_arrays,
    write_table,
)


@app.command()
def fim(
    task: TaskName,
    functions: FunctionsFile,
    part: Annotated[int, typer.Option(help="Which part of the space, from 0.")],
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Spectra of the Fisher information matrix at initialisation, for a part of a space."""
    from actsearch.features.fisher_parts import fisher_features
    from actsearch.features.unfinished import UnfinishedPart
    from actsearch.functions.expressions import parse
    from actsearch.networks.devices import FISHER_TOLERANCE, device_fields
    from actsearch.networks.probe import check_network, check_operators

    settings = load(config)
    chosen = settings.task(task)
    size = chosen.fisher.functions_per_job
    names = selected(read_table(functions))[part * size : (part + 1) * size]
    if not names:
        raise ConfigError(f"--part {part}: {functions} has no such part of {size} functions")
    expressions = [parse(name) for name in names]
    record = execution(
        "fim",
        settings,
        task,
        inputs=[functions],
        part=part,
        seeds={"features": chosen.fisher.seed},
        operators={name for expression in expressions for name in expression.operators},
    )
    device = device_fields(chosen, FISHER_TOLERANCE)
    # The bits hang on the installed versions, the device and the number of threads too.
    identity = record.identity | device | {"environment": record.environment_digest}
    unfinished = UnfinishedPart(out.with_name(f".{out.name}.checkpoint"), identity, say)
    if record.made(out):
        unfinished.remove()  # of a job stopped right after the part
        say(f"{out} stands and is kept")
        return
    dataset = task_dataset(settings, task)
    check_operators()
    check_network(chosen, dataset)
    report = counter(f"FIM on {task}")
    arrays = fisher_features(chosen, dataset, expressions, report, unfinished)
    write_arrays(out, arrays, record.block(**device))
    unfinished.remove()
    if passed_over := arrays["passed_over"].tolist():
        some = ", ".join(name or "the network itself" for name in passed_over[:5])
        further = ", ..." if len(passed_over) > 5 else ""
        say(f"FIM on {task}: {len(passed_over)} modules with weights passed over ({some}{further})")


@app.command("map")
def map_command(
    task: TaskName,
    functions: FunctionsFile,
    outputs: Annotated[Path, typer.Option(help="Outputs of the functions.")],
    out: Out,
    parts: Annotated[
        list[Path], typer.Argument(help="Parts with the FIM spectra, or published features.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Embed both features of a space's functions, and their union, in two dimensions."""
    from actsearch.features.embedding import embed
    from actsearch.features.spectra import stack_cdfs

    settings = load(config)
    chosen = settings.task(task)
    # An imported table has its features in one file.
    published = len(parts) == 1 and "cdfs" in read_arrays(parts[0])
    wildcards: dict[str, Any] = {"published": True} if published else {}
    record = execution(
        "map",
        settings,
        task,
        inputs=[functions, outputs, *parts],
        seeds={"map": chosen.map.seed},
        **wildcards,
    )
    names = selected(read_table(functions))
    stacked, cdfs = stack_cdfs((read_arrays(part) for part in parts), chosen.fisher)
    if list(stacked) != names:
        raise ConfigError(f"{parts[0].parent}: the parts do not hold the functions of {functions}")
    table = embed(names, read_array(outputs), cdfs, chosen.map)
    write_table(out, table, record.block())


@app.command()
def surrogate(
    task: TaskName,
    map_file: MapFile,
    table: TableFile,
    out: Out,
    predictions: Annotated[Path, typer.Option(help="Out-of-fold predictions.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Cross-validate how well each feature set and regressor predicts accuracy."""
    from actsearch.search.surrogates import cross_validated_predictions, score

    settings = load(config)
    record = execution(
        "surrogate",
        settings,
        task,
        inputs=[map_file, table],
        seeds={"folds": settings.surrogate.seed},
    )
    guesses = cross_validated_predictions(
        read_table(map_file), read_table(table), settings.surrogate
    )
    write_table(out, score(guesses), record.block())
    write_table(predictions, guesses, record.block())


@app.command()
def simulate(
    task: TaskName,
    strategy: Strategy,
    map_file: MapFile,
    table: TableFile,
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Replay many searches on a table."""
    from actsearch.search.simulation import simulate as replay

    settings = load(config)
    record = execution(
        "simulate",
        settings,
        task,
        inputs=[map_file, table],
        seeds={"first run": settings.simulation.seed},
        strategy=strategy,
    )
    history = replay(strategy, read_table(table), read_table(map_file), settings.simulation)
    write_table(out, history, record.block())
