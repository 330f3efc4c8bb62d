"""Sources that are arrays: digits, ``.npz`` files, functions of the user's."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsearch.config import Split
from actsearch.data.dataset import PARTS, Dataset, DataShape, numbered_parts, split_rows
from actsearch.data.examples import MemoryExamples
from actsearch.data.sources.headers import IMAGE_KINDS, LABEL_KINDS, check_arrays
from actsearch.data.sources.places import DataError
from actsearch.data.user_arrays import call

_EXAMPLES_AT_ONCE = 1024
_CONSTANT = 1e-12  # a relative deviation that rounding alone gives


def split_arrays(x: NDArray[Any], y: NDArray[Any], split: Split) -> Dataset:
    """Cut arrays into stratified parts of exactly the sizes asked for, and scale them.

    Args:
        x: images (N, H, W) or (N, C, H, W), any real dtype; bytes stay bytes in memory.
        y: labels (N,), integers or strings; classes are numbered in sorted order.
        split: sizes, which may add up to less than N, and the seed.

    Returns:
        The three parts, channels scaled by mean and deviation of the training part.

    Raises:
        DataError: for shapes that do not fit, non-finite images, or sizes above N.
    """
    x, labels, n_classes = _checked(np.asarray(x), np.asarray(y))
    return dataset_of(x, labels, n_classes, split)


def dataset_of(
    x: NDArray[Any],
    labels: NDArray[np.int64],
    n_classes: int,
    split: Split,
    n_train: int | None = None,
) -> Dataset:
    """Images (N, C, H, W) with labels (N,) from 0 to n_classes - 1, split and scaled.

    Bytes are scaled when they are handed out, to a quarter of the memory; other numbers at once.
    Rows from ``n_train`` on are the source's own test part, see :func:`split_rows`.

    Returns:
        The three parts, channels scaled by mean and deviation of the training part.

    Raises:
        DataError: for sizes above what there is.
    """
    chosen = split_rows(labels, split, n_train)
    mean, deviation = moments(x, chosen["train"])
    used = np.concatenate([chosen[name] for name in PARTS])
    rows = numbered_parts({name: len(chosen[name]) for name in PARTS})
    taken = torch.from_numpy(labels[used])
    if x.dtype == np.uint8:
        at = (torch.from_numpy(moment.astype(np.float32)) for moment in (mean, deviation))
        examples = MemoryExamples(torch.from_numpy(x[used]), taken, *at)
    else:
        scaled = _scaled(x, used, mean[:, None, None], deviation[:, None, None])
        examples = MemoryExamples(torch.from_numpy(scaled), taken)
    return Dataset(examples, rows, n_classes)


def _blocks(rows: NDArray[np.int64]) -> Iterator[slice]:
    """Slices of ``rows``: a whole part in float64 would take eight times the memory of bytes."""
    for start in range(0, len(rows), _EXAMPLES_AT_ONCE):
        yield slice(start, start + _EXAMPLES_AT_ONCE)


def moments(
    x: NDArray[Any], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel over the examples ``rows``.

    Returns:
        Both (C,) float64; the deviation of a constant channel is given as 1, to divide by.
    """
    axes = (0, 2, 3)
    count = len(rows) * x.shape[2] * x.shape[3]
    total = np.zeros((1, x.shape[1], 1, 1))
    for block in _blocks(rows):
        total += x[rows[block]].sum(axis=axes, keepdims=True, dtype=np.float64)
    mean = total / count
    squares = np.zeros_like(mean)
    for block in _blocks(rows):
        squares += np.square(x[rows[block]] - mean).sum(axis=axes, keepdims=True)
    deviation = np.sqrt(squares / count)
    deviation[deviation <= _CONSTANT * np.abs(mean)] = 1.0
    return mean.ravel(), deviation.ravel()


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


def _checked(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64], int]:
    """Images as (N, C, H, W) and labels as 0..n_classes-1."""
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or 0 in x.shape:
        raise DataError(f"x must be (N, H, W) or (N, C, H, W) and not empty, got {x.shape}")
    if x.dtype.kind not in IMAGE_KINDS:
        raise DataError(f"x must hold real numbers, got dtype {x.dtype}")
    if y.shape != x.shape[:1]:
        raise DataError(f"y must be ({len(x)},) to fit x, got {y.shape}")
    if y.dtype.kind not in LABEL_KINDS:
        raise DataError(f"y must hold integers or strings, got dtype {y.dtype}")
    if not np.isfinite(x).all():
        raise DataError("x holds values that are not finite")
    labels, n_classes = _numbered(y)
    return x, labels, n_classes


def _numbered(y: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Labels as 0..n_classes-1."""
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"y must hold at least two classes, got {len(classes)}")
    return labels.astype(np.int64), len(classes)


def npz_shape(path: Path) -> DataShape:
    """What an ``.npz`` file holds; of its arrays only the labels are read.

    Returns:
        Shape of an image, and the number of distinct labels.

    Raises:
        DataError: when it lacks ``x`` or ``y``, or they cannot be used.
    """
    shape = check_arrays(path)
    height, width = shape[-2:]
    (y,) = _npz(path, "y")
    return DataShape((shape[1] if len(shape) == 4 else 1, height, width), _numbered(y)[1])


def read_arrays(source: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The arrays x and y of ``digits``, ``npz:PATH`` or ``package.module:function``."""
    if source == "digits":
        return _digits()
    if source.startswith("npz:"):
        x, y = _npz(Path(source.removeprefix("npz:")), "x", "y")
        return x, y
    return call(source)


def _digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """1,797 handwritten digits of 8 x 8 pixels, 0 to 16 (UCI test set, in scikit-learn)."""
    # By path: importing scikit-learn takes a second, and every training job would spend it.
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError("the digits are part of scikit-learn, which is not installed")
    table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)


def _npz(path: Path, *names: str) -> tuple[NDArray[Any], ...]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = {"x", "y"} - set(arrays.files)
            if missing:
                raise DataError(
                    f"{path} lacks {', '.join(sorted(missing))}: it must hold x and y, "
                    f"and holds {', '.join(arrays.files) or 'nothing'}"
                )
            return tuple(arrays[name] for name in names)
    except FileNotFoundError:
        raise DataError(f"no data file at {path}") from None
    except DataError:
        raise
    except Exception as error:  # zip, header and pickle errors share no base class
        objects = "Object arrays" in str(error)
        reason = "it holds Python objects; allowed: numbers, strings" if objects else error
        raise DataError(f"{path} is not an .npz file that can be read: {reason}") from error
