"""Arrays of a source by their headers: what an ``.npz`` file holds, and which belong together."""

from __future__ import annotations

import ast
import struct
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from actsearch.config.data import Arrays
from actsearch.data.sources.layouts import Array, Layout, layout_of
from actsearch.data.sources.parts import OwnParts
from actsearch.data.sources.places import DataError, MissingDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"


def array_headers(path: Path) -> dict[str, Array]:
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


def _header(archive: zipfile.ZipFile, name: str) -> Array:
    """An array's header (NumPy's format, versions 1 to 3)."""
    with archive.open(name) as file:
        if file.read(6) != _MAGIC:
            raise ValueError(f"{name} is no array")
        long = file.read(2)[0] > 1
        (length,) = struct.unpack("<I" if long else "<H", file.read(4 if long else 2))
        header: Any = ast.literal_eval(file.read(length).decode("utf-8" if long else "latin-1"))
    dtype = header["descr"]
    # Fields have names and dtypes of their own, which no array of ours has.
    return Array(tuple(header["shape"]), dtype if isinstance(dtype, str) else "V")


def headers_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    """Shapes and dtypes of arrays in memory, by their names."""
    return {name: Array(array.shape, array.dtype.str) for name, array in arrays.items()}


class Held(NamedTuple):
    """What a source of arrays holds.

    Attributes:
        layout: what its arrays are taken for.
        parts: names of the arrays of each part, see :func:`named_parts`.
        examples: number of examples in each part, as manifests have it.
    """

    layout: Layout
    parts: dict[str, tuple[str, str]]
    examples: dict[str, int]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Names of the arrays of each part."""
        return [*self.parts.values()]

    @property
    def own_parts(self) -> OwnParts | None:
        """Where the rows of parts that are given begin, all arrays one after the other."""
        if len(self.parts) == 1:
            return None
        return OwnParts(self.examples["train"], self.examples.get("validation", 0))


def check_arrays(path: Path, said: Arrays) -> Held:
    """Check the headers of an ``.npz`` file that holds examples and targets.

    Returns:
        What it holds.

    Raises:
        DataError: when it lacks an array, or shapes or dtypes cannot be used.
    """
    headers = array_headers(path)
    try:
        return check_parts(headers, said)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def check_parts(arrays: Mapping[str, Array], said: Arrays) -> Held:
    """Check shapes and dtypes of arrays, by name.

    Returns:
        What they are.

    Raises:
        DataError: when one is missing, or they cannot be used or do not fit each other.
    """
    parts = named_parts(arrays)
    first, *others = parts.values()
    layout = layout_of(arrays[first[0]], arrays[first[1]], said, first)
    for pair in others:
        for name, like in zip(pair, first, strict=True):
            _refuse_unlike(name, arrays[name], like, arrays[like])
        layout_of(arrays[pair[0]], arrays[pair[1]], said, pair)
    examples = {part: arrays[x].shape[0] for part, (x, _) in parts.items()}
    return Held(layout, parts, examples)


def _refuse_unlike(name: str, array: Array, like: str, other: Array) -> None:
    """Raise DataError for arrays of two parts that cannot be joined: numbers would change."""
    if array.shape[1:] != other.shape[1:]:
        raise DataError(
            f"{name} of {array.shape} and {like} of {other.shape} must be alike but for their "
            "first axis"
        )
    if array.kind != other.kind:
        raise DataError(
            f"{name} holds dtype {array.dtype}, but {like} {other.dtype}: store both alike"
        )


def named_parts(names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Names of the arrays of each part: of examples and of their targets.

    Args:
        names: of the arrays there are: ``x`` and ``y``, or these for each part, such as
            ``x_train`` and ``y_train``; the validation part may be missing, and those that begin
            otherwise are passed over.

    Returns:
        Names by part, in order; of all examples under ``train`` where they are not given apart.

    Raises:
        DataError: naming those that are missing, and such as ``x_val``, which would be lost.
    """
    given = {part: (f"x_{part}", f"y_{part}") for part in ("train", "validation", "test")}
    known = {name for pair in given.values() for name in pair}
    for name in names:
        if name.startswith(("x_", "y_")) and name not in known:
            raise DataError(f"{name} is of no part; allowed: {', '.join(sorted(known))}")
    whole = {"x", "y"} & {*names}
    apart = [name for pair in given.values() for name in pair if name in names]
    if whole and apart:
        raise DataError(
            f"{' and '.join(sorted(whole))} beside {', '.join(apart)}: give all examples as x and "
            "y, or each part by itself"
        )
    wanted = {"train": ("x", "y")}
    if apart:
        wanted = {p: pair for p, pair in given.items() if p != "validation" or {*pair} & {*names}}
    if missing := [name for pair in wanted.values() for name in pair if name not in names]:
        raise DataError(
            f"lacks {', '.join(missing)}: it must hold x and y (or x_train, y_train, x_test and "
            "y_test, perhaps x_validation and y_validation), and holds "
            f"{', '.join(names) or 'nothing'}"
        )
    return wanted
