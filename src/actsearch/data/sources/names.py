"""Names of folders and files that mean something: parts of a data set, what file managers leave."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Names of parts, as data sets are published; ``trainval`` is what is left of the test part.
_WORDS = {
    "train": r"trainval|train|training|trn|tr",
    "validation": r"validation|validate|valid|vali|val|devel|development|dev|evaluation|eval",
    "test": r"test|testing|tst|te",
}
PART_NAMES = "train, training; valid, val, validation, dev, eval; test, testing"
"""The usual ones, for people."""
_GLUED = r"(?:sets?|data|images?|imgs?)?"
_PARTS = {part: re.compile(rf"(?:{words}){_GLUED}") for part, words in _WORDS.items()}
# What may stand beside the word: train_images, seg_train, val2017.
_FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "image", "images", "img", "imgs", "pictures"),
        *("photos", "split", "part", "folder", "files", "seg"),
    )
)

_MANAGED_FOLDERS = frozenset(
    (
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "@__thumb", "#recycle", "#snapshot"),
        *("__macosx", "$recycle.bin", "system volume information", "lost+found", "__pycache__"),
    )
)
_PREVIEW_FOLDERS = frozenset(
    ("thumbs", "thumb", "thumbnails", "thumbnail", "_thumbs", "_thumbnails")
)
_MANAGED_FILES = frozenset(("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"))


def part_of(name: str) -> tuple[str | None, tuple[str, ...]]:
    """The part that a folder's name speaks of: ``train``, ``validation`` or ``test``.

    Returns:
        The part, None where there is none or more than one; and the other words of the name. A name
        without other words is that of a part.
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # trainA
    words = re.findall(r"[^\W\d_]+", apart.lower())
    found, others = [], []
    for word in words:
        parts = [part for part, pattern in _PARTS.items() if pattern.fullmatch(word)]
        if parts:
            found += parts
        elif word not in _FILLERS:
            others.append(word)
    if found == ["train", "validation"]:
        found = ["train"]
    return (found[0] if len(found) == 1 else None), tuple(others)


LEFT_BY_MANAGERS = "left by file managers"


def is_left_by_programs(name: str, *, folder: bool) -> str | None:
    """Why a folder or file is no part of the data, by its name: hidden, or of file managers.

    Returns:
        The reason; None for all others, and for names that classes may have too.
    """
    if name.startswith("."):
        return "hidden"
    known = _MANAGED_FOLDERS if folder else _MANAGED_FILES
    return LEFT_BY_MANAGERS if name.lower() in known or name.startswith("~$") else None


def is_of_previews(name: str) -> bool:
    """Whether a folder may hold small copies of images, by its name; or else be a class: thumbs."""
    return name.lower() in _PREVIEW_FOLDERS


def is_of_previews_alone(name: str) -> bool:
    """Whether its name means small copies and is hardly that of a class."""
    return is_of_previews(name) and name.lower() not in ("thumb", "thumbs")


def composed(name: str) -> str:
    """A name in Unicode's composed form (NFC): an umlaut may be one sign or two."""
    return unicodedata.normalize("NFC", name)


def alike(names: Iterable[str]) -> list[list[str]]:
    """Names that differ only in the case of letters, in blanks or in the width of signs.

    Returns:
        Groups of two or more, sorted.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        key = "".join(unicodedata.normalize("NFKC", name).casefold().split())
        groups.setdefault(key, []).append(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def same_name(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that differ in their Unicode form alone; None where there are none."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(composed(name), name)
        if other != name:
            return other, name
    return None


def printed(name: str) -> str:
    """A path whose bytes may not be UTF-8, as text that any file can hold."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def few(names: list[str], shown: int = 3) -> str:
    """The first names, quoted, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(repr, names[:shown])) + more
