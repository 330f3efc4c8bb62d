"""Arrays of parts that are given apart: each is drawn from its own, and all must be alike."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actsearch.config import Data, Split
from actsearch.config.data import Arrays
from actsearch.data.arrays import shape_of, split_arrays
from actsearch.data.dataset import PARTS, Part
from actsearch.data.examples import MemoryExamples
from actsearch.data.fetching import fetch
from actsearch.data.loading import data_shape, load_dataset
from actsearch.data.sources.checks import check_source
from actsearch.data.sources.headers import named_parts
from actsearch.data.sources.places import DataError, place_of

SIZES = {"train": 30, "validation": 20, "test": 10}
SPLIT = Split(**SIZES)
NUMBERED = {"train": 0, "validation": 100, "test": 200}


def given(parts: tuple[str, ...] = PARTS) -> dict[str, np.ndarray]:
    """Signals of bytes that are the number of their example; five more than are asked for."""
    arrays = {}
    for part in parts:
        n = SIZES[part] + 5
        x = NUMBERED[part] + np.arange(n, dtype=np.uint8)
        arrays[f"x_{part}"] = np.tile(x[:, None, None], (1, 2, 9))
        arrays[f"y_{part}"] = x % 3
    return arrays


def numbers(arrays: dict[str, np.ndarray], part: Part, split: Split = SPLIT) -> list[int]:
    """Numbers of the examples that a part was given, with the targets compared."""
    examples = split_arrays(arrays, split).part(part)
    assert isinstance(examples, MemoryExamples)
    assert torch.equal(examples.inputs[:, 0, 0] % 3, examples.targets.byte())
    return examples.inputs[:, 0, 0].tolist()


def test_each_part_is_drawn_from_its_own() -> None:
    for part in PARTS:
        found = numbers(given(), part)
        own = given()[f"x_{part}"][:, 0, 0]
        assert len({*found}) == SIZES[part] and {*found} <= {*own.tolist()}
        whole = Split(**{name: SIZES[name] + 5 for name in PARTS})
        assert sorted(numbers(given(), part, whole)) == own.tolist()


def test_without_a_validation_part_it_is_drawn_from_the_training_part() -> None:
    arrays = given(("train", "test"))
    split = Split(train=20, validation=15, test=10)
    train, validation = (numbers(arrays, part, split) for part in ("train", "validation"))
    assert sorted(train + validation) == list(range(35))
    assert min(numbers(arrays, "test", split)) >= NUMBERED["test"]


def test_scaling_is_by_the_training_part_alone() -> None:
    arrays = {name: array.astype(float) for name, array in given().items()}
    arrays = {name: a.astype(int) if name[0] == "y" else a for name, a in arrays.items()}
    whole = Split(train=35, validation=20, test=10)
    examples = split_arrays(arrays, whole).part("test")
    assert isinstance(examples, MemoryExamples)
    mean, deviation = arrays["x_train"].mean(), arrays["x_train"].std()
    back = (examples.inputs.double() * deviation + mean).round()
    assert {*back.flatten().tolist()} <= {*arrays["x_test"].ravel().tolist()}


def test_a_file_and_a_function_may_give_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "a.npz", **given())  # type: ignore[arg-type]
    module = types.ModuleType("my_parts")
    module.load = given  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_parts", module)
    monkeypatch.chdir(tmp_path)
    file, function = (
        Data(source=source, split=SPLIT) for source in (f"npz:{tmp_path}/a.npz", "my_parts:load")
    )
    check_source(file, tmp_path)
    assert data_shape(file) == data_shape(function)
    for part in PARTS:
        one, two = (load_dataset(data).part(part) for data in (file, function))
        assert isinstance(one, MemoryExamples) and isinstance(two, MemoryExamples)
        assert torch.equal(one.inputs, two.inputs) and torch.equal(one.targets, two.targets)


FUNCTION = """
import numpy as np
def load():
    draw = np.random.default_rng(0)
    parts = {"train": 12, "validation": 9, "test": 10}
    arrays = {f"x_{part}": draw.normal(size=(n, 5)) for part, n in parts.items()}
    return arrays | {f"y_{part}": draw.normal(size=n) for part, n in parts.items()}
"""


def test_the_manifest_of_a_function_has_all_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "given_parts.py").write_text(FUNCTION)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    split = Split(train=9, validation=9, test=9)
    data = Data(source="given_parts:load", split=split, targets="numbers")
    place = place_of(data, tmp_path / "data")
    assert place is not None
    manifest = fetch(data, place, lambda _: None).manifest
    assert manifest["examples"] == {"train": 12, "validation": 9, "test": 10}
    assert manifest["classes"] == []
    shapes = {entry["path"]: entry["shape"] for entry in manifest["files"]}
    assert shapes["x_train"] == [12, 5] and shapes["y_test"] == [10] and len(shapes) == 6


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x"], "lacks y: it must hold x and y .* and holds x"),
        ([], "lacks x, y: .* and holds nothing"),
        (["x_train", "y_train"], "lacks x_test, y_test"),
        (["x_train", "y_train", "x_test", "y_test", "x_validation"], "lacks y_validation"),
        (["x", "y", "x_val"], "x_val is of no part; allowed: x_test, x_train, x_validation, y_t"),
        (["x_train", "y_train", "x_test", "y_test", "y_dev"], "y_dev is of no part; allowed: "),
        (["x", "y", "x_test"], "x and y beside x_test: give all examples as x and y, or each"),
    ],
)
def test_names_that_do_not_make_parts(names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        named_parts(names)


def test_names_of_other_arrays_are_passed_over() -> None:
    assert named_parts(["x", "units", "y"]) == {"train": ("x", "y")}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "x_test",
            lambda x: x[:, :, :8],
            r"x_test of \(15, 2, 8\) and x_train of \(35, 2, 9\) must be alike but for their first",
        ),
        ("x_test", lambda x: x.astype(float), r"x_test holds dtype <f8, but x_train \|u1: store"),
        ("y_test", lambda y: y.astype("U1"), r"y_test holds dtype <U1, but y_train \|u1"),
        ("y_validation", lambda y: y[1:], r"y_validation must be \(25,\) to fit x_validation, got"),
        ("y_test", lambda y: y + 1, "y_test holds the class 3, of which y_train has no example"),
    ],
)
def test_parts_that_do_not_go_together(
    name: str, change: Any, message: str, tmp_path: Path
) -> None:
    arrays = given()
    arrays[name] = change(arrays[name])
    with pytest.raises(DataError, match=message):
        split_arrays(arrays, SPLIT)
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    data = Data(source=f"npz:{tmp_path / 'a.npz'}", split=SPLIT)
    with pytest.raises(DataError, match=f"a.npz.*{message}"):
        data_shape(data)


def test_more_than_a_part_holds_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **given())  # type: ignore[arg-type]
    split = Split(train=30, validation=26, test=10)
    data = Data(source=f"npz:{tmp_path / 'a.npz'}", split=split)
    for look in (lambda: check_source(data, tmp_path), lambda: load_dataset(data)):
        with pytest.raises(DataError, match=r"26 validation examples, but .* holds 25"):
            look()


def test_tokens_and_classes_at_positions_that_training_never_meets_are_said() -> None:
    arrays = {name: array for name, array in given().items() if name[0] == "x"}
    arrays = {name: array[:, 0].astype(np.int64) for name, array in arrays.items()}
    arrays |= {name.replace("x", "y"): array % 4 for name, array in arrays.items()}
    arrays["y_train"] %= 2
    found = split_arrays(arrays, SPLIT, Arrays(vocabulary=256))
    assert found.shape.targets_in_words == "a class of 4 at each position"
    assert found.shape.in_words == "9 tokens, of 256 different ones"
    assert found.own_validation
    tokens = [
        f"{n} of the {n} tokens in x_{part} do not occur in x_train"
        for part, n in (("validation", 25), ("test", 15))
    ]
    classes = [f"2 of the 4 classes in y_{part} do not occur in y_train" for part in PARTS[1:]]
    as_given = "train, validation and test are parts as they are given"
    assert found.notes == (as_given, *tokens, *classes)


@pytest.mark.parametrize("part", PARTS)
def test_a_drawn_part_without_a_position_that_counts_is_refused(part: str) -> None:
    draw = np.random.default_rng(0)
    arrays = {}
    for name in PARTS:
        n = 3 if name == part else SIZES[name]
        arrays[f"x_{name}"] = draw.integers(0, 5, (n, 4))
        arrays[f"y_{name}"] = arrays[f"x_{name}"].copy()
    split = Split(**(SIZES | {part: 2}))
    # The one whose positions count is the one that is not drawn.
    arrays[f"y_{part}"][np.random.default_rng(split.seed).permutation(3)[:2]] = -1
    for ask in (split_arrays, shape_of):
        with pytest.raises(DataError, match=f"the {part} part as drawn, 2 examples, has no pos"):
            ask(arrays, split, Arrays(ignore=-1))
