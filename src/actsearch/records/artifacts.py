"""Files that carry their own provenance, written so that a reader never sees half of one.

JSON has a ``provenance`` key, Parquet an entry of its schema metadata, NPZ an array, CSV a
commented first line, HTML a JSON-LD script, NPY a trailer behind its data (NumPy ignores it).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.records.digests import CSV_MARK, HTML_BLOCK, PARQUET_KEY, PROVENANCE_KEY

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Provenance = dict[str, Any]

_NPY_MAGIC = b"ACTSEARCH-PROVENANCE"


class ArtifactError(ValueError):
    """A file that cannot be written, or read as what its name says; the message names it."""


@contextlib.contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; renamed at the end, removed after an error."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, path)  # noqa: PTH105 - the atomic rename is the point
    except OSError as error:  # a full disk, a quota, a folder of somebody else's
        raise ArtifactError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn whatever a reader raises into one error that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise ArtifactError(f"{path}: no such file") from None
    except ArtifactError:
        raise
    # Readers of damaged files raise whatever they stumble on.
    except Exception as error:
        raise ArtifactError(f"{path}: cut short or not a {path.suffix} file ({error})") from error


def _text(provenance: Provenance) -> str:
    return json.dumps(provenance, ensure_ascii=False)


def write_json(path: str | Path, content: Mapping[str, Any], provenance: Provenance | None) -> None:
    """Write a JSON object; NaN is refused, so that any reader can read it.

    ``provenance=None`` leaves the block out, for formats whose keys others have fixed.
    """
    if PROVENANCE_KEY in content:
        raise ValueError(f"the content itself has a key {PROVENANCE_KEY!r}")
    whole = dict(content) if provenance is None else {**content, PROVENANCE_KEY: provenance}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    with _atomic(Path(path)) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object with its provenance block, if it has one.

    Raises:
        ArtifactError: when the file is missing, cut short or holds no object.
    """
    path = Path(path)
    with _readable(path):
        content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ArtifactError(f"{path}: holds no JSON object")
    return content


def write_table(path: str | Path, table: pd.DataFrame, provenance: Provenance) -> None:
    """Write a data frame as Parquet; the index is dropped."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    metadata = {**(arrow.schema.metadata or {}), PARQUET_KEY: _text(provenance).encode()}
    with _atomic(Path(path)) as beside:
        pq.write_table(arrow.replace_schema_metadata(metadata), beside, compression="zstd")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a Parquet file as a data frame; ArtifactError when that cannot be done."""
    import pandas as pd

    path = Path(path)
    with _readable(path):
        return pd.read_parquet(path)


def write_csv(path: str | Path, table: pd.DataFrame, provenance: Provenance) -> None:
    """Write a data frame as CSV under a commented line; read with ``comment="#"``."""
    text = io.StringIO()
    text.write(CSV_MARK + _text(provenance) + "\n")
    table.to_csv(text, index=False, lineterminator="\n")
    with _atomic(Path(path)) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8")


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read such a CSV; ArtifactError when that cannot be done."""
    import pandas as pd

    path = Path(path)
    with _readable(path):
        return pd.read_csv(path, comment="#")


def write_arrays(
    path: str | Path, arrays: Mapping[str, NDArray[Any]], provenance: Provenance
) -> None:
    """Write named arrays as a compressed NPZ."""
    import numpy as np

    with _atomic(Path(path)) as beside, beside.open("wb") as file:
        named: dict[str, Any] = {**arrays, PROVENANCE_KEY: np.array(_text(provenance))}
        np.savez_compressed(file, **named)


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read an NPZ without its provenance; ArtifactError when that cannot be done."""
    import numpy as np

    path = Path(path)
    with _readable(path), np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if name != PROVENANCE_KEY}


def write_array(path: str | Path, array: NDArray[Any], provenance: Provenance) -> None:
    """Write one array as NPY, memory-mappable, with the provenance behind its data."""
    import numpy as np

    trailer = _text(provenance).encode()
    with _atomic(Path(path)) as beside, beside.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        file.write(trailer + struct.pack("<Q", len(trailer)) + _NPY_MAGIC)


def read_array(path: str | Path) -> np.memmap[Any, Any]:
    """Map an NPY file read-only; ArtifactError when that cannot be done."""
    import numpy as np

    path = Path(path)
    with _readable(path):
        array: np.memmap[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return array


def write_html(path: str | Path, page: str, provenance: Provenance) -> None:
    """Write a page with its provenance as a JSON-LD script at the end of the head."""
    if "</head>" not in page:
        raise ValueError("the page has no </head>")
    # "</" would end the script early wherever it stands in a string.
    block = _text({"@context": "https://schema.org", "@type": "CreativeWork", **provenance})
    script = (
        f'<script type="application/ld+json" id="provenance">'
        f"{block.replace('</', '<' + chr(92) + '/')}</script>\n"
    )
    with _atomic(Path(path)) as beside:
        beside.write_text(page.replace("</head>", script + "</head>", 1), encoding="utf-8")


def read_provenance(path: str | Path) -> Provenance:
    """The provenance a file carries.

    Raises:
        ArtifactError: when the file carries none or cannot be read.
    """
    path = Path(path)
    with _readable(path):
        found = _find_provenance(path)
        block: Provenance | None = json.loads(found) if isinstance(found, str | bytes) else found
    if block is None:
        raise ArtifactError(f"{path}: carries no provenance")
    return block


def _find_provenance(path: Path) -> str | bytes | Provenance | None:
    match path.suffix:
        case ".json":
            return read_json(path).get(PROVENANCE_KEY)
        case ".parquet":
            import pyarrow.parquet as pq

            return (pq.read_schema(path).metadata or {}).get(PARQUET_KEY)
        case ".npz":
            import numpy as np

            with np.load(path, allow_pickle=False) as arrays:
                return str(arrays[PROVENANCE_KEY]) if PROVENANCE_KEY in arrays.files else None
        case ".npy":
            return _npy_trailer(path)
        case ".csv":
            with path.open(encoding="utf-8") as file:
                first = file.readline()
            return first.removeprefix(CSV_MARK) if first.startswith(CSV_MARK) else None
        case ".html":
            match = HTML_BLOCK.search(path.read_text(encoding="utf-8"))
            return match.group(1) if match else None
    return None


def _npy_trailer(path: Path) -> bytes | None:
    tail = 8 + len(_NPY_MAGIC)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < tail:
            return None
        file.seek(size - tail)
        length, magic = struct.unpack(f"<Q{len(_NPY_MAGIC)}s", file.read(tail))
        if magic != _NPY_MAGIC:
            return None
        file.seek(size - tail - length)
        return file.read(length)
