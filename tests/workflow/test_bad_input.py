"""What a user can get wrong: one clear message, before any job starts."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import BIN, SMALL, Experiment

pytestmark = pytest.mark.workflow

Change = Callable[[dict[str, Any]], Any]


def _sine(config: dict[str, Any]) -> None:
    config["spaces"]["small"] = {"schemas": ["binary(unary(x),unary(x))"], "unary": ["sine"]}


BAD: dict[str, tuple[Change, str]] = {
    "unknown key": (
        lambda c: c["tasks"]["tiny"].update(recip={}),
        "tasks.tiny.recip: unknown key; allowed: benchmark, data",
    ),
    "wrong type": (
        lambda c: c["tasks"]["tiny"]["recipe"].update(epochs="many"),
        "tasks.tiny.recipe.epochs",
    ),
    "unknown operator": (_sine, "unknown operator 'sine'"),
    "wrong arity": (
        lambda c: c["spaces"]["small"].update(include=["add(relu(x))"]),
        "add takes 2 arguments, got 1, at position 0",
    ),
    "empty space": (lambda c: c["spaces"].update(none={}), "the space is empty"),
    "sample too large": (
        lambda c: c["spaces"]["small"].update(sample=5000),
        "5000 functions asked for, but the space holds 2791",
    ),
    "search too large": (
        lambda c: c["tasks"]["tiny"]["search"].update(rounds=20),
        "asks for 68 functions",
    ),
    "space too large to list": (
        lambda c: c["spaces"]["deep"].pop("sample"),
        "space 'deep' has 1023524 names, too many to list",
    ),
    "operator module missing": (
        lambda c: c.update(operators=["no_such_module"]),
        "cannot import 'no_such_module'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration(case: str, fresh: Experiment) -> None:
    change, expected = BAD[case]
    config = copy.deepcopy(SMALL)
    change(config)
    fresh.configure(config)
    assert expected in fresh.message()


@pytest.mark.parametrize(
    "target, expected",
    [
        ("results/tinny/benchmark.parquet", "no task 'tinny'; tasks: tiny"),
        ("results/tiny/trials/mul.rleu.x.x.json", "did you mean 'relu'?"),
        ("results/tiny/trials/mul.relu.x.json", "mul"),
        ("results/tiny/nothing.json", "results/tiny/nothing.json"),
    ],
)
def test_bad_target(target: str, expected: str, fresh: Experiment) -> None:
    assert expected in fresh.message(target)


def _actsearch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "actsearch"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("train", "--task", "tony", "--function", "relu(x)", "--out", "a.json"), "unknown 'tony'"),
        (("train", "--task", "tiny", "--function", "relu(y)", "--out", "a.json"), "y"),
        (("train", "--task", "tiny"), "no trial to make"),
        (("enumerate", "--space", "five-node"), "unknown 'five-node'"),
        (
            (
                "simulate",
                "--task",
                "tiny",
                "--strategy",
                "s",
                "--map",
                "m.parquet",
                "--table",
                "t.parquet",
                "--out",
                "o.parquet",
            ),
            "m.parquet",
        ),
    ],
)
def test_bad_command(arguments: tuple[str, ...], expected: str, fresh: Experiment) -> None:
    done = _actsearch(fresh.folder, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and expected in done.stderr
    assert "Traceback" not in done.stderr
