"""What harms the cluster itself: one scenario at a time, after all else; see faults.py."""

from __future__ import annotations

from concurrent.futures import Future, wait
from pathlib import Path

import pytest
from faults import HARMFUL
from slurm_lab import Cluster

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("name", HARMFUL)
def test_nothing_is_lost(
    name: str, cluster: Cluster, outcomes: dict[str, Future[None]], tmp_path: Path
) -> None:
    wait(outcomes.values())
    HARMFUL[name](cluster, tmp_path / "lab")
