"""Fisher features in little space, from which they come back to the bit.

A feature is a layer's cumulative shares over bins: whole counts over their total. The counts are
mostly 0, so they are held as differences, and compress well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAYS = ("names", "layers", "bins", "totals", "finite", "counts")


def pack_cdfs(
    names: Sequence[str],
    cdfs: NDArray[np.float64],
    layers: Sequence[str],
    bins: Sequence[int],
    totals: Sequence[int],
) -> dict[str, NDArray[Any]]:
    """Pack the Fisher features of functions.

    Args:
        names: (n,) functions.
        cdfs: (n, d) features (``stack_cdfs``), rows of NaN where there is none.
        layers: (L,) names of the layers.
        bins: (L,) bins of each, d in all.
        totals: (L,) eigenvalues of each.

    Returns:
        names; layers; bins and totals (L,) int64; finite (n,), whether there is a feature; counts
        (n, d) unsigned: eigenvalues in each bin, 0 where there is no feature.

    Raises:
        ValueError: when the features are not shares of these totals, and so would not come back.
    """
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(cdfs).all(axis=1))
    if sum(bins) != cdfs.shape[1]:
        raise ValueError(f"features have {cdfs.shape[1]} entries, the layers {sum(bins)} bins")
    wholes = np.rint(np.where(finite[:, None], cdfs, 0.0) * np.repeat(totals, bins))
    pieces = np.split(wholes.astype(np.int64), np.cumsum(bins)[:-1], axis=1)
    counts = np.concatenate([np.diff(piece, axis=1, prepend=0) for piece in pieces], axis=1)
    packed: dict[str, NDArray[Any]] = {
        "names": np.array(names, dtype=np.str_),
        "layers": np.array(layers, dtype=np.str_),
        "bins": np.array(bins, dtype=np.int64),
        "totals": np.array(totals, dtype=np.int64),
        "finite": finite,
        "counts": counts.astype(np.min_scalar_type(max(int(counts.max(initial=0)), 1))),
    }
    if not np.array_equal(unpack_cdfs(packed), np.where(finite[:, None], cdfs, np.nan), True):
        raise ValueError("features that are no shares of the layers' eigenvalues")
    return packed


def unpack_cdfs(packed: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The Fisher features of packed functions.

    Args:
        packed: what ``pack_cdfs`` gives.

    Returns:
        (n, d) float64, rows of NaN where there is no feature.

    Raises:
        ValueError: when an array is missing, or they do not fit.
    """
    if missing := [name for name in ARRAYS if name not in packed]:
        raise ValueError(f"packed Fisher features lack {', '.join(missing)}")
    counts, bins, totals = packed["counts"], packed["bins"], packed["totals"]
    names, finite = packed["names"], packed["finite"]
    if counts.shape != (len(names), bins.sum()) or not (
        len(bins) == len(totals) == len(packed["layers"]) and len(finite) == len(names)
    ):
        raise ValueError("packed Fisher features do not fit each other")
    cdfs = np.empty(counts.shape)
    start = 0
    for size, total in zip(bins.tolist(), totals.tolist(), strict=True):
        piece = np.s_[:, start : start + size]
        cdfs[piece] = np.cumsum(counts[piece], axis=1, dtype=np.int64) / total
        start += size
    cdfs[~finite] = np.nan
    return cdfs
