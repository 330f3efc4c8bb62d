"""Seconds and memory of the map of many functions, and its search for neighbours beside all pairs.

    python -m benchmarks.map [functions ...]

The features are made up: outputs of 1,000 numbers, and distributions as wide as those of All-CNN-C,
13,683 bins in nine layers, that a few hidden numbers a function rule. Each size runs in a process
of its own, on one core. All pairs are timed for some of the rows and multiplied.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.spatial.distance import cdist
from scipy.special import ndtr

from actsearch import config
from actsearch.features.embedding import embed
from actsearch.features.neighbors import nearest_neighbors
from actsearch.functions.spaces import SearchSpace

SIZES = (2000, 5000, 20000)
BINS = (25, 828, 828, 1658, 3317, 3317, 3317, 369, 24)
HIDDEN = 6
SAMPLE = 50


def features(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outputs (n, 1000) and distributions (n, 13683)."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(n, HIDDEN))
    outputs = np.tanh(hidden @ rng.normal(size=(HIDDEN, 1000)))
    cdfs = np.empty((n, sum(BINS)))
    start = 0
    for bins in BINS:
        centre = -20 + 5 * np.tanh(hidden @ rng.normal(size=(HIDDEN, 1)))
        width = 6 + 3 * np.tanh(hidden @ rng.normal(size=(HIDDEN, 1)))
        edges = np.linspace(-100, 100, bins + 1)[1:]
        ndtr((edges - centre) / width, out=cdfs[:, start : start + bins])
        start += bins
    return outputs + 0.01 * rng.normal(size=outputs.shape), cdfs


def run(n: int) -> dict[str, float]:
    """Seconds of the processor and bytes of memory, in this process."""
    outputs, cdfs = features(n)
    space = SearchSpace.named("four-node")
    names = [space[k].name for k in range(n)]
    held = outputs.nbytes + cdfs.nbytes
    started = time.process_time()
    embed(names, outputs, cdfs, config.Map())
    whole = time.process_time() - started
    memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    nearest_neighbors(cdfs, "cityblock", config.Map().fisher_neighbors)
    found = time.process_time() - started
    started = time.process_time()
    cdist(cdfs[:SAMPLE], cdfs, "cityblock")
    pairs = (time.process_time() - started) * n / SAMPLE
    return {"whole": whole, "memory": memory, "held": held, "found": found, "pairs": pairs}


def main() -> None:
    """Run one size and print it as JSON, or the sizes asked for or all as a table."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(run(int(sys.argv[2]))))
        return
    table = Table(
        "functions", "map s", "memory GB", "of it features", "neighbours s", "all pairs s"
    )
    for n in map(int, sys.argv[1:] or SIZES):
        command = [sys.executable, "-m", "benchmarks.map", "--one", str(n)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        table.add_row(
            f"{n:,}", f"{found['whole']:.0f}", f"{found['memory'] / 1e9:.1f}",
            f"{found['held'] / 1e9:.1f}", f"{found['found']:.0f}", f"{found['pairs']:.0f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
