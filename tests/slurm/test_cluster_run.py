"""The whole workflow on a real SLURM cluster."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from slurm_lab import Cluster, Experiment, make_folder, make_lab

from actsearch.cluster.journal import read_journal

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1800)]

DEMO = "--configfile=config/demo.yaml"
PLACES = ("local", "remote")
FINAL = "digits-cnn/final.json"
TIMED = {
    *("spaces/three-node-sample/costs.parquet", "digits-cnn/final/costs.csv"),
    *(FINAL, "digits-cnn/final_activation.py", "report.html"),
}
"""What was timed, and what tells it: another time on each machine."""


def make_demo(folder: Path) -> Experiment:
    """The demonstration without its further tables: one task has jobs of every kind."""
    experiment = make_folder(folder)
    path = experiment.folder / "config" / "demo.yaml"
    text = path.read_text()
    start, end = text.index("  digits-resnet:"), text.index("surrogate:")
    path.write_text(f"{text[:start]}\n{text[end:]}")
    return experiment


@pytest.fixture(scope="module")
def local_and_remote(
    outcomes: object, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Experiment, Experiment]:
    """The demonstration, run on this machine and on the cluster, beside the scenarios."""
    local, remote = (make_demo(tmp_path_factory.mktemp("demo") / where) for where in PLACES)
    site = ("slurm_partition=gpu", "cpu_partition=cpu", "gpu_model=demo")
    kind = ("--default-resources", *site, "mem_mb=2000", "runtime=10")
    far = remote.slurm(DEMO, *kind)
    local.succeeds(local.start("--cores=2", DEMO), 900)
    remote.succeeds(far, 900)
    return local, remote


@pytest.fixture
def local(local_and_remote: tuple[Experiment, Experiment]) -> Experiment:
    """The demonstration, run on this machine."""
    return local_and_remote[0]


@pytest.fixture
def remote(local_and_remote: tuple[Experiment, Experiment]) -> Experiment:
    """The demonstration, run on the cluster."""
    return local_and_remote[1]


def test_results_are_those_of_a_local_run(local: Experiment, remote: Experiment) -> None:
    far, near = remote.contents(), local.contents()
    assert far.keys() == near.keys()
    assert far.keys() > TIMED
    assert {name for name in far if far[name] != near[name]} <= TIMED
    finals = [
        json.loads((place.folder / "results" / FINAL).read_text())["functions"]
        for place in (remote, local)
    ]
    assert [{**function, "cost": None} for function in finals[0]] == [
        {**function, "cost": None} for function in finals[1]
    ]


def test_every_trial_names_its_job_node_and_gpu(cluster: Cluster, remote: Experiment) -> None:
    jobs = {job["JobId"]: job for job in cluster.ended(remote.folder)}
    trials = [
        path
        for folder in ("trials", "search/gp-ei/round-*", "final")
        for path in remote.folder.glob(f"results/*/{folder}/*.json")
    ]
    assert len(trials) == 24 + 8 + 4 + 10
    for path in trials:
        slurm = json.loads(path.read_text())["provenance"]["slurm"]
        assert jobs[slurm["job"]]["NodeList"] == slurm["node"]
        assert slurm["gpus"] in ("0", "1")
        assert slurm["partition"] == "gpu"


def test_jobs_ask_for_what_the_task_and_the_site_say(cluster: Cluster, remote: Experiment) -> None:
    ended = cluster.ended(remote.folder)
    assert {job["JobState"] for job in ended} == {"COMPLETED"}
    asked = {(job["Partition"], job["TimeLimit"], job["Tres"].split(",")[1]) for job in ended}
    # Trainings; FIM parts; maps; cross-validation and simulation. Light steps are no jobs.
    assert asked == {
        ("gpu", "10", "mem=2000M"),
        ("gpu", "240", "mem=2000M"),
        ("cpu", "120", "mem=8000M"),
        ("cpu", "240", "mem=4000M"),
    }


def test_nothing_is_left_to_do(remote: Experiment) -> None:
    """Neither afterwards, nor with other packs."""
    config = remote.folder / "config" / "demo.yaml"
    whole = config.read_text()
    for text in (whole, whole.replace("functions_per_job: &pack 12", "functions_per_job: &pack 5")):
        config.write_text(text)
        before = len(remote.said())
        remote.succeeds(remote.start("--profile=slurm", DEMO, "--dry-run"))
        assert "Nothing to be done" in remote.said()[before:]


def test_the_profile_as_it_comes(cluster: Cluster, tmp_path: Path) -> None:
    lab = make_lab(tmp_path / "lab")
    lab.succeeds(lab.start("--profile", "slurm", "results/lab/trials/swish.elu.x.json"))
    assert list(lab.trials()) == ["swish(elu(x))"]
    assert [job["JobState"] for job in cluster.ended(lab.folder)] == ["COMPLETED"]
    assert list((lab.folder / "logs" / "slurm").rglob("*.log"))
    assert (lab.folder / "logs/lab/trials/swish.elu.x.log").read_text().count("completed") == 1
    # The job's own words are in its log; the window says what it has found.
    found = "lab: training swish.elu.x: 1 function, best swish(elu(x)) (validation accuracy"
    assert found in lab.said()
    jobs = read_journal(lab.folder)
    assert jobs is not None and jobs.done == jobs.total == 1 and jobs.by_number[0].slurm


def test_without_a_cluster_one_error(tmp_path: Path) -> None:
    lab = make_lab(tmp_path / "lab")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "sh", "which", "git", "uname"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    said = lab.fails(lab.slurm("results/lab/trials/swish.elu.x.json", PATH=str(tools)))
    assert "no sbatch on this machine: --profile slurm is for a cluster's login node" in said
    assert "Traceback" not in said
    assert not (lab.folder / "results").exists()
