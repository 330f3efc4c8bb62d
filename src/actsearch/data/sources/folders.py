"""Image folders: a folder of images for each class, at the top or in a folder for each part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from actsearch.config import Data
from actsearch.data.sources.names import (
    LEFT_BY_MANAGERS,
    alike,
    composed,
    few,
    is_left_by_programs,
    is_of_previews,
    is_of_previews_alone,
    part_of,
    printed,
    same_name,
)
from actsearch.data.sources.parts import parts_among, refuse_nested, refuse_parts_within
from actsearch.data.sources.places import DataError, MissingDataError, image_folder

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".ppm", ".pgm", ".pbm", ".pnm", ".bmp", ".dib"),
    *(".tif", ".tiff", ".webp", ".gif", ".tga", ".jp2"),
)
"""Files that count as images, whatever the case of the letters."""
_EXAMPLES = 3
Image = tuple[str, int]
"""A path, and the number of a class."""


@dataclass
class LeftOut:
    """Files, or whole folders, that are not read, for one reason."""

    count: int = 0
    examples: list[str] = field(default_factory=list)
    """Paths of the first of them."""


@dataclass(frozen=True)
class Listing:
    """The images of a source: paths in order, the number of the class of each.

    Attributes:
        root: the folder that paths are relative to.
        classes: their names, in the order of their numbers.
        train: all images outside the source's own other parts.
        test: those in its own test part; None where it has none.
        validation: those in its own validation part; None where it has none.
        folders: what each part was taken from, where the source has parts.
        left_out: what was not taken for an image of a class, by the reason.
    """

    root: Path
    classes: tuple[str, ...]
    train: list[Image]
    test: list[Image] | None
    validation: list[Image] | None = None
    folders: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, list[Image]]:
        """The images of the parts that the source has, in the order of their rows."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: images for name, images in found.items() if images is not None}

    @property
    def images(self) -> list[Image]:
        """All images, part after part."""
        return [image for images in self.parts.values() for image in images]

    @property
    def paths(self) -> list[str]:
        """The paths of all images."""
        return [path for path, _ in self.images]

    @property
    def notes(self) -> list[str]:
        """What was read out of names, in sentences."""
        taken = [
            f"{folder}/ is the {part} part ({len(self.parts[part]):,} images)"
            for part, folder in self.folders.items()
        ]
        trains = [
            f"{name}/ holds images itself: it is a class, and no part"
            for name in self.classes
            if not self.folders and part_of(name)[0] and not part_of(name)[1]
        ]
        classes = [
            f"classes whose names differ only in case, blanks or width: {few(group)}"
            for group in alike(self.classes)
        ]
        thumbs = [
            f"{name}/ holds images: it is a class, and not of small copies"
            for name in self.classes
            if is_of_previews(name)
        ]
        return [*taken, *trains, *thumbs, *classes]


def left_out_lines(listing: Listing) -> list[str]:
    """What was left out of a listing: a sentence for each reason, with examples."""
    return [
        f"left out: {left.count:,} {reason}, such as {few(left.examples)}"
        for reason, left in sorted(listing.left_out.items())
    ]


def list_folder(root: Path, *, nested: bool = False) -> Listing:
    """The images of the folder ``root``: with classes at the top, or in a folder for each part.

    Folders at the top are parts where all of them have names of parts, one of them that of the
    train part. Of two, the other is the test part. Images may lie in further folders below that of
    their class. Hidden files and what file managers leave are passed over and noted; a folder of
    images called ``thumb`` is a class where classes are.

    Args:
        root: the folder.
        nested: whether images of all classes lie in folders of the same names, which would be
            refused otherwise: they look like classes in folders of parts.

    Returns:
        Classes sorted by name, and the images of each part, class by class.

    Raises:
        MissingDataError: when there is no such folder.
        DataError: when it has fewer than two class folders, a class without images, parts that
            cannot be told, or parts with different classes.
    """
    if not root.is_dir():
        raise MissingDataError(f"no image folder at {root}")
    walk = _Walk(root)
    at_top = walk.folders("")
    folders = parts_among(root, at_top, walk.holds_images)
    if not folders:
        classes, train = walk.classes("", at_top)
        if not nested:
            refuse_nested(root, train)
        return Listing(root, classes, train, None, left_out=walk.left_out)
    classes, train = walk.classes(folders["train"], walk.folders(folders["train"]))
    found: dict[str, list[Image]] = {}
    for part in ("validation", "test"):
        if part in folders:
            others, images = walk.classes(folders[part], walk.folders(folders[part]))
            _same_classes(root, (folders["train"], folders[part]), classes, others)
            found[part] = images
    validation, test = found.get("validation"), found.get("test")
    return Listing(root, classes, train, test, validation, folders, walk.left_out)


def list_source(data: Data) -> Listing:
    """The images of a source ``folder:PATH``, see :func:`list_folder`."""
    return list_folder(image_folder(data), nested=bool(data.nested))


class _Walk:
    """Looks through a folder, and notes what it leaves out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_out: dict[str, LeftOut] = {}

    def leave(self, reason: str, folder: str, name: str) -> None:
        left = self.left_out.setdefault(reason, LeftOut())
        left.count += 1
        if len(left.examples) < _EXAMPLES:
            left.examples.append(printed(os.path.join(folder, name)))  # noqa: PTH118 - relative

    def folders(self, part: str) -> list[str]:
        """Folders in a folder, sorted; files there belong to no class."""
        with os.scandir(self.root / part) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
        kept = []
        for name, folder in found:
            if reason := is_left_by_programs(name, folder=folder):
                self.leave(reason, part, name)
            elif folder and is_of_previews(name) and not self.holds_images_below(part, name):
                self.leave(LEFT_BY_MANAGERS, part, name)
            elif folder:
                kept.append(name)
            elif name.lower().endswith(EXTENSIONS):
                self.leave("images outside the folders of classes", part, name)
            else:
                self.leave("files outside the folders of classes", part, name)
        return kept

    def classes(self, part: str, folders: list[str]) -> tuple[tuple[str, ...], list[Image]]:
        """Classes in the ``folders`` below that of a part, and their images."""
        folder = self.root / part
        names = sorted(folders, key=composed)
        if len(names) < 2:
            raise DataError(
                f"{folder} must hold a folder for each of two or more classes, found "
                f"{f'only {names[0]!r}' if names else 'none'}{_nested(folder, names)}"
            )
        for name in names:
            if printed(name) != name:
                raise DataError(f"{folder}: the name of the class {printed(name)!r} is not UTF-8")
            if is_of_previews_alone(name):
                raise DataError(
                    f"{folder} is not clear: {name!r} holds images, and may be a class or small "
                    f"copies of the others. Call it '.{name}' to leave it out, or give the class "
                    "another name"
                )
        if same := same_name(names):
            raise DataError(
                f"{folder}: two folders of classes are both called {same[0]!r}, in two Unicode "
                "forms (NFC and NFD): put the images of one into the other"
            )
        images: list[Image] = []
        for number, name in enumerate(names):
            paths = self.images(f"{part}/{name}" if part else name)
            if not paths:
                raise DataError(
                    f"{folder / name}: a class without images; allowed: files "
                    f"{', '.join(EXTENSIONS)}"
                )
            images += [(path, number) for path in paths]
        return tuple(names), images

    def images(self, start: str) -> list[str]:
        """Images below the folder of a class, relative to the root."""
        found: list[str] = []
        for place, folders, names in os.walk(self.root / start, followlinks=True):
            below = os.path.relpath(place, self.root)
            refuse_parts_within(self.root / below, folders)
            kept = []
            for name in sorted(folders):
                if reason := is_left_by_programs(name, folder=True):
                    self.leave(reason, below, name)
                elif is_of_previews(name):
                    self.leave(LEFT_BY_MANAGERS, below, name)
                elif _leads_back(place, name):
                    self.leave("links that lead back", below, name)
                else:
                    kept.append(name)
            folders[:] = kept
            for name in sorted(names):
                if reason := is_left_by_programs(name, folder=False):
                    self.leave(reason, below, name)
                elif name.lower().endswith(EXTENSIONS):
                    found.append(f"{below}/{name}")
                else:
                    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - many files
                    self.leave(f"files {ending or 'without an ending'}", below, name)
        return found

    def holds_images_below(self, part: str, name: str) -> bool:
        """Whether images lie in a folder or below it."""
        return any(
            file.lower().endswith(EXTENSIONS) and not is_left_by_programs(file, folder=False)
            for _, _, files in os.walk(self.root / part / name)
            for file in files
        )

    def holds_images(self, folder: str) -> bool:
        """Whether images lie in a folder itself, and not in one below."""
        with os.scandir(self.root / folder) as entries:
            return any(
                entry.name.lower().endswith(EXTENSIONS)
                and not is_left_by_programs(entry.name, folder=False)
                for entry in entries
            )


def _leads_back(place: str, name: str) -> bool:
    """Whether a folder is a link to one that it lies in: its images would be counted for ever."""
    path = Path(place, name)
    return path.is_symlink() and Path(place).resolve().is_relative_to(path.resolve())


def _nested(folder: Path, names: list[str]) -> str:
    """A hint at the folder that is probably meant."""
    if len(names) == 1 and len(_Walk(folder).folders(names[0])) > 1:
        return f"; is folder:{folder / names[0]} meant?"
    return ""


def _same_classes(
    root: Path, parts: tuple[str, str], classes: tuple[str, ...], others: tuple[str, ...]
) -> None:
    """Raise DataError unless two parts hold the same classes, in whichever Unicode form."""
    one, other = [list(map(composed, names)) for names in (classes, others)]
    if one == other:
        return
    odd = sorted(set(one) ^ set(other))
    close = alike(odd)
    hint = f" ({few(close[0])} differ only in case, blanks or width)" if close else ""
    raise DataError(
        f"{root}: {parts[0]} and {parts[1]} hold different classes; only one has {few(odd)}{hint}"
    )
