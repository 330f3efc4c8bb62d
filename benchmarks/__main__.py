"""Speed as ratios, measured in one run, beside a textbook version of each piece of work.

    python -m benchmarks [part ...] [--out FILE]

Prints a table and writes ``benchmarks/results.json``, row by row as they come. The rows of parts
that are not run stay in the file as they were. Absolute seconds depend on the machine and on what
else it does; ratios of measurements that alternate do so far less.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from actsearch.functions.evaluation import n_cores
from benchmarks.limits import limits
from benchmarks.machine import ROOT
from benchmarks.measuring import Part, Setting
from benchmarks.results import Results, run_parts
from benchmarks.rows import (
    activations,
    fisher,
    growth,
    libraries,
    report,
    search,
    training_step,
    workflow,
)

OUT = ROOT / "benchmarks/results.json"
PARTS: dict[str, Part] = {
    "limits": limits,
    "fisher": fisher.rows,
    "activations": activations.rows,
    "training-step": training_step.rows,
    "search": search.rows,
    "workflow": workflow.rows,
    "report": report.rows,
    "libraries": libraries.rows,
    "growth": growth.rows,
}
BY_NAME: dict[str, Part] = {
    "growth-functions": growth.functions,
    "growth-trials": growth.trials,
    "results": workflow.whole,
}
"""Parts that take long, which are measured when they are named."""


def main(given: Sequence[str] | None = None) -> None:
    """Run the parts named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    every = PARTS | BY_NAME
    parser.add_argument("names", nargs="*", choices=[*every, []], metavar="part",
                        help=f"of {', '.join(every)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--threads", type=int, default=n_cores())
    parser.add_argument("--tiny", action="store_true", help="try the code, measure nothing")
    arguments = parser.parse_args(given)
    if arguments.tiny and arguments.out == OUT:
        parser.error("--tiny measures nothing: say where it may write, with --out")
    warnings.simplefilter("ignore")
    setting = Setting(torch.device("cpu"), arguments.tiny, arguments.threads)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    out = Console(width=200, soft_wrap=True)
    chosen = {name: every[name] for name in arguments.names or PARTS}
    results = Results(arguments.out, setting, out)
    results.keep_others(chosen)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        run_parts(chosen, setting, results)
    Console(width=180).print(results.table())


if __name__ == "__main__":
    main()
