"""What an ``.npz`` file holds, from its headers alone."""

from __future__ import annotations

import ast
import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from actsearch.data.sources.places import DataError, MissingDataError

_MAGIC = b"\x93NUMPY"
IMAGE_KINDS = "buif"
"""Kinds of dtypes, as NumPy's letters, of images: real numbers."""
LABEL_KINDS = "buiUS"
"""Those of labels: integers or strings."""


class Header(NamedTuple):
    """What the header of an array says."""

    shape: tuple[int, ...]
    dtype: str
    """NumPy's description, such as ``<f4``."""

    @property
    def kind(self) -> str:
        """NumPy's letter for the kind of dtype."""
        return self.dtype.lstrip("<>|=")[:1]


def array_headers(path: Path) -> dict[str, Header]:
    """Shapes and dtypes of the arrays in an ``.npz`` file.

    Returns:
        A header for each array, by its name.

    Raises:
        MissingDataError: when there is no such file.
        DataError: when it is not one, or was cut short.
    """
    if not path.is_file():
        raise MissingDataError(f"no data file at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name.removesuffix(".npy"): _header(archive, name) for name in names}
    # The headers of damaged files fail in many ways.
    except Exception as error:
        raise DataError(f"{path} is not an .npz file that can be read: {error}") from error


def _header(archive: zipfile.ZipFile, name: str) -> Header:
    """An array's header (NumPy's format, versions 1 to 3)."""
    with archive.open(name) as file:
        if file.read(6) != _MAGIC:
            raise ValueError(f"{name} is no array")
        long = file.read(2)[0] > 1
        (length,) = struct.unpack("<I" if long else "<H", file.read(4 if long else 2))
        header: Any = ast.literal_eval(file.read(length).decode("utf-8" if long else "latin-1"))
    dtype = header["descr"]
    # Fields have names and dtypes of their own, which no array of ours has.
    return Header(tuple(header["shape"]), dtype if isinstance(dtype, str) else "V")


def image_shape(shape: tuple[int, ...], channels_last: bool | None) -> tuple[int, int, int]:
    """Channels, height and width of an image in an array of this shape."""
    if len(shape) == 3:
        return 1, shape[1], shape[2]
    one, two, three = shape[1:]
    return (three, one, two) if channels_last else (one, two, three)


def check_layout(shape: tuple[int, ...], channels_last: bool | None) -> None:
    """Refuse an array that is not (N, H, W) or (N, C, H, W), or looks like (N, H, W, C).

    It looks so when the second and the third axis are as long, as in a square image, and the last
    is not; or the last is less than half of each of the others, or has 1 to 4 numbers, the third
    more, and the second more than 4. ``channels_last`` says what it is.

    Raises:
        DataError: with the transposition to make.
    """
    if len(shape) not in (3, 4) or 0 in shape:
        raise DataError(f"x must be (N, H, W) or (N, C, H, W) and not empty, got {shape}")
    if len(shape) == 3:
        if channels_last:
            raise DataError(f"channels_last: true goes with x of (N, H, W, C), got {shape}")
        return
    first, second, last = shape[1:]
    square = 1 < first == second != last
    few = 2 * last < min(first, second) or (first > 4 and last < min(second, 5))
    if channels_last is None and (square or few):
        raise DataError(
            f"x of {shape} looks like (N, H, W, C): {last} channels of {first} x {second} pixels. "
            "Store x.transpose(0, 3, 1, 2), or say channels_last: true of the data; if these are "
            f"{first} channels of {second} x {last} pixels, say channels_last: false"
        )


def check_arrays(path: Path, channels_last: bool | None = None) -> tuple[int, ...]:
    """Check the headers of an ``.npz`` file that holds images ``x`` and labels ``y``.

    Returns:
        Shape of ``x``, as it is stored.

    Raises:
        DataError: when it lacks one of them, or their shapes or dtypes cannot be used.
    """
    headers = array_headers(path)
    if missing := {"x", "y"} - set(headers):
        raise DataError(
            f"{path} lacks {', '.join(sorted(missing))}: it must hold x and y, "
            f"and holds {', '.join(headers) or 'nothing'}"
        )
    x, y = headers["x"].shape, headers["y"].shape
    try:
        check_layout(x, channels_last)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    if y != x[:1]:
        raise DataError(f"{path}: y must be ({x[0]},) to fit x, got {y}")
    for name, kinds, what in (
        ("x", IMAGE_KINDS, "real numbers"),
        ("y", LABEL_KINDS, "integers or strings"),
    ):
        if headers[name].kind not in kinds:
            raise DataError(f"{path}: {name} must hold {what}, got dtype {headers[name].dtype}")
    return x
