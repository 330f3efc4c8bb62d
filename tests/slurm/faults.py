"""What clusters do to jobs: nothing that was finished is lost, only what failed is made again.

Each run trains one pack of ten functions. A network is built once to look at it and once for each
function, and ``built`` counts: 11 in an undisturbed run. A job that dies over its fifth building
has finished three functions, so its follower builds one to try, and seven: 13 in all.

Runs mostly wait, so scenarios run beside each other; those that harm the cluster run alone.
"""

from __future__ import annotations

import functools
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from slurm_lab import N_FUNCTIONS, TABLE, Cluster, Experiment, make_lab, wait_for

JOB_FAULTS = {
    "exit": ("FAILED", "5 exit", {}),
    "memory": ("OUT_OF_MEMORY|FAILED", "5 memory", {}),
    # What is left must fit into the limit, too, beside all else that runs.
    "time": ("TIMEOUT", "5 hang", {"runtime": 2}),
    "cancelled": ("CANCELLED", "5 hang", {}),
}


def _built(lab: Experiment) -> int:
    return (lab.folder / ".lab" / "built").stat().st_size


def _training_jobs(cluster: Cluster, lab: Experiment) -> list[str]:
    """States of the ended jobs, in order."""
    ended = sorted(cluster.ended(lab.folder), key=lambda job: int(job["JobId"]))
    return [job["JobState"] for job in ended]


def _by_job(lab: Experiment) -> list[int]:
    """How many functions each job has made, in order of the jobs."""
    jobs = Counter(int(t["provenance"]["slurm"]["job"]) for t in lab.trials().values())
    return [jobs[job] for job in sorted(jobs)]


def _wait_for_trials(lab: Experiment, number: int) -> None:
    wait_for(f"{number} trials", lambda: len(lab.trials()) >= number)


Scenario = Callable[[Cluster, Path], None]


def dies(fault: str, cluster: Cluster, folder: Path) -> None:
    state, trouble, resources = JOB_FAULTS[fault]
    lab = make_lab(folder, resources={"gpu": 1, "runtime": 5} | resources)
    (folder / ".lab" / "trouble").write_text(trouble)
    process = lab.slurm(TABLE)
    if fault == "cancelled":
        wait_for("trouble", lambda: not (folder / ".lab" / "trouble").exists())
        subprocess.run(["scancel", cluster.queued(folder)[0]["id"]], timeout=60, check=True)
    lab.succeeds(process)
    jobs = sorted(cluster.ended(folder), key=lambda job: int(job["JobId"]))
    assert [job["JobState"] for job in jobs][1:] == ["COMPLETED"]
    assert jobs[0]["JobState"] in state.split("|")
    assert _by_job(lab) == [3, 7]
    assert _built(lab) == 13
    assert [job["Tres"].split(",")[1] for job in jobs] == ["mem=2000M", "mem=4000M"], "more"


def a_failing_or_missing_function_is_made_alone(cluster: Cluster, folder: Path) -> None:
    lab = make_lab(folder)
    (folder / ".lab" / "trouble").write_text("5 error")
    said = lab.fails(lab.slurm(TABLE, "--retries=0"))
    assert "ZeroDivisionError" in said, "the log of a failed job is shown"
    assert "1 of 10 functions failed" in said
    finished = lab.makers()
    assert len(finished) == N_FUNCTIONS - 1
    lab.succeeds(lab.slurm(TABLE))
    assert lab.makers().items() >= finished.items()
    assert _built(lab) == 11 + 2
    assert _by_job(lab) == [9, 1]

    before = lab.makers()
    (folder / "results/lab/trials/relu.x.json").unlink()
    lab.succeeds(lab.slurm("results/lab/trials/relu.x.json"))
    changed = {name for name, started in lab.makers().items() if started != before[name]}
    assert changed == {"relu(x)"}
    assert _built(lab) == 13 + 2


def a_full_disk_for_one_job(cluster: Cluster, folder: Path) -> None:
    lab = make_lab(folder)
    disk = folder / "results" / "lab"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    try:
        (disk / "filler").write_bytes(bytes(60 * 4096))  # four pages are left
        said = lab.fails(lab.slurm(TABLE, "--retries=0"))
        assert "cannot be written (No space left on device)" in said
        assert "Traceback" not in said
        finished = lab.makers()
        assert 0 < len(finished) < N_FUNCTIONS
        (disk / "filler").unlink()
        lab.succeeds(lab.slurm(TABLE))
        assert len(lab.trials()) == N_FUNCTIONS
        assert lab.makers().items() >= finished.items()
        assert not list(disk.rglob("*.tmp"))
    finally:
        subprocess.run(["umount", disk], check=True)


def two_runs_in_one_folder(cluster: Cluster, folder: Path) -> None:
    lab = make_lab(folder, forked=False, resources={"gpu": 1, "runtime": 30})
    (folder / ".lab" / "pace").write_text("1")
    first = lab.slurm(TABLE)
    _wait_for_trials(lab, 1)
    (folder / ".lab" / "pace").write_text("600")  # it works as long as the others are tried
    second = lab.start("--profile", "slurm", TABLE)
    said = lab.fails(second, 240)
    assert f"in use by a run of root on {_hostname()} (process {first.pid})" in said
    lab.fails(lab.start("--unlock", "--cores=1"), 240)
    lab.succeeds(lab.start("--profile", "slurm", "--dry-run", TABLE), 240)
    (folder / ".lab" / "pace").write_text("0")
    lab.succeeds(first)
    assert _built(lab) == 11


def _hostname() -> str:
    return subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip()


def an_interrupted_run_goes_on(cluster: Cluster, folder: Path) -> None:
    """Ctrl-C: the jobs are cancelled, what they have finished is kept."""
    lab = make_lab(folder, forked=False)
    (folder / ".lab" / "pace").write_text("1")
    process = lab.slurm(TABLE)
    _wait_for_trials(lab, 3)
    process.send_signal(signal.SIGINT)
    lab.fails(process)
    wait_for("cancellation", lambda: not cluster.queued(folder))
    finished = lab.makers()
    assert len(finished) >= 3
    lab.succeeds(lab.slurm(TABLE))
    assert lab.makers().items() >= finished.items()
    assert _built(lab) <= 13


def snakemake_killed_and_started_again(cluster: Cluster, folder: Path) -> None:
    """Its job still runs: it is waited for, and what it made is not made twice."""
    lab = make_lab(folder, forked=False)
    (folder / ".lab" / "pace").write_text("10")
    process = lab.slurm(TABLE)
    _wait_for_trials(lab, 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(lab.trials()) < N_FUNCTIONS
    lab.succeeds(lab.slurm(TABLE))
    said = lab.said()
    assert f"(process {process.pid})" in said
    assert "Jobs of an earlier run still work in this folder" in said
    assert _by_job(lab) == [N_FUNCTIONS], "all of the first job's"
    assert _built(lab) == 11
    assert set(_training_jobs(cluster, lab)) == {"COMPLETED"}


def a_node_that_goes_down(cluster: Cluster, folder: Path) -> None:
    lab = make_lab(folder)
    (folder / ".lab" / "trouble").write_text("5 hang")
    process = lab.slurm(TABLE)
    wait_for("trouble", lambda: not (folder / ".lab" / "trouble").exists())
    node = cluster.queued(folder)[0]["node"]
    cluster("kill-node", node)
    try:
        lab.succeeds(process, 400)
    finally:
        cluster("start-node", node)
    assert len(lab.trials()) == N_FUNCTIONS
    assert _built(lab) == 13
    nodes = Counter(t["provenance"]["slurm"]["node"] for t in lab.trials().values())
    assert nodes[node] == 3


def the_controller_is_away_for_half_a_minute(cluster: Cluster, folder: Path) -> None:
    """The executor forgets its job and would wait for ever; a run ends when its patience does."""
    patience = {"shorter": "0.3", "longer": "1.2"}
    labs = {name: make_lab(folder.with_name(name)) for name in patience}
    runs = {}
    for name, lab in labs.items():
        (lab.folder / ".lab" / "pace").write_text("5")
        # It forgets at the first query without an answer, and says so among much else.
        more = ("--slurm-status-attempts=1", "--verbose")
        runs[name] = lab.slurm(TABLE, *more, ACTSEARCH_PATIENCE=patience[name])
    for lab in labs.values():
        wait_for("a training", (lab.folder / ".lab" / "built").exists)
    cluster("stop-controller")
    ends = {"shorter": labs["shorter"].fails(runs["shorter"])}
    longer = labs["longer"]
    wait_for("a query without an answer", lambda: "could not check status" in longer.said(), 60)
    cluster("start-controller")
    ends["longer"] = longer.fails(runs["longer"])
    assert "SLURM has given no answer for 0.3 minutes" in ends["shorter"]
    assert "SLURM has had none of the jobs waited for (1) for 1.2 minutes" in ends["longer"]
    for name, lab in labs.items():
        assert "start the same command again" in ends[name]
        lab.succeeds(lab.slurm(TABLE))
        assert set(states := _training_jobs(cluster, lab)) == {"COMPLETED"}, states
        assert _by_job(lab) == [N_FUNCTIONS]
        assert _built(lab) == 11


def _named(fault: str) -> Scenario:
    scenario = functools.partial(dies, fault)
    scenario.__name__ = f"a_job_that_dies_{fault}"  # type: ignore[attr-defined]
    return scenario


def _by_name(*scenarios: Scenario) -> dict[str, Scenario]:
    return {scenario.__name__: scenario for scenario in scenarios}


BESIDE = _by_name(
    *map(_named, ("time", "exit", "memory", "cancelled")),
    a_failing_or_missing_function_is_made_alone,
    a_full_disk_for_one_job,
    snakemake_killed_and_started_again,
    an_interrupted_run_goes_on,
    two_runs_in_one_folder,
)
HARMFUL = _by_name(a_node_that_goes_down, the_controller_is_away_for_half_a_minute)
