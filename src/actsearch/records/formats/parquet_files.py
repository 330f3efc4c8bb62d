"""Parquet: an entry of the schema's metadata."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.records.digests import canonical_json, digest_parts, joined
from actsearch.records.files import readable
from actsearch.records.formats.format import Format, as_text, column_parts
from actsearch.records.seals import Provenance, sealed

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

PARQUET_KEY = b"actsearch.provenance"
_ROWS_AT_ONCE, _TEXTS_AT_ONCE = 64, 4096


def write_table(path: str | Path, table: pd.DataFrame | pa.Table, provenance: Provenance) -> None:
    """Write a data frame as Parquet, its index dropped, or a table of Arrow's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = isinstance(table, pa.Table)
    arrow = table if known else pa.Table.from_pandas(table, preserve_index=False)
    # Arrow's own copy of the schema would hold the block a second time, encoded.
    options = {"compression": "zstd", "store_schema": False}
    with (
        sealed(Path(path), provenance, _digest) as (beside, block),
        pq.ParquetWriter(beside, arrow.schema, **options) as writer,
    ):
        writer.write_table(arrow)
        metadata = {**(arrow.schema.metadata or {}), PARQUET_KEY: as_text(block)}
        writer.add_key_value_metadata(metadata)


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


def _provenance(path: Path) -> Any:
    import pyarrow.parquet as pq

    block = (pq.read_schema(path).metadata or {}).get(PARQUET_KEY)
    return None if block is None else json.loads(block)


def _digest(path: Path) -> str:
    """Of the table's names, types and values: not of its encoding, which versions change."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        # One column at a time: some are large.
        columns = (_column_bytes(file, name) for name in file.schema_arrow.names)
        parts = itertools.chain.from_iterable(columns)
        return digest_parts(itertools.chain([f"{file.metadata.num_rows}\n".encode()], parts))


def _column_bytes(file: pq.ParquetFile, name: str) -> Iterator[bytes]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = file.schema_arrow.field(name).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        batches = file.iter_batches(_TEXTS_AT_ONCE if text else _ROWS_AT_ONCE, columns=[name])
        some = (batch.column(0) for batch in batches if len(batch))
        # to_pylist would make texts one by one
        rows = (r.to_numpy(zero_copy_only=False).tolist() if text else r.to_pylist() for r in some)
        values = (canonical_json(row)[1:-1] for row in rows)
        yield from joined(b"[" + canonical_json(name) + b",[", values, b"]]")
        return
    column = file.read(columns=[name]).column(name).combine_chunks()
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
    filled = pc.fill_null(column, pa.scalar(0).cast(kind)).to_numpy(zero_copy_only=False)
    little = filled.astype(filled.dtype.newbyteorder("<"))
    yield canonical_json([name, str(kind)]) + np.packbits(valid).tobytes() + little.tobytes()


def _parts(path: Path) -> dict[str, Any]:
    table = read_table(path)
    return column_parts({name: table[name].tolist() for name in table.columns})


FORMAT = Format(".parquet", "application/vnd.apache.parquet", _provenance, _digest, _parts)
