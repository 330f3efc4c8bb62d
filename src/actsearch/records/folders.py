"""Everything that stands in a folder, by name and kind; nothing is opened.

Links are followed: what one leads to stands under the link's name. A link to a folder outside is
gone into; one to a folder inside, or to one that holds the whole, is not, since its files have
names of their own and the way would have no end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from actsearch.records.files import FILE, kind_of

FOLDER = "a folder"
_PASSED_OVER = {"__pycache__"}


@dataclass(frozen=True)
class Entry:
    """Something in a folder."""

    path: str
    """Relative to where it was asked."""
    what: str = FILE
    """``FILE``, ``FOLDER`` for one that was gone into, or what else in words."""


def entries_under(folder: Path, root: Path = Path()) -> Iterator[Entry]:
    """All that stands under ``root / folder``, hidden or not, without Python's caches.

    Args:
        folder: relative to ``root``.
        root: what paths are relative to.

    Yields:
        Entries, those of a folder sorted and after it.
    """
    whole = os.path.realpath(root / folder)
    gone_into: set[str] = set()
    waiting = [(os.path.normpath(folder), whole)]
    while waiting:
        path, real = waiting.pop()
        try:
            with os.scandir(root / path) as found:
                names = sorted(item.name for item in found)
        except OSError as error:
            yield Entry(path, f"a folder that cannot be read ({error.strerror})")
            continue
        if path != os.path.normpath(folder):
            yield Entry(path, FOLDER)
        below = []
        for name in names:
            inner = name if path == os.curdir else os.path.join(path, name)  # noqa: PTH118 - many
            what = _kind(root / inner)
            if what is None or (what == FOLDER and name in _PASSED_OVER):
                continue
            if what != FOLDER:
                yield Entry(inner, what)
                continue
            place = os.path.join(real, name)  # noqa: PTH118
            if os.path.islink(root / inner):  # noqa: PTH114
                place = os.path.realpath(root / inner)
                if _holds(whole, place) or _holds(place, whole) or place in gone_into:
                    yield Entry(
                        inner, "a link to a folder that is looked at elsewhere, or holds this one"
                    )
                    continue
                gone_into.add(place)
            below.append((inner, place))
        waiting += reversed(below)


def _kind(path: Path) -> str | None:
    """What stands at ``path``; None where it has gone meanwhile."""
    try:
        return kind_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"something that cannot be looked at ({error.strerror})"


def _holds(folder: str, path: str) -> bool:
    return os.path.commonpath([folder, path]) == folder
