"""Python: a commented last line."""

from __future__ import annotations

import re
from pathlib import Path

from actsearch.records.files import readable
from actsearch.records.formats.format import COMMENT_MARK, as_text, text_format
from actsearch.records.seals import Provenance, sealed

_BLOCK = re.compile(rf"\n\n{COMMENT_MARK}(.*)\n\Z")

FORMAT = text_format(".py", "text/x-python", COMMENT_MARK, _BLOCK)


def write_python(path: str | Path, source: str, provenance: Provenance) -> None:
    """Write Python source above a commented line; ValueError when it does not end its last line."""
    if not source.endswith("\n"):
        raise ValueError("the source does not end in a line break")
    with sealed(Path(path), provenance, FORMAT.content_digest) as (beside, block):
        beside.write_text(f"{source}\n\n{COMMENT_MARK}{as_text(block)}\n", encoding="utf-8")


def read_python(path: str | Path) -> str:
    """Read Python source without its provenance; ArtifactError when that cannot be done."""
    path = Path(path)
    with readable(path):
        return _BLOCK.sub("", path.read_text(encoding="utf-8"))
