"""Files that carry their own provenance, written so that a reader never sees half of one.

A module a format, found by suffix in ``FORMATS``; another format is one more module and one more
line there. The block says under which name the file was written, and holds digests of the file
itself (see seals.py). What asks for the provenance of any file is in embedded.py.

The modules end in ``_files`` since Python's own are called ``json``, ``csv`` and ``html``. They
import numpy, pandas and pyarrow where they need them: the workflow imports this at every parse.
"""

from __future__ import annotations

from pathlib import Path

from actsearch.records.digests import digest_file
from actsearch.records.files import ArtifactError, copy_file, readable, shown
from actsearch.records.formats import (
    csv_files,
    html_files,
    json_files,
    npy_files,
    npz_files,
    parquet_files,
    python_files,
    svg_files,
)
from actsearch.records.formats.csv_files import read_csv, write_csv
from actsearch.records.formats.format import Format
from actsearch.records.formats.html_files import write_html
from actsearch.records.formats.json_files import read_json, write_entries, write_json
from actsearch.records.formats.npy_files import read_array, write_array
from actsearch.records.formats.npz_files import read_arrays, write_arrays
from actsearch.records.formats.parquet_files import read_arrow, read_table, write_table
from actsearch.records.formats.python_files import read_python, write_python
from actsearch.records.formats.svg_files import write_svg

__all__ = [
    "FORMATS",
    "ArtifactError",
    "Format",
    "content_digest",
    "copy_file",
    "read_array",
    "read_arrays",
    "read_arrow",
    "read_csv",
    "read_json",
    "read_python",
    "read_table",
    "readable",
    "shown",
    "write_array",
    "write_arrays",
    "write_csv",
    "write_entries",
    "write_html",
    "write_json",
    "write_python",
    "write_svg",
    "write_table",
]

FORMATS: dict[str, Format] = {
    module.FORMAT.suffix: module.FORMAT
    for module in (
        json_files,
        parquet_files,
        npz_files,
        npy_files,
        csv_files,
        html_files,
        svg_files,
        python_files,
    )
}
"""By the suffix of their files."""


def content_digest(path: str | Path) -> str:
    """Digest of what the file says, without its provenance.

    Returns:
        ``sha256:<hex>``: by the format that the suffix names, see ``FORMATS``; of any other file
        that of its bytes.

    Raises:
        ArtifactError: when there is no such file, or it cannot be read.
    """
    path = Path(path)
    known = FORMATS.get(path.suffix)
    if known is None:
        return digest_file(path)
    with readable(path):
        return known.content_digest(path)
