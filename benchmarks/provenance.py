"""What provenance costs a run, and how long an audit and a crate of many trials take.

    python -m benchmarks.provenance [run] [audit]

``run`` makes the first task of the default experiment, every step of it, and adds up in each
command the seconds from the first line of its process to its last, git's among them, and those that
went into records: digests of code, settings and inputs, the description of machine and environment,
the seals of files. The commands ``audit`` and ``crate`` count whole. The benchmark ``audit`` checks
10,000 trials and describes them in a crate, beside a plain read of the same files. Seconds are CPU
time, which depends less on what else the machine does.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from actsearch.records.formats import read_json, write_json
from benchmarks.folders import BIN, experiment
from benchmarks.machine import ROOT

N_TRIALS = 10_000

# Imported by every Python started with its folder on the path; only commands are measured.
METER = """
import atexit, functools, json, resource, sys
def now():
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)
started = now()
if sys.argv and sys.argv[0].endswith("/actsearch") or sys.orig_argv[1].endswith("/actsearch"):
    import actsearch.records.provenance as provenance
    import actsearch.records.seals as seals
    state = {"records": 0.0, "depth": 0}
    def measured(function):
        @functools.wraps(function)
        def call(*arguments, **options):
            begun = now()
            state["depth"] += 1
            try:
                return function(*arguments, **options)
            finally:
                state["depth"] -= 1
                if not state["depth"]:
                    state["records"] += now() - begun
        return call
    provenance.Execution.__init__ = measured(provenance.Execution.__init__)
    provenance.Execution.block = measured(provenance.Execution.block)
    seals.seal = measured(seals.seal)
    def end():
        whole = now() - started
        # These two do nothing else.
        is_record = sys.argv[1] in ("audit", "crate")
        seconds = {"records": whole if is_record else state["records"], "whole": whole}
        with open(METER_FILE, "a") as file:
            file.write(json.dumps({"step": sys.argv[1], **seconds}) + chr(10))
    atexit.register(end)
"""


def _default(**changes: object) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    first = next(iter(config["tasks"]))
    return config | {"tasks": {first: config["tasks"][first] | changes}}


def run(place: Path, out: Console) -> None:
    """One task of the default experiment, metered."""
    folder = experiment(place / "experiment", _default())
    (place / "meter").mkdir()
    seconds = place / "seconds"
    (place / "meter/sitecustomize.py").write_text(METER.replace("METER_FILE", repr(str(seconds))))
    subprocess.run(
        [BIN / "snakemake", "--cores", "all", "--quiet", "all"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(place / "meter")},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    commands = [json.loads(line) for line in seconds.read_text().splitlines()]
    for step in dict.fromkeys(command["step"] for command in commands):
        own = [command for command in commands if command["step"] == step]
        out.print(f"  {step:<12} {len(own):>4} commands {_share(own)}")
    out.print(f"{len(commands)} commands: {_share(commands)}")


def _share(commands: list[dict[str, float]]) -> str:
    records = sum(command["records"] for command in commands)
    whole = sum(command["whole"] for command in commands)
    return f"{records:.2f} s of {whole:.1f} s are records: {records / whole:.2%}"


def audit(place: Path, out: Console) -> None:
    """10,000 trials with records like those of a pack of 64."""
    folder = experiment(place / "audit", _default())
    task = next(iter(_default()["tasks"]))
    names = [f"results/{task}/trials/tanh.x.json", f"results/{task}/trials/sigmoid.x.json"]
    subprocess.run(
        [BIN / "actsearch", "train", "--task", task, *names],
        cwd=folder,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    trial = read_json(folder / names[0])
    block = trial.pop("provenance")
    block["command"] += " " + " ".join(names * 31)
    os.chdir(folder)
    for number in range(N_TRIALS):
        path = f"results/{task}/trials/sum_n{number + 2}.x.json"
        write_json(path, trial, {key: block[key] for key in block.keys() - {"file"}})
    files = list(Path("results").rglob("*.json"))
    plain = _seconds(lambda: [json.loads(path.read_bytes()) for path in files])
    crate = ["crate", "--copies", "results/workflow", "Snakefile"]
    for name, command in (
        ("audit", ["audit", "--exit-zero"]),
        ("crate", [*crate, "--out", "results/ro-crate-metadata.json"]),
    ):
        seconds = _seconds(functools.partial(_actsearch, *command))
        out.print(
            f"{name} of {len(files)} trials: {seconds:.1f} s, "
            f"{seconds / plain:.1f} times a plain read of the same files"
        )


def _actsearch(*arguments: str) -> None:
    subprocess.run([BIN / "actsearch", *arguments], check=True, capture_output=True)


def _cpu() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def _seconds(work: Callable[[], object]) -> float:
    """CPU time of some work, that of its processes too."""
    started = _cpu()
    work()
    return _cpu() - started


def main() -> None:
    """Run the benchmarks named on the command line, or both."""
    chosen = sys.argv[1:] or ["run", "audit"]
    out = Console()
    for name, benchmark in (("run", run), ("audit", audit)):
        if name in chosen:
            with tempfile.TemporaryDirectory() as place:
                benchmark(Path(place), out)


if __name__ == "__main__":
    main()
