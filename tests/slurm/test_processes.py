"""Training by several processes inside one SLURM allocation, on one node and on two."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from slurm_lab import Cluster, Experiment, make_lab, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1800)]

NAME = "swish.elu.x"
TRIAL = f"results/lab/trials/{NAME}.json"
LOG = f"logs/lab/trials/{NAME}.log"
RECIPE = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 20, "batch_size": 50}
SITE = ("--default-resources", "slurm_partition=gpu", "cpu_partition=cpu", "gpu_model=demo")


def _lab(folder: Path, nodes: int, gpu: int = 0) -> Experiment:
    resources = {"processes": 2, "nodes": nodes, "gpu": gpu, "mem_mb": 3000, "runtime": 5}
    return make_lab(folder, resources=resources, recipe=RECIPE, seeds=[0, 1], checkpoint_minutes=0)


def _trial(lab: Experiment) -> str:
    return lab.contents()[f"lab/trials/{NAME}.json"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Content of the trial, made by two processes on this machine."""
    lab = _lab(tmp_path_factory.mktemp("local") / "lab", nodes=1)
    lab.succeeds(lab.start("--cores=2", TRIAL))
    return _trial(lab)


@pytest.fixture(scope="module")
def labs(
    cluster: Cluster, undisturbed: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[int, int], Experiment]:
    """The trial made on so many nodes with so many GPUs; runs wait beside each other."""
    folder = tmp_path_factory.mktemp("processes")
    wanted = [(1, 2), (2, 0), (2, 2)]
    made = {pair: _lab(folder / "{}-{}".format(*pair), *pair) for pair in wanted}
    for lab, run in [(lab, lab.slurm(TRIAL, *SITE)) for lab in made.values()]:
        lab.succeeds(run)
    return made


@pytest.mark.parametrize(("nodes", "gpu"), [(1, 2), (2, 0), (2, 2)])
def test_two_processes(
    nodes: int,
    gpu: int,
    cluster: Cluster,
    undisturbed: str,
    labs: dict[tuple[int, int], Experiment],
) -> None:
    lab = labs[nodes, gpu]
    assert _trial(lab) == undisturbed
    (job,) = cluster.ended(lab.folder)
    assert job["JobState"] == "COMPLETED"
    assert job["NodeCnt"] == str(nodes)
    assert job["ProcCnt"] == "2"
    assert job["Partition"] == ("gpu" if gpu else "cpu")
    record = json.loads((lab.folder / TRIAL).read_text())["provenance"]
    assert record["device"]["processes"] == 2
    assert record["slurm"]["job"] == job["JobId"]
    assert record["slurm"].get("gpus", "").count(",") + bool(gpu) == gpu // nodes
    assert record["command"].startswith("actsearch train --task lab")


def test_a_cancelled_training_goes_on_from_its_checkpoint(
    cluster: Cluster, undisturbed: str, tmp_path: Path
) -> None:
    lab = _lab(tmp_path / "lab", nodes=2)
    (lab.folder / ".lab" / "slow").write_text("0.05")
    process = lab.slurm(TRIAL)
    checkpoint = lab.folder / f"results/lab/trials/.{NAME}.json.checkpoint"
    wait_for("checkpoint", checkpoint.exists)
    subprocess.run(["scancel", cluster.queued(lab.folder)[0]["id"]], timeout=60, check=True)
    lab.succeeds(process)
    assert "goes on after epoch" in (lab.folder / LOG).read_text()
    states = [job["JobState"] for job in cluster.ended(lab.folder)]
    assert sorted(states) == ["CANCELLED", "COMPLETED"]
    assert _trial(lab) == undisturbed
    assert not checkpoint.exists()
