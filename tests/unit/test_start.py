"""Between ``snakemake`` and the first job: which steps are taken, and in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from small_experiment import SMALL

from actsearch.cluster import start as starting
from actsearch.cluster.runs import RunError
from actsearch.config import parse_config
from actsearch.plan.experiment import Plan
from actsearch.plan.internals import LOOKS, PLANS, Options

TOLD = {"ACTSEARCH_CONFIG": "config.yaml"}


class Claim:
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def wait_for_leftovers(self, say: Any) -> None:
        self.calls.append("wait")

    def forget_jobs(self) -> None:
        self.calls.append("forget")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is called, in order; nothing of it does anything."""
    made: list[str] = []

    def note(name: str) -> Any:
        def called(*_: Any, **options: Any) -> None:
            made.append(name if options.get("refused", True) else f"{name}, warning")

        return called

    names = {"adopt": "adopt", "require_slurm": "slurm", "check_data": "data"}
    names |= {"check_networks": "networks", "_estimate_beside": "estimate"}
    for name, word in names.items():
        monkeypatch.setattr(starting, name, note(word))
    monkeypatch.setattr(starting, "claim", lambda *_: made.append("claim") or Claim(made))
    monkeypatch.setattr(starting, "has_slurm", lambda: True)
    monkeypatch.setattr(starting, "running", lambda folder: None)
    return made


def begin(gpu: bool = False, **given: Any) -> starting.Run:
    """Start with these options of Snakemake's."""
    nothing = dict.fromkeys([*LOOKS, *PLANS, "touch", "targets", "executor"])
    options = Options(SimpleNamespace(**nothing | given))
    plan = Plan(parse_config(SMALL))
    if gpu:
        resources = plan.tasks["tiny"].resources.model_copy(update={"gpu": 1})
        plan.tasks = {"tiny": plan.tasks["tiny"].model_copy(update={"resources": resources})}
    return starting.start(plan, options, TOLD, print, print)


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({}, ["adopt", "claim", "wait", "data", "networks"]),
        ({"executor": "slurm"}, ["adopt", "slurm", "claim", "wait", "data", "networks"]),
        ({"dryrun": True}, ["adopt", "data, warning"]),
        ({"dryrun": True, "gpu": True}, ["adopt", "data, warning", "estimate"]),
        ({"summary": True}, ["adopt", "data, warning"]),
        ({"touch": True}, ["claim", "wait", "data, warning"]),
        ({"unlock": True}, ["data, warning"]),
        *(({look: True}, ["data, warning"]) for look in ("lint", "list_rules", "dag")),
    ],
)
def test_each_kind_of_start_does_what_it_needs(
    given: dict[str, Any], steps: list[str], calls: list[str]
) -> None:
    run = begin(**given)
    assert calls == steps
    assert (run.claim is not None) == ("claim" in steps)
    run.forget_jobs()
    assert ("forget" in calls) == ("claim" in steps)


def test_without_slurm_nothing_is_waited_for(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "has_slurm", lambda: False)
    begin()
    assert calls == ["adopt", "claim", "data", "networks"]


def test_a_folder_with_a_run_is_not_unlocked(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "running", lambda folder: "somebody")
    with pytest.raises(RunError, match="not unlocked: the run of somebody is alive"):
        begin(unlock=True)
    assert calls == []


def test_patience_that_is_no_number_is_refused_before_the_folder_is_taken(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTSEARCH_PATIENCE", "long")
    with pytest.raises(ValueError, match="ACTSEARCH_PATIENCE is 'long'"):
        begin()
    assert calls == ["adopt"]
