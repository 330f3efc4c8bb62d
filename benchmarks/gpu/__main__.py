"""Every row of a GPU, written to ``benchmarks/results-gpu.json`` as it comes.

    python -m benchmarks.gpu [part ...] [--seconds 1200] [--out FILE] [--cpu-dry]

Needs torch, numpy, scipy, pandas, scikit-learn, pydantic, rich and PyYAML; image files need
torchvision, PIL and psutil too. A part that fails says so in its row, and the others go on.
Without a GPU nothing is measured; ``--cpu-dry`` runs every part on the CPU with tiny sizes, which
tries the code and measures nothing.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from actsearch.functions.evaluation import n_cores
from benchmarks.gpu import beside, fisher, loading, training
from benchmarks.gpu.older_torch import fill_in
from benchmarks.limits import limits
from benchmarks.machine import ROOT
from benchmarks.measuring import Part, Setting
from benchmarks.results import Results, run_parts
from benchmarks.rows import activations

OUT = ROOT / "benchmarks/results-gpu.json"
PARTS: dict[str, Part] = {  # what is worth most comes first, should time run out
    "limits": limits,
    "training": training.plain_rows,
    "fisher": fisher.rows,
    "beside": beside.rows,
    "activations": partial(activations.rows, n=200, n_compiled=50, budget=60.0),
    "loading": loading.rows,
    "compiled-network": training.network_rows,
}


def main(given: Sequence[str] | None = None) -> None:
    """Run the parts named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("names", nargs="*", choices=[*PARTS, []], metavar="part")
    parser.add_argument("--seconds", type=float, default=1200, help="no part begins after these")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--cpu-dry", action="store_true", help="tiny sizes, on the CPU")
    arguments = parser.parse_args(given)
    if arguments.cpu_dry and arguments.out == OUT:
        parser.error("--cpu-dry measures nothing: say where it may write, with --out")
    out = Console(width=200, soft_wrap=True)
    if not torch.cuda.is_available() and not arguments.cpu_dry:
        out.print("There is no GPU here that torch can use, so nothing was measured.")
        return
    device = torch.device("cpu" if arguments.cpu_dry else "cuda")
    ends = time.monotonic() + arguments.seconds
    setting = Setting(device, arguments.cpu_dry, 1 if arguments.cpu_dry else n_cores(), ends)
    torch.set_num_threads(setting.threads)
    torch.set_flush_denormal(True)
    warnings.simplefilter("ignore")
    logging.getLogger("torch").setLevel(logging.ERROR)
    fill_in()
    chosen = {name: PARTS[name] for name in arguments.names or PARTS}
    results = Results(arguments.out, setting, out)
    results.keep_others(chosen)
    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", cache)
        run_parts(chosen, setting, results)
    failed = sum(bool(row.error) for row in results.rows)
    out.print(f"{len(results.rows)} rows, {failed} failed: {arguments.out}")


if __name__ == "__main__":
    main()
