"""What SLURM says of jobs, asked with squeue: it answers with and without accounting."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

# Without a controller SLURM's tools hang for minutes.
_PATIENCE_S = 60
_FIELDS = "%i|%T|%N|%k"  # those of QueuedJob


class QueueError(ValueError):
    """SLURM gave no answer; the message says what its tool said."""


@dataclass(frozen=True)
class QueuedJob:
    """A job that waits or runs."""

    job_id: str
    state: str
    """SLURM's long name of it, such as ``PENDING`` or ``RUNNING``."""
    nodes: str
    comment: str
    """For a job of Snakemake's, its rule and wildcards."""

    @property
    def pending(self) -> bool:
        """Whether it has not started."""
        return self.state == "PENDING"

    def __str__(self) -> str:
        where = f" on {self.nodes}" if self.nodes else ""
        return f"{self.job_id} ({self.comment}, {self.state.lower()}{where})"


def has_slurm() -> bool:
    """Whether jobs can be submitted from this machine."""
    return shutil.which("sbatch") is not None


def require_slurm() -> None:
    """Raise QueueError where jobs cannot be submitted from, or SLURM does not answer."""
    if not has_slurm():
        raise QueueError("no sbatch on this machine: --profile slurm is for a cluster's login node")
    try:
        _run("squeue", "--noheader", "--name=nobody")
    except QueueError as error:
        raise QueueError(f"SLURM does not answer, nothing was started: {error}") from None


def queued_jobs(names: Iterable[str], patience: float = _PATIENCE_S) -> list[QueuedJob]:
    """Jobs of the given names that have not ended.

    Args:
        names: of the jobs.
        patience: seconds to wait for SLURM.

    Returns:
        Those that wait or run, in the order of squeue.

    Raises:
        QueueError: when SLURM does not answer.
    """
    if not (names := list(names)):
        return []
    # Also of partitions that are hidden from whoever asks.
    output = _run(
        *("squeue", "--all", "--noheader", f"--name={','.join(names)}", f"--format={_FIELDS}"),
        patience=patience,
    )
    return [QueuedJob(*line.split("|", 3)) for line in output.splitlines()]


def cancel(jobs: Iterable[QueuedJob]) -> None:
    """Cancel those of ``jobs`` that have not started.

    Raises:
        QueueError: when SLURM does not answer.
    """
    if ids := [job.job_id for job in jobs]:
        _run("scancel", "--state=PENDING", *ids)


def _run(*command: str, patience: float = _PATIENCE_S) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=True)
    except FileNotFoundError:
        raise QueueError(f"no {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise QueueError(f"{command[0]} gave no answer for {patience:g} s") from None
    except subprocess.CalledProcessError as error:
        raise QueueError(f"{command[0]}: {error.stderr.strip()}") from None
    return done.stdout
