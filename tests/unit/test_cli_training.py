"""The command ``train``: a function that fails, and options that do not go together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import ConfigError
from actsearch.functions.expressions import Expression
from actsearch.training import trial

CONFIG = {
    "data": {"digits": {"source": "digits", "split": {"train": 130, "validation": 60, "test": 60}}},
    "spaces": {"few": {"include": ["baselines"]}},
    "tasks": {
        "tiny": {
            "data": "digits",
            "model": "digits-cnn",
            "recipe": {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 1, "batch_size": 60},
        }
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    load_commands()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["train", "--task", "tiny", *arguments])


def test_a_function_that_fails_does_not_stop_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_trial, trained = trial.run_trial, []

    def broken_for_relu(task: Any, dataset: Any, expression: Expression, **options: Any) -> Any:
        trained.append(expression.name)
        if expression.name == "relu(x)":
            raise RuntimeError("out of order")
        return run_trial(task, dataset, expression, **options)

    monkeypatch.setattr(trial, "run_trial", broken_for_relu)
    files = ["tanh.x.json", "relu.x.json", "elu.x.json"]
    first = train(*files)
    assert first.exit_code == 1
    assert trained == ["tanh(x)", "relu(x)", "elu(x)"]
    assert "RuntimeError: out of order" in first.stderr
    assert "error: 1 of 3 functions failed: relu(x)" in first.stderr
    assert not any(Path(name).exists() for name in files)

    monkeypatch.setattr(trial, "run_trial", run_trial)
    again = train(*files)
    assert again.exit_code == 0, again.stderr
    assert "2 of 3 trials stand and are kept" in again.stderr
    names = [json.loads(Path(name).read_text())["function"] for name in files]
    assert names == ["tanh(x)", "relu(x)", "elu(x)"]


def test_one_source_of_functions(folder: Path) -> None:
    options = ("--function", "relu(x)", "--proposals", "proposals.csv", "--out", "00.json")
    result = train(*options)
    assert isinstance(result.exception, ConfigError)
    assert "--function and --proposals" in str(result.exception)


def test_a_network_that_cannot_be_built_is_one_error(folder: Path) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["tasks"]["tiny"]["replace"] = {"types": ["SiLU"]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = train("tanh.x.json", "elu.x.json")
    assert isinstance(done.exception, ValueError)
    assert "no module matches type 'SiLU'" in str(done.exception)
    assert not list(folder.glob(".*"))
