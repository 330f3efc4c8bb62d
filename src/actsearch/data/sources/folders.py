"""Image folders: a folder of images for each class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from actsearch.data.sources.places import DataError, MissingDataError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""Files that count as images, whatever the case of the letters."""


@dataclass(frozen=True)
class Listing:
    """The images of a source: paths in order, the number of the class of each.

    Attributes:
        root: the folder that paths are relative to.
        classes: their names, in the order of their numbers.
        train: all images outside the source's own test part.
        test: those in it; None where it has none.
    """

    root: Path
    classes: tuple[str, ...]
    train: list[tuple[str, int]]
    test: list[tuple[str, int]] | None


def list_folder(root: Path) -> Listing:
    """The images of the folder ``root``: with classes at the top, or under train and val or test.

    Images may lie in further folders below that of their class; hidden files are left out.

    Returns:
        Classes sorted by name, and the images of each part, class by class.

    Raises:
        MissingDataError: when there is no such folder.
        DataError: when it has fewer than two class folders, a class without images, two test parts,
            or other classes in its test part than in the rest.
    """
    if not root.is_dir():
        raise MissingDataError(f"no image folder at {root}")
    tests = [name for name in ("val", "test") if (root / name).is_dir()]
    if not (root / "train").is_dir() or not tests:
        classes, train = _list_classes(root, "")
        return Listing(root, classes, train, None)
    if len(tests) > 1:
        raise DataError(f"{root} holds both val and test: leave one, it is the test part")
    classes, train = _list_classes(root, "train")
    of_test, test = _list_classes(root, tests[0])
    if of_test != classes:
        odd = sorted(set(classes) ^ set(of_test))
        raise DataError(
            f"{root}: train and {tests[0]} hold different classes; only one has {_few(odd)}"
        )
    return Listing(root, classes, train, test)


def _list_classes(root: Path, part: str) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    folder = root / part
    with os.scandir(folder) as entries:
        classes = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise DataError(
            f"{folder} must hold a folder for each of two or more classes, found {found}"
        )
    images: list[tuple[str, int]] = []
    for number, name in enumerate(classes):
        paths = _images_under(folder / name)
        if not paths:
            raise DataError(
                f"{folder / name}: a class without images; allowed: files {', '.join(EXTENSIONS)}"
            )
        images += [(os.path.relpath(path, root), number) for path in paths]
    return tuple(classes), images


def _images_under(folder: Path) -> list[str]:
    found: list[str] = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            os.path.join(place, name)  # noqa: PTH118 - many files
            for name in sorted(names)
            if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
        ]
    return found


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(repr, names[:3])) + more
