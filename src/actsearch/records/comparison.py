"""Whether two files of one kind say the same, and where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsearch.records.formats import FORMATS, content_digest, readable
from actsearch.records.formats.format import lines

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
    known = FORMATS.get(path.suffix)
    with readable(path):
        return known.parts(path) if known else lines(path.read_text(encoding="utf-8"))
