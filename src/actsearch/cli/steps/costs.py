"""Command: costs."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, Out, SpaceName
from actsearch.cli.progress import counter, say
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_table, write_table


@app.command()
def costs(
    space: SpaceName,
    functions: FunctionsFile,
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Measure the time and memory of every function of a space, compared with relu.

    Forward and backward, on the CPU and on the GPU if there is one. Times are ratios to relu,
    measured in turns; a rerun gives values that differ by some per cent.
    """
    import pandas as pd

    from actsearch.functions.expressions import operators_of, parse
    from actsearch.functions.listed import selected_names
    from actsearch.networks.function_cost import device_field, devices_here, eager_rows, name_of
    from actsearch.networks.unfinished_costs import UnfinishedCosts
    from actsearch.records.provenance import cpu_model

    settings = load(config)
    names = selected_names(read_table(functions))
    expressions = [parse(name) for name in names]
    operators = operators_of(expressions)
    record = execution("costs", settings, inputs=[functions], operators=operators, space=space)
    devices = devices_here()
    machine = {"devices": [name_of(device) for device in devices], "cpu": cpu_model()}
    identity = record.identity | machine | {"environment": record.environment_digest}
    unfinished = UnfinishedCosts(
        out.with_name(f".{out.name}.checkpoint"), identity | {"names": names}, say
    )
    rows = unfinished.take_over()
    report = counter(f"costs of {space}")
    try:
        for row in eager_rows(expressions, devices, rows):
            rows.append(row)
            unfinished.keep(rows)
            report(len(rows), len(expressions) * len(devices))
        write_table(out, pd.DataFrame(rows), record.block(**device_field(devices)))
    except BaseException:
        unfinished.keep(rows, now=True)
        raise
    unfinished.remove()
