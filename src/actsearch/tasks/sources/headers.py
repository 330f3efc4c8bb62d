"""What an ``.npz`` file holds, from its headers alone."""

from __future__ import annotations

import ast
import struct
import zipfile
from pathlib import Path

from actsearch.tasks.sources.places import DataError, MissingDataError

_MAGIC = b"\x93NUMPY"


def array_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays in an ``.npz`` file, by name.

    Raises:
        MissingDataError: when there is no such file.
        DataError: when it is not one, or was cut short.
    """
    if not path.is_file():
        raise MissingDataError(f"no data file at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name.removesuffix(".npy"): _shape(archive, name) for name in names}
    # The headers of damaged files fail in many ways.
    except Exception as error:
        raise DataError(f"{path} is not an .npz file that can be read: {error}") from error


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """The shape in an array's header (NumPy's format, versions 1 to 3)."""
    with archive.open(name) as file:
        if file.read(6) != _MAGIC:
            raise ValueError(f"{name} is no array")
        long = file.read(2)[0] > 1
        (length,) = struct.unpack("<I" if long else "<H", file.read(4 if long else 2))
        header = ast.literal_eval(file.read(length).decode("utf-8" if long else "latin-1"))
    return tuple(header["shape"])


def check_shapes(path: Path) -> int:
    """Number of examples in an ``.npz`` file with images ``x`` and labels ``y``.

    Raises:
        DataError: when it lacks one of them, or their shapes do not fit.
    """
    shapes = array_shapes(path)
    if missing := {"x", "y"} - set(shapes):
        raise DataError(
            f"{path} lacks {', '.join(sorted(missing))}: it must hold x and y, "
            f"and holds {', '.join(shapes) or 'nothing'}"
        )
    x, y = shapes["x"], shapes["y"]
    if len(x) not in (3, 4) or 0 in x:
        raise DataError(f"{path}: x must be (N, H, W) or (N, C, H, W) and not empty, got {x}")
    if y != x[:1]:
        raise DataError(f"{path}: y must be ({x[0]},) to fit x, got {y}")
    return x[0]
