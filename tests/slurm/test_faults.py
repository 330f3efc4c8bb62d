"""What clusters do to jobs, each scenario on its own; see faults.py."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from faults import BESIDE

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("name", BESIDE)
def test_nothing_is_lost(name: str, outcomes: dict[str, Future[None]]) -> None:
    outcomes[name].result()
