"""Sources that are arrays: digits, ``.npz`` files, functions of the user's."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsearch.config import Split
from actsearch.data.dataset import (
    PARTS,
    Dataset,
    DataShape,
    OwnParts,
    numbered_parts,
    split_rows,
)
from actsearch.data.examples import MemoryExamples
from actsearch.data.scaling import scaled, scaling_by
from actsearch.data.sources.headers import (
    IMAGE_KINDS,
    LABEL_KINDS,
    check_arrays,
    check_layout,
    image_shape,
)
from actsearch.data.sources.names import alike, few, same_name
from actsearch.data.sources.places import DataError
from actsearch.data.user_arrays import call


def split_arrays(
    x: NDArray[Any], y: NDArray[Any], split: Split, channels_last: bool | None = None
) -> Dataset:
    """Cut arrays into stratified parts of exactly the sizes asked for, and scale them.

    Args:
        x: images (N, H, W) or (N, C, H, W), any real dtype; bytes stay bytes in memory.
        y: labels (N,), integers or strings; classes are numbered in sorted order.
        split: sizes, which may add up to less than N, and the seed.
        channels_last: whether x is (N, H, W, C); None where that is to be refused.

    Returns:
        The three parts, channels scaled by mean and deviation of the training part.

    Raises:
        DataError: for shapes that do not fit, non-finite images, a constant training part, or sizes
            above N.
    """
    x, (labels, classes) = _checked(np.asarray(x), np.asarray(y), channels_last)
    notes = tuple(
        f"labels that differ only in case, blanks or width: {few(group)}"
        for group in alike(map(str, classes) if classes.dtype.kind == "U" else ())
    )
    return dataset_of(x, labels, len(classes), split, notes=notes)


def dataset_of(
    x: NDArray[Any],
    labels: NDArray[np.int64],
    n_classes: int,
    split: Split,
    own: OwnParts | None = None,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """Images (N, C, H, W) with labels (N,) from 0 to n_classes - 1, split and scaled.

    Bytes are scaled when they are handed out, to a quarter of the memory; other numbers at once.
    For the source's ``own`` parts see :func:`split_rows`.

    Returns:
        The three parts, channels scaled by mean and deviation of the training part.

    Raises:
        DataError: for sizes above what there is, and for a constant training part.
    """
    chosen = split_rows(labels, split, own)
    scaling = scaling_by(x, chosen["train"])
    used = np.concatenate([chosen[name] for name in PARTS])
    rows = numbered_parts({name: len(chosen[name]) for name in PARTS})
    taken = torch.from_numpy(labels[used])
    if x.dtype == np.uint8:
        moments = (scaling.mean, scaling.deviation)
        at = (torch.from_numpy(moment.astype(np.float32)) for moment in moments)
        images = np.ascontiguousarray(x[used])
        examples = MemoryExamples(torch.from_numpy(images), taken, *at)
    else:
        examples = MemoryExamples(torch.from_numpy(scaled(x, used, scaling)), taken)
    return Dataset(examples, rows, n_classes, (*notes, *scaling.notes))


def _checked(
    x: NDArray[Any], y: NDArray[Any], channels_last: bool | None
) -> tuple[NDArray[Any], tuple[NDArray[np.int64], NDArray[Any]]]:
    """Images as (N, C, H, W), and labels as 0..n_classes-1 with the classes."""
    check_layout(x.shape, channels_last)
    if x.ndim == 3:
        x = x[:, None]
    elif channels_last:
        x = x.transpose(0, 3, 1, 2)
    if x.dtype.kind not in IMAGE_KINDS:
        raise DataError(f"x must hold real numbers, got dtype {x.dtype}")
    if y.shape != x.shape[:1]:
        raise DataError(f"y must be ({len(x)},) to fit x, got {y.shape}")
    if y.dtype.kind not in LABEL_KINDS:
        raise DataError(f"y must hold integers or strings, got dtype {y.dtype}")
    if not np.isfinite(x).all():
        raise DataError("x holds values that are not finite")
    return x, _numbered(y)


def _numbered(y: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Labels as 0..n_classes-1, and the classes in that order."""
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"y must hold at least two classes, got {len(classes)}")
    if classes.dtype.kind == "U" and (same := same_name(map(str, classes))):
        raise DataError(
            f"y holds {same[0]!r} in two Unicode forms (NFC and NFD), which would be two classes"
        )
    return labels.astype(np.int64), classes


def npz_shape(path: Path, channels_last: bool | None = None) -> DataShape:
    """What an ``.npz`` file holds; of its arrays only the labels are read.

    Returns:
        Shape of an image, and the number of distinct labels.

    Raises:
        DataError: when it lacks ``x`` or ``y``, or they cannot be used.
    """
    channels, height, width = image_shape(check_arrays(path, channels_last), channels_last)
    (y,) = _npz(path, "y")
    return DataShape((channels, height, width), len(_numbered(y)[1]))


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
