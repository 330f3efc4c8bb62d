"""Command: fim."""

from __future__ import annotations

from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, Out, TaskName
from actsearch.cli.progress import counter, say
from actsearch.cli.recording import execution, load, require_same_code
from actsearch.config import ConfigError
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_table, write_arrays


@app.command()
def fim(
    task: TaskName,
    functions: FunctionsFile,
    part: Annotated[int, typer.Option(help="Which part of the space, from 0.")],
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compute Fisher spectra at initialisation for a part of a space."""
    from actsearch.data.loading import task_dataset
    from actsearch.features.fisher_parts import fisher_features
    from actsearch.features.passed_over import in_words
    from actsearch.features.unfinished import UnfinishedPart
    from actsearch.functions.expressions import operators_of, parse
    from actsearch.functions.listed import selected_names
    from actsearch.networks.devices import FISHER_TOLERANCE, choose_device, device_fields
    from actsearch.networks.uncompiled import leave_compiler_out
    from actsearch.rehearsal.network import check_network
    from actsearch.rehearsal.operators import check_operators
    from actsearch.rehearsal.spectra import rehearse_spectra

    leave_compiler_out()
    settings = load(config)
    chosen = settings.task(task)
    size = chosen.fisher.functions_per_job
    names = selected_names(read_table(functions))[part * size : (part + 1) * size]
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
        operators=operators_of(expressions),
    )
    device = device_fields(chosen, FISHER_TOLERANCE)
    # The bits hang on the installed versions, the device and the number of threads too.
    identity = record.identity | device | {"environment": record.environment_digest}
    unfinished = UnfinishedPart(out.with_name(f".{out.name}.checkpoint"), identity, say)
    if record.made(out):
        unfinished.remove()  # of a job stopped right after the part
        say(f"{out} stands and is kept")
        return
    dataset = task_dataset(settings, task, counter(f"decoding {chosen.data}"))
    for note in dataset.notes:
        say(f"  {note}")
    check_operators()
    check_network(chosen, dataset, choose_device(chosen))
    found = rehearse_spectra(chosen, dataset, choose_device(chosen))
    require_same_code(settings, task)
    report = counter(f"FIM on {task}")
    arrays = fisher_features(chosen, dataset, expressions, report, unfinished)
    write_arrays(out, arrays, record.block(**device))
    unfinished.remove()
    for text in in_words(found.passed_over):
        say(f"FIM on {task}: passed over {text}")
