"""Data sets of torchvision, read from small files in their own formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import data_files as files
import numpy as np
import pytest
import torch

from actsearch.config import Data, Split
from actsearch.data.dataset import PARTS, Dataset, Part
from actsearch.data.examples import MemoryExamples, together
from actsearch.data.fetching import fetch
from actsearch.data.image_files import ImageFileExamples
from actsearch.data.loading import load_dataset
from actsearch.data.sources.places import DataError, place_of
from actsearch.records.formats import write_json

SPLIT = Split(train=20, validation=10, test=12, seed=3)
FEW = Split(train=6, validation=3, test=5)
Write = Callable[[Path, pytest.MonkeyPatch], Any]


def entry(name: str, **options: Any) -> Data:
    return Data(**{"source": f"torchvision:{name}", "split": SPLIT, **options})


def fetched(data: Data, folder: Path) -> dict[str, Any]:
    """The manifest of data that are there, in its place."""
    place = place_of(data, folder)
    assert place is not None
    found = fetch(data, place, print)
    write_json(place.manifest, found.manifest, {"step": "fetch"})
    found.keep(place)
    return found.manifest


def raw(dataset: Dataset, part: Part) -> list[bytes]:
    examples = dataset.part(part)
    assert isinstance(examples, MemoryExamples)
    return [image.numpy().tobytes() for image in examples.inputs]


ARRAYS: dict[str, tuple[Write, tuple[int, int, int], int]] = {
    "CIFAR10": (files.write_cifar, (3, 32, 32), 10),
    "CIFAR100": (lambda f, m: files.write_cifar(f, m, "CIFAR100"), (3, 32, 32), 100),
    "MNIST": (files.write_mnist, (1, 28, 28), 10),
    "FashionMNIST": (lambda f, m: files.write_mnist(f, m, "FashionMNIST"), (1, 28, 28), 10),
    "SVHN": (files.write_svhn, (3, 32, 32), 10),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_parts_hold_the_images_of_the_files_with_their_labels(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, shape, n_classes = ARRAYS[name]
    (x, y), (test_x, test_y) = write(tmp_path / name, monkeypatch)
    manifest = fetched(entry(name), tmp_path)
    assert manifest["examples"] == {"train": files.N_TRAIN, "test": files.N_TEST}
    assert len(manifest["classes"]) == n_classes
    dataset = load_dataset(entry(name), tmp_path)
    assert dataset.shape.input_shape == shape
    assert dataset.shape.n_outputs == n_classes  # of CIFAR-100, 40 of them are drawn from
    own = {image.tobytes(): label for image, label in zip(x, y, strict=True)}
    other = {image.tobytes(): label for image, label in zip(test_x, test_y, strict=True)}
    assert set(raw(dataset, "test")) <= set(other)
    assert not set(raw(dataset, "train")) & set(raw(dataset, "validation"))
    for part, labels in (("train", own), ("validation", own), ("test", other)):
        images, found = raw(dataset, part), dataset.part(part).targets  # type: ignore[arg-type]
        assert [labels[image] for image in images] == found.tolist()
        assert len(images) == getattr(SPLIT, part)


def test_bytes_are_scaled_by_the_training_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_cifar(tmp_path / "CIFAR10", monkeypatch)
    fetched(entry("CIFAR10"), tmp_path)
    dataset = load_dataset(entry("CIFAR10"), tmp_path)
    examples = dataset.part("train")
    assert isinstance(examples, MemoryExamples) and examples.inputs.dtype == torch.uint8
    x = together(examples)[0].double()
    assert x.mean(dim=(0, 2, 3)).abs().max() < 1e-6
    assert (x.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-6
    assert examples.mean is not None and examples.mean.shape == (3,)
    own = examples.inputs.double().mean(dim=(0, 2, 3)).float()
    assert torch.allclose(examples.mean, own, rtol=1e-6)


def test_the_test_part_hangs_on_its_size_and_the_seed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_cifar(tmp_path / "CIFAR10", monkeypatch)
    fetched(entry("CIFAR10"), tmp_path)
    one = load_dataset(entry("CIFAR10"), tmp_path)
    other = entry("CIFAR10", split=Split(train=5, validation=30, test=12, seed=3))
    assert raw(load_dataset(other, tmp_path), "test") == raw(one, "test")
    seed = entry("CIFAR10", split=SPLIT.model_copy(update={"seed": 4}))
    assert raw(load_dataset(seed, tmp_path), "test") != raw(one, "test")
    for part in PARTS:
        counts = np.bincount(one.part(part).targets.numpy(), minlength=10)
        assert np.abs(counts - getattr(SPLIT, part) / 10).max() <= 2


def test_what_was_altered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_mnist(tmp_path / "MNIST", monkeypatch)
    fetched(entry("MNIST"), tmp_path)
    file = tmp_path / "MNIST/MNIST/raw/train-images-idx3-ubyte"
    content = bytearray(file.read_bytes())
    content[100] ^= 1  # torchvision looks at the archives of MNIST alone
    file.write_bytes(content)
    with pytest.raises(
        DataError, match=r"manifest\.json was written: .*/train-images-idx3-ubyte: sha256 was"
    ):
        load_dataset(entry("MNIST"), tmp_path)
    file.unlink()
    with pytest.raises(DataError, match="raw/train-images-idx3-ubyte is missing"):
        load_dataset(entry("MNIST"), tmp_path)


def test_data_that_were_not_fetched_name_the_place_and_the_command(tmp_path: Path) -> None:
    message = (
        rf"no data set at {tmp_path}/CIFAR10 .*actsearch fetch --data NAME "
        rf"--out {tmp_path}/CIFAR10/manifest.json"
    )
    with pytest.raises(DataError, match=message):
        load_dataset(entry("CIFAR10"), tmp_path)


@pytest.mark.parametrize("in_memory", [True, False])
def test_imagenette(in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = entry("Imagenette", image_size=16, in_memory=in_memory, split=FEW)
    files.write_imagenette(tmp_path / "Imagenette-160px", monkeypatch)
    manifest = fetched(data, tmp_path)
    assert manifest["classes"][0] == "n01440764 tench"
    assert manifest["examples"] == {"train": 12, "test": 6}
    assert [entry["images"] for entry in manifest["folders"]] == [4, 4, 4, 2, 2, 2]
    dataset = load_dataset(data, tmp_path)
    assert dataset.shape.input_shape == (3, 16, 16) and dataset.shape.n_outputs == 3
    assert isinstance(dataset.part("train"), MemoryExamples if in_memory else ImageFileExamples)
    assert dataset.part("test").targets.bincount().tolist() in ([2, 2, 1], [2, 1, 2], [1, 2, 2])
    images, labels = together(dataset.part("train"))
    assert images.shape == (6, 3, 16, 16) and len(labels) == 6
    assert images.mean(dim=(0, 2, 3)).abs().max() < 1e-5


def test_images_are_the_same_in_memory_and_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"image_size": 16, "split": FEW}
    files.write_imagenette(tmp_path / "Imagenette-160px", monkeypatch)
    fetched(entry("Imagenette", **options), tmp_path)
    kept = load_dataset(entry("Imagenette", **options), tmp_path)
    read = load_dataset(entry("Imagenette", in_memory=False, **options), tmp_path)
    for part in PARTS:
        for one, other in zip(together(kept.part(part)), together(read.part(part)), strict=True):
            assert torch.equal(one, other)
    # What was decoded stays on the disk, and is read from there.
    [decoded] = (tmp_path / "Imagenette-160px").glob("decoded-16-*.npy")

    def broken(*_: object) -> None:
        raise DataError("decoded")

    monkeypatch.setattr("actsearch.data.image_files.read_square", broken)
    again = load_dataset(entry("Imagenette", **options), tmp_path)
    assert torch.equal(together(again.part("test"))[0], together(kept.part("test"))[0])
    # Not by another decoder.
    with monkeypatch.context() as patched, pytest.raises(DataError, match="decoded"):
        patched.setattr("importlib.metadata.version", lambda name: "0")
        load_dataset(entry("Imagenette", **options), tmp_path)
    decoded.unlink()
    with pytest.raises(DataError, match="decoded"):
        load_dataset(entry("Imagenette", **options), tmp_path)


@pytest.mark.parametrize(
    "size, version", [(128, "160px"), (140, "160px"), (141, "320px"), (224, "320px"), (300, "full")]
)
def test_imagenette_comes_in_the_smallest_version_that_does(size: int, version: str) -> None:
    place = place_of(entry("Imagenette", image_size=size), "data")
    assert place is not None and place.folder == Path(f"data/Imagenette-{version}")


def test_imagenet_is_unpacked_from_its_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "ImageNet"
    truth = files.write_imagenet_archives(folder, tmp_path, monkeypatch)
    split = Split(train=6, validation=3, test=6)
    data = entry("ImageNet", image_size=8, in_memory=False, split=split)
    manifest = fetched(data, tmp_path / "data")
    assert manifest["classes"] == [
        "n01440764 tench",
        "n02102040 English springer",
        "n02979186 cassette player",
    ]
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["train", "val"]
    for archive in folder.glob("*.tar*"):
        archive.unlink()  # they are not needed again
    assert fetched(data, tmp_path / "data") == manifest
    dataset = load_dataset(data, tmp_path / "data")
    assert sorted(dataset.part("test").targets.tolist()) == sorted(truth)
    found = {path.name: path.parent.name for path in (folder / "val").rglob("*.JPEG")}
    assert found["ILSVRC2012_val_00000002.JPEG"] == files.WNIDS[truth[1]]


def test_imagenet_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    data = entry("ImageNet", image_size=224, in_memory=False)
    place = place_of(data, tmp_path)
    assert place is not None
    with pytest.raises(
        DataError, match=r"sign up|Sign up.*ILSVRC2012_img_val\.tar into .*ImageNet"
    ):
        fetch(data, place, print)


def test_an_archive_that_is_damaged_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "ImageNet"
    files.write_imagenet_archives(folder, tmp_path, monkeypatch)
    (folder / "ILSVRC2012_img_train.tar").write_bytes(b"cut short")
    data = entry("ImageNet", image_size=8, in_memory=False, split=FEW)
    place = place_of(data, tmp_path / "data")
    assert place is not None
    with pytest.raises(DataError, match=r"ILSVRC2012_img_train\.tar.*corrupted"):
        fetch(data, place, print)
    assert not (folder / "train").exists()


def test_a_data_set_that_was_unpacked_in_part_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_imagenette(tmp_path / "Imagenette-160px", monkeypatch)
    files.publish(monkeypatch, "Imagenette", 13, 6)
    with pytest.raises(DataError, match=r"holds 12 train and 6 test examples .* has 13 and 6"):
        fetched(entry("Imagenette", image_size=16, split=FEW), tmp_path)
