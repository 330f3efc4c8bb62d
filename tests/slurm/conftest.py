"""The private SLURM cluster."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from faults import BESIDE
from forked import clients
from slurm_lab import Cluster

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
    clients()  # once, before scenarios ask for them beside each other
    try:
        cluster("start")
        yield cluster
    finally:
        cluster("stop")


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """The selected scenarios, begun beside each other and beside the tests that do no harm."""
    selected = {item.name for item in request.session.items}
    with ThreadPoolExecutor(6) as pool:
        yield {
            name: pool.submit(scenario, cluster, tmp_path_factory.mktemp(name) / "lab")
            for name, scenario in BESIDE.items()
            if f"test_nothing_is_lost[{name}]" in selected
        }
