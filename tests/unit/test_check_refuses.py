"""``actsearch check`` refuses what the Snakefile refuses, in the same words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from test_refusals import BAD, changed
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import ConfigError, read_values
from actsearch.plan.wanted import check_data, wanted
from actsearch.plan.whole import planned, refused_in

load_commands()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def started() -> str:
    """What the start of the Snakefile says of config.yaml, up to the networks."""
    with pytest.raises(ConfigError) as error:
        plan = planned(read_values("config.yaml"), "config.yaml", look_into_files=True)
        with refused_in(plan.origin):
            check_data(plan, wanted(plan, ["all"])[1], refused=True, warn=pytest.fail)
    return str(error.value)


@pytest.mark.parametrize("case", BAD)
def test_what_the_snakefile_refuses_is_refused(case: str, folder: Path) -> None:
    """The Snakefile's own end of it is in tests/workflow/test_bad_input.py."""
    change, expected = BAD[case]
    (folder / "config.yaml").write_text(yaml.safe_dump(changed(change), sort_keys=False))
    done = CliRunner().invoke(app, ["check"])
    assert expected in str(done.exception)
    assert str(done.exception) == started()
    assert str(done.exception).startswith("config.yaml")


Y = np.random.default_rng(0).integers(0, 40, 400)
Y[:40], Y[200:240], Y[300:340] = np.arange(40), np.arange(40), np.arange(40)


@pytest.mark.parametrize(
    ("y", "said", "asked"),
    [
        (Y, None, True),  # 40 different values, 10 examples each
        (Y, "classes", False),
        (Y % 10, None, False),
        (np.char.add("species ", Y.astype(str)), None, False),
        (Y.astype(np.float64) + 0.5, None, False),  # numbers, without a question
    ],
)
def test_many_classes_of_few_examples_are_asked_about(
    y: np.ndarray, said: str | None, asked: bool, folder: Path
) -> None:
    x = np.random.default_rng(1).normal(size=(400, 5))
    np.savez(folder / "own.npz", x=x, y=y)
    split = {"train": 300, "validation": 50, "test": 50}
    entry: dict[str, Any] = {"source": "npz:own.npz", "split": split}
    task = {
        "data": "own",
        "model": "mlp",
        "recipe": {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 1, "batch_size": 50},
        "fisher": {"examples": 8},
    }
    entry |= {"targets": said} if said else {}
    values = {"data": {"own": entry}, "spaces": {}, "tasks": {"t": task}}
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    done = CliRunner().invoke(app, ["check"], catch_exceptions=False)
    question = "question: the targets take 40 different values, of 10.0 examples each"
    assert (question in done.output) == asked
    assert "config.yaml: 0 spaces, 1 task, 1 data set" in done.output
    assert "Passes" in done.output
