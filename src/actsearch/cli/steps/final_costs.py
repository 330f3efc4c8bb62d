"""Command: final-costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, TaskName
from actsearch.cli.progress import counter, say, track
from actsearch.cli.recording import execution, load
from actsearch.config import Final
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_csv, write_csv

if TYPE_CHECKING:
    import torch

    from actsearch.functions.expressions import Expression
    from actsearch.networks.function_cost import Cost, Meter

ROUNDS = 5
"""In which functions are timed in turn, since one of them is chosen by its cost."""
SECONDS = 0.5
"""That each is timed for compiled: it is compiled once."""


@app.command("final-costs")
def final_costs(
    task: TaskName,
    candidates: Annotated[Path, typer.Option(help="The finalists.")],
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Measure the time and memory of the finalists, where and as the task trains them.

    Uncompiled on every device here; compiled on that of the task, if its recipe compiles or the
    configuration asks for it. Where nothing can be compiled these cells are empty.
    """
    import pandas as pd

    from actsearch.functions.expressions import operators_of, parse
    from actsearch.networks.devices import choose_device
    from actsearch.networks.function_cost import (
        NOT_KNOWN,
        Meter,
        device_field,
        devices_here,
        row_of,
        settled,
    )

    settings = load(config)
    chosen, section = settings.task(task), task_section(settings, task, "final")
    assert isinstance(section, Final)
    expressions = [parse(name) for name in read_csv(candidates)["name"]]
    operators = operators_of(expressions)
    record = execution("final-costs", settings, task, inputs=[candidates], operators=operators)
    own, trains = choose_device(chosen), "eager" if chosen.recipe.compile == "none" else "compiled"
    compiles = trains == "compiled" or bool(section.compiled_costs)
    missing = _compiler_missing(own) if compiles else None
    if missing:
        say(f"costs of {task}: none of compiled functions; {missing}")
    devices = devices_here()
    rows = []
    with settled():
        eager = {
            device: Meter(device).eager_in_rounds(
                expressions, ROUNDS, counter(f"costs of {task} on {device.type}")
            )
            for device in devices
        }
        meter = Meter(own, SECONDS)
        for number, expression in enumerate(track(expressions, f"costs of {task}")):
            costs = [(device, "eager", eager[device][number]) for device in devices]
            if compiles:
                cost = NOT_KNOWN if missing else _compiled(meter, expression)
                costs.append((own, "compiled", cost))
            for device, mode, cost in costs:
                as_trained = device == own and mode == trains
                rows.append(row_of(expression, device, mode, cost) | {"as_trained": as_trained})
    write_csv(out, pd.DataFrame(rows), record.block(**device_field(devices)))


def _compiler_missing(device: torch.device) -> str | None:
    """Why nothing can be compiled for a device; None where it can."""
    from actsearch.training.compilation import CompilerError, check_compiler

    try:
        check_compiler(device)
    except CompilerError as error:
        return str(error)
    return None


def _compiled(meter: Meter, expression: Expression) -> Cost:
    """Cost of a compiled function; empty where torch cannot compile it, which costs no job."""
    from actsearch.networks.function_cost import NOT_KNOWN

    try:
        return meter.compiled(expression)
    except Exception as error:  # an operator of the user's that cannot be traced, for one
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        say(f"{expression.name} cannot be compiled: {reason}")
        return NOT_KNOWN
