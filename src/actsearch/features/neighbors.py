"""Exact nearest neighbours among many long rows: 20,000 Fisher features hold 14,000 numbers each.

Most pairs are told apart by a distance that is cheap to have and never above the true one; the true
distance is worked out for the pairs that are left. Nothing is approximate: a better bound means
less work and the same neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["euclidean", "cityblock"]
Floats = NDArray[np.float64]

_BUFFER_BYTES = 64 * 2**20
_BLOCKS = 256  # sums of neighbouring columns that bound a Manhattan distance
_ROUNDING = 1e-11  # of the rows' sizes: above what sums and products of float64 can be off


def nearest_neighbors(
    rows: Floats, metric: Metric, neighbors: int, chosen: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """Exact nearest neighbours of every row among all rows, itself first, ties by position.

    Args:
        rows: (n, d) finite.
        metric: ``euclidean`` or ``cityblock``.
        neighbors: how many, the row itself counted.
        chosen: the rows to look at, all when None; positions then count these.

    Returns:
        Positions and distances, (n, neighbors) each.
    """
    from scipy.spatial.distance import cdist

    chosen = np.arange(len(rows)) if chosen is None else chosen
    n = len(chosen)
    indices = np.empty((n, neighbors), dtype=np.int64)
    distances = np.empty((n, neighbors))
    with np.errstate(all="ignore"):  # huge rows overflow; what cannot be bounded is worked out
        bound = _bound(rows, chosen, metric)
        at_once = max(1, _BUFFER_BYTES // (8 * n))
        for start in range(0, n, at_once):
            lower = bound(slice(start, start + at_once))
            for i, below in enumerate(lower, start=start):
                row = rows[chosen[i], None]
                below[i] = -1.0
                some = np.argpartition(below, neighbors - 1)[:neighbors]
                farthest = cdist(row, rows[chosen[some]], metric).max()
                left = np.flatnonzero(~(below > farthest))
                found = cdist(row, rows[chosen[left]], metric)[0]
                found[left == i] = -1.0
                order = np.argsort(found, kind="stable")[:neighbors]
                indices[i], distances[i] = left[order], found[order]
    distances[:, 0] = 0.0
    return indices, distances


def _bound(
    rows: Floats, chosen: NDArray[np.int64], metric: Metric
) -> Callable[[slice], NDArray[np.float64]]:
    """A function of some of the chosen rows: at most their distances to all of them, (some, n)."""
    from scipy.spatial.distance import cdist

    if metric == "euclidean":
        vectors = rows[chosen]
        squares = np.einsum("ij,ij->i", vectors, vectors)

        def euclidean(block: slice) -> Floats:
            sizes = squares[block, None] + squares
            products = vectors[block] @ vectors.T
            return np.asarray(np.sqrt(np.maximum((1 - _ROUNDING) * sizes - 2 * products, 0.0)))

        return euclidean
    # |sum of a - sum of b| over some columns is at most the sum of |a - b|. The distributions of
    # two functions seldom cross within a few bins, and where they do not, the two are equal.
    width = max(1, -(-rows.shape[1] // _BLOCKS))
    starts = np.arange(0, rows.shape[1], width)
    sums = np.add.reduceat(rows, starts, axis=1)[chosen]
    sizes = np.array([np.abs(rows[i]).sum() for i in chosen])

    def manhattan(block: slice) -> Floats:
        slack = _ROUNDING * (sizes[block, None] + sizes)
        return np.asarray(cdist(sums[block], sums, "cityblock") - slack)

    return manhattan
