"""Command: published-features."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, FunctionsFile, ImportedFile, Out, TaskName
from actsearch.cli.recording import execution, load
from actsearch.plan.dependencies import space_operators
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.settings import task_section
from actsearch.records.formats import read_arrow, read_table, write_arrays


@app.command("published-features")
def published_features(
    task: TaskName,
    functions: FunctionsFile,
    act_bench: ImportedFile,
    out: Out,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Take Fisher features from an imported file."""
    import numpy as np

    from actsearch.benchmark.act_bench.format import ActBench
    from actsearch.benchmark.act_bench.matching import published_features as look_up
    from actsearch.functions.listed import selected_names

    settings = load(config)
    operators = space_operators(settings, task_section(settings, task, "benchmark").space)
    inputs = [functions, act_bench]
    record = execution("published-features", settings, task, inputs=inputs, operators=operators)
    names = selected_names(read_table(functions))
    features = look_up(names, ActBench.from_table(read_arrow(act_bench), str(act_bench)))
    write_arrays(out, {"names": np.array(names), "cdfs": features}, record.block())
