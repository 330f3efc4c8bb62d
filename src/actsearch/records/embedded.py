"""The provenance that a file carries, and whether the file still is what was written."""

from __future__ import annotations

from pathlib import Path

from actsearch.records.blocks import BlockError, check_block
from actsearch.records.digests import digest_file
from actsearch.records.files import ArtifactError, readable
from actsearch.records.formats import FORMATS, content_digest
from actsearch.records.formats.json_files import may_hold_provenance
from actsearch.records.seals import Provenance, is_sealed, is_unaltered


class ShapeError(ArtifactError):
    """A file whose provenance has another shape: damaged, of another version, or not ours."""

    def __init__(self, message: str, *, is_sealed: bool) -> None:
        """Take the message, and whether the block names digests of its file, as ours do."""
        super().__init__(message)
        self.is_sealed = is_sealed


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


def input_digest(path: str | Path, *, made: bool = False) -> str:
    """Digest of a file that a step reads, as records name it.

    Args:
        path: the file.
        made: whether a rule makes it. Such a file is never raw data: without its provenance it is
            refused, since nobody can tell what it is.

    Returns:
        The content digest; of JSON that is not ours, the digest of its bytes.

    Raises:
        ArtifactError: when the file is missing or cannot be read, was altered after it was
            written, or has lost its provenance or only the shape of it.
    """
    path = Path(path)
    if path.suffix == ".json" and not made:
        with readable(path):
            theirs = not may_hold_provenance(path)
        if theirs:  # it may be too large to be read for nothing
            return digest_file(path)
    try:
        block, told, ours = read_provenance(path), "has no digest of itself", made
    except ArtifactError as error:
        # Data that somebody brought; what cannot be read is named below, or by who reads it.
        block, told = {}, str(error).removeprefix(f"{path}: ")
        ours = made or (isinstance(error, ShapeError) and error.is_sealed)
    if ours and not is_sealed(block):
        raise ArtifactError(
            f"{path}: {told}; a step made this file, so it is no raw data: "
            "remove it and run Snakemake again"
        )
    if not is_sealed(block):
        return content_digest(path)
    if not is_intact(path, block):
        raise ArtifactError(f"{path}: altered since it was written; remove it to make it again")
    return str(block["content_digest"])


def read_provenance(path: str | Path, kind: str | None = None) -> Provenance:
    """Find the provenance that a file carries.

    Args:
        path: the file.
        kind: the suffix of its format, where its own name has another.

    Returns:
        The block, an object of JSON of the shape that ``blocks.py`` tells.

    Raises:
        ArtifactError: when the file carries none, or cannot be read.
        ShapeError: when it carries one of another shape.
    """
    path = Path(path)
    known = FORMATS.get(path.suffix if kind is None else kind)
    with readable(path):
        block = known.provenance(path) if known else None
    if block is None:
        raise ArtifactError(f"{path}: carries no provenance")
    try:
        return check_block(block)
    except BlockError as error:
        sealed = isinstance(block, dict) and is_sealed(block)
        text = f"{path}: its provenance has not the shape of one ({error})"
        raise ShapeError(text, is_sealed=sealed) from None
