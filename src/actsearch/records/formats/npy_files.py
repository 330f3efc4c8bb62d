"""NPY: a trailer behind the data, which NumPy ignores: the block, its length, a mark."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.records.files import readable
from actsearch.records.formats.format import Format, as_text
from actsearch.records.seals import Provenance, sealed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MARK = b"ACTSEARCH-PROVENANCE"
"""Last bytes of a file that carries provenance."""


def write_array(path: str | Path, array: NDArray[Any], provenance: Provenance) -> None:
    """Write one array as NPY, memory-mappable, with the provenance behind its data."""
    import numpy as np

    with sealed(Path(path), provenance, _digest) as (beside, block), beside.open("wb") as file:
        trailer = as_text(block).encode()
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        file.write(trailer + struct.pack("<Q", len(trailer)) + _MARK)


def read_array(path: str | Path) -> np.memmap[Any, Any]:
    """Map an NPY file read-only; ArtifactError when that cannot be done."""
    import numpy as np

    path = Path(path)
    with readable(path):
        array: np.memmap[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return array


def _provenance(path: Path) -> Any:
    tail = 8 + len(_MARK)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < tail:
            return None
        file.seek(size - tail)
        length, mark = struct.unpack(f"<Q{len(_MARK)}s", file.read(tail))
        if mark != _MARK:
            return None
        file.seek(size - tail - length)
        return json.loads(file.read(length))


def _digest(path: Path) -> str:
    import numpy as np

    array = np.load(path, mmap_mode="r")
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
    for start in range(0, len(array), 1024):
        digest.update(np.ascontiguousarray(array[start : start + 1024]).data)
    return "sha256:" + digest.hexdigest()


FORMAT = Format(
    ".npy",
    "application/octet-stream",
    _provenance,
    _digest,
    parts=lambda path: {"array": read_array(path)},
)
