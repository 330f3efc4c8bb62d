"""Files that carry their own provenance, written so that a reader never sees half of one.

JSON has a ``provenance`` key, Parquet an entry of its schema metadata, NPZ an array, CSV a
commented first line, Python a commented last line, HTML a JSON-LD script, SVG a metadata element,
NPY a trailer behind its data (NumPy ignores it), a JSON-LD graph an entity. The block says under
which name the file was written, and holds digests of the file itself (see seals.py). What reads it
is in embedded.py.
"""

from __future__ import annotations

import contextlib
import html
import io
import json
import os
import struct
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.records.digests import (
    COMMENT_MARK,
    GRAPH_ENTITY,
    PARQUET_KEY,
    PROVENANCE_KEY,
    PYTHON_BLOCK,
)
from actsearch.records.seals import DIGESTS, placeholders, seal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

Provenance = dict[str, Any]

NPY_MAGIC = b"ACTSEARCH-PROVENANCE"
"""Last bytes of an NPY file that carries provenance."""


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
def _sealed(
    path: Path, provenance: Provenance, place: Path | None = None
) -> Iterator[tuple[Path, Provenance]]:
    """A name to write to and the block to write; the file's digests enter it at the end."""
    name = place or path
    blanks = placeholders()
    with _atomic(path) as beside:
        yield beside, {"file": shown(name), **provenance, **blanks}
        seal(beside, name.suffix, blanks)


def shown(path: str | Path) -> str:
    """``path`` as records name it: relative to the working folder where it lies in it."""
    absolute, here = os.path.abspath(path), os.getcwd()  # noqa: PTH100, PTH109 - keep links
    inside = absolute.startswith(here + os.sep)
    return os.path.relpath(absolute, here) if inside else absolute


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
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


def _write_object(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_json(
    path: str | Path,
    content: Mapping[str, Any],
    provenance: Provenance,
    *,
    place: Path | None = None,
) -> None:
    """Write a JSON object; NaN is refused, so that any reader can read it.

    ``place`` is where the file will stand, if it is written under another name first. The
    provenance of a JSON-LD graph becomes an entity of it, ``#provenance``.
    """
    if PROVENANCE_KEY in content:
        raise ValueError(f"the content itself has a key {PROVENANCE_KEY!r}")
    with _sealed(Path(path), provenance, place) as (beside, block):
        if "@graph" not in content:
            _write_object(beside, {**content, PROVENANCE_KEY: block})
            return
        entity = {"@id": GRAPH_ENTITY, "@type": "PropertyValue", "name": PROVENANCE_KEY}
        graph = [*content["@graph"], {**entity, "value": _text(block)}]
        _write_object(beside, {**content, "@graph": graph})


def write_entries(
    path: str | Path, entries: Iterable[tuple[str, Any]], provenance: Provenance | None
) -> None:
    """Write a large JSON object, a line an entry, of which one is held in memory at a time.

    Without provenance, for readers whose format has no place for it, a number may be NaN or
    infinite, as it may in their files.

    Raises:
        ValueError: when a key comes twice or, with provenance, is ``provenance``, or a number is
            not finite.
    """
    keys = set() if provenance is None else {PROVENANCE_KEY}
    with contextlib.ExitStack() as stack:
        if provenance is None:
            beside, block = stack.enter_context(_atomic(Path(path))), None
        else:
            beside, block = stack.enter_context(_sealed(Path(path), provenance))
        file = stack.enter_context(beside.open("w", encoding="utf-8"))
        separator = "{"
        for key, value in entries:
            if key in keys:
                raise ValueError(f"the content has a key {key!r} too many")
            keys.add(key)
            text = json.dumps(value, ensure_ascii=False, allow_nan=block is None)
            file.write(f"{separator}\n{json.dumps(key, ensure_ascii=False)}: {text}")
            separator = ","
        if block is not None:
            file.write(f'{separator}\n"{PROVENANCE_KEY}": {_text(block)}')
            separator = ","
        file.write("{}\n" if separator == "{" else "\n}\n")


def copy_file(source: str | Path, path: str | Path) -> None:
    """Copy a file as it is, without provenance."""
    with readable(Path(source)):
        content = Path(source).read_bytes()
    with _atomic(Path(path)) as beside:
        beside.write_bytes(content)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object with its provenance block, if it has one.

    Raises:
        ArtifactError: when the file is missing, cut short or holds no object.
    """
    path = Path(path)
    with readable(path):
        content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ArtifactError(f"{path}: holds no JSON object")
    return content


def write_table(path: str | Path, table: pd.DataFrame | pa.Table, provenance: Provenance) -> None:
    """Write a data frame as Parquet, its index dropped, or a table of Arrow's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = isinstance(table, pa.Table)
    arrow = table if known else pa.Table.from_pandas(table, preserve_index=False)
    # Arrow's own copy of the schema would hold the block a second time, encoded.
    options = {"compression": "zstd", "store_schema": False}
    with (
        _sealed(Path(path), provenance) as (beside, block),
        pq.ParquetWriter(beside, arrow.schema, **options) as writer,
    ):
        writer.write_table(arrow)
        writer.add_key_value_metadata({**(arrow.schema.metadata or {}), PARQUET_KEY: _text(block)})


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a Parquet file as a data frame; ArtifactError when that cannot be done."""
    import pandas as pd

    path = Path(path)
    with readable(path):
        return pd.read_parquet(path)


def read_arrow(path: str | Path) -> pa.Table:
    """Read a Parquet file as a table of Arrow's, which tells null from NaN; ArtifactError too."""
    import pyarrow.parquet as pq

    path = Path(path)
    with readable(path):
        return pq.read_table(path)


def write_csv(path: str | Path, table: pd.DataFrame, provenance: Provenance) -> None:
    """Write a data frame as CSV under a commented line; read with ``comment="#"``."""
    text = io.StringIO()
    table.to_csv(text, index=False, lineterminator="\n")
    with _sealed(Path(path), provenance) as (beside, block):
        beside.write_text(f"{COMMENT_MARK}{_text(block)}\n{text.getvalue()}", encoding="utf-8")


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read such a CSV; ArtifactError when that cannot be done."""
    import pandas as pd

    path = Path(path)
    with readable(path):
        return pd.read_csv(path, comment="#")


def write_arrays(
    path: str | Path, arrays: Mapping[str, NDArray[Any]], provenance: Provenance
) -> None:
    """Write named arrays as a compressed NPZ."""
    import numpy as np

    with _sealed(Path(path), provenance) as (beside, block), beside.open("wb") as file:
        known = {key: value for key, value in block.items() if key not in DIGESTS}
        named: dict[str, Any] = {**arrays, PROVENANCE_KEY: np.array(_text(known))}
        np.savez_compressed(file, **named)


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read an NPZ without its provenance; ArtifactError when that cannot be done."""
    import numpy as np

    path = Path(path)
    with readable(path), np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if name != PROVENANCE_KEY}


def write_array(path: str | Path, array: NDArray[Any], provenance: Provenance) -> None:
    """Write one array as NPY, memory-mappable, with the provenance behind its data."""
    import numpy as np

    with _sealed(Path(path), provenance) as (beside, block), beside.open("wb") as file:
        trailer = _text(block).encode()
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        file.write(trailer + struct.pack("<Q", len(trailer)) + NPY_MAGIC)


def read_array(path: str | Path) -> np.memmap[Any, Any]:
    """Map an NPY file read-only; ArtifactError when that cannot be done."""
    import numpy as np

    path = Path(path)
    with readable(path):
        array: np.memmap[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return array


def write_html(path: str | Path, page: str, provenance: Provenance) -> None:
    """Write a page with its provenance as a JSON-LD script at the end of the head."""
    if "</head>" not in page:
        raise ValueError("the page has no </head>")
    with _sealed(Path(path), provenance) as (beside, block):
        text = _text({"@context": "https://schema.org", "@type": "CreativeWork", **block})
        # "</" would end the script early wherever it stands in a string.
        script = (
            f'<script type="application/ld+json" id="provenance">'
            f"{text.replace('</', '<' + chr(92) + '/')}</script>\n"
        )
        beside.write_text(page.replace("</head>", script + "</head>", 1), encoding="utf-8")


def write_svg(path: str | Path, drawing: str, provenance: Provenance) -> None:
    """Write a drawing with its provenance as its last metadata element."""
    before, end, after = drawing.rpartition("</svg>")
    if not end:
        raise ValueError("the drawing has no </svg>")
    with _sealed(Path(path), provenance) as (beside, block):
        element = f'<metadata id="provenance">{html.escape(_text(block), quote=False)}</metadata>\n'
        beside.write_text(before + element + end + after, encoding="utf-8")


def write_python(path: str | Path, source: str, provenance: Provenance) -> None:
    """Write Python source above a commented line; ValueError when it does not end its last line."""
    if not source.endswith("\n"):
        raise ValueError("the source does not end in a line break")
    with _sealed(Path(path), provenance) as (beside, block):
        beside.write_text(f"{source}\n\n{COMMENT_MARK}{_text(block)}\n", encoding="utf-8")


def read_python(path: str | Path) -> str:
    """Read Python source without its provenance; ArtifactError when that cannot be done."""
    path = Path(path)
    with readable(path):
        return PYTHON_BLOCK.sub("", path.read_text(encoding="utf-8"))
