"""Digests that a file holds of itself, so that any altered byte is noticed.

A provenance block names two: ``content_digest``, of what the file says without its provenance, and
``file_digest``, of every byte of the file, taken with the digest's own 64 digits as zeros. A format
that compresses what it holds (NPZ) puts both where they stand as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from actsearch.records.files import ArtifactError, shown, writable, written_beside
from actsearch.records.names import printable_name

Provenance = dict[str, Any]

DIGESTS = ("content_digest", "file_digest")
_ZEROS = b"0" * 64
_AT_ONCE = 1 << 24


@contextlib.contextmanager
def sealed(
    path: Path,
    provenance: Provenance,
    content_digest: Callable[[Path], str],
    place: Path | None = None,
) -> Iterator[tuple[Path, Provenance]]:
    """A name to write to and the block to write; the file's digests enter it at the end.

    Args:
        path: the file, which appears when it is whole.
        provenance: what the block says besides the file's name and digests.
        content_digest: of the format; called with the file as it was written.
        place: where the file will stand, if ``path`` is another name that it has first.

    Yields:
        The name, and the block: every digest in it must stand in the file as it is, once.

    Raises:
        ArtifactError: when the file cannot be written, or its name is no UTF-8.
    """
    name = shown(place or path)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArtifactError(
            f"{printable_name(name)}: its name is no UTF-8, so its record cannot say it"
        ) from None
    blanks = placeholders()
    with writable(path), written_beside(path) as beside:
        yield beside, {"file": name, **provenance, **blanks}
        seal(beside, content_digest, blanks)


def placeholders() -> dict[str, str]:
    """Digests still to come: of the right length, and found nowhere else."""
    return {name: f"sha256:{uuid.uuid4().hex}{uuid.uuid4().hex}" for name in DIGESTS}


def seal(path: Path, content_digest: Callable[[Path], str], blanks: dict[str, str]) -> None:
    """Put the digests of the file at ``path`` for their blanks."""
    content = content_digest(path)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        _fill(data, blanks["content_digest"], content)
        blank = blanks["file_digest"]
        _fill(data, blank, _digest_of_file(data, blank))


def _fill(data: mmap.mmap, blank: str, digest: str) -> None:
    start = data.rfind(blank.encode())
    data[start : start + len(blank)] = digest.encode()


def _digest_of_file(data: mmap.mmap, recorded: str) -> str:
    """Digest of ``data`` with the digits of ``recorded`` in it as zeros."""
    digits = recorded.removeprefix("sha256:").encode()
    start = data.rfind(digits)
    digest = hashlib.sha256()
    for part in range(0, start, _AT_ONCE):
        digest.update(data[part : min(part + _AT_ONCE, start)])
    digest.update(_ZEROS)
    for part in range(start + len(_ZEROS), len(data), _AT_ONCE):
        digest.update(data[part : part + _AT_ONCE])
    return "sha256:" + digest.hexdigest()


def is_sealed(block: Provenance) -> bool:
    """Whether a block names the digests of its file; those of version 0.1.0 do not."""
    return all(
        isinstance(block.get(name), str) and len(block[name]) == len("sha256:") + len(_ZEROS)
        for name in DIGESTS
    )


def is_unaltered(path: Path, block: Provenance) -> bool:
    """Whether every byte of the file is as it was written; ``block`` is its provenance, sealed."""
    recorded = str(block["file_digest"])
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.rfind(recorded.encode()) < 0:
            return False
        return _digest_of_file(data, recorded) == recorded
