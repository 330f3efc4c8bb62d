"""Whether two files of one kind say the same, and where they do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsearch.records.artifacts import read_array, read_arrays, read_csv, read_json, read_table
from actsearch.records.digests import (
    HTML_BLOCK,
    PYTHON_BLOCK,
    SVG_BLOCK,
    content_digest,
    split_json,
)

EXACT = {"absolute": 0.0, "relative": 0.0}


def differences(
    recorded: Path, again: Path, tolerance: Mapping[str, float] | None = None
) -> list[str]:
    """What ``again`` says otherwise than ``recorded``: a line for each value, column or array.

    Args:
        recorded: the file as it stands.
        again: a file of the same kind.
        tolerance: numbers agree within ``absolute`` + ``relative`` times the recorded one; NaN
            agrees with NaN. Everything else must be equal. None allows nothing.

    Returns:
        Nothing where both say the same.

    Raises:
        ArtifactError: when a file cannot be read.
    """
    if content_digest(recorded) == content_digest(again):
        return []
    old, new = _parts(recorded), _parts(again)
    told = [f"{name}: is missing" for name in old if name not in new]
    told += [f"{name}: was not there" for name in new if name not in old]
    for name in old:
        if name in new:
            told += _told(name, np.asarray(old[name]), np.asarray(new[name]), tolerance or EXACT)
    if tolerance is None and not told:
        told = ["the order or the type of values differs"]
    return told


def _told(
    name: str, old: NDArray[Any], new: NDArray[Any], tolerance: Mapping[str, float]
) -> list[str]:
    if old.shape != new.shape:
        return [f"{name}: shape {old.shape} -> {new.shape}"]
    if old.size == 0:
        return []
    numbers = all(np.issubdtype(a.dtype, np.number) or a.dtype == bool for a in (old, new))
    if numbers:
        one, two = old.astype(np.float64), new.astype(np.float64)
        agree = np.isclose(
            two, one, rtol=tolerance["relative"], atol=tolerance["absolute"], equal_nan=True
        )
        with np.errstate(invalid="ignore"):
            size = np.nan_to_num(np.abs(two - one), nan=np.inf)
    else:
        agree = np.array([repr(a) == repr(b) for a, b in zip(old.flat, new.flat, strict=True)])
        agree = agree.reshape(old.shape)
        size = (~agree).astype(np.float64)
    if agree.all():
        return []
    worst = np.unravel_index(int(np.where(agree, -1.0, size).argmax()), old.shape)
    told = f"{old[worst]} -> {new[worst]}"
    if old.ndim == 0:
        return [f"{name}: {told}"]
    place = ", ".join(str(int(index)) for index in worst)
    return [f"{name}: {int((~agree).sum())} of {agree.size} values, most at [{place}]: {told}"]


def _parts(path: Path) -> dict[str, Any]:
    """What a file says, in named values, columns, arrays or lines."""
    match path.suffix:
        case ".json":
            return _leaves(split_json(read_json(path))[0])
        case ".parquet":
            table = read_table(path)
            return {name: _column(table[name].tolist()) for name in table.columns}
        case ".csv":
            table = read_csv(path)
            return {name: _column(table[name].tolist()) for name in table.columns}
        case ".npz":
            return dict(read_arrays(path))
        case ".npy":
            return {"array": read_array(path)}
    text = path.read_text(encoding="utf-8")
    block = {".html": HTML_BLOCK, ".svg": SVG_BLOCK, ".py": PYTHON_BLOCK}.get(path.suffix)
    lines = (block.sub("", text) if block else text).splitlines()
    return {f"line {number}": line for number, line in enumerate(lines, start=1)}


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    """The values of nested objects and lists, by path: ``runs[0].seed``."""
    if isinstance(value, dict) and value:
        parts = [
            _leaves(item, f"{name}.{key}" if name else str(key)) for key, item in value.items()
        ]
    elif isinstance(value, list) and value:
        parts = [_leaves(item, f"{name}[{index}]") for index, item in enumerate(value)]
    else:
        # An empty list and a missing value are values; text keeps them apart from numbers.
        plain = isinstance(value, int | float | str)
        return {name: value if plain else json.dumps(value)}
    return {key: leaf for part in parts for key, leaf in part.items()}


def _column(values: list[Any]) -> NDArray[Any]:
    """A column as numbers if it holds nothing else, else as text."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        listed = [v.tolist() if isinstance(v, np.ndarray) else v for v in values]
        return np.array([repr(value) for value in listed], dtype=object)
