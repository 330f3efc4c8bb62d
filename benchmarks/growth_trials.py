"""How what stands around the work grows with the number of trials of a task.

    python -m benchmarks.growth_trials [1000 10000 100000]

For each number a folder is made in which a whole experiment stands: functions, trials and table are
real, or have the records of real ones; what takes long to make (spectra, map, surrogates) is a file
of one row. Then ``snakemake -n`` (with nothing made, and with all), ``audit``, ``crate`` and
``report`` are measured. Seconds are CPU time, which depends less on what else the machine does.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from actsearch.cli.recording import execution, load
from actsearch.functions.expressions import Expression
from actsearch.plan import layout
from actsearch.plan.experiment import Plan
from actsearch.records.formats import (
    read_json,
    write_array,
    write_arrays,
    write_html,
    write_json,
    write_table,
)
from benchmarks.children import Spent, spent
from benchmarks.folders import BIN, experiment
from benchmarks.rows.workflow import NOTHING_SAID

SIZES = (1_000, 10_000, 100_000)
TASK = "digits-mlp"
_RECIPE = {"optimizer": "adamw", "learning_rate": 0.005, "epochs": 1, "batch_size": 100}
_AT_ONCE = 50
"""Trials of a pack."""


def config(trials: int) -> dict[str, Any]:
    """One task with a table of so many functions."""
    split = {"train": 800, "validation": 500, "test": 497}
    return {
        "data": {"digits": {"source": "digits", "split": split}},
        "spaces": {"big": {"schemas": ["four-node"], "include": ["baselines"], "sample": trials}},
        "tasks": {
            TASK: {
                "data": "digits",
                "model": "mlp",
                "recipe": _RECIPE,
                "functions_per_job": _AT_ONCE,
                "fisher": {"examples": 64, "functions_per_job": 500},
                "benchmark": {"space": "big"},
            }
        },
    }


def rows(sizes: Iterable[int] = SIZES) -> list[dict[str, float | str]]:
    """A row a command and size: ``part``, ``trials``, ``seconds`` of CPU, ``memory`` in bytes."""
    found: list[dict[str, float | str]] = []
    here = Path.cwd()
    for trials in sizes:
        with tempfile.TemporaryDirectory() as place:
            folder = experiment(Path(place) / "experiment", config(trials))
            os.chdir(folder)
            try:
                found += [{"trials": trials, **row} for row in _measured()]
            finally:
                os.chdir(here)
    return found


def _measured() -> Iterable[dict[str, float | str]]:
    Path(".snakemake").mkdir()
    plan = Plan(load(Path("config.yaml")))
    crate = ["crate", "--copies", layout.COPIES, "--out", layout.CRATE]
    sources = ["Snakefile", *map(str, sorted(Path("workflow/rules").glob("*.smk")))]
    table = ["--table", f"{TASK}={layout.table(TASK)}"]
    yield _row("dry run, first", [BIN / "snakemake", "-n"])
    yield _row("dry run, nothing made", [BIN / "snakemake", "-n"])
    _make(plan)
    yield _row("report, table alone", [BIN / "actsearch", "report", "--out", "report.html", *table])
    yield _row("crate", [BIN / "actsearch", *crate, *sources])
    yield _row("audit", [BIN / "actsearch", "audit", "--exit-zero", "--out", layout.AUDIT])
    _run([BIN / "actsearch", "adopt"])
    done = _run([BIN / "snakemake", "-n"])
    if NOTHING_SAID not in done.said:
        raise RuntimeError(f"all is made, but Snakemake says: {done.said[-500:]}")
    yield _of("dry run, all made", done)


def _make(plan: Plan) -> None:
    """All files that the report and the crate are made of."""
    space = plan.space_of(TASK, "")
    _run([BIN / "actsearch", "enumerate", "--space", space, "--out", plan.functions(TASK)])
    record = functools.partial(execution, config=plan.config)
    block = record("enumerate", seeds={"sample": 0}, space=space).block()
    write_array(plan.outputs(TASK), np.zeros((1, 1)), block)
    _make_trials(plan.trial_files(TASK))
    out, trials = layout.table(TASK), layout.trials_folder(TASK)
    of = ["--task", TASK, "--functions", plan.functions(TASK)]
    _run([BIN / "actsearch", "benchmark", *of, "--trials", trials, "--out", out])
    stand_in, functions_of = pd.DataFrame({"x": [0.0]}), plan.functions(TASK)
    block = record("costs", inputs=[functions_of], space=space).block()
    write_table(layout.costs(space), stand_in, block)
    parts = plan.fim_parts(TASK, "")
    for part, path in enumerate(parts):
        block = record("fim", task=TASK, inputs=[functions_of], part=part).block()
        write_arrays(path, {"x": np.zeros(1)}, block)
    inputs = [functions_of, plan.outputs(TASK), *parts]
    write_table(layout.map_file(TASK), stand_in, record("map", task=TASK, inputs=inputs).block())
    inputs = [functions_of, out, *plan.trial_files(TASK), *parts]
    block = record("export", task=TASK, inputs=inputs).block()
    write_json(layout.exported_table(TASK), {"x": 0}, block)
    inputs = [layout.map_file(TASK), out]
    block = record("surrogate", task=TASK, inputs=inputs).block()
    write_table(layout.surrogate(TASK), stand_in, block)
    write_table(layout.predictions(TASK), stand_in, block)
    write_table(layout.characterisation(TASK), stand_in, block)
    for strategy in plan.config.simulation.strategies:
        block = record("simulate", task=TASK, inputs=inputs, strategy=strategy).block()
        write_table(layout.simulation(TASK, strategy), stand_in, block)
    block = record("report", inputs=[*plan.report_files().values()]).block()
    write_html(layout.REPORT, "<html><head></head><body></body></html>", block)


def _make_trials(files: list[str]) -> None:
    """The trials of a space: the first two are trained, the others have their numbers."""
    _run([BIN / "actsearch", "train", "--task", TASK, *files[:2]])
    trial = read_json(files[0])
    block = trial.pop("provenance")
    for start in range(2, len(files), _AT_ONCE):
        pack = files[start : start + _AT_ONCE]
        command = f"actsearch train --task {TASK} {' '.join(pack)}"
        for path in pack:
            slug = path.rpartition("/")[2].removesuffix(".json")
            content = trial | {"function": Expression.from_slug(slug).name, "slug": slug}
            own = {key: block[key] for key in block.keys() - {"file"}}
            write_json(path, content, own | {"item": slug, "command": command})


def _row(name: str, command: list[Any]) -> dict[str, float | str]:
    return _of(name, _run(command))


def _of(name: str, used: Spent) -> dict[str, float | str]:
    return {"part": name, "seconds": used.cpu, "memory": used.memory}


def _run(command: list[Any]) -> Spent:
    return spent(command, Path.cwd())


def growth(found: list[dict[str, float | str]]) -> Table:
    """A line a command: seconds and MB by the number of trials."""
    sizes = sorted({int(row["trials"]) for row in found})
    table = Table("what", *(f"{size:,} trials" for size in sizes), box=None)
    for part in dict.fromkeys(row["part"] for row in found):
        of = {
            int(row["trials"]): f"{row['seconds']:.2f} s, {float(row['memory']) / 1e6:.0f} MB"
            for row in found
            if row["part"] == part
        }
        table.add_row(str(part), *(of.get(size, "") for size in sizes))
    return table


def main() -> None:
    """Measure the numbers of trials on the command line."""
    sizes = [int(size.replace(",", "")) for size in sys.argv[1:]] or SIZES
    Console().print(growth(rows(sizes)))


if __name__ == "__main__":
    main()
