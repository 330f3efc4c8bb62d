"""Why a file would be made again, told from its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actsearch.plan.causes import Cause, Planned, causes
from actsearch.records.lineage import Artifact
from actsearch.records.reasons import Present, reasons

SETTINGS = {"tasks": {"t": {"seeds": [0]}}}
MODULES = {"a": "1"}
NOW = Present(SETTINGS, "s", MODULES, "c")
SOURCE = Artifact("in.json", {"content_digest": "x"})


def told(
    *,
    pending: bool = True,
    also: tuple[str, ...] = (),
    present: Present = NOW,
    planned: list[str] | None = None,
    **block: Any,
) -> list[Cause]:
    """Causes for a file made from ``in.json`` that is up to date but for ``block``."""
    usual = {
        "step": "map",
        "settings": SETTINGS,
        "settings_digest": "s",
        "modules": MODULES,
        "code_digest": "c",
        "inputs": {"in.json": "x"},
    }
    artifact = Artifact("out.json", usual | block)
    plan = Planned("out.json", "rule", "rule implementation changed", pending)
    stale = reasons(artifact, {"in.json": SOURCE}, planned, present)
    return causes(plan, artifact, stale, frozenset(also))


def test_what_stands_has_no_cause() -> None:
    assert told(pending=False, settings_digest="other") == []


@pytest.mark.parametrize(
    ("block", "cause"),
    [
        (
            {"settings": {"tasks": {"t": {"seeds": [1]}}}, "settings_digest": "o"},
            Cause("settings", "tasks.t.seeds: [1] -> [0]"),
        ),
        ({"modules": {"a": "2", "b": "1"}}, Cause("code", "a, b")),
        ({"operators": {"sine": "1"}}, Cause("code", "sine")),
        ({"inputs": {"in.json": "y"}}, Cause("inputs", "in.json changed")),
        ({"data": {"d.npz": "1"}}, Cause("inputs", "d.npz not used any more")),
        ({"planned": ["in.json", "b.json"]}, Cause("inputs", "b.json new")),
        ({"planned": []}, Cause("inputs", "in.json not used any more")),
        ({"present": replace(NOW, data={"d.npz": "2"})}, Cause("inputs", "d.npz new")),
        *(
            (
                {"step": step},
                Cause("kept", "its job runs for other files; this one is up to date and is kept"),
            )
            for step in ("train", "fim")
        ),
        ({}, Cause("rule", "rule implementation changed")),
    ],
)
def test_each_cause_is_told(block: dict[str, Any], cause: Cause) -> None:
    assert told(**block) == [cause]


def test_what_follows_from_others_is_told_apart_from_causes() -> None:
    assert [cause.kind for cause in told(also=("in.json",))] == ["follows"]
    assert [cause.kind for cause in told(also=("in.json",), step="train")] == ["follows"]
    assert [cause.kind for cause in told(also=("in.json",), modules={})] == ["code"]


def test_missing_and_damaged_files_need_no_record() -> None:
    plan = Planned("out.json", "rule", "missing", pending=True)
    assert causes(plan, None, (), frozenset())[0].kind == "missing"
    damaged = Artifact("out.json", problem="cut short")
    found = causes(plan, damaged, reasons(damaged, {}, None, NOW), frozenset())
    assert found == [Cause("unreadable", "cut short")]
    altered = Artifact("out.json", {"step": "map"}, "altered since it was written")
    found = causes(plan, altered, reasons(altered, {}, None, NOW), frozenset())
    assert found == [Cause("unreadable", "altered since it was written")]


def test_a_missing_input_is_no_cause() -> None:
    assert told(inputs={"in.json": "x", "gone.json": "y"})[0].kind == "rule"
    both = told(inputs={"in.json": "z", "gone.json": "y"})
    assert both == [Cause("inputs", "in.json changed")]


def test_a_task_that_is_gone_is_told() -> None:
    gone = told(present=Present(problem="unknown task 't'"))
    assert gone == [Cause("settings", "unknown task 't'")]


def test_an_input_that_was_altered_is_named() -> None:
    """Its record is the old one, so only its seal shows it."""
    artifact = Artifact("out.json", {"step": "map", "inputs": {"in.json": "x"}})
    plan = Planned("out.json", "rule", "updated input files", pending=True)
    wrong = {"in.json": "altered since it was written", "other.json": "cut short"}
    found = causes(plan, artifact, (), frozenset(), wrong)
    assert found == [Cause("inputs", "in.json: altered since it was written")]
