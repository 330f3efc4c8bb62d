"""Principal components of several features at once, without a copy of any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_OVERSAMPLES, _ITERATIONS = 10, 8
_ROWS_AT_ONCE = 256


class _Centred:
    """Chosen rows of a feature, less their mean, over the square root of their total variance."""

    def __init__(self, rows: Floats, chosen: NDArray[np.int64]) -> None:
        self.rows, self.chosen = rows, chosen
        weights = np.zeros(len(rows))
        weights[chosen] = 1 / len(chosen)
        self.mean = weights @ rows
        variance = 0.0
        for start in range(0, len(chosen), _ROWS_AT_ONCE):
            part = rows[chosen[start : start + _ROWS_AT_ONCE]] - self.mean
            variance += float(np.square(part).sum()) / len(chosen)
        self.scale = np.sqrt(variance) if variance > 0 else 1.0

    def times(self, vectors: Floats) -> Floats:
        """Rows times (d, k)."""
        product = (self.rows @ vectors)[self.chosen] - self.mean @ vectors
        return np.asarray(product / self.scale)

    def transposed_times(self, vectors: Floats) -> Floats:
        """The transpose of the rows times (n, k)."""
        whole = np.zeros((len(self.rows), vectors.shape[1]))
        whole[self.chosen] = vectors
        product = self.rows.T @ whole - np.outer(self.mean, vectors.sum(axis=0))
        return np.asarray(product / self.scale)


def principal_components(
    features: Sequence[tuple[Floats, NDArray[np.int64]]], count: int, seed: int
) -> Floats:
    """The first principal components of features side by side, each scaled to variance 1.

    By subspace iteration from a random start (Halko, Martinsson & Tropp 2011).

    Args:
        features: (rows, d) finite values and the positions (n,) of the rows to take, of each.
        count: how many components; those that do not exist are 0.
        seed: of the start.

    Returns:
        (n, count) coordinates, the largest of a component positive.
    """
    parts = [_Centred(*feature) for feature in features]
    ends = np.cumsum([part.rows.shape[1] for part in parts])
    n = len(features[0][1])

    def times(vectors: Floats) -> Floats:
        pieces = np.split(vectors, ends[:-1])
        products = [part.times(piece) for part, piece in zip(parts, pieces, strict=True)]
        return np.asarray(np.sum(products, axis=0))

    basis = np.random.default_rng(seed).normal(size=(ends[-1], count + _OVERSAMPLES))
    for _ in range(_ITERATIONS):
        spread, _ = np.linalg.qr(times(basis))
        basis, _ = np.linalg.qr(np.vstack([part.transposed_times(spread) for part in parts]))
    left, values, _ = np.linalg.svd(times(basis), full_matrices=False)
    coordinates = np.zeros((n, count))
    found = (left * values)[:, :count]
    coordinates[:, : found.shape[1]] = found
    largest = np.abs(coordinates).argmax(axis=0)
    return coordinates * np.where(coordinates[largest, range(count)] < 0, -1.0, 1.0)
