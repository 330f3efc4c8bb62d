"""Which tests run in one process: those of a file, and all that use the one SLURM cluster."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = "slurm" if item.get_closest_marker("slurm") else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
