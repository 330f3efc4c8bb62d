"""Image folders, manifests, and what is found before any job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import data_files
import numpy as np
import pytest
from data_files import fetched, folder_entry

from actsearch.config import Config, ConfigError, Data, Split, parse_config
from actsearch.data.examples import together
from actsearch.data.fetching import CHECKSUMS, check_images, fetch
from actsearch.data.loading import load_dataset
from actsearch.data.sources.checks import check_source
from actsearch.data.sources.folders import list_folder
from actsearch.data.sources.headers import array_headers
from actsearch.data.sources.manifests import read_manifest, refuse_changed
from actsearch.data.sources.places import DataError, MissingDataError, place_of

SPLIT = Split(train=4, validation=2, test=2)
CLASSES = ("cat", "dog")


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_lists_its_images_by_class(tmp_path: Path) -> None:
    touch(tmp_path / "dog" / "b.PNG", tmp_path / "dog" / "a.jpg", tmp_path / "dog" / "notes.txt")
    touch(tmp_path / "cat" / "deep" / "c.webp", tmp_path / "cat" / ".hidden.jpg")
    touch(tmp_path / ".cache" / "x.jpg", tmp_path / "README")
    listing = list_folder(tmp_path)
    assert listing.classes == CLASSES
    assert listing.train == [("cat/deep/c.webp", 0), ("dog/a.jpg", 1), ("dog/b.PNG", 1)]
    assert listing.test is None


@pytest.mark.parametrize("name", ["val", "test"])
def test_a_test_part_of_its_own(name: str, tmp_path: Path) -> None:
    for part, n in (("train", 4), (name, 2)):
        data_files.write_classes(tmp_path / "pets" / part, n, CLASSES)
    data = folder_entry(tmp_path / "pets")
    place = fetched(data, tmp_path / "data")
    assert place.folder.parent == tmp_path / "data" / "folders"
    dataset = load_dataset(data, tmp_path / "data")
    assert dataset.part("test").targets.bincount().tolist() == [1, 1]
    too_many = folder_entry(tmp_path / "pets", split=Split(train=4, validation=2, test=5))
    with pytest.raises(DataError, match=r"5 test examples, but the test part of .* holds 4"):
        check_source(too_many, tmp_path / "data")


def _differ(folder: Path) -> None:
    touch(folder / "train/cat/a.jpg", folder / "train/dog/a.jpg")
    touch(folder / "test/cat/a.jpg", folder / "test/dgo/a.jpg")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folders": (lambda f: touch(f / "a.jpg"), "two or more classes, found none"),
    "one class": (lambda f: touch(f / "cat" / "a.jpg"), "two or more classes, found only 'cat'"),
    "empty class": (
        lambda f: (touch(f / "cat" / "a.jpg"), touch(f / "dog" / "a.heic")),
        r"dog: a class without images; allowed: files \.jpg",
    ),
    "other classes": (_differ, "train and test hold different classes; only one has 'dgo', 'dog'"),
    "too few": (
        lambda f: touch(*(f / name / f"{k}.jpg" for name in CLASSES for k in range(3))),
        r"asks for 8 examples \(4 train \+ 2 validation \+ 2 test\), but folder:.* holds 6",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_folder_that_cannot_be_used_is_explained(case: str, tmp_path: Path) -> None:
    make, message = BAD[case]
    make(tmp_path / "pets")
    with pytest.raises(DataError, match=message) as caught:
        check_source(folder_entry(tmp_path / "pets"), tmp_path / "data")
    assert not isinstance(caught.value, MissingDataError)


def test_what_is_missing_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=rf"no image folder at {tmp_path}/pets"):
        check_source(folder_entry(tmp_path / "pets"), tmp_path)
    imagenet = Data(source="torchvision:ImageNet", image_size=224, in_memory=False, split=SPLIT)
    with pytest.raises(MissingDataError, match=rf"{tmp_path}/ImageNet holds neither ILSVRC2012"):
        check_source(imagenet, tmp_path)
    check_source(Data(source="torchvision:CIFAR10", split=SPLIT), tmp_path)  # a rule brings it


def test_a_folder_that_changed_is_refused(tmp_path: Path) -> None:
    pets = tmp_path / "pets"
    data_files.write_classes(pets, 5, CLASSES)
    data = folder_entry(pets)
    place = fetched(data, tmp_path / "data")
    before = together(load_dataset(data, tmp_path / "data").part("test"))[0]
    (pets / "cat" / "cat_3.JPEG").rename(pets / "cat" / "cat_9.JPEG")
    message = rf"changed since {place.manifest} was written: train: cat: names was"
    with pytest.raises(DataError, match=message):
        load_dataset(data, tmp_path / "data")
    (pets / "cat" / "cat_9.JPEG").rename(pets / "cat" / "cat_3.JPEG")
    assert (together(load_dataset(data, tmp_path / "data").part("test"))[0] == before).all()
    # Of the same name but another size: a new fetch names the class.
    data_files.write_image(pets / "dog" / "dog_0.JPEG", 90, 90)
    with pytest.raises(DataError, match="train: dog: bytes was"):
        refuse_changed(place, read_manifest(place), fetch(data, place, print).manifest)


def test_checksums_name_the_image(tmp_path: Path) -> None:
    pets = tmp_path / "pets"
    data_files.write_classes(pets, 2, CLASSES)
    data = folder_entry(pets, split=Split(train=2, validation=1, test=1))
    place = fetched(data, tmp_path / "data")
    for _ in range(2):
        assert check_images(data, place, lambda done, total: None) == 4
    lines = (place.folder / CHECKSUMS).read_text().splitlines()
    assert [line.split("  ")[1] for line in lines][:2] == ["cat/cat_0.JPEG", "cat/cat_1.JPEG"]
    content = bytearray((pets / "dog/dog_1.JPEG").read_bytes())
    content[-9] ^= 1
    (pets / "dog/dog_1.JPEG").write_bytes(content)
    with pytest.raises(DataError, match=rf"{pets}/dog/dog_1\.JPEG is not the same"):
        check_images(data, place, lambda done, total: None)


def test_folders_of_one_name_have_places_of_their_own() -> None:
    one, other = (place_of(folder_entry(Path(p)), "data") for p in ("a/pets", "b/pets"))
    assert one is not None and other is not None and one.folder != other.folder
    assert one.folder.name.startswith("pets-")


def test_experiments_that_share_a_data_folder_have_places_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    found: dict[str, set[Path]] = {"path": set(), "link": set(), "within": set()}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "link").symlink_to(tmp_path / "shared")
        monkeypatch.chdir(tmp_path / name)
        for kind, folder in (("path", tmp_path / "shared"), ("link", "link"), ("within", "data")):
            place = place_of(folder_entry(Path("images")), folder)
            assert place is not None
            found[kind].add(place.folder)
    assert len(found["path"]) == len(found["link"]) == 2
    assert len(found["within"]) == 1  # an experiment that is moved keeps its manifests


def configuration(data: dict[str, Any], **task: Any) -> Config:
    recipe = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 4}
    values = {
        "model": "torchvision:resnet18",
        "recipe": recipe,
        "fisher": {"examples": 2},
        **task,
    }
    return parse_config(
        {"data": {"d": data}, "spaces": {}, "tasks": {"t": {"data": "d", **values}}}
    )


SMALL = {"train": 10, "validation": 10, "test": 10}


@pytest.mark.parametrize(
    ("data", "task", "message"),
    [
        (
            {"source": "torchvision:MNIST", "split": SMALL},
            {},
            r"tasks\.t\.model: 'torchvision:resnet18' takes images of 3 channels, but data 'd' "
            r"\(torchvision:MNIST\) have 1",
        ),
        (
            {"source": "torchvision:CIFAR10", "split": {**SMALL, "train": 50_000}},
            {},
            r"50010 examples \(50000 train \+ 10 validation\), but torchvision:CIFAR10 holds 50000",
        ),
        (
            {"source": "torchvision:SVHN", "split": {**SMALL, "test": 26_033}},
            {},
            r"26033 test examples, but the test part of torchvision:SVHN holds 26032",
        ),
        (
            {"source": "torchvision:CIFAR", "split": SMALL},
            {},
            r"unknown 'torchvision:CIFAR'; allowed: torchvision:\{CIFAR10,CIFAR100,MNIST",
        ),
        (
            {
                "source": "torchvision:ImageNet",
                "image_size": 224,
                "split": {**SMALL, "train": 1_000_000},
            },
            {"resources": {"mem_mb": 64_000}},
            r"mem_mb is 64000, but the images of data 'd' take 150531 MB in memory",
        ),
    ],
)
def test_what_can_be_known_from_the_configuration_is_refused_there(
    data: dict[str, Any], task: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        configuration(data, **task)


def test_images_that_are_not_kept_in_memory_need_none() -> None:
    data = {"source": "torchvision:ImageNet", "image_size": 224, "in_memory": False}
    assert configuration({**data, "split": {**SMALL, "train": 1_000_000}})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((8, 1, 2, 2), np.uint8), "y": np.arange(8)}, None),
        ({"x": np.asfortranarray(np.zeros((8, 3, 2, 2))), "y": np.array(list("abababab"))}, None),
        ({"x": np.zeros((8, 1, 2, 2))}, "lacks y: it must hold x and y .*, and holds x"),
        ({"x": np.zeros(8), "y": np.arange(8)}, r"x must be one of .*, got \(8,\)"),
        ({"x": np.zeros((8, 1, 2, 2), complex), "y": np.arange(8)}, r"x must hold real .* <c16"),
        ({"x": np.zeros((8, 1, 2, 2)), "y": np.ones((8, 1, 2, 2))}, r"y must be one of .* <f8"),
        ({"x": np.zeros((8, 1, 2, 2)), "y": np.array([None] * 8)}, r"y must be .* dtype \|O"),
        (
            {"x": np.zeros((8, 1, 2, 2)), "y": np.arange(7)},
            r"y must be \(8,\) to fit x, got \(7,\)",
        ),
        ({"x": np.zeros((7, 1, 2, 2)), "y": np.arange(7)}, r"asks for 8 examples .* holds 7"),
    ],
)
def test_arrays_are_checked_by_their_headers(
    arrays: dict[str, np.ndarray], message: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "data.npz"
    data = Data(source=f"npz:{path}", split=SPLIT)
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays)  # type: ignore[arg-type]
        headers = array_headers(path)
        assert {name: header.shape for name, header in headers.items()} == {
            name: array.shape for name, array in arrays.items()
        }
        assert all(headers[name].kind == array.dtype.kind for name, array in arrays.items())
        if message is None:
            check_source(data, tmp_path)
            continue
        with pytest.raises(DataError, match=message):
            check_source(data, tmp_path)


def test_arrays_that_are_damaged_or_missing_are_named(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    data = Data(source=f"npz:{path}", split=SPLIT)
    with pytest.raises(MissingDataError, match=f"no data file at {path}"):
        check_source(data, tmp_path)
    np.savez(path, x=np.zeros((8, 1, 2, 2)), y=np.arange(8))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match=r"data\.npz is not an \.npz file that can be read"):
        check_source(data, tmp_path)
