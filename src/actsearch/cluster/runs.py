"""One run at a time in a folder, and what a run that was killed has left behind.

A run signs a file of the folder and touches it every minute. Whoever finds it signed by a run that
lives is refused. A run that died without a word leaves Snakemake's locks, which :func:`claim`
removes, and its jobs in SLURM, whose names stand in the file: :meth:`Claim.wait_for_leftovers`.

No ``filelock``, which was tried: a lock says neither whose it is nor which jobs are left, who may
only read the folder cannot ask for it, and a soft one left on another machine never becomes free.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import platform
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import psutil

from actsearch.cluster.queue import QueuedJob, cancel, queued_jobs
from actsearch.plan import internals, layout
from actsearch.records.files import written_beside

SIGNATURE = layout.HIDDEN / "run.json"
_SECONDS_BETWEEN_SIGNS = 60
# Of a run on another machine only its signs of life are seen.
_SILENCE_S = 5 * _SECONDS_BETWEEN_SIGNS
_SECONDS_BETWEEN_LOOKS = 5


class RunError(ValueError):
    """A folder that another run works in; the message says whose."""


@dataclass(frozen=True)
class Run:
    """A run of the workflow in a folder: a process, and names of SLURM jobs."""

    user: str
    host: str
    process: int
    created: float
    """When the process was made, seconds since 1970: process numbers come again."""
    since: str
    jobs: tuple[str, ...] = ()
    """Names that its jobs have, and those of runs before it that may still work."""
    ended: bool = False
    """Whether the process said that it ends."""

    @classmethod
    def here(cls) -> Run:
        """This process."""
        process = psutil.Process()
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        return cls(process.username(), platform.node(), process.pid, process.create_time(), since)

    def __str__(self) -> str:
        return f"{self.user} on {self.host} (process {self.process}), since {self.since}"


def running(folder: Path) -> Run | None:
    """The run that works in ``folder``, if it lives."""
    run = _read(folder)
    return run if run is not None and _lives(run, folder / SIGNATURE) else None


def last_run(folder: Path) -> Run | None:
    """The last run that worked in ``folder``, alive or not."""
    return _read(folder)


class Claim:
    """A folder that this process has taken, until it ends."""

    def __init__(self, folder: Path, run: Run) -> None:
        """Sign ``folder``, and go on giving signs of life."""
        self._folder = folder
        self._run = run
        self._ended = threading.Event()
        _write(folder, run)
        threading.Thread(target=self._give_signs, daemon=True).start()
        atexit.register(self._end)

    def submit_as(self, name: str) -> None:
        """Note the name of the SLURM jobs that this run submits."""
        self._sign(replace(self._run, jobs=(*self._run.jobs, name)))

    def wait_for_leftovers(self, say: Callable[[str], None]) -> None:
        """Let jobs of earlier runs end: they are not started twice, and what they make is kept.

        Those that have not started are cancelled, since this run submits them anew.

        Args:
            say: told what is waited for.

        Raises:
            QueueError: when SLURM does not answer.
        """
        told: set[QueuedJob] = set()
        while jobs := queued_jobs(self._run.jobs):
            # Also one that its node has failed, and that waits again.
            cancel(job for job in jobs if job.pending)
            jobs = [job for job in jobs if not job.pending]
            if not told.issuperset(jobs):
                told.update(jobs)
                say(
                    "Jobs of an earlier run still work in this folder: "
                    f"{', '.join(map(str, jobs))}. Waiting for their end; to drop them: "
                    f"scancel {' '.join(job.job_id for job in jobs)}"
                )
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        if told:
            say("They have ended.")
        self.forget_jobs()

    def forget_jobs(self) -> None:
        """Note that no job of this run or of earlier ones is left."""
        self._sign(replace(self._run, jobs=()))

    def _sign(self, run: Run) -> None:
        # A run that was held up for long may have been taken for dead, and followed.
        if _read(self._folder) == self._run:
            self._run = run
            _write(self._folder, run)

    def _give_signs(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_SIGNS):
            with contextlib.suppress(OSError):
                if _read(self._folder) == self._run:
                    os.utime(self._folder / SIGNATURE)

    def _end(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._sign(replace(self._run, ended=True))


def claim(folder: Path, say: Callable[[str], None]) -> Claim:
    """Take ``folder`` for this process until it ends.

    Args:
        folder: of the run.
        say: told of an earlier run that died without a word, whose locks are removed.

    Returns:
        The claim, through which the run notes its jobs.

    Raises:
        RunError: when another run lives in it, or it cannot be written to.
    """
    _refuse_beside(running(folder))  # said first to whoever may only read
    try:
        return _claim(folder, say)
    except OSError as error:
        raise RunError(f"this folder cannot be written to: {error}") from None


def _refuse_beside(other: Run | None) -> None:
    if other is None:
        return
    far = (
        f" (if that is no more, the folder is free {_SILENCE_S // 60} minutes after its last sign)"
        if other.host != platform.node()
        else ""
    )
    raise RunError(
        f"this folder is in use by a run of {other}; wait for its end{far}, or work in a clone of "
        "your own. Dry runs (snakemake -n) work meanwhile"
    )


def _claim(folder: Path, say: Callable[[str], None]) -> Claim:
    with _one_at_a_time(folder):
        earlier = _read(folder)
        _refuse_beside(running(folder))
        if earlier is not None and not earlier.ended:
            say(f"Going on after a run of {earlier}, which was stopped.")
            shutil.rmtree(folder / internals.LOCKS, ignore_errors=True)
        return Claim(folder, replace(Run.here(), jobs=earlier.jobs if earlier else ()))


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    path = (folder / SIGNATURE).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        # Where files cannot be locked, Snakemake's own lock is left.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(folder: Path) -> Run | None:
    try:
        content = json.loads((folder / SIGNATURE).read_text())
        return Run(**content | {"jobs": tuple(content["jobs"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(folder: Path, run: Run) -> None:
    with written_beside(folder / SIGNATURE) as beside:
        beside.write_text(json.dumps(asdict(run)))


def _lives(run: Run, path: Path) -> bool:
    if run.ended:
        return False
    if run.host == platform.node():
        try:
            created: float = psutil.Process(run.process).create_time()
        except psutil.Error:
            return False
        # The time moves when the clock is set.
        return abs(created - run.created) < 60
    # The file server's clock, for both times.
    probe = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        probe.touch()
        now = probe.stat().st_mtime
        probe.unlink()
    except OSError:  # somebody else's folder
        now = time.time()
    return now - path.stat().st_mtime < _SILENCE_S
