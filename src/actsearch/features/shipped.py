"""Both features of the functions of a table that ships."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actsearch.features.packed_cdfs import unpack_cdfs
from actsearch.functions.equivalence import outputs
from actsearch.functions.expressions import parse
from actsearch.records import shipped
from actsearch.records.formats import read_arrays


@dataclass(frozen=True, eq=False)
class Features:
    """What is known of functions without training them."""

    names: list[str]
    """n functions, in the order of the map."""
    outputs: NDArray[np.float64]
    """(n, 1000): values on the normal samples, not transformed; NaN and infinite where they are."""
    fisher: NDArray[np.float64]
    """(n, d): Fisher features (``log_spectrum_cdf``), rows of NaN where there is none."""


def load_features(table: str | Path) -> Features:
    """Both features of the functions of a table that ships.

    Outputs are computed again, which takes a second for some thousand functions.

    Args:
        table: its name (``mnist1d-mlp``) or its folder.

    Returns:
        The features, to the bit those that the map was made of (outputs: with the same versions of
        NumPy and SciPy on the same kind of processor).

    Raises:
        ArtifactError: when there is no such table (the message lists what ships), or its file
            cannot be read.
    """
    packed = read_arrays(shipped.table_folder(table) / shipped.FISHER)
    names = packed["names"].tolist()
    return Features(names, outputs(map(parse, names)), unpack_cdfs(packed))
