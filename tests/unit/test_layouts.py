"""What arrays are taken for: one stated form, or one error that names the key which decides."""

from __future__ import annotations

import re
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsearch.config.data import Arrays, Inputs, Targets
from actsearch.data.arrays import check_values
from actsearch.data.sources.layouts import FORMS, Array, Layout, layout_of
from actsearch.data.sources.places import DataError

LENGTHS = st.sampled_from([1, 2, 3, 4, 5, 8, 12, 16, 17, 28, 32, 40, 64])
SHAPES = st.lists(LENGTHS, min_size=1, max_size=6).map(tuple)
DTYPES = st.sampled_from(["|b1", "|u1", "<i8", "<u4", "<f4", "<f8", "<c8", "<U3", "|S2", "|O"])
NOTHING = Arrays()
SAID = st.builds(
    Arrays,
    inputs=st.sampled_from([None, *get_args(Inputs)]),
    targets=st.sampled_from([None, *get_args(Targets)]),
    channels_last=st.sampled_from([None, True, False]),
)


def taken(shape: tuple[int, ...], dtype: str = "<f4", said: Arrays = NOTHING) -> Layout:
    """What examples of a shape are taken for; their targets are classes."""
    return layout_of(Array(shape, dtype), Array(shape[:1], "<i8"), said)


def is_stated(shape: tuple[int, ...], layout: Layout, last: bool | None) -> bool:
    """Whether an array of this shape is one of the forms of the documents, axis by axis."""
    example = shape[1:]
    for form in FORMS[layout.inputs]:
        axes = form.strip("()").split(", ")[1:]
        if len(axes) == len(example):
            if "C" in axes:
                return layout.example == ((example[-1], *example[:-1]) if last else example)
            plain = layout.inputs in ("features", "tokens")
            return layout.example == (example if plain else (1, *example))
    return False


@given(shape=SHAPES, dtype=DTYPES, y_shape=SHAPES, y_dtype=DTYPES, said=SAID, like=st.booleans())
def test_what_is_accepted_is_one_of_the_stated_forms(
    shape: tuple[int, ...],
    dtype: str,
    y_shape: tuple[int, ...],
    y_dtype: str,
    said: Arrays,
    like: bool,
) -> None:
    if like:  # of targets that are drawn at random hardly any fit
        y_shape = (shape[0], *y_shape[: len(shape) % 2], *shape[2:])[: len(y_shape)]
    y = Array(y_shape, y_dtype)
    try:
        layout = layout_of(Array(shape, dtype), y, said)
    except DataError as error:
        assert str(error)
        return
    assert is_stated(shape, layout, said.channels_last)
    assert said.inputs in (None, layout.inputs) and said.targets in (None, layout.targets)
    assert y_shape[0] == shape[0]
    whole = y.kind in "iu"
    if layout.inputs == "tokens":
        assert Array(shape, dtype).kind in "iu"
    positions = layout.example if layout.inputs == "tokens" else layout.example[1:]
    assert {
        "classes": len(y_shape) == 1 and y.kind in "biuUS",
        "positions": y_shape[1:] == positions and bool(positions) and whole,
        "numbers": len(y_shape) < 3 and (y.kind == "f" or said.targets == "numbers"),
    }[layout.targets]


@given(shape=SHAPES, said=SAID)
def test_no_number_changes_its_place(shape: tuple[int, ...], said: Arrays) -> None:
    shape = (2, *(min(length, 9) for length in shape[1:]))
    x, y = np.arange(np.prod(shape), dtype=np.int64).reshape(shape), np.arange(2)
    try:
        found = check_values({"x": x, "y": y}, said)
    except DataError:
        return
    back = np.moveaxis(found.x, 1, -1) if said.channels_last else found.x
    assert np.array_equal(back.reshape(shape), x)
    assert found.x.shape == (2, *found.shape.input_shape)
    assert np.array_equal(found.targets.values.ravel(), y)


@given(shape=SHAPES, dtype=st.sampled_from(["|u1", "<i8", "<f4"]))
def test_the_key_that_is_named_decides(shape: tuple[int, ...], dtype: str) -> None:
    """Every refusal of a shape with two to five axes can be answered by a key that it names."""
    if not 2 <= len(shape) <= 5:
        return
    try:
        taken(shape, dtype)
    except DataError as error:
        named = re.findall(r"(inputs|channels_last): (\w+)", str(error))
        assert named, error
        for key, value in named:
            answer = {"true": True, "false": False}.get(value, value)
            try:
                taken(shape, dtype, Arrays(**{key: answer}))
            except DataError as second:  # which axis is that of channels may be asked next
                assert key == "inputs" and "channels_last: true" in str(second)


@pytest.mark.parametrize(
    ("shape", "dtype", "inputs", "example"),
    [
        ((9, 10), "<f4", "features", (10,)),
        ((9, 10), "<i8", "tokens", (10,)),
        ((9, 10), "|b1", "features", (10,)),
        ((9, 1, 40), "<f4", "signals", (1, 40)),
        ((9, 3, 40), "<f4", "signals", (3, 40)),
        ((9, 12, 5000), "<f4", "signals", (12, 5000)),
        ((9, 1, 28, 28), "|u1", "images", (1, 28, 28)),
        ((9, 3, 32, 32), "|u1", "images", (3, 32, 32)),
        ((9, 4, 4, 4), "|u1", "images", (4, 4, 4)),
        ((9, 512, 7, 7), "<f4", "images", (512, 7, 7)),
        ((9, 1, 16, 32, 32), "<f4", "volumes", (1, 16, 32, 32)),
    ],
)
def test_ranks_and_dtypes_tell(
    shape: tuple[int, ...], dtype: str, inputs: str, example: tuple[int, ...]
) -> None:
    assert taken(shape, dtype) == (inputs, "classes", example)


@pytest.mark.parametrize(
    ("shape", "said", "message"),
    [
        ((9,), {}, r"x must be one of \(N, F\), \(N, T\), \(N, C, T\), .* got \(9,\)"),
        ((9, 8, 12), {}, r"x of \(9, 8, 12\) may be images of 8 x 12 pixels, or signals of 8 "),
        (
            (9, 64, 64),
            {},
            r"images of 64 x 64 pixels, or signals of 64 channels and 64 samples: say",
        ),
        ((9, 8, 8), {}, "say inputs: images, or inputs: signals"),
        ((9, 28, 28), {"channels_last": False}, "say inputs: images, or inputs: signals"),
        ((9, 16, 16, 16), {}, "images of 16 channels and 16 x 16 pixels, or volumes of 16 x 16 x"),
        ((9, 8, 16, 16), {}, "say inputs: images, or inputs: volumes"),
        ((9, 5, 5, 5), {}, "say inputs: images, or inputs: volumes"),
        ((9, 64, 128), {}, "say inputs: images, or inputs: signals"),
        ((9, 40, 3), {}, r"looks like \(N, T, C\): 3 channels of 40 samples\. Store x\.transpose"),
        ((9, 40, 3), {}, "if these are images of 40 x 3 pixels, say inputs: images"),
        ((9, 32, 64, 64), {}, "images of 32 channels and 64 x 64 pixels, or volumes of 32 x 64"),
        ((9, 3, 1), {}, r"\(N, T, C\): 1 channel of 3 samples.*3 channels of 1 sample, say"),
        ((9, 8, 8, 8, 2), {}, r"looks like \(N, D, H, W, C\): 2 channels of 8 x 8 x 8 voxels"),
        ((9, 10), {"inputs": "signals", "channels_last": True}, r"of \(N, T, C\), got \(9, 10\)"),
        ((9, 10), {"channels_last": True}, "channels, which features do not have"),
        ((9, 10), {"inputs": "images"}, r"inputs: images are \(N, C, H, W\) or \(N, H, W\), but x"),
        ((9, 10), {"inputs": "tokens"}, "tokens are whole numbers, but x holds dtype <f4"),
        ((9, 10), {"vocabulary": 5}, "vocabulary goes with tokens, but x is taken for features"),
        ((9, 10), {"ignore": 5}, "ignore goes with positions, but y is taken for classes"),
        ((9, 0), {}, r"x must not be empty, got \(9, 0\)"),
    ],
)
def test_examples_that_are_refused(
    shape: tuple[int, ...], said: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        taken(shape, said=Arrays(**said))


def test_what_is_said_of_examples_decides() -> None:
    assert taken((9, 10), "<i8", Arrays(inputs="features")).inputs == "features"
    assert taken((9, 10), said=Arrays(inputs="signals")).example == (1, 10)
    assert taken((9, 40, 3), said=Arrays(channels_last=True)).example == (3, 40)
    assert taken((9, 40, 3), said=Arrays(channels_last=False)).example == (40, 3)
    assert taken((9, 40, 3), said=Arrays(inputs="images")).example == (1, 40, 3)
    assert taken((9, 28, 28), said=Arrays(inputs="images")).example == (1, 28, 28)
    assert taken((9, 12, 12), said=Arrays(inputs="signals")).example == (12, 12)
    assert taken((9, 32, 64, 64), said=Arrays(inputs="volumes")).example == (1, 32, 64, 64)
    assert taken((9, 32, 64, 64), said=Arrays(channels_last=False)).inputs == "images"


@pytest.mark.parametrize(
    ("x", "y", "dtype", "said", "targets"),
    [
        ((9, 10), (9,), "<i8", None, "classes"),
        ((9, 10), (9,), "<U4", None, "classes"),
        ((9, 10), (9,), "<f8", None, "numbers"),
        ((9, 10), (9, 2), "<f4", None, "numbers"),
        ((9, 10), (9, 10), "<i8", "numbers", "numbers"),
        ((9, 10), (9,), "<i8", "numbers", "numbers"),
        ((9, 3, 40), (9, 40), "|u1", None, "positions"),
        ((9, 3, 40), (9, 40), "|u1", "numbers", "numbers"),
        ((9, 3, 8, 8), (9, 8, 8), "<i4", None, "positions"),
    ],
)
def test_targets_by_rank_and_dtype(
    x: tuple[int, ...], y: tuple[int, ...], dtype: str, said: Targets | None, targets: str
) -> None:
    assert layout_of(Array(x, "<f4"), Array(y, dtype), Arrays(targets=said)).targets == targets


@pytest.mark.parametrize(
    ("x", "y", "dtype", "said", "message"),
    [
        ((9, 10), (8,), "<i8", None, r"y must be \(9,\) to fit x, got \(8,\)"),
        ((9, 10), (8, 2), "<f8", None, r"y must be \(9, \.\.\.\) to fit x, got \(8, 2\)"),
        ((9, 10), (9, 1), "<i8", None, r"y of \(9, 1\) holds whole numbers.* say targets: numbers"),
        ((9, 3, 40), (9, 39), "<i8", None, r"a class at each position \(9, 40\)"),
        ((9, 10), (9, 2, 2), "<f8", None, r"numbers .* of fractions; got \(9, 2, 2\)"),
        (
            (9, 3, 40),
            (9, 2, 2),
            "<f8",
            None,
            r"^y must be one of these: classes \(9,\) of whole numbers or strings; "
            r"numbers \(9,\) or \(9, d\) of fractions; "
            r"a class at each position \(9, 40\) of whole numbers; got \(9, 2, 2\) of",
        ),
        ((9, 10), (9,), "<f8", "classes", r"classes are \(9,\) of whole numbers or strings, but"),
        ((9, 10), (9,), "<i8", "positions", "positions go with tokens, signals, images and"),
        ((9, 3, 40), (9, 39), "<i8", "positions", r"positions are \(9, 40\) of whole numbers, but"),
        ((9, 10), (9,), "<U4", "numbers", r"numbers are \(9,\) or \(9, d\) of real numbers, but"),
        ((9, 10), (9, 0), "<f8", None, r"y must not be empty, got \(9, 0\)"),
    ],
)
def test_targets_that_are_refused(
    x: tuple[int, ...], y: tuple[int, ...], dtype: str, said: Targets | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        layout_of(Array(x, "<f4"), Array(y, dtype), Arrays(targets=said))


def test_rows_of_a_single_one_are_numbers_only_where_it_is_said() -> None:
    y = np.eye(3)[np.arange(12) % 3]
    arrays = {"x": np.random.default_rng(0).normal(size=(12, 5)), "y": y}
    message = r"y holds a single 1 .* y.argmax\(axis=1\), or say targets: numbers of the data"
    with pytest.raises(DataError, match=message):
        check_values(arrays, NOTHING)
    assert check_values(arrays, Arrays(targets="numbers")).shape.n_outputs == 3
    y[0] = 1  # several may hold at once
    assert check_values(arrays, NOTHING).shape.targets == "numbers"


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize("said", [NOTHING, Arrays(vocabulary=9, ignore=2**63 - 1)])
def test_tokens_and_classes_that_no_network_can_hold_are_refused(dtype: Any, said: Arrays) -> None:
    few = np.arange(12, dtype=dtype).reshape(3, 4) % 9
    many = few.copy()
    many[2, 3] = 2**62
    message = r"x holds tokens 0 to 4611686018427387904; allowed: 0 to 16777215 \(the largest voc"
    with pytest.raises(DataError, match=message):
        check_values({"x": many, "y": few}, said)
    message = "y holds the class 4611686018427387904; allowed at positions: 0 to 16777215, and"
    with pytest.raises(DataError, match=message):
        check_values({"x": few, "y": many}, said)


def test_targets_are_checked_before_they_are_cast() -> None:
    x, y = np.arange(12).reshape(3, 4), np.arange(12, dtype=np.uint64).reshape(3, 4)
    y[0, 0] = 2**64 - 100  # as int64 it is -100, which does not count
    with pytest.raises(DataError, match=f"y holds the class {2**64 - 100}; allowed"):
        check_values({"x": x, "y": y}, NOTHING)
    found = check_values({"x": x, "y": y}, Arrays(ignore=2**64 - 100)).targets
    assert found.n_outputs == 12 and found.values.ravel().tolist() == [-100, *range(1, 12)]
