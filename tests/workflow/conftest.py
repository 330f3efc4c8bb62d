"""Folders in which the small experiment is run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from experiment import Experiment, make_experiment


@pytest.fixture
def fresh(tmp_path: Path) -> Experiment:
    """A folder in which nothing was run."""
    return make_experiment(tmp_path / "fresh")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """A folder in which the small experiment was run to its end; tests do not change it."""
    experiment = make_experiment(tmp_path_factory.mktemp("finished") / "experiment")
    experiment.snakemake("--cores", "2")
    return experiment


@pytest.fixture
def copy(finished: Experiment, tmp_path: Path) -> Experiment:
    """A copy of the finished folder, for tests that change it."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Experiment(tmp_path / "copy")
