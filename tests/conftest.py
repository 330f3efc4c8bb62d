"""Which tests share a process: those of a file, and all that use the one SLURM cluster."""

from __future__ import annotations

import os
import shutil

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling


class OneCluster(LoadFileScheduling):  # type: ignore[misc]
    """The files under tests/slurm as one."""

    def _split_scope(self, nodeid: str) -> str:
        return "slurm" if nodeid.startswith("tests/slurm/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneCluster:
    return OneCluster(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """A process a core, and one more for the cluster, whose tests mostly wait."""
    return len(os.sched_getaffinity(0)) + (shutil.which("sbatch") is not None)
