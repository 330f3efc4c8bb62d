"""What a task's examples look like, for people, without loading them."""

from __future__ import annotations

import ast
import zipfile
from pathlib import Path

import numpy as np

from actsearch.config import Data

_FIRST = ("x", "x_train")
_TARGETS = ("y", "y_train")
_DIGITS = "images of 1 x 8 x 8, 10 classes"


def describe_shape(data: Data) -> str | None:
    """Shape of an example and what is learned, such as ``signals of 1 x 40, 10 classes``.

    Of a file of arrays the headers alone are read.

    Returns:
        The words; None for a function of the user's, and for a file that is not there.
    """
    if made := data.made:
        learned = "classes" if made.targets != "numbers" else "numbers to predict"
        return f"{made.inputs} of {_sizes(made.example)}, {made.n_outputs} {learned}"
    if known := data.published:
        side = data.image_size or known.side
        return f"images of {_sizes((known.channels, side, side))}, {known.classes} classes"
    if data.of_files:
        side = data.image_size or 0
        return f"images of {_sizes((3, side, side))}"
    if data.source == "digits":
        return _DIGITS
    if data.source.startswith("npz:"):
        return _of_arrays(data, Path(data.source.removeprefix("npz:")))
    return None


def _of_arrays(data: Data, path: Path) -> str | None:
    shapes = _headers(path)
    example = next((shapes[name][0][1:] for name in _FIRST if name in shapes), None)
    if not example:
        return None
    targets = next((shapes[name] for name in _TARGETS if name in shapes), None)
    learned = ""
    if targets and data.targets != "classes" and np.dtype(targets[1]).kind == "f":
        numbers = targets[0][1] if len(targets[0]) > 1 else 1
        learned = f", {numbers} number{'s' * (numbers != 1)} to predict"
    return f"{data.inputs or 'arrays'} of {_sizes(example)}{learned}"


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _headers(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shapes and dtypes of a file's arrays by name; nothing of a file that cannot be read."""
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    width = 2 if version == (1, 0) else 4
                    length = int.from_bytes(file.read(width), "little")
                    header = ast.literal_eval(file.read(length).decode("latin1"))
                found[member.removesuffix(".npy")] = header["shape"], header["descr"]
    except (OSError, ValueError, SyntaxError, KeyError, zipfile.BadZipFile):
        return {}
    return {name: entry for name, entry in found.items() if isinstance(entry[1], str)}
