"""A part of the FIM features that is stopped and goes on."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actsearch import config
from actsearch.data.dataset import Dataset
from actsearch.data.loading import load_dataset
from actsearch.features import fisher_parts
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.fisher_parts import fisher_features
from actsearch.features.unfinished import UnfinishedPart
from actsearch.functions.expressions import parse

NAMES = ["relu(x)", "pow(x,reciprocal(x))", "tanh(x)", "swish(x)", "erf(x)"]
IDENTITY: dict[str, Any] = {
    "settings_digest": "sha256:1",
    "data": None,
    "device": {"type": "cpu", "threads": 1},
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    split = config.Split(train=60, validation=20, test=20)
    return load_dataset(config.Data(source="digits", split=split))


@pytest.fixture(scope="module")
def whole(digits: Dataset) -> dict[str, np.ndarray]:
    return part(digits)


def part(digits: Dataset, unfinished: UnfinishedPart | None = None) -> dict[str, np.ndarray]:
    recipe = config.Recipe(optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=64)
    fisher = config.Fisher(kind="sampled", examples=8)
    task = config.Task(data="digits", model="digits-resnet", recipe=recipe, fisher=fisher)
    return fisher_features(task, digits, [parse(name) for name in NAMES], unfinished=unfinished)


def assert_equal(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    assert one.keys() == two.keys()
    for name, values in one.items():
        assert (values.dtype, values.shape) == (two[name].dtype, two[name].shape)
        assert values.tobytes() == two[name].tobytes()


class Stopped(BaseException):
    """As a signal would."""


def count_calls(monkeypatch: pytest.MonkeyPatch, allowed: int | None = None) -> list[int]:
    calls: list[int] = []

    def counted(*arguments: Any) -> Any:
        if len(calls) == allowed:
            raise Stopped
        calls.append(len(calls))
        return fisher_spectrum(*arguments)

    monkeypatch.setattr(fisher_parts, "fisher_spectrum", counted)
    return calls


def stop(
    monkeypatch: pytest.MonkeyPatch, digits: Dataset, path: Path, functions: int, **options: Any
) -> None:
    with monkeypatch.context() as patch:
        count_calls(patch, functions)
        with pytest.raises(Stopped):
            part(digits, UnfinishedPart(path, IDENTITY, **options))


@pytest.mark.parametrize("functions", [1, 3])
@pytest.mark.parametrize("seconds_between", [0, 60])
def test_a_stopped_part_ends_as_if_it_had_not_been(
    functions: int,
    seconds_between: float,
    digits: Dataset,
    whole: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, said = tmp_path / "fim/.part-0.npz.checkpoint", list[str]()
    stop(monkeypatch, digits, path, functions, seconds_between=seconds_between)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    calls = count_calls(monkeypatch)
    unfinished = UnfinishedPart(path, IDENTITY, said.append)
    assert_equal(part(digits, unfinished), whole)
    assert len(calls) == len(NAMES) - functions
    assert said == [f"{path}: goes on after {functions} of {len(NAMES)} functions"]
    unfinished.remove()
    assert not list(path.parent.iterdir())


def test_a_killed_job_loses_what_came_after_the_last_writing(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    now = [0.0]
    monkeypatch.setattr("actsearch.records.checkpoints.time.monotonic", lambda: now[0])
    held: list[int] = []
    keep = UnfinishedPart.keep

    def spied(self: UnfinishedPart, spectra: Any, **options: Any) -> None:
        now[0] += 31.0
        keep(self, spectra, **options)
        with np.load(path) if path.exists() else nullcontext({"names": []}) as arrays:
            held.append(len(arrays["names"]))

    monkeypatch.setattr(UnfinishedPart, "keep", spied)
    part(digits, UnfinishedPart(path, IDENTITY))
    assert held == [0, 2, 2, 4, 4]


def test_a_full_disk_costs_the_file_alone(
    digits: Dataset,
    whole: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("actsearch.features.unfinished.np.savez", full)
    path, said = tmp_path / "file", list[str]()
    assert_equal(part(digits, UnfinishedPart(path, IDENTITY, said.append, 0)), whole)
    assert not list(tmp_path.iterdir())
    assert said[0].startswith(f"{path}: cannot be written, the part goes on without")


def test_a_file_of_something_else_is_ignored(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    stop(monkeypatch, digits, path, 2)
    for change, names in (
        ({"settings_digest": "sha256:2"}, NAMES),
        ({"data": "sha256:3"}, NAMES),
        ({"device": {"type": "cpu", "threads": 2}}, NAMES),
        ({}, NAMES[:4]),
        ({}, [*NAMES[:4], "elu(x)"]),
    ):
        said: list[str] = []
        assert UnfinishedPart(path, IDENTITY | change, said.append).take_over(names) == []
        assert said == [f"{path}: ignored, it is of other settings, code, data or functions"]


@pytest.mark.parametrize("keep", [0, 0.5, 0.999])
def test_a_file_that_was_cut_is_ignored(
    keep: float, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = tmp_path / "file", list[str]()
    stop(monkeypatch, digits, path, 2)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    assert UnfinishedPart(path, IDENTITY, said.append).take_over(NAMES) == []
    assert len(said) == 1
    assert said[0].startswith(f"{path}: ignored, it cannot be read (")
