"""What commands execute, against what their digests of code cover."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TRACER = Path(__file__).parent / "tracer"

# What a command may call outside of its step's digest, with the reason. Whole modules of rooms that
# carry, and of the command line and the plan single functions: a line that computes has no place.
CARRIERS = {
    "actsearch.config": "its values are in the digest of settings",
    "actsearch.records": "reads, writes and digests files",
    "actsearch.networks.probe": "refuses a network, or changes nothing",
    "actsearch.functions.agreement": "compares both sides of an operator, for the probe",
    "actsearch.cli.recording:load": "reads the configuration",
    "actsearch.cli.recording:execution": "makes the record",
    "actsearch.cli.progress:say": "tells people",
    "actsearch.cli.progress:counter": "tells people",
    "actsearch.cli.progress:track": "tells people",
    "actsearch.cli.progress:console": "tells people",
    "actsearch.cli.launch:launched": "tells one process from several, which is a setting",
    "actsearch.plan.settings": "says what files depend on: it makes the digests",
    "actsearch.plan.steps": "the same",
}


@dataclass(frozen=True)
class Trace:
    """One command: its words after ``actsearch``, and what it called."""

    arguments: tuple[str, ...]
    called: tuple[tuple[str, str], ...]
    """Module and name of each function."""

    @property
    def step(self) -> str:
        """The step that the command makes."""
        final = self.arguments[0] == "train" and "--final" in self.arguments
        return "train-final" if final else self.arguments[0]

    @property
    def task(self) -> str | None:
        """The task that is named."""
        words = self.arguments
        return words[words.index("--task") + 1] if "--task" in words else None

    @property
    def modules(self) -> set[str]:
        """Modules of which something was called."""
        return {module for module, _ in self.called}


def environment(folder: Path, sources: str = "") -> dict[str, str]:
    """Variables under which commands are traced; traces go into ``folder``."""
    given = [str(TRACER), sources, os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, given))
    return {"ACTSEARCH_TRACE_TO": str(folder), "PYTHONPATH": path}


def read_traces(folder: Path) -> list[Trace]:
    """All traces in a folder."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return [Trace(tuple(t["arguments"]), tuple(map(tuple, t["called"]))) for t in found]


def uncovered(trace: Trace, covered: Iterable[str]) -> list[str]:
    """Functions that were called outside the modules ``covered`` by a digest, and carry nothing."""
    known = set(covered)
    return [
        f"{module}:{name}"
        for module, name in trace.called
        if module not in known and not _is_carrier(module, name.split(".")[0])
    ]


def _is_carrier(module: str, function: str) -> bool:
    named = (name.partition(":") for name in CARRIERS)
    return any(
        function == wanted if wanted else module == name or module.startswith(f"{name}.")
        for name, _, wanted in named
        if not wanted or module == name
    )
