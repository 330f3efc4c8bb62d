"""The private SLURM cluster."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import pytest
from lab import Cluster

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Behind a shell's "&" it is ignored, in every process started here too; tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster, for the length of the session."""
    missing = [tool for tool in ("sbatch", "/usr/sbin/slurmctld") if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        reason = f"needs root and SLURM's packages (missing: {', '.join(missing) or 'root'})"
        if os.environ.get("ACTSEARCH_REQUIRE_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    cluster = Cluster()
    try:
        cluster("start")
        yield cluster
    finally:
        cluster("stop")
