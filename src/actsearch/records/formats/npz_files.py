"""NPZ: an array of text; the digests, which must not be compressed, in the archive's comment."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsearch.records.digests import PROVENANCE_KEY
from actsearch.records.files import readable
from actsearch.records.formats.format import Format, as_text
from actsearch.records.seals import DIGESTS, Provenance, sealed

if TYPE_CHECKING:
    from numpy.typing import NDArray


def write_arrays(
    path: str | Path, arrays: Mapping[str, NDArray[Any]], provenance: Provenance
) -> None:
    """Write named arrays as a compressed NPZ."""
    import numpy as np

    with sealed(Path(path), provenance, _digest) as (beside, block):
        digests = {name: block.pop(name) for name in DIGESTS}
        with beside.open("wb") as file:
            named: dict[str, Any] = {**arrays, PROVENANCE_KEY: np.array(as_text(block))}
            np.savez_compressed(file, **named)
        with zipfile.ZipFile(beside, "a") as archive:
            archive.comment = json.dumps(digests).encode()


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read an NPZ without its provenance; ArtifactError when that cannot be done."""
    import numpy as np

    path = Path(path)
    with readable(path), np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files if name != PROVENANCE_KEY}


def _provenance(path: Path) -> Any:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        if PROVENANCE_KEY not in arrays.files:
            return None
        block = json.loads(str(arrays[PROVENANCE_KEY]))
    with zipfile.ZipFile(path) as archive:
        return block | json.loads(archive.comment or b"{}")


def _digest(path: Path) -> str:
    import numpy as np

    digest = hashlib.sha256()
    with np.load(path, allow_pickle=False) as arrays:
        for name in sorted(set(arrays.files) - {PROVENANCE_KEY}):
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(array.data if array.size else b"")
    return "sha256:" + digest.hexdigest()


FORMAT = Format(
    ".npz",
    "application/zip",
    _provenance,
    _digest,
    parts=lambda path: dict(read_arrays(path)),
)
