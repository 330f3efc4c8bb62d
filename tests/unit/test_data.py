from __future__ import annotations

import sys
import types
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from actsearch.config import Data, Split
from actsearch.config.data import Arrays
from actsearch.data.arrays import read_arrays, split_arrays
from actsearch.data.dataset import PARTS, Dataset
from actsearch.data.examples import together
from actsearch.data.loading import data_shape, load_dataset
from actsearch.data.sources.checks import check_source
from actsearch.data.sources.places import DataError


def split(train: int = 600, validation: int = 700, test: int = 497, seed: int = 0) -> Split:
    return Split(train=train, validation=validation, test=test, seed=seed)


def rows(dataset: Dataset, part: str) -> set[bytes]:
    return {image.numpy().tobytes() for image in together(dataset.part(part))[0]}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset(Data(source="digits", split=split()))


def numbered(n: int, n_classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Images whose one pixel is their own number, so that a part tells which it holds."""
    return np.arange(n, dtype=np.float64).reshape(n, 1, 1, 1), np.arange(n) % n_classes


def test_digits_have_the_sizes_shapes_and_types_promised(digits: Dataset) -> None:
    assert digits.shape.input_shape == (1, 8, 8)
    assert digits.shape.n_outputs == 10
    for part, size in {"train": 600, "validation": 700, "test": 497}.items():
        x, y = together(digits.part(part))  # type: ignore[arg-type]
        assert x.shape == (size, 1, 8, 8)
        assert x.dtype == torch.float32
        assert y.shape == (size,)
        assert y.dtype == torch.int64
        assert set(y.tolist()) == set(range(10))


def test_digits_keep_each_label_with_its_image(digits: Dataset) -> None:
    from sklearn.datasets import load_digits

    raw = load_digits()
    images, labels = read_arrays("digits").values()
    assert np.array_equal(images, raw.images) and np.array_equal(labels, raw.target)
    label_of = {image.tobytes(): label for image, label in zip(raw.images, raw.target, strict=True)}
    for part in PARTS:
        x, y = together(digits.part(part))
        pixels = x[:, 0].double().numpy()
        # Scaling is affine, and both ends of 0..16 occur in every part.
        restored = np.round(16 * (pixels - pixels.min()) / (pixels.max() - pixels.min()))
        assert [label_of[image.tobytes()] for image in restored] == y.tolist()


def test_parts_are_disjoint_and_cover_what_is_asked() -> None:
    x, y = numbered(40)
    dataset = split_arrays({"x": x, "y": y}, split(16, 12, 12))
    parts = [rows(dataset, part) for part in PARTS]
    assert [len(part) for part in parts] == [16, 12, 12]
    assert len(set.union(*parts)) == 40


def test_sizes_may_leave_examples_over() -> None:
    x, y = numbered(40)
    dataset = split_arrays({"x": x, "y": y}, split(5, 3, 2))
    assert [len(together(dataset.part(part))[1]) for part in PARTS] == [5, 3, 2]


@pytest.mark.parametrize("sizes", [(600, 700, 497), (900, 500, 397), (100, 60, 40)])
def test_every_part_is_stratified(sizes: tuple[int, int, int]) -> None:
    # Unequal classes: 60%, 30%, 9%, 1%.
    y = np.repeat([0, 1, 2, 3], [1080, 540, 162, 18])
    dataset = split_arrays({"x": np.arange(1800.0).reshape(1800, 1, 1, 1), "y": y}, split(*sizes))
    for part, size in zip(PARTS, sizes, strict=True):
        counts = np.bincount(together(dataset.part(part))[1].numpy(), minlength=4)
        expected = size * np.array([0.6, 0.3, 0.09, 0.01])
        assert np.abs(counts - expected).max() <= 2


def test_the_split_hangs_on_its_seed_alone() -> None:
    x, y = numbered(200)
    first, again, other = (
        split_arrays({"x": x, "y": y}, split(80, 60, 60, seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(together(first.part("test"))[0], together(again.part("test"))[0])
    assert rows(first, "test") != rows(other, "test")


def test_the_test_part_stays_when_the_other_sizes_change() -> None:
    x, y = numbered(200)
    one = split_arrays({"x": x, "y": y}, split(80, 60, 50))
    two = split_arrays({"x": x, "y": y}, split(20, 100, 50))
    # Scaling differs, so compare order and labels through ranks.
    assert torch.equal(
        together(one.part("test"))[0].argsort(dim=0), together(two.part("test"))[0].argsort(dim=0)
    )
    assert torch.equal(together(one.part("test"))[1], together(two.part("test"))[1])


def test_channels_are_scaled_by_the_training_part_alone() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = rng.normal([[[[5.0]], [[-200.0]]]], [[[[2.0]], [[30.0]]]], (300, 2, 4, 4))
    x[:, 1, 0, 0] = 7.0
    sizes = split(100, 100, 100)
    dataset = split_arrays({"x": x, "y": y}, sizes)
    train = together(dataset.part("train"))[0].double()
    torch.testing.assert_close(
        train.mean(dim=(0, 2, 3)), torch.zeros(2).double(), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        train.std(dim=(0, 2, 3), correction=0), torch.ones(2).double(), atol=1e-5, rtol=0
    )
    # Wild values in the other parts must leave the training part as it is.
    order = split_arrays({"x": np.arange(300.0).reshape(300, 1, 1, 1), "y": y}, sizes)
    ranks = together(order.parts(("train", "validation", "test")))[0].flatten().argsort().argsort()
    wild = x.copy()
    wild[ranks[100:].numpy()] *= 1e6
    again = split_arrays({"x": wild, "y": y}, sizes)
    assert torch.equal(together(again.part("train"))[0], together(dataset.part("train"))[0])
    assert not torch.equal(together(again.part("test"))[0], together(dataset.part("test"))[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_scaling_in_blocks_is_scaling_of_the_whole(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(4000) % 2
    x = rng.integers(0, 256, (4000, 2, 2, 2)).astype(dtype)
    if dtype == np.float64:
        x += 1e7  # single precision would lose most of what is left after the mean
    dataset = split_arrays({"x": x, "y": y}, split(2500, 800, 700))
    places = split_arrays(
        {"x": np.arange(4000.0).reshape(-1, 1, 1, 1), "y": y}, split(2500, 800, 700)
    )
    order = (
        together(places.parts(("train", "validation", "test")))[0]
        .flatten()
        .argsort()
        .argsort()
        .numpy()
    )
    train = x[order[:2500]].astype(np.float64)
    mean, deviation = (f(train, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    expected = ((x[order] - mean) / deviation).astype(np.float32)
    found = together(dataset.parts(("train", "validation", "test")))[0].numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("value", [3.0, 0.1, 0.0])
def test_a_constant_channel_becomes_zero_and_is_said(value: float) -> None:
    x, y = np.full((3000, 2, 2, 2), value), np.arange(3000) % 2
    x[:, 0] = np.random.default_rng(0).normal(size=(3000, 2, 2))
    dataset = split_arrays({"x": x, "y": y}, split(2000, 500, 500))
    train = together(dataset.part("train"))[0]
    torch.testing.assert_close(train[:, 1], torch.zeros(2000, 2, 2), atol=1e-10, rtol=0)
    [note] = dataset.notes
    assert note.startswith("channel 2 of 2 is constant over the training part")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_constant_channel_becomes_zero_in_parts_where_it_is_not(dtype: Any) -> None:
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part in ("train", "validation", "test"):
        arrays[f"x_{part}"] = draw.integers(0, 256, (20, 2, 4, 4)).astype(dtype)
        arrays[f"y_{part}"] = np.arange(20) % 2
    arrays["x_train"][:, 1] = 7
    dataset = split_arrays(arrays, split(20, 20, 20))
    x = together(dataset.parts(("train", "validation", "test")))[0]
    assert (x[:, 1] == 0).all() and (x[:, 0] != 0).any()


def test_parts_joins_in_the_order_asked(digits: Dataset) -> None:
    x, y = together(digits.parts(("validation", "train")))
    assert torch.equal(x[:700], together(digits.part("validation"))[0])
    assert torch.equal(y[700:], together(digits.part("train"))[1])


def test_an_unknown_part_is_named(digits: Dataset) -> None:
    with pytest.raises(DataError, match=r"'holdout'.*train, validation, test"):
        together(digits.part("holdout"))  # type: ignore[arg-type]


def test_asking_for_too_many_examples_names_the_numbers() -> None:
    message = r"'digits'.*1798 .*1000 train \+ 500 validation \+ 298 test.*1797"
    with pytest.raises(DataError, match=message):
        load_dataset(Data(source="digits", split=split(1000, 500, 298)))


@pytest.mark.parametrize("shape", [(60, 8, 8), (60, 1, 8, 8), (60, 3, 5, 7)])
def test_npz_round_trip(tmp_path: Path, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, shape, dtype=np.uint8), np.arange(60) % 3
    np.savez_compressed(tmp_path / "images.npz", x=x, y=y)
    sizes = split(30, 20, 10)
    source = f"npz:{tmp_path / 'images.npz'}"
    read = load_dataset(Data(source=source, split=sizes, inputs="images"))
    direct = split_arrays({"x": x, "y": y}, sizes, Arrays(inputs="images"))
    assert read.shape.input_shape == ((1, *shape[1:]) if len(shape) == 3 else shape[1:])
    for part in PARTS:
        assert torch.equal(together(read.part(part))[0], together(direct.part(part))[0])
        assert torch.equal(together(read.part(part))[1], together(direct.part(part))[1])


def test_labels_of_any_name_are_numbered_in_sorted_order() -> None:
    x, _ = numbered(30)
    dataset = split_arrays({"x": x, "y": np.array(["cat", "ant", "dog"] * 10)}, split(12, 9, 9))
    values = together(dataset.parts(PARTS))[0].flatten()
    labels = together(dataset.parts(PARTS))[1][values.argsort()]
    assert labels.tolist() == [1, 0, 2] * 10


def test_a_function_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_images")
    module.load = lambda: numbered(40)  # type: ignore[attr-defined]
    module.broken = lambda: np.zeros(3)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_images", module)
    dataset = load_dataset(Data(source="my_images:load", split=split(16, 12, 12)))
    assert dataset.shape.n_outputs == 4
    with pytest.raises(DataError, match=r"my_images:broken.*must return \(x, y\)"):
        load_dataset(Data(source="my_images:broken", split=split(16, 12, 12)))
    with pytest.raises(DataError, match=r"my_images:missing.*cannot be imported"):
        load_dataset(Data(source="my_images:missing", split=split(16, 12, 12)))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("npz:nowhere.npz", "no data file at nowhere.npz"),
        ("no_such_package:load", "no_such_package:load.*cannot be imported"),
    ],
)
def test_a_source_that_is_not_there_is_named(source: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(Data(source=source, split=split()))


def test_an_npz_without_labels_says_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 1, 2, 2)), labels=np.zeros(4))
    with pytest.raises(DataError, match=r"lacks y.*holds x, labels"):
        load_dataset(Data(source=f"npz:{tmp_path / 'a.npz'}", split=split(2, 1, 1)))


@pytest.mark.parametrize("content", [b"not a zip file", b"PK\x03\x04 cut short", b""])
def test_a_broken_npz_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.npz is not an \.npz file"):
        load_dataset(Data(source=f"npz:{tmp_path / 'broken.npz'}", split=split(2, 1, 1)))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros(6), np.arange(6), r"x must be one of \(N, F\), .* got \(6,\)"),
        (np.zeros((6, 1, 2, 2)), np.arange(5), r"y must be \(6,\) to fit x, got \(5,\)"),
        (np.zeros((6, 1, 2, 2)), np.zeros(6, dtype=int), "at least two classes, got 1"),
        (np.full((6, 1, 2, 2), np.nan), np.arange(6), "not finite"),
        (np.zeros((6, 1, 2, 2)), 1j * np.arange(6), r"y must be one of .* dtype <c16"),
        (np.zeros((6, 1, 2, 2), dtype="U1"), np.arange(6), "real numbers, got dtype <U1"),
        (np.zeros((0, 2, 2)), np.zeros(0, dtype=int), r"x must not be empty, got \(0, 2, 2\)"),
    ],
)
def test_arrays_that_do_not_fit_are_explained(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_arrays({"x": x, "y": y}, split(2, 1, 1))


LAST = [
    (300, 32, 32, 3),
    (300, 28, 28, 1),
    (300, 4, 4, 3),
    (300, 224, 160, 4),
    (300, 160, 224, 3),
    (300, 64, 64, 13),
    (60, 9, 9, 200),
    (60, 8, 8, 12),
    (60, 28, 40, 6),
    (60, 48, 64, 8),
]
FIRST = [
    (300, 3, 32, 32),
    (300, 1, 28, 28),
    (300, 64, 4, 4),
    (300, 512, 1, 1),
    (300, 200, 3, 3),
    (300, 3, 32, 4),
    (300, 2, 100, 1),
    (300, 4, 4, 4),
    (300, 3, 3, 3),
    (300, 1, 1, 40),
]


@pytest.mark.parametrize("shape", [*LAST, *FIRST])
def test_arrays_that_look_channels_last_are_refused_unless_said(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    _, one, two, three = shape
    x = np.random.default_rng(0).integers(0, 9, (60, *shape[1:]), dtype=np.uint8)
    y = np.arange(60) % 3
    path = tmp_path / "x.npz"
    np.savez(path, x=x, y=y)

    def data(said: bool | None) -> Data:
        sizes = split(30, 20, 10)
        return Data(source=f"npz:{path}", split=sizes, inputs="images", channels_last=said)

    if shape in LAST:
        message = rf"looks like \(N, H, W, C\): {three} channels? of {one} x {two} pixels. Store x"
        for look in (load_dataset, data_shape, lambda d: check_source(d, tmp_path)):
            with pytest.raises(DataError, match=message):
                look(data(None))
    else:
        assert load_dataset(data(None)).shape.input_shape == (one, two, three)
        assert data_shape(data(None)).shape.input_shape == (one, two, three)
    assert load_dataset(data(False)).shape.input_shape == (one, two, three)
    assert data_shape(data(True)).shape.input_shape == (three, one, two)
    turned = load_dataset(data(True))
    stored = split_arrays(
        {"x": x.transpose(0, 3, 1, 2), "y": y}, split(30, 20, 10), Arrays(channels_last=False)
    )
    for part in PARTS:
        assert torch.equal(together(turned.part(part))[0], together(stored.part(part))[0])


def test_a_function_that_gives_channels_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_photos")
    x = np.random.default_rng(0).normal(size=(40, 9, 9, 3))
    module.load = lambda: (x, np.arange(40) % 4)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_photos", module)
    with pytest.raises(DataError, match=r"my_photos:load.*x\.transpose\(0, 3, 1, 2\)"):
        load_dataset(Data(source="my_photos:load", split=split(16, 12, 12)))
    data = Data(source="my_photos:load", split=split(16, 12, 12), channels_last=True)
    assert load_dataset(data).shape.input_shape == (3, 9, 9)


@pytest.mark.parametrize("source", ["digits", "torchvision:MNIST"])
def test_channels_last_goes_with_arrays_of_ones_own(source: str) -> None:
    with pytest.raises(ValueError, match=f"channels_last goes with npz.*not with '{source}'"):
        Data(source=source, split=split(10, 5, 5), channels_last=True)


def test_greyscale_arrays_have_no_channels_to_put_last() -> None:
    with pytest.raises(DataError, match=r"goes with x of \(N, H, W, C\), got \(30, 1, 1\)"):
        split_arrays(
            {"x": np.zeros((30, 1, 1)), "y": np.arange(30) % 2},
            split(16, 8, 4),
            Arrays(channels_last=True, inputs="images"),
        )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_constant_training_part_of_arrays_is_an_error(dtype: Any) -> None:
    y = np.arange(60) % 2
    x = np.full((60, 2, 4, 4), 3, dtype)
    with pytest.raises(DataError, match=r"training part is constant: all pixels .* are 3, 3"):
        split_arrays({"x": x, "y": y}, split(30, 20, 10))
    x[:] = np.arange(16, dtype=dtype).reshape(4, 4)
    with pytest.raises(DataError, match="training part is 30 times the same image"):
        split_arrays({"x": x, "y": y}, split(30, 20, 10))


def test_labels_in_two_unicode_forms_are_refused_and_cases_are_said() -> None:
    x, _ = numbered(30)
    composed, decomposed = (unicodedata.normalize(form, "bär") for form in ("NFC", "NFD"))
    with pytest.raises(DataError, match="in two Unicode forms"):
        split_arrays({"x": x, "y": np.array([composed, decomposed, "cat"] * 10)}, split(12, 9, 9))
    dataset = split_arrays({"x": x, "y": np.array(["Cat", "cat", "dog"] * 10)}, split(12, 9, 9))
    assert dataset.notes == ("labels that differ only in case, blanks or width: 'Cat', 'cat'",)
