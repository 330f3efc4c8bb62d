"""Data sets as three tensors: train, validation and test.

A source gives arrays ``x`` and ``y``; :func:`split_arrays` cuts them into stratified parts and
scales every channel to mean 0 and standard deviation 1 over the *training* part, whatever the
source. No number of the validation or test part enters the scaling, and the scaling stays the same
when a network is later fitted on training and validation together.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsearch.config import TORCHVISION_DATA, Data, Split
from actsearch.tasks.examples import Examples, MemoryExamples

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)
_EXAMPLES_AT_ONCE = 1024
_CONSTANT = 1e-12  # a relative deviation that rounding alone gives


class DataError(ValueError):
    """A data set that cannot be used; the message names the value and what is allowed."""


@dataclass(frozen=True)
class Dataset:
    """Images and labels in three parts.

    Attributes:
        examples: all of them, with labels from 0 to n_classes - 1.
        rows: the numbers (n,) int64 of each part's examples.
        n_classes: number of classes.
    """

    examples: Examples
    rows: Mapping[Part, Tensor]
    n_classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.examples.image_shape

    def part(self, name: Part) -> Examples:
        """The examples of one part."""
        return self.parts([name])

    def parts(self, names: Sequence[Part]) -> Examples:
        """Several parts, one after the other."""
        for name in names:
            if name not in PARTS:
                raise DataError(f"unknown part {name!r}; allowed: {', '.join(PARTS)}")
        return self.examples.subset(torch.cat([self.rows[name] for name in names]))


def load_dataset(data: Data) -> Dataset:
    """Read the source of ``data`` and split it.

    Raises:
        DataError: when the source is unknown or broken, or holds too few examples.
    """
    x, y = _read(data.source)
    try:
        return split_arrays(x, y, data.split)
    except DataError as error:
        raise DataError(f"data source {data.source!r}: {error}") from None


def split_arrays(x: NDArray[Any], y: NDArray[Any], split: Split) -> Dataset:
    """Cut arrays into stratified parts of exactly the sizes asked for, and scale them.

    Args:
        x: images (N, H, W) or (N, C, H, W), any real dtype.
        y: labels (N,), integers or strings; classes are numbered in sorted order.
        split: sizes, which may add up to less than N, and the seed.

    Raises:
        DataError: for shapes that do not fit, non-finite images, or sizes above N.
    """
    x, labels, n_classes = _checked(np.asarray(x), np.asarray(y))
    sizes: dict[Part, int] = {name: getattr(split, name) for name in PARTS}
    if sum(sizes.values()) > len(labels):
        asked = " + ".join(f"{size} {name}" for name, size in sizes.items())
        raise DataError(
            f"the split asks for {sum(sizes.values())} examples ({asked}), "
            f"but there are {len(labels)}"
        )
    order = _stratified_order(labels, split.seed)
    # The test part comes first, so that it hangs on its own size and the seed alone.
    chosen: dict[Part, NDArray[np.int64]] = {}
    start = 0
    for name in reversed(PARTS):
        chosen[name] = order[start : start + sizes[name]]
        start += sizes[name]
    mean, deviation = _moments(x, chosen["train"])
    deviation[deviation <= _CONSTANT * np.abs(mean)] = 1.0
    used = np.concatenate([chosen[name] for name in PARTS])
    examples = MemoryExamples(
        torch.from_numpy(_scaled(x, used, mean, deviation)), torch.from_numpy(labels[used])
    )
    ends = np.cumsum([sizes[name] for name in PARTS]).tolist()
    rows = {
        name: torch.arange(end - sizes[name], end) for name, end in zip(PARTS, ends, strict=True)
    }
    return Dataset(examples, rows, n_classes)


def _blocks(rows: NDArray[np.int64]) -> Iterator[slice]:
    """Slices of ``rows``: a whole part in float64 would take eight times the memory of bytes."""
    for start in range(0, len(rows), _EXAMPLES_AT_ONCE):
        yield slice(start, start + _EXAMPLES_AT_ONCE)


def _moments(
    x: NDArray[Any], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel over the examples ``rows``, (1, C, 1, 1)."""
    axes = (0, 2, 3)
    count = len(rows) * x.shape[2] * x.shape[3]
    total = np.zeros((1, x.shape[1], 1, 1))
    for block in _blocks(rows):
        total += x[rows[block]].sum(axis=axes, keepdims=True, dtype=np.float64)
    mean = total / count
    squares = np.zeros_like(mean)
    for block in _blocks(rows):
        squares += np.square(x[rows[block]] - mean).sum(axis=axes, keepdims=True)
    return mean, np.sqrt(squares / count)


def _scaled(
    x: NDArray[Any],
    rows: NDArray[np.int64],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> NDArray[np.float32]:
    """The examples ``rows`` with the mean taken off, over the deviation: (N, C, H, W)."""
    scaled = np.empty((len(rows), *x.shape[1:]), dtype=np.float32)
    for block in _blocks(rows):
        scaled[block] = (x[rows[block]] - mean) / deviation
    return scaled


def _stratified_order(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """A random order of all examples in which every stretch holds the classes in proportion.

    The k-th of a class's n shuffled members is placed at (k + 1/2) / n; sorting by place spreads
    each class evenly, so a stretch of any length is stratified to within two examples a class.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        places[members] = (np.arange(len(members)) + 0.5) / len(members)
    # Equal places of different classes keep their shuffled order: the sort is stable.
    return shuffled[np.argsort(places[shuffled], kind="stable")]


def _checked(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64], int]:
    """Images as (N, C, H, W) and labels as 0..n_classes-1."""
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or 0 in x.shape:
        raise DataError(f"x must be (N, H, W) or (N, C, H, W) and not empty, got {x.shape}")
    if x.dtype.kind not in "buif":
        raise DataError(f"x must hold real numbers, got dtype {x.dtype}")
    if y.shape != x.shape[:1]:
        raise DataError(f"y must be ({len(x)},) to fit x, got {y.shape}")
    if y.dtype.kind not in "buiUS":
        raise DataError(f"y must hold integers or strings, got dtype {y.dtype}")
    if not np.isfinite(x).all():
        raise DataError("x holds values that are not finite")
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"y must hold at least two classes, got {len(classes)}")
    return x, labels.astype(np.int64), len(classes)


def _read(source: str) -> tuple[NDArray[Any], NDArray[Any]]:
    if source == "digits":
        return _digits()
    if source.startswith("npz:"):
        return _npz(Path(source.removeprefix("npz:")))
    return _call(source)


def _digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """1,797 handwritten digits of 8 x 8 pixels, 0 to 16 (UCI test set, in scikit-learn)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target


def _npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = {"x", "y"} - set(arrays.files)
            if missing:
                raise DataError(
                    f"{path} lacks {', '.join(sorted(missing))}: it must hold x and y, "
                    f"and holds {', '.join(arrays.files) or 'nothing'}"
                )
            return arrays["x"], arrays["y"]
    except FileNotFoundError:
        raise DataError(f"no data file at {path}") from None
    except DataError:
        raise
    except Exception as error:  # zip, header and pickle errors share no base class
        objects = "Object arrays" in str(error)
        reason = "it holds Python objects; allowed: numbers, strings" if objects else error
        raise DataError(f"{path} is not an .npz file that can be read: {reason}") from error


def _call(source: str) -> tuple[NDArray[Any], NDArray[Any]]:
    module, _, name = source.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise DataError(f"data source {source!r} cannot be imported: {error}") from error
    result = function()
    if not isinstance(result, tuple) or len(result) != 2:
        raise DataError(f"data source {source!r} must return (x, y), got {type(result).__name__}")
    return np.asarray(result[0]), np.asarray(result[1])


def data_shape(data: Data) -> tuple[tuple[int, int, int], int]:
    """Channels, height and width of the images, and the number of classes.

    Known for torchvision's sets without having them; other sources are read.

    Raises:
        DataError: when the source cannot be read.
    """
    kind, _, name = data.source.partition(":")
    if kind == "torchvision":
        channels, side, classes = TORCHVISION_DATA[name]
        side = side or data.image_size or 0
        return (channels, side, side), classes
    dataset = load_dataset(data)
    return dataset.image_shape, dataset.n_classes
