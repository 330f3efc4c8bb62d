"""Digests of content and of settings.

A content digest covers what a file says and leaves out its provenance block, so that a rerun
which gives the same numbers gives the same digest.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import mmap
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

PROVENANCE_KEY = "provenance"
PARQUET_KEY = b"actsearch.provenance"
COMMENT_MARK = "# provenance: "
PYTHON_BLOCK = re.compile(rf"\n\n{COMMENT_MARK}(.*)\n\Z")
"""The last line of a Python file."""
HTML_BLOCK = re.compile(
    r'<script type="application/ld\+json" id="provenance">(.*?)</script>\n?', re.DOTALL
)
SVG_BLOCK = re.compile(r'<metadata id="provenance">(.*?)</metadata>\n?', re.DOTALL)
GRAPH_ENTITY = "#provenance"
"""Entity of a JSON-LD graph that holds its provenance; another key would name the graph."""
_AT_ONCE = 1 << 24
_ROWS_AT_ONCE = 64


class DigestError(ValueError):
    """Something that cannot be digested; the message names it."""


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _digest_parts(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return "sha256:" + digest.hexdigest()


def digest_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, a few MB of which are held at a time."""
    with Path(path).open("rb") as file:
        return _digest_parts(iter(lambda: file.read(_AT_ONCE), b""))


def canonical_json(value: Any) -> bytes:
    """``value`` as JSON with sorted keys and no optional white space, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def settings_digest(settings: Any) -> str:
    """Digest of plain data, such as the part of the configuration that a step uses."""
    return digest_bytes(canonical_json(settings))


def split_json(content: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """What a JSON object says, and its provenance block or None."""
    if "@graph" not in content:
        rest = {key: value for key, value in content.items() if key != PROVENANCE_KEY}
        return rest, content.get(PROVENANCE_KEY)
    entities = [entity for entity in content["@graph"] if entity.get("@id") != GRAPH_ENTITY]
    blocks = [entity for entity in content["@graph"] if entity.get("@id") == GRAPH_ENTITY]
    return {**content, "@graph": entities}, json.loads(blocks[0]["value"]) if blocks else None


def may_hold_provenance(path: Path) -> bool:
    """Whether the word stands in a JSON file, which may be too large to be read for nothing."""
    with path.open("rb") as file:
        if not file.read(1):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(f'"{PROVENANCE_KEY}"'.encode()) >= 0


def _digest_json(path: Path) -> str:
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        return settings_digest(content)
    rest = split_json(content)[0]
    return _digest_parts(
        _joined(
            b"{",
            (canonical_json(key) + b":" + canonical_json(rest[key]) for key in sorted(rest)),
            b"}",
        )
    )


def _joined(start: bytes, parts: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """The pieces of canonical JSON, so that large content is never one text."""
    yield start
    for number, part in enumerate(parts):
        yield b"," + part if number else part
    yield end


def _digest_parquet(path: Path) -> str:
    """Of the table's names, types and values: not of its encoding, which versions change."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        # One column at a time: some are large.
        columns = (
            _column_bytes(name, file.read(columns=[name]).column(name).combine_chunks())
            for name in file.schema_arrow.names
        )
        parts = itertools.chain.from_iterable(columns)
        return _digest_parts(itertools.chain([f"{file.metadata.num_rows}\n".encode()], parts))


def _column_bytes(name: str, column: pa.Array) -> Iterator[bytes]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        starts = range(0, len(column), _ROWS_AT_ONCE)
        rows = (column.slice(start, _ROWS_AT_ONCE).to_pylist() for start in starts)
        values = (canonical_json(some)[1:-1] for some in rows)
        yield from _joined(b"[" + canonical_json(name) + b",[", values, b"]]")
        return
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
    filled = pc.fill_null(column, pa.scalar(0).cast(kind)).to_numpy(zero_copy_only=False)
    little = filled.astype(filled.dtype.newbyteorder("<"))
    yield canonical_json([name, str(kind)]) + np.packbits(valid).tobytes() + little.tobytes()


def _digest_npz(path: Path) -> str:
    import numpy as np

    digest = hashlib.sha256()
    with np.load(path, allow_pickle=False) as arrays:
        for name in sorted(set(arrays.files) - {PROVENANCE_KEY}):
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(array.data if array.size else b"")
    return "sha256:" + digest.hexdigest()


def _digest_npy(path: Path) -> str:
    import numpy as np

    array = np.load(path, mmap_mode="r")
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
    for start in range(0, len(array), 1024):
        digest.update(np.ascontiguousarray(array[start : start + 1024]).data)
    return "sha256:" + digest.hexdigest()


def _digest_csv(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return digest_bytes("".join(line for line in lines if not line.startswith("#")).encode())


def _digest_html(path: Path) -> str:
    return digest_bytes(HTML_BLOCK.sub("", path.read_text(encoding="utf-8")).encode())


def _digest_svg(path: Path) -> str:
    return digest_bytes(SVG_BLOCK.sub("", path.read_text(encoding="utf-8")).encode())


def _digest_python(path: Path) -> str:
    return digest_bytes(PYTHON_BLOCK.sub("", path.read_text(encoding="utf-8")).encode())


_BY_SUFFIX: dict[str, Callable[[Path], str]] = {
    ".json": _digest_json,
    ".parquet": _digest_parquet,
    ".npz": _digest_npz,
    ".npy": _digest_npy,
    ".csv": _digest_csv,
    ".html": _digest_html,
    ".svg": _digest_svg,
    ".py": _digest_python,
}


def content_digest(path: str | Path, suffix: str | None = None) -> str:
    """Digest of what the file says, without its provenance.

    Known by suffix, its own or the one given: ``.json``, ``.parquet``, ``.npz``, ``.npy``,
    ``.csv``, ``.html``, ``.svg``, ``.py``; any other file is digested byte by byte.

    Raises:
        FileNotFoundError: when there is no such file.
    """
    path = Path(path)
    digest = _BY_SUFFIX.get(suffix or path.suffix)
    return digest(path) if digest else digest_bytes(path.read_bytes())
