"""Training by several processes inside one SLURM allocation, on one node and on two."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from lab import Cluster, Experiment, make_lab, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1800)]

TRIAL = "results/lab/trials/relu.x.json"
RECIPE = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 20, "batch_size": 50}


def _lab(folder: Path, nodes: int, gpu: int = 0) -> Experiment:
    resources = {"processes": 2, "nodes": nodes, "gpu": gpu, "mem_mb": 3000, "runtime": 5}
    return make_lab(folder, resources=resources, recipe=RECIPE, seeds=[0, 1], checkpoint_minutes=0)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Content of the trial, made by two processes on this machine."""
    lab = _lab(tmp_path_factory.mktemp("local") / "lab", nodes=1)
    lab.succeeds(lab.start("--cores=2", TRIAL))
    return lab.contents()


@pytest.mark.parametrize(("nodes", "gpu"), [(1, 2), (2, 0), (2, 2)])
def test_two_processes(
    nodes: int, gpu: int, cluster: Cluster, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    lab = _lab(tmp_path / "lab", nodes, gpu)
    lab.succeeds(lab.slurm(TRIAL))
    assert lab.contents() == undisturbed
    (job,) = cluster.ended(lab.folder)
    assert job["JobState"] == "COMPLETED"
    assert job["NodeCnt"] == str(nodes)
    assert int(job["ProcCnt"]) == 2
    record = json.loads((lab.folder / TRIAL).read_text())["provenance"]
    assert record["device"]["processes"] == 2
    assert record["slurm"]["job"] == job["JobId"]
    assert ("gpus" in record["slurm"]) == (gpu > 0)
    assert record["command"].startswith("actsearch train --task lab")


def test_a_cancelled_training_goes_on_from_its_checkpoint(
    cluster: Cluster, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    lab = _lab(tmp_path / "lab", nodes=2)
    (lab.folder / "slow").write_text("0.05")
    process = lab.slurm(TRIAL)
    checkpoint = lab.folder / "results/lab/trials/.relu.x.json.checkpoint"
    wait_for("checkpoint", checkpoint.exists)
    subprocess.run(["scancel", cluster.queued(lab.folder)[0]["id"]], timeout=60, check=True)
    lab.succeeds(process)
    assert "goes on after epoch" in (lab.folder / "logs/lab/trials/relu.x.log").read_text()
    states = [job["JobState"] for job in cluster.ended(lab.folder)]
    assert sorted(states) == ["CANCELLED", "COMPLETED"]
    assert lab.contents() == undisturbed
    assert not checkpoint.exists()
