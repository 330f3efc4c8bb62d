"""Data sets of torchvision, through its own classes: their formats and their checks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actsearch.config import Data
from actsearch.data.sources.folders import Listing
from actsearch.data.sources.places import DataError, imagenette_size

IMAGES = ("Imagenette", "ImageNet")
"""Those that are image files; the others are arrays."""


class Arrays(NamedTuple):
    """A small data set.

    ``x`` (N, C, H, W) uint8 and ``y`` (N,) int64, of which the first ``n_train`` are its training
    part and the others its test part; ``classes`` in the order of their numbers.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    n_train: int
    classes: tuple[str, ...]


def open_set(data: Data, folder: Path, *, test: bool, download: bool = False) -> Any:
    """Open one part of the data set in ``folder``.

    The test part of Imagenette and ImageNet is the validation part they are published with.

    Returns:
        An object of torchvision's class.

    Raises:
        DataError: when torchvision finds the data missing or damaged.
    """
    from torchvision import datasets

    name = data.source.removeprefix("torchvision:")
    options: dict[str, Any] = {"download": download} if name != "ImageNet" else {}
    if name == "SVHN":
        options["split"] = "test" if test else "train"
    elif name in IMAGES:
        options["split"] = "val" if test else "train"
    else:
        options["train"] = not test
    if name == "Imagenette":
        options["size"] = imagenette_size(data)
    try:
        return getattr(datasets, name)(str(folder), **options)
    except (RuntimeError, OSError) as error:
        raise DataError(f"{folder}: {error}") from error


def read_arrays(data: Data, folder: Path) -> Arrays:
    """Both parts of a data set that torchvision keeps as arrays."""
    parts = [open_set(data, folder, test=test) for test in (False, True)]
    images = [_images(part) for part in parts]
    labels = [np.asarray(getattr(part, "targets", getattr(part, "labels", None))) for part in parts]
    classes = getattr(parts[0], "classes", None) or [str(digit) for digit in range(10)]
    for label in labels:
        if label.size and not 0 <= label.min() <= label.max() < len(classes):
            raise DataError(
                f"{folder}: labels from {label.min()} to {label.max()}, but there are "
                f"{len(classes)} classes"
            )
    y = np.concatenate(labels).astype(np.int64)
    return Arrays(np.concatenate(images), y, len(images[0]), tuple(classes))


def _images(part: Any) -> NDArray[np.uint8]:
    """Images of a part as (N, C, H, W)."""
    x = np.asarray(part.data)
    if x.ndim == 3:  # MNIST and FashionMNIST
        return x[:, None]
    if x.shape[-1] == 3 and x.shape[1] != 3:  # CIFAR10 and CIFAR100
        x = x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x)


def array_files(data: Data, folder: Path) -> list[str]:
    """Paths under ``folder`` of the files that :func:`read_arrays` reads, sorted."""
    from torchvision import datasets

    kind = getattr(datasets, data.source.removeprefix("torchvision:"))
    if issubclass(kind, datasets.CIFAR10):
        names = [name for name, _ in [*kind.train_list, *kind.test_list]]
        paths = [f"{kind.base_folder}/{name}" for name in [*names, kind.meta["filename"]]]
    elif issubclass(kind, datasets.MNIST):
        names = [name.removesuffix(".gz") for name, _ in kind.resources]
        paths = [f"{kind.__name__}/raw/{name}" for name in names]
    else:
        paths = [kind.split_list[part][1] for part in ("train", "test")]
    return sorted(paths)


def list_images(data: Data, folder: Path) -> Listing:
    """Both parts of Imagenette or ImageNet."""
    train, test = (open_set(data, folder, test=test) for test in (False, True))
    if train.wnids != test.wnids:
        odd = sorted(set(train.wnids) ^ set(test.wnids))
        raise DataError(f"{folder}: train and val hold different classes: {', '.join(odd[:3])}")
    names = zip(train.wnids, train.classes, strict=True)
    classes = tuple(f"{wnid} {synonyms[0]}" for wnid, synonyms in names)
    samples = (getattr(part, "samples", None) or part._samples for part in (train, test))
    of_train, of_test = (
        [(os.path.relpath(path, folder), number) for path, number in found] for found in samples
    )
    return Listing(folder, classes, of_train, of_test)
