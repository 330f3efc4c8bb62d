"""Image folders: which folders are parts, which are classes, and what is left out."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from actsearch.config import Data, Split
from actsearch.config.data import check_split
from actsearch.data.dataset import OwnParts, split_rows
from actsearch.data.sources.folders import left_out_lines, list_folder
from actsearch.data.sources.manifests import check_sizes, counts
from actsearch.data.sources.names import part_of
from actsearch.data.sources.places import DataError

CLASSES = ("cat", "dog")
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "bär") for form in ("NFC", "NFD"))


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def parts(root: Path, *names: str, classes: tuple[str, ...] = CLASSES) -> None:
    touch(root, *(f"{part}/{name}/a.jpg" for part in names for name in classes))


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *((name, "train") for name in ("train", "Training", "TRAIN", "training_set", "trainset")),
        *((name, "train") for name in ("seg_train", "train2017", "Train Images", "trainval")),
        *((name, "validation") for name in ("val", "valid", "Validation", "dev", "eval", "val-2")),
        *((name, "test") for name in ("test", "Testing", "test_set", "TestImages")),
        *((name, None) for name in ("cat", "trains", "contest", "value", "developer", "tester")),
    ],
)
def test_names_of_parts(name: str, part: str | None) -> None:
    assert part_of(name) == (part, () if part else (name,))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("train", "valid"), {"train": "train", "test": "valid"}),
        (("Training", "Testing"), {"train": "Training", "test": "Testing"}),
        (("TRAIN", "dev"), {"train": "TRAIN", "test": "dev"}),
        (
            ("train", "val", "test"),
            {"train": "train", "validation": "val", "test": "test"},
        ),
        (
            ("training_set", "eval", "Test Set"),
            {"train": "training_set", "validation": "eval", "test": "Test Set"},
        ),
    ],
)
def test_folders_of_parts_are_read_as_parts(
    names: tuple[str, ...], found: dict[str, str], tmp_path: Path
) -> None:
    parts(tmp_path, *names)
    listing = list_folder(tmp_path)
    assert listing.classes == CLASSES and dict(listing.folders) == found
    for part, folder in found.items():
        paths = [path for path, _ in listing.parts[part]]
        assert paths == [f"{folder}/cat/a.jpg", f"{folder}/dog/a.jpg"]
        assert any(f"{folder}/ is the {part} part" in note for note in listing.notes)


REFUSED = {
    "with classes": (
        ["train/cat/a.jpg", "valid/cat/a.jpg", "bird/a.jpg"],
        "'valid' named like",
    ),
    "one with classes": (["test/a.jpg", "cat/a.jpg", "dog/a.jpg"], "'test' named like parts"),
    "train of parts": (["train/cat/a.jpg", "cat/a.jpg"], "'train' named like parts, 'cat' not"),
    "unlabelled": (["train/a.jpg", "test/b.jpg"], r"train must hold a folder .* found none"),
    "two names": (
        ["train/cat/a.jpg", "val/cat/a.jpg", "valid/cat/a.jpg"],
        "'val' and 'valid' both name the validation part",
    ),
    "two cases": (
        ["train/cat/a.jpg", "Train/cat/a.jpg", "test/cat/a.jpg"],
        "'Train' and 'train' both name the train part",
    ),
    "one part": (["train/cat/a.jpg", "train/dog/a.jpg"], "one part alone, 'train': name folder:"),
    "no train": (["val/cat/a.jpg", "test/cat/a.jpg"], "but no train part"),
    "in names": (
        ["cat_train/a.jpg", "cat_test/a.jpg", "dog_train/a.jpg", "dog_test/a.jpg"],
        "look like parts of one class",
    ),
    "in classes": (
        ["cat/train/a.jpg", "cat/test/a.jpg", "dog/train/a.jpg", "dog/test/a.jpg"],
        "cat: a class that holds parts, 'test', 'train', which would be mixed",
    ),
    "other classes": (
        ["train/cat/a.jpg", "train/dog/a.jpg", "valid/cat/a.jpg", "valid/cow/a.jpg"],
        "train and valid hold different classes; only one has 'cow', 'dog'",
    ),
    "another case": (
        ["train/cat/a.jpg", "train/dog/a.jpg", "test/Cat/a.jpg", "test/dog/a.jpg"],
        r"'Cat', 'cat' differ only in case",
    ),
    "nested": (["pets/cat/a.jpg", "pets/dog/a.jpg"], r"only 'pets'; is folder:.*/pets meant\?"),
    "parts of other names": (
        [f"{part}/{name}/a.jpg" for part in ("fold1", "fold2", "fold3") for name in CLASSES],
        r"'fold1', 'fold2', 'fold3' all hold .*\. Are they parts\? .* nested: true",
    ),
    "parts below folders": (
        ["a/images/train/x.jpg", "a/images/test/x.jpg", "b/x.jpg"],
        "images: a class that holds parts, 'test', 'train'",
    ),
    "parts and domains": (
        [f"{name}/a.jpg" for name in ("trainA", "trainB", "testA", "testB")],
        "'testA', 'trainA' look like parts of one class",
    ),
    "two forms": (
        [f"{COMPOSED}/a.jpg", f"{DECOMPOSED}/a.jpg", "cat/a.jpg"],
        "in two Unicode forms",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_clear_is_refused(case: str, tmp_path: Path) -> None:
    paths, message = REFUSED[case]
    touch(tmp_path, *paths)
    with pytest.raises(DataError, match=message):
        list_folder(tmp_path)


def test_folders_of_the_same_names_below_classes_may_be_meant(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{name}/{side}/a.jpg" for name in CLASSES for side in ("back", "front")))
    listing = list_folder(tmp_path, nested=True)
    assert listing.classes == CLASSES and len(listing.train) == 2 * len(CLASSES)
    (tmp_path / CLASSES[0] / "b.jpg").touch()
    assert list_folder(tmp_path).classes == CLASSES


def test_a_class_of_trains_is_a_class(tmp_path: Path) -> None:
    touch(tmp_path, "train/a.jpg", "bus/a.jpg", "plane/a.jpg")
    listing = list_folder(tmp_path)
    assert listing.classes == ("bus", "plane", "train") and listing.test is None
    assert listing.notes == ["train/ holds images itself: it is a class, and no part"]


def test_parts_may_write_a_name_in_another_unicode_form(tmp_path: Path) -> None:
    touch(tmp_path, f"train/{COMPOSED}/a.jpg", f"test/{DECOMPOSED}/a.jpg")
    touch(tmp_path, "train/bz/a.jpg", "test/bz/a.jpg")
    listing = list_folder(tmp_path)
    assert listing.classes == ("bz", COMPOSED)
    assert listing.test == [("test/bz/a.jpg", 0), (f"test/{DECOMPOSED}/a.jpg", 1)]


def test_names_that_differ_in_case_alone_are_said(tmp_path: Path) -> None:
    touch(tmp_path, "Cat/a.jpg", "cat/a.jpg", "dog /a.jpg", "dog/a.jpg", "cow/a.jpg")
    assert list_folder(tmp_path).notes == [
        "classes whose names differ only in case, blanks or width: 'Cat', 'cat'",
        "classes whose names differ only in case, blanks or width: 'dog', 'dog '",
    ]


def test_what_file_managers_leave_is_left_out_and_said(tmp_path: Path) -> None:
    touch(tmp_path, "cat/a.jpg", "dog/b.gif", "dog/c.JFIF", "dog/deep/d.webp")
    touch(tmp_path, "__MACOSX/cat/._a.jpg", "@eaDir/x/a.jpg", ".thumbnails/a.jpg", "README.md")
    touch(tmp_path, "cat/.thumbnails/t.jpg", "cat/@eaDir/a.jpg/thumb.jpg", "cat/._a.jpg")
    touch(tmp_path, "cat/.ipynb_checkpoints/a-checkpoint.jpg", "cat/Thumbs.db", "dog/thumbs/b.jpg")
    touch(tmp_path, "cat/e.heic", "cat/f.HEIC", "cat/notes", "loose.png")
    listing = list_folder(tmp_path)
    assert listing.train == [
        ("cat/a.jpg", 0),
        ("dog/b.gif", 1),
        ("dog/c.JFIF", 1),
        ("dog/deep/d.webp", 1),
    ]
    assert {reason: left.count for reason, left in listing.left_out.items()} == {
        "hidden": 4,
        "left by file managers": 5,
        "files .heic": 2,
        "files without an ending": 1,
        "images outside the folders of classes": 1,
        "files outside the folders of classes": 1,
    }
    lines = left_out_lines(listing)
    assert "left out: 2 files .heic, such as 'cat/e.heic', 'cat/f.HEIC'" in lines
    assert any("of classes, such as 'loose.png'" in line for line in lines)


def test_what_lies_beside_parts_is_left_out_and_said(tmp_path: Path) -> None:
    parts(tmp_path, "train", "test")
    touch(tmp_path, "extra.png", "labels.csv", ".thumbnails/a.jpg", "train/b.png")
    assert {reason: left.examples for reason, left in list_folder(tmp_path).left_out.items()} == {
        "hidden": [".thumbnails"],
        "images outside the folders of classes": ["extra.png", "train/b.png"],
        "files outside the folders of classes": ["labels.csv"],
    }


def test_a_class_may_be_called_thumb(tmp_path: Path) -> None:
    touch(tmp_path, "thumb/a.jpg", "index/a.jpg", "ring/a.jpg", "@eaDir/x.jpg", "Thumbs/x.txt")
    touch(tmp_path, "ring/thumb/b.jpg", "__MACOSX/a.jpg")
    listing = list_folder(tmp_path)
    assert listing.classes == ("index", "ring", "thumb")
    assert listing.paths == ["index/a.jpg", "ring/a.jpg", "thumb/a.jpg"]
    assert listing.left_out["left by file managers"].count == 4
    assert listing.notes == ["thumb/ holds images: it is a class, and not of small copies"]


@pytest.mark.parametrize("part", ["", "train/"])
@pytest.mark.parametrize("name", ["thumbnails", "Thumbnail", "_thumbs"])
def test_a_folder_of_small_copies_beside_classes_is_refused(
    name: str, part: str, tmp_path: Path
) -> None:
    parts(tmp_path, *(["train", "test"] if part else ["."]))
    (tmp_path / part / name).mkdir()
    assert list_folder(tmp_path).classes == CLASSES
    touch(tmp_path, f"{part}{name}/a.jpg")
    with pytest.raises(DataError, match=f"{name}' holds images, and may be a class or small"):
        list_folder(tmp_path)


def test_each_size_is_drawn_from_its_own_part() -> None:
    labels = np.arange(60) % 2
    split = Split(train=20, validation=10, test=5)
    found = split_rows(labels, split, OwnParts(30, 18))
    assert found["train"].max() < 30
    assert found["validation"].min() >= 30 and found["validation"].max() < 48
    assert found["test"].min() >= 48
    assert {name: len(rows) for name, rows in found.items()} == {
        "train": 20,
        "validation": 10,
        "test": 5,
    }


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((5, 2, 2), "5 train examples, but the train part of folder:pets holds 4"),
        ((4, 3, 2), "3 validation examples, but the validation part of folder:pets holds 2"),
        ((4, 2, 3), "3 test examples, but the test part of folder:pets holds 2"),
    ],
)
def test_a_split_that_asks_a_part_for_too_much_is_refused(
    sizes: tuple[int, int, int], message: str, tmp_path: Path
) -> None:
    touch(tmp_path, *(f"train/{name}/{k}.jpg" for name in CLASSES for k in range(2)))
    parts(tmp_path, "val", "test")
    manifest = {"examples": counts(list_folder(tmp_path))}
    split = dict(zip(("train", "validation", "test"), sizes, strict=True))
    data = Data.model_validate({"source": "folder:pets", "image_size": 8, "split": split})
    with pytest.raises(DataError, match=message):
        check_sizes(data, manifest)
    check_split(Split(train=4, validation=2, test=2), 4, 2, "it", 2)


def test_links_that_lead_back_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "cat/a.jpg", "dog/deep/b.jpg")
    (tmp_path / "dog/deep/again").symlink_to(tmp_path / "dog")
    listing = list_folder(tmp_path)
    assert listing.train == [("cat/a.jpg", 0), ("dog/deep/b.jpg", 1)]
    assert listing.left_out["links that lead back"].examples == ["dog/deep/again"]


def test_names_that_are_no_utf_8_are_refused_for_classes_alone(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff.jpg")
    touch(tmp_path, f"cat/{odd}", "dog/a.jpg", f"dog/{odd}.txt")
    listing = list_folder(tmp_path)
    assert listing.train[0] == (f"cat/{odd}", 0)
    assert listing.left_out["files .txt"].examples == ["dog/\\xff.jpg.txt"]
    touch(tmp_path, os.fsdecode(b"c\xffw/a.jpg"))
    with pytest.raises(DataError, match=r"the name of the class 'c\\\\xffw' is not UTF-8"):
        list_folder(tmp_path)
