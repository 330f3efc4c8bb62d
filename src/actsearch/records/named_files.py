"""Files that modules of the user's name as text: code in other languages, weights, tables."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from actsearch.records.digests import digest_bytes, digest_file
from actsearch.records.search_path import PACKAGES, home

_COMPILED = (".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".pyx", ".so")
"""Endings of files that Python code compiles or loads, found in any folder below."""
_NO_CODE = {"node_modules", *PACKAGES}
_MADE = {"results", "logs", "data"}
"""Folders in the working folder that hold no code."""
_WRITTEN = {"results", "logs"}
_LOG = ".log"
_PUT_IN = re.compile(r"\{[^{}]*\}|%\d*[sd]")
"""Where ``format`` and ``%`` put something in."""
_LARGE = 2**28
"""Bytes above which a file counts by its size and date."""
_MOST = 1000
"""Files that one text names: more are data, which have a manifest."""


def files_below(folder: Path, endings: tuple[str, ...] = (".py",)) -> Iterator[Path]:
    """Files of code in a folder, hidden folders and those of results and packages left out.

    Args:
        folder: where.
        endings: of their names.

    Yields:
        Paths in ``folder``.
    """
    ours = os.path.realpath(Path(__file__).parents[1])
    for place, inner, files in os.walk(folder):
        passed_over = _NO_CODE | (_MADE if place == home() else set())
        inner[:] = [
            name
            for name in inner
            if not name.startswith(".")
            and name not in passed_over
            and os.path.realpath(Path(place, name)) != ours
        ]
        yield from (Path(place, name) for name in files if name.endswith(endings))


def named_files(texts: Iterable[str], folder: Path) -> list[Path]:
    """Files that a module's texts name, from the working folder or from its own.

    A text is a path, the last part of one whose folder another text names, or a pattern.

    Args:
        texts: as :func:`actsearch.records.mentions.mentions` gives them.
        folder: the module's folder.

    Returns:
        Absolute paths, sorted.
    """
    texts = {_PUT_IN.sub("*", text) for text in texts}
    roots = [*dict.fromkeys((Path(home()), folder))]
    named = [root / text for root in roots for text in texts if "*" not in text]
    inner = [place for place in named if _counts(place) and os.path.isdir(place)]  # noqa: PTH112
    found: set[Path] = set()
    for text in texts:
        for place in (*roots, *inner):
            # A pattern for anything in a folder that is not named may meet all data there are.
            if not (text.startswith("*") and place in roots):
                found |= {path for path in _named(text, place) if _is_read(path)}
    compiled = {text.lstrip("./") for text in texts if text.endswith(_COMPILED)}
    for root in roots if compiled else ():
        found |= {p for p in files_below(root, _COMPILED) if any(map(p.match, compiled))}
    return sorted({Path(os.path.abspath(path)) for path in found})  # noqa: PTH100


def _is_read(path: Path) -> bool:
    # A text may be too long for a name, or lead where nothing may be looked at: no file, then.
    return _counts(path) and os.path.isfile(path)  # noqa: PTH113


def _counts(place: Path) -> bool:
    """Whether a place may hold what code reads: not what runs write."""
    inside, here = Path(os.path.abspath(place)), Path(home())  # noqa: PTH100
    if place.name.endswith(_LOG) or inside == here:
        return False
    parts = inside.relative_to(here).parts if inside.is_relative_to(here) else ()
    return not parts or not (parts[0] in _WRITTEN or parts[0].startswith("."))


def _named(text: str, place: Path) -> list[Path]:
    if "*" not in text:
        return [place / text]
    try:
        paths = list(itertools.islice(place.glob(text), _MOST + 1))
    except (ValueError, NotImplementedError, OSError):  # no pattern, such as one from the root
        return []
    return paths if len(paths) <= _MOST else []


def standing_for(path: Path) -> bytes:
    """What stands for the content of a file that is no code: a digest, or size and date."""
    facts = path.stat()
    if facts.st_size > _LARGE:
        return digest_bytes(f"{facts.st_size} {facts.st_mtime_ns}".encode()).encode()
    return digest_file(path).encode()
