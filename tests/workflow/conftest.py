"""Folders in which the small experiment is run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from experiment import ROOT, Experiment, make_experiment
from filelock import FileLock
from tracing import TRACES


@pytest.fixture
def fresh(tmp_path: Path) -> Experiment:
    """A folder in which nothing was run."""
    return make_experiment(tmp_path / "fresh")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """A folder in which the small experiment was run to its end; tests do not change it.

    Processes that share the tests share it: the first one runs it, the others wait.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return _run(tmp_path_factory.mktemp("finished") / "experiment")
    folder = tmp_path_factory.getbasetemp().parent / "finished"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            _run(folder.with_name("running")).folder.rename(folder)
    return Experiment(folder)


def _run(folder: Path) -> Experiment:
    """Run the small experiment; what its commands execute is noted in ``traces`` beside it."""
    experiment = make_experiment(folder)
    traces = folder.with_name("traces")
    traces.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TRACES, str(traces))
        experiment.snakemake("--cores", "2")
    return experiment


@pytest.fixture
def copy(finished: Experiment, tmp_path: Path) -> Experiment:
    """A copy of the finished folder, for tests that change it."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Experiment(tmp_path / "copy")


@pytest.fixture
def sources(copy: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that may be edited; the folder of ``copy`` works with it."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))
    assert "Nothing to be done" in copy.snakemake("-n").stdout
    return tmp_path
