"""The provenance that a file carries, and whether the file still is what was written."""

from __future__ import annotations

from pathlib import Path

from actsearch.records.digests import digest_file
from actsearch.records.files import ArtifactError, readable
from actsearch.records.formats import FORMATS, content_digest
from actsearch.records.formats.json_files import may_hold_provenance
from actsearch.records.seals import Provenance, is_sealed, is_unaltered


def is_intact(path: str | Path, block: Provenance) -> bool:
    """Whether the file is, to the byte, as it was written; ``block`` is what it carries.

    Returns:
        Also no for a file without digests of itself (version 0.1.0), of which nothing is known.

    Raises:
        ArtifactError: when the file is missing or cannot be read.
    """
    path = Path(path)
    with readable(path):
        return is_sealed(block) and is_unaltered(path, block)


def input_digest(path: str | Path) -> str:
    """Digest of a file that a step reads, as records name it.

    Returns:
        The content digest; of JSON that is not ours, the digest of its bytes.

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
    """Find the provenance that a file carries.

    Returns:
        The block, an object of JSON.

    Raises:
        ArtifactError: when the file carries none or cannot be read.
    """
    path = Path(path)
    known = FORMATS.get(path.suffix)
    with readable(path):
        block = known.provenance(path) if known else None
    if block is None:
        raise ArtifactError(f"{path}: carries no provenance")
    if not isinstance(block, dict):
        raise ArtifactError(f"{path}: its provenance is no object")
    return block
