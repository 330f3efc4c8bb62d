"""A trial that is stopped and goes on, in one process; killed for real in test_cli_processes."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import pytest
import torch

from actsearch.config import Data, Recipe, Split, Task
from actsearch.data.dataset import Dataset
from actsearch.data.loading import load_dataset
from actsearch.functions.expressions import parse
from actsearch.training.checkpoints import Checkpoint
from actsearch.training.trial import run_trial

IDENTITY = {"settings_digest": "sha256:1", "data_digest": None, "item": "tanh.x"}
TANH = parse("tanh(x)")
STEP = {"schedule": "step", "milestones": (0.5,)}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset(Data(source="digits", split=Split(train=120, validation=100, test=100)))


def task(model: str = "digits-resnet", optimizer: str = "adamw", **switches: Any) -> Task:
    steps = {"optimizer": optimizer, "learning_rate": 0.01, "epochs": 3, "batch_size": 50}
    recipe = Recipe(**(steps | switches))
    return Task(data="digits", model=model, recipe=recipe, seeds=(3, 4))


class Stopped(BaseException):
    """As a signal would."""


class Stopping(Checkpoint):
    """Stops the trial after the checkpoint of epoch 2 of run 2."""

    def after_epoch(self, epochs: int, *state: Any) -> None:
        super().after_epoch(epochs, *state)
        if (len(self.runs), epochs) == (1, 2):
            raise Stopped


def stopped(path: Path, chosen: Task, data: Dataset) -> None:
    with pytest.raises(Stopped):
        run_trial(chosen, data, TANH, checkpoint=Stopping(path, IDENTITY, 0))


@pytest.mark.parametrize(
    "model, optimizer, switches",
    [
        ("digits-resnet", "adamw", {}),
        ("digits-vit", "sgd", {}),
        ("digits-cnn", "sgd", {}),
        ("digits-resnet", "sgd", {"augmentation": {"flip": True, "resized_crop": (0.5, 1.0)}}),
        ("digits-resnet", "adamw", {"precision": "bfloat16", "channels_last": True}),
        ("digits-cnn", "sgd", {"compile": "activations", "warmup_epochs": 1, **STEP}),
    ],
)
def test_a_stopped_trial_ends_as_if_it_had_not_been(
    model: str, optimizer: str, switches: dict[str, Any], digits: Dataset, tmp_path: Path
) -> None:
    chosen, path = task(model, optimizer, **switches), tmp_path / ".tanh.x.json.checkpoint"
    whole, _ = run_trial(chosen, digits, TANH)
    stopped(path, chosen, digits)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    said: list[str] = []
    checkpoint = Checkpoint(path, IDENTITY, 0, said.append)
    resumed, seconds = run_trial(chosen, digits, TANH, checkpoint=checkpoint)
    assert resumed == whole
    assert said == [f"{path}: goes on after epoch 2 of run 2"]
    assert seconds > checkpoint.seconds > 0
    checkpoint.remove()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_costs_the_checkpoint_alone(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, path = task("digits-vit"), tmp_path / ".tanh.x.json.checkpoint"
    whole, _ = run_trial(chosen, digits, TANH)

    def full(state: object, file: IO[bytes]) -> None:
        file.write(b"half")
        raise RuntimeError("unexpected pos 64 vs 0")  # what torch makes of it

    monkeypatch.setattr(torch, "save", full)
    said: list[str] = []
    trial, _ = run_trial(
        chosen, digits, TANH, checkpoint=Checkpoint(path, IDENTITY, 0, said.append)
    )
    assert trial == whole
    assert not list(tmp_path.iterdir())
    assert said[0].startswith(f"{path}: cannot be written, the training goes on without")


def test_what_was_trained_before_is_not_trained_again(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, chosen = tmp_path / "checkpoint", task()
    stopped(path, chosen, digits)
    steps = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: steps.append(0) or step(self))
    run_trial(chosen, digits, TANH, checkpoint=Checkpoint(path, IDENTITY, 0))
    assert len(steps) == 3  # one epoch of three batches


def test_a_short_trial_writes_no_checkpoint(digits: Dataset, tmp_path: Path) -> None:
    run_trial(task(), digits, TANH, checkpoint=Checkpoint(tmp_path / "c", IDENTITY, 10))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [{"item": "relu.x"}, {"data_digest": "sha256:2"}])
def test_a_checkpoint_of_something_else_is_ignored(
    change: dict[str, str], digits: Dataset, tmp_path: Path
) -> None:
    path, said = tmp_path / "checkpoint", list[str]()
    stopped(path, task(), digits)
    other = Checkpoint(path, IDENTITY | change, 10, said.append)
    assert (
        run_trial(task(), digits, TANH, checkpoint=other)[0] == run_trial(task(), digits, TANH)[0]
    )
    assert said == [f"{path}: ignored, it is of other settings, code, data, processes or device"]


def test_a_checkpoint_of_another_number_of_processes_is_ignored(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = tmp_path / "checkpoint", list[str]()
    stopped(path, task(), digits)
    monkeypatch.setattr("actsearch.training.checkpoints.processes", lambda: 2)
    checkpoint = Checkpoint(path, IDENTITY, 10, said.append)
    checkpoint.open(torch.device("cpu"))
    assert not checkpoint.runs and "ignored" in said[0]


@pytest.mark.parametrize("keep", [0, 0.5, 0.999])
def test_a_checkpoint_that_was_cut_is_ignored(keep: float, digits: Dataset, tmp_path: Path) -> None:
    path, said = tmp_path / "checkpoint", list[str]()
    stopped(path, task(), digits)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    cut = Checkpoint(path, IDENTITY, 10, said.append)
    assert run_trial(task(), digits, TANH, checkpoint=cut)[0] == run_trial(task(), digits, TANH)[0]
    assert len(said) == 1
    assert said[0].startswith(f"{path}: ignored, it cannot be read (") and "\n" not in said[0]


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    path, said = tmp_path / "checkpoint", list[str]()
    torch.save({"identity": Path("/")}, path)  # an object, not plain data
    Checkpoint(path, IDENTITY, 10, said.append).open(torch.device("cpu"))
    assert "cannot be read" in said[0]
