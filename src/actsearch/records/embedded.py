"""The provenance that a file carries, and whether the file still is what was written."""

from __future__ import annotations

import html
import json
import os
import struct
from pathlib import Path
from typing import Any

from actsearch.records.artifacts import NPY_MAGIC, ArtifactError, Provenance, read_json, readable
from actsearch.records.digests import (
    COMMENT_MARK,
    HTML_BLOCK,
    PARQUET_KEY,
    PROVENANCE_KEY,
    PYTHON_BLOCK,
    SVG_BLOCK,
    content_digest,
    digest_file,
    may_hold_provenance,
    split_json,
)
from actsearch.records.seals import archive_digests, is_sealed, is_unaltered


def is_intact(path: str | Path, block: Provenance) -> bool:
    """Whether the file is, to the byte, as it was written; ``block`` is what it carries.

    Of a file without digests of itself (version 0.1.0) nothing is known, and the answer is no.
    """
    path = Path(path)
    with readable(path):
        return is_sealed(block) and is_unaltered(path, block)


def input_digest(path: str | Path) -> str:
    """Content digest of a file that a step reads; of JSON that is not ours, that of its bytes.

    Raises:
        ArtifactError: when the file is missing, or was altered after it was written.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    if path.suffix == ".json" and not may_hold_provenance(path):
        return digest_file(path)
    try:
        block = read_provenance(path)
    except ArtifactError:
        block = {}  # data that somebody brought; what cannot be read is named by who reads it
    if not is_sealed(block):
        return content_digest(path)
    if not is_unaltered(path, block):
        raise ArtifactError(f"{path}: altered since it was written; remove it to make it again")
    return str(block["content_digest"])


def read_provenance(path: str | Path) -> Provenance:
    """The provenance a file carries.

    Raises:
        ArtifactError: when the file carries none or cannot be read.
    """
    path = Path(path)
    with readable(path):
        found = _find_provenance(path)
        block: Any = json.loads(found) if isinstance(found, str | bytes) else found
    if block is None:
        raise ArtifactError(f"{path}: carries no provenance")
    if not isinstance(block, dict):
        raise ArtifactError(f"{path}: its provenance is no object")
    return block


def _find_provenance(path: Path) -> str | bytes | Provenance | None:
    match path.suffix:
        case ".json":
            return split_json(read_json(path))[1]  # type: ignore[no-any-return]
        case ".parquet":
            import pyarrow.parquet as pq

            return (pq.read_schema(path).metadata or {}).get(PARQUET_KEY)
        case ".npz":
            import numpy as np

            with np.load(path, allow_pickle=False) as arrays:
                if PROVENANCE_KEY not in arrays.files:
                    return None
                text = str(arrays[PROVENANCE_KEY])
            return json.loads(text) | archive_digests(path)  # type: ignore[no-any-return]
        case ".npy":
            return _npy_trailer(path)
        case ".csv":
            with path.open(encoding="utf-8") as file:
                first = file.readline()
            return first.removeprefix(COMMENT_MARK) if first.startswith(COMMENT_MARK) else None
        case ".html":
            match = HTML_BLOCK.search(path.read_text(encoding="utf-8"))
            return match.group(1) if match else None
        case ".svg":
            match = SVG_BLOCK.search(path.read_text(encoding="utf-8"))
            return html.unescape(match.group(1)) if match else None
        case ".py":
            match = PYTHON_BLOCK.search(path.read_text(encoding="utf-8"))
            return match.group(1) if match else None
    return None


def _npy_trailer(path: Path) -> bytes | None:
    tail = 8 + len(NPY_MAGIC)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < tail:
            return None
        file.seek(size - tail)
        length, magic = struct.unpack(f"<Q{len(NPY_MAGIC)}s", file.read(tail))
        if magic != NPY_MAGIC:
            return None
        file.seek(size - tail - length)
        return file.read(length)
