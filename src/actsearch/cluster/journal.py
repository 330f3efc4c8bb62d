"""What happens to the jobs of a run, noted in a file for whoever watches it from beside.

A line of JSON for each event, as ``internals.listen`` has them. The file is that of the last run in
the folder; nothing depends on it but what people are shown.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actsearch.plan import layout

JOURNAL = layout.HIDDEN / "jobs.jsonl"


@dataclass
class Job:
    """A job of a run."""

    rule: str
    message: str
    """What it does, in the rule's words."""
    output: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    is_local: bool = True
    state: str = "started"
    """started, finished or failed."""
    tries: int = 1
    slurm: str | None = None
    """Number of the SLURM job that does it."""


@dataclass
class Jobs:
    """The jobs of a run that were started, by Snakemake's number."""

    configuration: str | None = None
    by_number: dict[int, Job] = field(default_factory=dict)
    done: int = 0
    total: int = 0

    def hear(self, event: str, told: Mapping[str, Any]) -> Job | None:
        """Take in an event; returns the job that it is about."""
        if event == "run":
            self.configuration, self.total = told.get("configuration"), int(told["total"])
        elif event == "progress":
            self.done, self.total = int(told["done"]), int(told["total"])
        elif event == "job":
            before = self.by_number.get(told["jobid"])
            self.by_number[told["jobid"]] = Job(
                told["rule"],
                told["message"] or told["rule"],
                tuple(told["output"]),
                tuple(told["log"]),
                is_local=bool(told["local"]),
                tries=before.tries + 1 if before else 1,
            )
        job = self.by_number.get(told.get("jobid", -1))
        if job is not None and event == "submitted":
            job.slurm = str(told["slurm"])
        elif job is not None and event in ("finished", "failed"):
            job.state = event
        return job

    def of(self, state: str) -> Iterator[Job]:
        """Jobs in a state."""
        return (job for job in self.by_number.values() if job.state == state)

    @property
    def retries(self) -> int:
        """How often a job was tried again."""
        return sum(job.tries - 1 for job in self.by_number.values())


class Journal:
    """The file, written by the run itself."""

    def __init__(self, folder: Path, configuration: str | None, total: int) -> None:
        """Begin it anew.

        Args:
            folder: of the run.
            configuration: the file that it was started with.
            total: jobs that it will do.
        """
        self._path = folder / JOURNAL
        self._lock = threading.Lock()
        self.jobs = Jobs()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self.hear("run", {"configuration": configuration, "total": total})

    def hear(self, event: str, told: Mapping[str, Any]) -> Job | None:
        """Note an event; returns the job that it is about."""
        with self._lock:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"event": event, **told}) + "\n")
            return self.jobs.hear(event, told)


def read_journal(folder: Path) -> Jobs | None:
    """What the last run in ``folder`` has noted of its jobs.

    Returns:
        None where no run has noted any. Of a line that was cut short or damaged, nothing.
    """
    jobs = Jobs()
    try:
        lines = (folder / JOURNAL).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        try:
            told = json.loads(line)
            jobs.hear(told.pop("event"), told)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return jobs
