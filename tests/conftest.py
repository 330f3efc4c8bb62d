"""What tests share: a process, by file and for the one SLURM cluster; the search path, by none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

_SAFE_PATH = "PYTHONSAFEPATH"
_GIVEN = os.environ.get(_SAFE_PATH)
_OURS = "actsearch.records.search_path"

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


class OneCluster(LoadFileScheduling):  # type: ignore[misc]
    """The files under tests/slurm as one."""

    def _split_scope(self, nodeid: str) -> str:
        return "slurm" if nodeid.startswith("tests/slurm/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneCluster:
    return OneCluster(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """A process a core, and one more for the cluster, whose tests mostly wait."""
    return len(os.sched_getaffinity(0)) + (shutil.which("sbatch") is not None)


@pytest.fixture(autouse=True)
def search_path() -> Iterator[None]:
    """What a command that ran in this process did to the search path is taken back."""
    path, finders = sys.path.copy(), sys.meta_path.copy()
    yield
    sys.path[:] = path
    # Ours alone: importlib_metadata puts its finder there once, in place of a method of Python's.
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if finder in finders or getattr(finder, "__module__", None) != _OURS
    ]
    _as_given()


def pytest_collection_finish() -> None:
    """Take back what modules of tests did to it while they were imported."""
    _as_given()


def _as_given() -> None:
    """What is started looks for modules as it would in the shell of these tests."""
    os.environ.pop(_SAFE_PATH, None)
    if _GIVEN is not None:
        os.environ[_SAFE_PATH] = _GIVEN
