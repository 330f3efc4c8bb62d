"""What a SLURM job costs beyond training, and what a large graph costs before the first job.

    python -m benchmarks.slurm [graph] [first-job] [packs]

All but ``graph`` start the private cluster of tests/slurm, as root.

Two jobs at a time, on a machine with two cores that does nothing else; the cluster has its daemons
on the same machine.
"""

from __future__ import annotations

import json
import re
import resource
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "slurm"))

from lab import (  # type: ignore[import-not-found]  # noqa: E402
    LAB,
    Cluster,
    Experiment,
    make_folder,
    make_lab,
    wait_for,
)  # fmt: skip

N_FUNCTIONS = 32
PACKS = (1, 8, 32)


def _default_task(**changes: Any) -> dict[str, Any]:
    """The first task of the default experiment, benchmarked."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    task = config["tasks"]["digits-resnet"]
    for section in ("search", "final"):
        del task[section]
    space = {"schemas": ["three-node"], "include": ["baselines"], "sample": N_FUNCTIONS}
    lab = task | {"benchmark": {"space": "few"}, "resources": {"gpu": 1}} | changes
    return config | {
        "spaces": {"few": space},
        "tasks": {"lab": lab},
        "simulation": {"evaluations": N_FUNCTIONS},
    }


def _trials(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(p.read_text()) for p in folder.glob("results/lab/trials/*.json")]


def packs(cluster: Cluster, scratch: Path) -> Table:
    """Seconds a job takes beyond training, by the number of functions it trains."""
    table = Table("functions a job", "jobs", "training s", "beyond it, s a job", "s a function",
                  "share of the job", "whole run s")  # fmt: skip
    for size in PACKS:
        lab = make_folder(scratch / f"pack-{size}")
        lab.configure(_default_task(functions_per_job=size))
        started = time.perf_counter()
        lab.succeeds(lab.slurm("--jobs=2", "results/lab/benchmark.parquet"), 900)
        whole = time.perf_counter() - started
        ended = cluster.ended(lab.folder)
        elapsed = sum(_elapsed(job) for job in ended)
        training = sum(trial["provenance"]["seconds"] for trial in _trials(lab.folder))
        beyond = elapsed - training
        table.add_row(
            str(size), str(len(ended)), f"{training:.0f}", f"{beyond / len(ended):.1f}",
            f"{beyond / N_FUNCTIONS:.2f}", f"{beyond / elapsed:.0%}", f"{whole:.0f}"
        )  # fmt: skip
    return table


def _elapsed(job: dict[str, str]) -> float:
    start, end = (datetime.fromisoformat(job[name]) for name in ("StartTime", "EndTime"))
    return (end - start).total_seconds()


def first_job(cluster: Cluster, scratch: Path) -> str:
    """Seconds from the command to the first running job, with the profile as it comes."""
    seconds = []
    for number in range(3):
        lab = make_lab(scratch / f"first-{number}")
        started = time.perf_counter()
        process = lab.start("--profile", "slurm", "results/lab/trials/swish.elu.x.json")
        wait_for("job", lambda lab=lab: _running(cluster, lab))
        seconds.append(time.perf_counter() - started)
        lab.succeeds(process)
    return f"command to first running job: {statistics.median(seconds):.1f} s (median of 3)"


def _running(cluster: Cluster, lab: Experiment) -> bool:
    return any(job["state"] == "RUNNING" for job in cluster.queued(lab.folder))


def graph(scratch: Path) -> str:
    """Time and memory of a dry run over three tasks of 2,913 functions."""
    large = make_folder(scratch / "graph")
    space = {"schemas": ["four-node"], "include": ["baselines"], "sample": 2913}
    task = LAB["tasks"]["lab"] | {"model": "digits-cnn", "benchmark": {"space": "many"}}
    del task["functions_per_job"]
    names = ("one", "two", "three")
    large.configure(LAB | {"spaces": {"many": space}, "tasks": dict.fromkeys(names, task)})
    large.succeeds(large.start("--profile=slurm", "--dry-run"))  # lists the space once
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    started = time.perf_counter()
    large.succeeds(large.start("--profile=slurm", "--dry-run"))
    seconds = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = re.findall(r"^total +(\d+)", large.said(), re.MULTILINE)[-1]
    return (
        f"dry run of 3 x 2,913 trials in {jobs} jobs: {seconds:.1f} s, "
        f"{usage.ru_utime - before:.1f} s of CPU, {usage.ru_maxrss / 1024:.0f} MB"
    )


def main() -> None:
    """Measure what is named, or everything, and print it."""
    asked = set(sys.argv[1:]) or {"graph", "first-job", "packs"}
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if "graph" in asked:
            console.print(graph(scratch))
        if not asked & {"first-job", "packs"}:
            return
        cluster = Cluster()
        try:
            cluster("start")
            if "first-job" in asked:
                console.print(first_job(cluster, scratch))
            if "packs" in asked:
                console.print(packs(cluster, scratch))
        finally:
            cluster("stop")


if __name__ == "__main__":
    main()
