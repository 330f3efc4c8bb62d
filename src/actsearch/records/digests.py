"""Digests of bytes, files and settings.

What a file says, without its provenance, is digested by its format: see
:func:`actsearch.records.formats.content_digest`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from actsearch.records.files import readable

PROVENANCE_KEY = "provenance"
"""Under which a file holds its provenance, where its format has keys."""
_AT_ONCE = 1 << 24


class DigestError(ValueError):
    """Something that cannot be digested; the message names it."""


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_parts(parts: Iterable[bytes]) -> str:
    """SHA-256 of ``parts`` as if they were one, of which one is held at a time."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return "sha256:" + digest.hexdigest()


def digest_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, a few MB of which are held at a time; ArtifactError without."""
    with readable(Path(path)), Path(path).open("rb") as file:
        return digest_parts(iter(lambda: file.read(_AT_ONCE), b""))


def canonical_json(value: Any) -> bytes:
    """``value`` as JSON with sorted keys and no optional white space, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def joined(start: bytes, parts: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """The pieces of canonical JSON, so that large content is never one text.

    Yields:
        ``start``, ``parts`` with a comma before each but the first, ``end``.
    """
    yield start
    for number, part in enumerate(parts):
        yield b"," + part if number else part
    yield end


def settings_digest(settings: Any) -> str:
    """Digest of plain data, such as the part of the configuration that a step uses."""
    return digest_bytes(canonical_json(settings))
