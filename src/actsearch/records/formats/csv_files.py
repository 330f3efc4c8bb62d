"""CSV: a commented first line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.records.digests import digest_bytes
from actsearch.records.files import readable
from actsearch.records.formats.format import COMMENT_MARK, Format, as_text, column_parts
from actsearch.records.seals import Provenance, sealed

if TYPE_CHECKING:
    import pandas as pd


def write_csv(path: str | Path, table: pd.DataFrame, provenance: Provenance) -> None:
    """Write a data frame as CSV under a commented line; read with ``comment="#"``."""
    text = io.StringIO()
    table.to_csv(text, index=False, lineterminator="\n")
    with sealed(Path(path), provenance, _digest) as (beside, block):
        beside.write_text(f"{COMMENT_MARK}{as_text(block)}\n{text.getvalue()}", encoding="utf-8")


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read such a CSV; ArtifactError when that cannot be done."""
    import pandas as pd

    path = Path(path)
    with readable(path):
        return pd.read_csv(path, comment="#")


def _provenance(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        # A file that is none may have no end of its first line.
        marked = file.read(len(COMMENT_MARK)) == COMMENT_MARK
        return json.loads(file.readline()) if marked else None


def _digest(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return digest_bytes("".join(line for line in lines if not line.startswith("#")).encode())


def _parts(path: Path) -> dict[str, Any]:
    table = read_csv(path)
    return column_parts({name: table[name].tolist() for name in table.columns})


FORMAT = Format(".csv", "text/csv", _provenance, _digest, _parts)
