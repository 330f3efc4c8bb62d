"""Parts that a source has: of an image folder told by the names of the folders at its top."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from actsearch.data.sources.names import PART_NAMES, few, part_of
from actsearch.data.sources.places import DataError


class OwnParts(NamedTuple):
    """Where the rows of a source's own parts begin; its own train part comes first."""

    train: int
    """Rows of the train part."""
    validation: int = 0
    """Rows of the validation part, which follow; 0 where it has none. The rest is the test part."""


def parts_among(
    root: Path, names: Iterable[str], holds_images: Callable[[str], bool]
) -> dict[str, str]:
    """The folder of each part, where the folders at the top are parts.

    Args:
        root: the image folder.
        names: of the folders at its top.
        holds_images: whether images lie in one of them itself.

    Returns:
        Names of folders by part: train, and validation, test or both; nothing where they are
        classes.

    Raises:
        DataError: when it is not clear.
    """
    read = {name: part_of(name) for name in names}
    _refuse_parts_of_classes(root, read)
    parts = {name: part for name, (part, others) in read.items() if part and not others}
    rest = [name for name in read if name not in parts]
    if not parts:
        return {}
    first = next(iter(parts))
    if rest and list(parts) == [first] and first.lower() == "train" and holds_images(first):
        return {}  # a class of trains, among other vehicles
    if rest:
        raise DataError(
            f"{root} is not clear: {few(list(parts))} named like parts, {few(rest)} not. At the "
            f"top must lie folders of classes alone, or of parts alone ({PART_NAMES})"
        )
    folders: dict[str, str] = {}
    for name, part in parts.items():
        if part in folders:
            raise DataError(f"{root}: {folders[part]!r} and {name!r} both name the {part} part")
        folders[part] = name
    if len(folders) == 1:
        raise DataError(
            f"{root} holds one part alone, {first!r}: name folder:{root / first}, or put another "
            f"part beside it ({PART_NAMES})"
        )
    if "train" not in folders:
        raise DataError(f"{root} holds the parts {few(list(parts))}, but no train part")
    if "test" not in folders:  # of two parts, the second is the test part, whatever its name
        folders["test"] = folders.pop("validation")
    return {part: folders[part] for part in ("train", "validation", "test") if part in folders}


def _refuse_parts_of_classes(
    root: Path, read: Mapping[str, tuple[str | None, tuple[str, ...]]]
) -> None:
    """Raise DataError for names like cats_train and cats_test: parts that would become classes."""
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for name, (part, others) in read.items():
        if part and others:
            groups.setdefault(others, {})[part] = name
    for of in groups.values():
        if len(of) > 1:
            raise DataError(
                f"{root} is not clear: {few(list(of.values()))} look like parts of one class. Put "
                f"a folder for each part at the top ({PART_NAMES}), and the classes into each"
            )


def refuse_nested(root: Path, images: Iterable[tuple[str, int]]) -> None:
    """Refuse folders at the top that all hold the same folders: parts of any name, or classes.

    Args:
        root: the image folder.
        images: paths from there, each with its class.

    Raises:
        DataError: when images of all classes lie in the same folders below these, and two or more.
    """
    held: dict[str, set[str]] = {}
    for path, _ in images:
        at_top, *inner, _ = path.split("/")
        held.setdefault(at_top, set()).add(inner[0] if inner else "")
    one, *others = held.values()
    if len(one) > 1 and "" not in one and all(other == one for other in others):
        raise DataError(
            f"{root} is not clear: {few(list(held))} all hold {few(sorted(one))}. Are they parts? "
            f"Give them names of parts ({PART_NAMES}). Are they classes? Set nested: true of the "
            "data"
        )


def refuse_parts_within(folder: Path, names: Iterable[str]) -> None:
    """Raise DataError for a folder below a class that holds the parts: they would be mixed."""
    found = {part: name for name in names for part, others in [part_of(name)] if not others}
    named = sorted(name for part, name in found.items() if part)
    if len(named) > 1:
        raise DataError(
            f"{folder}: a class that holds parts, {few(named)}, which would be mixed. Put a "
            "folder for each part at the top, and the classes into each"
        )
