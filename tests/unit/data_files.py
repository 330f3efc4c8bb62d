"""Small data sets in the formats of the real ones, where and as torchvision checks them."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision import datasets
from torchvision.datasets import imagenet

from actsearch.config import Data
from actsearch.config.data import TORCHVISION_DATA
from actsearch.data.fetching import fetch
from actsearch.data.sources.places import Place, place_of
from actsearch.records.formats import write_json

WNIDS = ("n01440764", "n02102040", "n02979186")
N_TRAIN, N_TEST = 40, 20


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def publish(
    monkeypatch: pytest.MonkeyPatch, name: str, train: int = N_TRAIN, test: int = N_TEST
) -> None:
    """Let the data set be of this size."""
    sized = TORCHVISION_DATA[name]._replace(train=train, test=test)
    monkeypatch.setitem(TORCHVISION_DATA, name, sized)


def pixels(n: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def write_cifar(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "CIFAR10") -> Any:
    """Pickles of rows of 3,072 bytes; returns (x, y) of both parts."""
    kind = getattr(datasets, name)
    base = folder / kind.base_folder
    base.mkdir(parents=True)
    key = "labels" if name == "CIFAR10" else "fine_labels"
    n_classes = TORCHVISION_DATA[name].classes
    expected = []
    for attribute, n in (("train_list", N_TRAIN), ("test_list", N_TEST)):
        files = [file for file, _ in getattr(kind, attribute)]
        x, y = pixels(n, 3, 32, 32, seed=n), np.arange(n) % n_classes
        expected.append((x, y))
        sums = []
        for file, rows in zip(files, np.array_split(np.arange(n), len(files)), strict=True):
            entry = {"data": x[rows].reshape(len(rows), -1), key: y[rows].tolist()}
            (base / file).write_bytes(pickle.dumps(entry))
            sums.append([file, md5(base / file)])
        monkeypatch.setattr(kind, attribute, sums)
    meta = base / kind.meta["filename"]
    meta.write_bytes(pickle.dumps({kind.meta["key"]: [f"class {k}" for k in range(n_classes)]}))
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(meta)})
    publish(monkeypatch, name)
    return expected


def idx(array: np.ndarray) -> bytes:
    """An array in the format of MNIST's files."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "MNIST") -> Any:
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    expected = []
    resources = []
    for prefix, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        x, y = pixels(n, 28, 28, seed=n), np.arange(n, dtype=np.uint8) % 10
        expected.append((x[:, None], y))
        for what, array in (("images-idx3", x), ("labels-idx1", y)):
            file = raw / f"{prefix}-{what}-ubyte"
            file.write_bytes(idx(array))
            packed = raw / f"{file.name}.gz"
            packed.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
            resources.append((packed.name, md5(packed)))
    monkeypatch.setattr(getattr(datasets, name), "resources", resources)
    publish(monkeypatch, name)
    return expected


def write_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder.mkdir(parents=True)
    expected = []
    lists = dict(datasets.SVHN.split_list)
    for part, n in (("train", N_TRAIN), ("test", N_TEST)):
        x, y = pixels(n, 3, 32, 32, seed=n), np.arange(n) % 10
        expected.append((x, y))
        url, file, _ = lists[part]
        # Rows, columns, channels, images; 10 stands for the digit 0.
        matrix = {"X": x.transpose(2, 3, 1, 0), "y": np.where(y == 0, 10, y)[:, None]}
        scipy.io.savemat(folder / file, matrix)
        lists[part] = [url, file, md5(folder / file)]
    monkeypatch.setattr(datasets.SVHN, "split_list", lists)
    publish(monkeypatch, "SVHN")
    return expected


def write_image(path: Path, width: int = 40, height: int = 30, seed: int = 0) -> None:
    """A JPEG with some structure in it, and noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = Image.fromarray(pixels(6, 8, 3, seed=seed)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    small.save(path, quality=90)


def write_classes(folder: Path, images: int, classes: tuple[str, ...] = WNIDS, **size: int) -> None:
    for k, name in enumerate(classes):
        for i in range(images):
            write_image(folder / name / f"{name}_{i}.JPEG", seed=100 * k + i, **size)


def write_imagenette(folder: Path, monkeypatch: pytest.MonkeyPatch, size: str = "160px") -> None:
    root = folder / Path(datasets.Imagenette._ARCHIVES[size][0]).stem
    for part, images in (("train", 4), ("val", 2)):
        write_classes(root / part, images)
        for file in (root / part).rglob("*.JPEG"):
            file.rename(file.with_suffix(".jpeg"))
    publish(monkeypatch, "Imagenette", 12, 6)


def tarred(folder: Path, mode: str = "w") -> bytes:
    """An archive of what a folder holds."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return buffer.getvalue()


def write_imagenet_archives(
    folder: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, validation: int = 6
) -> list[int]:
    """The three archives of ImageNet with three classes; returns the class of each val image."""
    folder.mkdir(parents=True)
    names = ("tench, Tinca tinca", "English springer", "cassette player")
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O")]
    synsets = np.zeros(4, dtype=[*kinds, ("num_children", "O")])
    order = (2, 0, 1)  # numbers of ImageNet's own are no sorted names
    for number, k in enumerate(order, start=1):
        synsets[number - 1] = (number, WNIDS[k], names[k], "", 0)
    synsets[3] = (4, "n00000000", "animal", "", 3)
    kit = scratch / "kit" / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    scipy.io.savemat(kit / "meta.mat", {"synsets": synsets})
    truth = [k % 3 for k in range(validation)]
    lines = [str(order.index(k) + 1) for k in truth]
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("\n".join(lines) + "\n")
    write_classes(scratch / "images", 4)
    outer = scratch / "outer"
    outer.mkdir()
    for wnid in WNIDS:
        (outer / f"{wnid}.tar").write_bytes(tarred(scratch / "images" / wnid))
    for number, k in enumerate(truth):
        name = f"ILSVRC2012_val_{number + 1:08d}.JPEG"
        write_image(scratch / "val" / name, seed=1000 * (k + 1) + number)
    archives = {
        "devkit": tarred(scratch / "kit", "w:gz"),
        "train": tarred(outer),
        "val": tarred(scratch / "val"),
    }
    for part, content in archives.items():
        file = imagenet.ARCHIVE_META[part][0]
        (folder / file).write_bytes(content)
        monkeypatch.setitem(imagenet.ARCHIVE_META, part, (file, md5(folder / file)))
    publish(monkeypatch, "ImageNet", 12, validation)
    return truth


FEW = {"train": 4, "validation": 2, "test": 2}


def folder_entry(folder: Path, **options: Any) -> Data:
    """An entry of the configuration's data for an image folder."""
    values = {"source": f"folder:{folder}", "split": FEW, "image_size": 8, **options}
    return Data.model_validate(values)


def fetched(data: Data, folder: Path) -> Place:
    """The place of data under ``folder``, where they have been fetched."""
    place = place_of(data, folder)
    assert place is not None
    found = fetch(data, place, print)
    write_json(place.manifest, found.manifest, {"step": "fetch"})
    found.keep(place)
    return place
