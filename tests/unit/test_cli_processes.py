"""The command ``train``, killed and started again, with one process and with several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from actsearch.cli import launch
from actsearch.cli.app import app, load_commands
from actsearch.cli.steps import train as training
from actsearch.config import ConfigError

# A network with all that a checkpoint has to bring back, and an operator that fails in it, though
# not when it is tried. The process number VICTIM comes to grief in its 21st step: the second epoch
# of the second run.
FRAGILE = """
import os, signal, sys, traceback
import numpy as np
import torch
from torch import nn
from actsearch.functions.operators import Operator, register

def fail(x):
    if x.shape[1:] == (16,):
        raise RuntimeError("broken on purpose")
    return torch.sign(x)

def leave(x):
    if x.shape[1:] == (16,):
        sys.exit(0)
    return torch.sign(x)

register(Operator("broken", 1, numpy=np.sign, torch=fail))
register(Operator("leaving", 1, numpy=np.sign, torch=leave))

class Fragile(nn.Module):
    def __init__(self, pixels, n_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(16, n_classes),
        )

    def forward(self, x):
        frames = traceback.walk_stack(None)
        tried = any(
            place in frame.f_code.co_filename
            for frame, _ in frames
            for place in ("/rehearsal/", "plain_calls.py")
        )
        if self.training and os.environ.get("VICTIM") == os.environ.get("RANK", "0"):
            tried or grieve()
        return self.layers(x)

steps = 0

def grieve():
    global steps
    steps += 1
    if steps == 21 and os.environ["GRIEF"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if steps == 21:
        raise RuntimeError("broken in one process")

def build(image_shape, n_classes):
    from datetime import timedelta
    from actsearch.training import distributed
    distributed.PATIENCE = timedelta(seconds=1)
    return Fragile(image_shape[0] * image_shape[1] * image_shape[2], n_classes)
"""
RECIPE = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 4, "batch_size": 60}
TASK = {
    "data": "digits",
    "model": "fragile:build",
    "recipe": RECIPE,
    "seeds": [0, 1],
    "checkpoint_minutes": 0,
}
CONFIG = {
    "data": {
        "digits": {"source": "digits", "split": {"train": 200, "validation": 300, "test": 60}}
    },
    "spaces": {"few": {"include": ["baselines"]}},
    "operators": ["fragile"],
    "tasks": {
        "alone": TASK,
        "pair": TASK | {"resources": {"processes": 2}},
        "spread": TASK | {"resources": {"processes": 2, "nodes": 2}},
        "unknown": TASK | {"model": "fragile:none", "resources": {"processes": 2}},
    },
}
HIDDEN = ".tanh.x.json.checkpoint"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    (folder / "fragile.py").write_text(FRAGILE)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def train(folder: Path, task: str, *files: str, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of the command."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ACTSEARCH_CONFIG", "RANK", "SLURM_JOB_ID")
    }
    done = subprocess.run(
        [sys.executable, "-m", "actsearch.cli", "train", "--task", task, *files],
        cwd=folder,
        env=inherited | {"OMP_NUM_THREADS": "1"} | environment,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stderr


def content(path: Path) -> dict[str, Any]:
    """What a trial says, apart from where it comes from."""
    trial: dict[str, Any] = json.loads(path.read_text())
    trial.pop("provenance")
    return trial


def undisturbed(folder: Path, task: str) -> dict[str, Any]:
    """A trial of tanh beside a function that fails, which keeps its pack from its place."""
    code, said = train(folder, task, f"{task}/tanh.x.json", f"{task}/broken.x.json")
    assert code == 1, said
    assert said.count("RuntimeError: broken on purpose") == 1
    assert said.count("error: 1 of 2 functions failed: broken(x)") == 1
    assert said.count("tanh(x)  completed") == 1
    assert "elastic" not in said
    assert [file.name for file in (folder / task).iterdir()] == [".tanh.x.json.finished"]
    return content(folder / task / ".tanh.x.json.finished")


def killed_and_resumed(folder: Path, task: str, victim: str) -> dict[str, Any]:
    file = f"{task}-killed/tanh.x.json"
    code, said = train(folder, task, file, VICTIM=victim, GRIEF="kill")
    assert code in (-9, 137), said
    if task != "alone":
        assert said.splitlines()[1:] == [f"error: training process {victim} was ended by SIGKILL"]
    assert [left.name for left in (folder / file).parent.iterdir()] == [HIDDEN]
    code, said = train(folder, task, file)
    assert code == 0, said
    assert said.count("goes on after epoch 1 of run 2") == 1
    assert [left.name for left in (folder / file).parent.iterdir()] == ["tanh.x.json"]
    return content(folder / file)


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_same_end(folder: Path) -> None:
    whole = undisturbed(folder, "alone")
    assert whole["runs"][0]["train_loss"] != whole["runs"][1]["train_loss"]
    assert killed_and_resumed(folder, "alone", "0") == whole


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed_go_on_to_the_same_end(folder: Path) -> None:
    whole = undisturbed(folder, "pair")
    assert killed_and_resumed(folder, "pair", "1") == whole
    record = json.loads((folder / "pair-killed/tanh.x.json").read_text())["provenance"]
    assert record["device"] == {"type": "cpu", "threads": 1, "processes": 2}
    assert record["command"] == "actsearch train --task pair pair-killed/tanh.x.json"
    assert record["settings"]["tasks"]["pair"]["resources"] == {"processes": 2}


@pytest.mark.slow
def test_a_failure_of_one_process_ends_the_job(folder: Path) -> None:
    code, said = train(folder, "pair", "grief/tanh.x.json", VICTIM="1", GRIEF="raise")
    assert code == 1
    assert said.count("RuntimeError: broken in one process") == 1
    assert "elastic" not in said


@pytest.mark.slow
@pytest.mark.parametrize("task", ["alone", "pair"])
def test_an_exit_in_a_function_is_a_failure_of_that_function(folder: Path, task: str) -> None:
    files = [f"{task}-exit/{function}.x.json" for function in ("leaving", "tanh")]
    code, said = train(folder, task, *files)
    assert code == 1, said
    assert said.count("error: 1 of 2 functions failed: leaving(x)") == 1
    assert said.count("tanh(x)  completed") == 1


@pytest.mark.slow
def test_a_mistake_is_said_once(folder: Path) -> None:
    code, said = train(folder, "unknown", "mistake/tanh.x.json")
    assert code == 2
    assert said.splitlines()[0] == "starting 2 training processes"
    (message,) = said.splitlines()[1:]
    assert message.startswith("error: model 'fragile:none' cannot be imported")


class StartedError(Exception):
    pass


@pytest.fixture
def no_launch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: Any) -> None:
        raise StartedError

    load_commands()
    for name in ("ACTSEARCH_CONFIG", "TORCHELASTIC_RUN_ID", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    config = {**CONFIG, "operators": []}
    (folder / "plain.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(training, "launch", stop)


def invoke(*arguments: str) -> BaseException | None:
    return CliRunner().invoke(app, ["train", "--config", "plain.yaml", *arguments]).exception


def test_cheap_mistakes_are_said_before_anything_is_started(no_launch: None) -> None:
    assert isinstance(invoke("--task", "pair", "relu.x.json"), StartedError)
    assert "unknown operator" in str(invoke("--task", "pair", "rel.x.json"))
    assert "no section 'final'" in str(invoke("--task", "pair", "--final", "relu.x.json"))
    missing = invoke("--task", "pair", "--proposals", "none.csv", "00.json")
    assert "none.csv: no such file" in str(missing)


def test_several_nodes_outside_slurm_are_refused(
    no_launch: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "launch", launch.launch)
    error = invoke("--task", "spread", "relu.x.json")
    assert isinstance(error, ConfigError)
    assert "this is not a SLURM job" in str(error)
