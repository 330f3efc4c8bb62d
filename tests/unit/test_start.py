"""What happens before the first job: which options take which steps, and in which order."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_experiment import SMALL

from actsearch.cluster import start as module
from actsearch.cluster.journal import read_journal
from actsearch.cluster.queue import QueueError
from actsearch.cluster.runs import RunError
from actsearch.cluster.start import Run, start
from actsearch.cluster.watchdog import PatienceError
from actsearch.config import ConfigError, parse_config
from actsearch.plan import internals
from actsearch.plan.adoption import AdoptionError
from actsearch.plan.experiment import Plan
from actsearch.plan.internals import LOOKS, Options
from actsearch.records.formats import write_json

TOLD = {"ACTSEARCH_CONFIG": "config.yaml", "ACTSEARCH_SNAKEFILE": "Snakefile"}
ON_A_CLUSTER = {"executor": "slurm"}


def options(*targets: str, **given: Any) -> Options:
    """Options as Snakemake parses them: those that are not given are false, or None."""
    parsed = {"targets": set(targets), "dryrun": False, "unlock": False, "executor": "local"}
    return Options(SimpleNamespace(**parsed | given))


class Steps(list[str]):
    """The steps that were taken, in order, in place of the steps themselves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.errors: dict[str, ValueError] = {}
        self.given: dict[str, tuple[Any, ...]] = {}
        self.refused: bool | None = None
        self.slurm = False
        self.alive: str | None = None
        for name in ("adopt", "require_slurm", "claim", "check_networks", "_estimate_beside"):
            monkeypatch.setattr(module, name, self._step(name))
        monkeypatch.setattr(module, "patience", self._step("patience"))
        monkeypatch.setattr(module, "check_data", self._check_data)
        monkeypatch.setattr(module, "has_slurm", lambda: self.slurm)
        monkeypatch.setattr(module, "running", lambda folder: self.alive)

    def take(self, name: str, *arguments: Any) -> None:
        self.append(name)
        self.given[name] = arguments
        if name in self.errors:
            raise self.errors[name]

    def _step(self, name: str) -> Any:
        def step(*arguments: Any) -> Any:
            self.take(name, *arguments)
            if name == "claim":
                return SimpleNamespace(wait_for_leftovers=lambda say: self.take("leftovers", say))
            return None

        return step

    def _check_data(self, plan: Plan, names: Any, *, refused: bool, warn: Any) -> None:
        self.refused = refused
        self.take("check_data", plan, names, warn)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Steps:
    monkeypatch.chdir(tmp_path)
    return Steps(monkeypatch)


def plan(gpu: int = 0) -> Plan:
    values = copy.deepcopy(SMALL)
    values["tasks"]["tiny"]["resources"] = {"gpu": gpu}
    return Plan(parse_config(values))


def begin(asked: Options, gpu: int = 0) -> Run:
    return start(plan(gpu), asked, TOLD, print, pytest.fail)


REAL = ["adopt", "patience", "claim", "check_data", "check_networks"]
LOOK = ["check_data"]
DRY = ["adopt", "check_data"]


@pytest.mark.parametrize(
    "given, taken, refused",
    [
        ({}, REAL, True),
        ({"dryrun": True}, DRY, False),
        ({"summary": True}, DRY, False),
        ({"detailed_summary": True}, DRY, False),
        ({"touch": True}, ["patience", "claim", "check_data"], False),
        ({"touch": True, "dryrun": True}, LOOK, False),
        *[({look: True}, LOOK, False) for look in LOOKS],
        ({"lint": True, "dryrun": True}, LOOK, False),
    ],
)
def test_steps_by_option(
    given: Mapping[str, Any], taken: list[str], refused: bool, steps: Steps
) -> None:
    run = begin(options(**given))
    assert steps == taken
    assert steps.refused is refused
    assert (run.claim is not None) is ("claim" in taken)


def test_slurm_must_answer_before_the_folder_is_taken(steps: Steps) -> None:
    steps.slurm = True
    begin(options(**ON_A_CLUSTER))
    slurm = ["adopt", "patience", "require_slurm", "claim", "leftovers"]
    assert steps == [*slurm, "check_data", "check_networks"]


def test_jobs_of_an_earlier_run_are_waited_for_by_a_run_on_this_machine_too(steps: Steps) -> None:
    steps.slurm = True
    begin(options())
    assert steps == ["adopt", "patience", "claim", "leftovers", "check_data", "check_networks"]


@pytest.mark.parametrize("given", [{"dryrun": True}, {"lint": True}, {"unlock": True}])
def test_whoever_makes_no_files_asks_no_slurm(given: Mapping[str, Any], steps: Steps) -> None:
    steps.slurm = True
    begin(options(**given, **ON_A_CLUSTER))
    assert not {"require_slurm", "claim", "leftovers"} & set(steps)


@pytest.mark.parametrize(
    "error",
    [
        ("adopt", AdoptionError("other results")),
        ("patience", PatienceError("no number")),
        ("require_slurm", QueueError("no answer")),
        ("claim", RunError("in use")),
        ("leftovers", QueueError("no answer")),
        ("check_data", ConfigError("data.digits: none")),
        ("check_networks", ConfigError("tasks.tiny: none")),
    ],
)
def test_what_refuses_ends_the_start(error: tuple[str, ValueError], steps: Steps) -> None:
    name, refusal = error
    steps.slurm = True
    steps.errors = {name: refusal}
    with pytest.raises(type(refusal), match=str(refusal)):
        begin(options(**ON_A_CLUSTER))
    assert steps[-1] == name


def test_a_run_that_lives_is_not_unlocked(steps: Steps) -> None:
    begin(options(unlock=True))
    steps.clear()
    steps.alive = "somebody on a machine"
    with pytest.raises(RunError, match=r"^not unlocked: the run of somebody on a machine is alive"):
        begin(options(unlock=True))
    assert steps == []
    begin(options(lint=True))
    begin(options(dryrun=True))


def test_steps_are_given_what_they_look_at(steps: Steps, tmp_path: Path) -> None:
    begin(options("results/tiny/map.parquet"))
    assert steps.given["adopt"] == (tmp_path, TOLD, print)
    assert steps.given["claim"] == (tmp_path, print)
    looked_at, names, warn = steps.given["check_data"]
    assert (names, warn) == (["digits"], pytest.fail)
    memory = Path(".snakemake/networks")
    assert steps.given["check_networks"] == (looked_at.config, ["tiny"], TOLD, memory)


def test_only_what_the_targets_are_made_from_is_checked(steps: Steps) -> None:
    begin(options("results/spaces/small/functions.parquet"))
    assert steps.given["check_data"][1] == []
    assert steps.given["check_networks"][1] == []


def test_without_targets_all_is_made(steps: Steps) -> None:
    assert options().targets == ["all"]
    begin(options())
    assert steps.given["check_networks"][1] == ["tiny"]


def test_a_dry_run_on_gpus_counts_hours_beside_its_planning(steps: Steps) -> None:
    begin(options(dryrun=True), gpu=1)
    assert steps == [*DRY, "_estimate_beside"]
    assert steps.given["_estimate_beside"] == (TOLD,)
    for given in ({}, {"touch": True}, {"lint": True}):
        steps.clear()
        begin(options(**given), gpu=1)
        assert "_estimate_beside" not in steps


@pytest.mark.parametrize(
    "code, said",
    [
        ("print('3 hours')", "3 hours\n"),
        (
            "print('a warning\\nerror: no trials', file=sys.stderr); sys.exit(2)",
            "no estimate: no trials\n",
        ),
        ("sys.exit(1)", "no estimate: it says nothing\n"),
        ("os.kill(os.getpid(), 15)", ""),
    ],
)
def test_what_the_estimate_says(code: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", f"import os, sys; {code}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    module._say_estimate(process)
    assert capsys.readouterr().err == said


class Folder:
    """A folder that was taken, and what was noted in it."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def submit_as(self, name: str) -> None:
        self.notes.append(name)

    def forget_jobs(self) -> None:
        self.notes.append("none left")


def test_a_watchdog_looks_after_jobs_on_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[float] = []
    monkeypatch.setenv("ACTSEARCH_PATIENCE", "2")
    monkeypatch.setattr(internals, "name_of_jobs", lambda workflow: f"jobs of {workflow}")
    monkeypatch.setattr(module, "watch", lambda dog, end, every: watched.append(every))
    folder: Any = Folder()
    run = Run(options(**ON_A_CLUSTER), folder)
    run.look_after_jobs("a workflow")
    assert (folder.notes, watched) == (["jobs of a workflow"], [6.0])
    run.forget_jobs()
    assert folder.notes == ["jobs of a workflow", "none left"]


def test_nobody_looks_after_jobs_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "watch", pytest.fail)
    folder: Any = Folder()
    Run(options(), folder).look_after_jobs("a workflow")
    assert folder.notes == []
    Run(options(**ON_A_CLUSTER), None).look_after_jobs("a workflow")
    Run(options(), None).forget_jobs()


TRIAL = {"score": "accuracy", "status": "completed", "validation_score": 0.5}


@pytest.mark.parametrize("far", [True, False])
def test_the_window_says_what_jobs_on_a_cluster_have_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for slug, trial in {
        "elu.x": TRIAL | {"function": "elu(x)"},
        "erf.x": TRIAL | {"function": "erf(x)", "validation_score": 0.75},
        "exp.x": TRIAL | {"function": "exp(x)", "validation_score": 0.9, "status": "diverged"},
    }.items():
        write_json(tmp_path / f"{slug}.json", trial, {"step": "train", "seconds": 2.0})
    heard: list[Any] = []
    monkeypatch.setattr(internals, "listen", heard.append)
    monkeypatch.setattr(internals, "number_of_jobs", lambda workflow: 2)
    monkeypatch.setattr(internals, "be_quiet_about_failures", lambda when: None)
    monkeypatch.setattr(module, "leave_ctrl_c", lambda at_end: None)
    said: list[str] = []
    taken: Any = Folder()
    given = ON_A_CLUSTER if far else {}
    Run(options(**given), taken).note_jobs("a workflow", "config.yaml", said.append)
    (hear,) = heard
    job = {"jobid": 4, "rule": "train__t__0", "message": "t: training pack 0 (4 functions)"}
    files = ["elu.x.json", "erf.x.json", "exp.x.json", "missing.json"]
    hear("job", job | {"output": files, "log": [], "local": not far})
    hear("finished", {"jobid": 4})
    hear("job", job | {"jobid": 5, "message": None, "output": ["a.npz"], "log": [], "local": True})
    hear("finished", {"jobid": 5})
    hear("progress", {"done": 2, "total": 2})
    told = "3 functions, best erf(x) (validation accuracy 75.00%), 1 diverged, 6 s of training"
    assert said == ([f"t: training pack 0: {told}"] if far else [])
    jobs = read_journal(tmp_path)
    assert jobs is not None and [job.state for job in jobs.by_number.values()] == ["finished"] * 2
    assert "2 of 2 jobs are done" in module._stopped(jobs)


def test_snakemakes_own_events_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the names that its interface for loggers gives them."""
    from snakemake.logging import logger
    from snakemake_interface_logger_plugins.common import LogEvent

    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "filters", [])
    monkeypatch.setattr(logger, "level", 20)
    heard: list[Any] = []
    internals.listen(lambda event, told: heard.append((event, dict(told))))
    job = {"jobid": 3, "rule_name": "r", "rule_msg": "t", "output": ["a (update)", "b"], "log": []}
    logger.info("", extra=job | {"event": LogEvent.JOB_INFO, "local": False})
    logger.info("Job 3 has been submitted with SLURM jobid 77 (log: x).")
    logger.info("Something else.")
    logger.error("", extra={"event": LogEvent.JOB_ERROR, "jobid": 3})
    internals.be_quiet_about_failures(lambda: True)
    logger.error("", extra={"event": LogEvent.JOB_ERROR, "jobid": 3})
    logger.info("", extra={"event": LogEvent.JOB_FINISHED, "job_id": 3})
    logger.info(None, extra={"event": LogEvent.PROGRESS, "done": 1, "total": 2})
    assert [event for event, _ in heard] == ["job", "submitted", "failed", "finished", "progress"]
    assert heard[0][1]["output"] == ["a", "b"] and heard[1][1] == {"jobid": 3, "slurm": "77"}


def test_every_option_is_one_of_snakemakes() -> None:
    """With their names as Snakemake parses them: one that is renamed would be overlooked."""
    from snakemake.cli import parse_args

    parsed = vars(parse_args(["--cores", "1"])[1])
    known = {*LOOKS, *internals.PLANS, "targets", "dryrun", "unlock", "executor", "touch"}
    assert known - parsed.keys() == set()
    found = Options(SimpleNamespace(**parsed))
    assert found.makes_files and not found.looks and not found.touches and not found.on_slurm
    assert found.targets == ["all"]
