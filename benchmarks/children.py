"""Processes of their own: seconds, memory and output of one command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import ROOT

# A process inherits the largest memory of the one that forks it, so a small one does.
_METER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.call(sys.argv[2:])
wall = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([code, wall, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss], file)
"""


class Spent(NamedTuple):
    """What a command took, with all that it started and waited for."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of all cores."""
    memory: int
    """Bytes of the largest process."""
    said: str
    """Its output."""


def spent(
    command: Sequence[str | Path],
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Spent:
    """Run a command in ``folder``.

    Raises:
        RuntimeError: with the end of what it said, when it fails.
    """
    with tempfile.TemporaryDirectory() as name:
        meter = Path(name) / "meter"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _METER, meter, *command], cwd=folder, check=True,
            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True,
        )  # fmt: skip
        code, wall, cpu, memory = json.loads(meter.read_text())
    if code:
        told = (done.stderr + done.stdout)[-600:]
        raise RuntimeError(f"{command[0]} ended with {code}: {told}")
    return Spent(wall, cpu, memory, done.stdout)


def best(runs: Sequence[Spent]) -> Spent:
    """The run of the fewest CPU seconds, which others on the machine slowed least."""
    return min(runs, key=lambda run: run.cpu)
