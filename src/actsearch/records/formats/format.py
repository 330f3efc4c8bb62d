"""What all formats have in common."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actsearch.records.digests import digest_bytes
from actsearch.records.seals import Provenance

COMMENT_MARK = "# provenance: "
"""Begins a line with provenance in a file whose comments begin with ``#``."""
_LARGE = 1 << 27


@dataclass(frozen=True)
class Format:
    """A kind of files that carry provenance.

    Its functions take the path of a file, whatever its suffix, and raise what their readers raise.
    """

    suffix: str
    """By which its files are known, ``.json``."""
    media_type: str
    """For descriptions of its files in other terms than ours."""
    provenance: Callable[[Path], Any]
    """The block that a file carries, an object unless somebody edited it; None where it has none"""
    content_digest: Callable[[Path], str]
    """Digest of what a file says, without its provenance: a rerun that gives the same numbers gives
    the same digest."""
    parts: Callable[[Path], dict[str, Any]]
    """What a file says, in named values, columns, arrays or lines, for a comparison."""


def is_large(path: Path) -> bool:
    """Whether a file is to be looked through before it is taken into memory."""
    return path.stat().st_size > _LARGE


def holds(path: Path, word: str) -> bool:
    """Whether a word stands in a file, of which a part is held at a time."""
    with path.open("rb") as file:
        if not file.read(1):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(word.encode()) >= 0


def text_format(
    suffix: str,
    media_type: str,
    mark: str,
    pattern: re.Pattern[str],
    unescape: Callable[[str], str] = lambda text: text,
) -> Format:
    """A format of text, UTF-8, in which ``pattern`` is the provenance, its first group the block.

    Args:
        suffix: of its files.
        media_type: of its files.
        mark: a word of ``pattern``.
        pattern: what is taken out of a file for its content.
        unescape: makes JSON of the group.

    Returns:
        The format, which compares by lines.
    """

    def provenance(path: Path) -> Any:
        if is_large(path) and not holds(path, mark):
            return None
        match = pattern.search(path.read_text(encoding="utf-8"))
        return json.loads(unescape(match.group(1))) if match else None

    def content(path: Path) -> str:
        return pattern.sub("", path.read_text(encoding="utf-8"))

    return Format(
        suffix,
        media_type,
        provenance,
        content_digest=lambda path: digest_bytes(content(path).encode()),
        parts=lambda path: lines(content(path)),
    )


def lines(text: str) -> dict[str, Any]:
    """The lines of a text by number, from ``line 1``."""
    return {f"line {number}": line for number, line in enumerate(text.splitlines(), start=1)}


def column_parts(columns: dict[str, list[Any]]) -> dict[str, Any]:
    """The columns of a table, each as numbers if it holds nothing else, else as text."""
    import numpy as np

    def column(values: list[Any]) -> Any:
        try:
            return np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            listed = [v.tolist() if isinstance(v, np.ndarray) else v for v in values]
            return np.array([repr(value) for value in listed], dtype=object)

    return {name: column(values) for name, values in columns.items()}


def as_text(provenance: Provenance) -> str:
    """A block as one line of JSON."""
    return json.dumps(provenance, ensure_ascii=False)
