"""Spectra of Fisher blocks: the log-eigenvalue CDF, and many functions' spectra as plain arrays."""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from actsearch import config

_BLOCK = 2**20  # sums of log eigenvalues held at a time


@dataclass(frozen=True, eq=False)
class LayerSpectrum:
    """Eigenvalues of the two Kronecker factors of one layer's Fisher block.

    The block's eigenvalues are all products of one of ``input_eigenvalues`` and one of
    ``gradient_eigenvalues`` (within a group). A factor that is not finite, or unknown, holds NaN
    throughout.
    """

    name: str
    """Module name in the network."""
    n_weights: int
    """Weights and biases of the layer."""
    input_eigenvalues: NDArray[np.float64]
    """Ascending, (k,); (groups, k) for a grouped convolution."""
    gradient_eigenvalues: NDArray[np.float64]
    """Ascending, (m,); (groups, m) for a grouped convolution."""
    under_floor: tuple[int, int] = (0, 0)
    """How many input and how many gradient eigenvalues are rounding noise, raised to the floor."""

    @property
    def missing(self) -> bool:
        """Whether activations or gradients were not finite, or the layer was never called."""
        return not (
            np.isfinite(self.input_eigenvalues).all()
            and np.isfinite(self.gradient_eigenvalues).all()
        )


def n_bins(n_weights: int, weights_per_bin: int = 100, minimum_bins: int = 1) -> int:
    """Bins of a layer: floor(n_weights / weights_per_bin) - 1, at least ``minimum_bins``."""
    return max(n_weights // weights_per_bin - 1, minimum_bins)


def log_spectrum_cdf(
    spectra: Sequence[LayerSpectrum],
    log_range: tuple[float, float] = (-100.0, 100.0),
    weights_per_bin: int = 100,
    minimum_bins: int = 1,
) -> NDArray[np.float64]:
    """The network's Fisher feature: CDFs of natural-log eigenvalues, layer after layer.

    A layer's entry k is the share of its log eigenvalues in bins 0 to k of equal width over
    ``log_range``. No value is lost: what lies outside the range counts in the first or last bin,
    and a zero eigenvalue, whose log is minus infinity, in the first. (``fisher_spectrum`` gives
    zeros only where a whole factor vanishes because the function passes no signal or no gradient
    on; it raises all others to its floor.)

    The Manhattan distance between two such features, a layer's part times its bin width, is the sum
    of the layers' 1-Wasserstein distances, up to the binning. Without the bin widths, which fall
    with the number of bins, it is the same sum weighted by the layers' numbers of bins: by their
    sizes, that is, but for layers so small that ``minimum_bins`` binds, which count for more.

    Args:
        spectra: the layers' spectra, in the network's order.
        log_range: first and last bin edge.
        weights_per_bin: a layer with w weights has floor(w / weights_per_bin) - 1 bins ...
        minimum_bins: ... or this many if that is more.

    Returns:
        (sum of bins,) float64; all NaN when any layer is missing.

    Raises:
        ValueError: when there is no layer.
    """
    if not spectra:
        raise ValueError("a network's feature needs at least one layer spectrum, got none")
    bins = [n_bins(layer.n_weights, weights_per_bin, minimum_bins) for layer in spectra]
    if any(layer.missing for layer in spectra):
        return np.full(sum(bins), np.nan)
    return np.concatenate(
        [_layer_cdf(layer, log_range, count) for layer, count in zip(spectra, bins, strict=True)]
    )


def _layer_cdf(
    layer: LayerSpectrum, log_range: tuple[float, float], bins: int
) -> NDArray[np.float64]:
    low, high = log_range
    scale = bins / (high - low)
    counts = np.zeros(bins, dtype=np.int64)
    inputs = np.atleast_2d(_log(layer.input_eigenvalues))
    gradients = np.atleast_2d(_log(layer.gradient_eigenvalues))
    for a, g in zip((inputs - low) * scale, gradients * scale, strict=True):
        rows = max(1, _BLOCK // g.size)
        for start in range(0, a.size, rows):
            position = np.add.outer(a[start : start + rows], g).ravel()
            index = np.clip(position, 0, bins - 1, out=position).astype(np.int64)
            counts += np.bincount(index, minlength=bins)
    shares: NDArray[np.float64] = np.cumsum(counts) / counts.sum()
    return shares


def _log(eigenvalues: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(eigenvalues, 0.0))


def pack_spectra(
    names: Sequence[str],
    spectra: Sequence[Sequence[LayerSpectrum]],
    passed_over: Mapping[str, str] = types.MappingProxyType({}),
) -> dict[str, NDArray[Any]]:
    """Spectra of n functions in one network of L layers as plain arrays, fit for an NPZ file.

    Eigenvalues stay float64: they span far more than float32 can hold.

    Args:
        names: n functions.
        spectra: of every function, the layers' spectra in the network's order.
        passed_over: why each other module with weights has none (``fisher_layers``), by name.

    Returns:
        ``names`` (n,); ``layers`` (L,) names; ``n_weights`` (L,); ``input_shapes`` and
        ``gradient_shapes`` (L, 2): groups and eigenvalues a group; ``eigenvalues`` (n, total):
        layer after layer, a layer's inputs before its gradients; ``under_floor`` (n, L, 2);
        ``finite`` (n,); ``passed_over`` names, and ``passed_over_because``, as many reasons.

    Raises:
        ValueError: when a function's layers are not those of the first.
    """
    if len(names) != len(spectra) or not names:
        raise ValueError(
            f"expected one list of spectra a function, got {len(spectra)} for {len(names)}"
        )
    layout = _layout(spectra[0])
    for name, layers in zip(names, spectra, strict=True):
        if _layout(layers) != layout:
            raise ValueError(f"the layers of {name!r} are not those of {names[0]!r}")
    return {
        "names": np.array(names, dtype=np.str_),
        "layers": np.array([row[0] for row in layout], dtype=np.str_),
        "n_weights": np.array([row[1] for row in layout], dtype=np.int64),
        "input_shapes": np.array([row[2] for row in layout], dtype=np.int64),
        "gradient_shapes": np.array([row[3] for row in layout], dtype=np.int64),
        "eigenvalues": np.stack([np.concatenate(_flat(layers)) for layers in spectra]),
        "under_floor": np.array([[s.under_floor for s in layers] for layers in spectra]),
        "finite": np.array([not any(s.missing for s in layers) for layers in spectra]),
        "passed_over": np.array([*passed_over], dtype=np.str_),
        "passed_over_because": np.array([*passed_over.values()], dtype=np.str_),
    }


def unpack_spectra(part: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, list[LayerSpectrum]]]:
    """Name and spectra of every function of a part: the inverse of ``pack_spectra``."""
    shapes = np.stack([part["input_shapes"], part["gradient_shapes"]], axis=1).reshape(-1, 2)
    ends = np.cumsum(shapes.prod(axis=1))
    titles = list(zip(part["layers"].tolist(), part["n_weights"].tolist(), strict=True))
    for name, eigenvalues, under in zip(
        part["names"].tolist(), part["eigenvalues"], part["under_floor"].tolist(), strict=True
    ):
        pieces = [
            piece.reshape(shape) if shape[0] > 1 else piece
            for piece, shape in zip(np.split(eigenvalues, ends[:-1]), shapes, strict=True)
        ]
        yield (
            name,
            [
                LayerSpectrum(*title, pieces[2 * k], pieces[2 * k + 1], tuple(under[k]))
                for k, title in enumerate(titles)
            ],
        )


_Row = tuple[str, int, tuple[int, ...], tuple[int, ...]]


def _layout(spectra: Sequence[LayerSpectrum]) -> list[_Row]:
    return [
        (
            layer.name,
            layer.n_weights,
            np.atleast_2d(layer.input_eigenvalues).shape,
            np.atleast_2d(layer.gradient_eigenvalues).shape,
        )
        for layer in spectra
    ]


def _flat(spectra: Sequence[LayerSpectrum]) -> list[NDArray[np.float64]]:
    pairs = ((layer.input_eigenvalues, layer.gradient_eigenvalues) for layer in spectra)
    return [values.ravel() for pair in pairs for values in pair]


def stack_cdfs(
    parts: Iterable[Mapping[str, NDArray[Any]]], fisher: config.Fisher
) -> tuple[list[str], NDArray[np.float64]]:
    """Fisher features of all functions of all parts, in the parts' order.

    Parts are taken one at a time: given an iterator that reads them, memory holds the features and
    one part.

    Args:
        parts: packed spectra (``pack_spectra``), or published features: ``names`` (n,) and ``cdfs``
            (n, d), rows of NaN where there is none, which are taken as they are.
        fisher: how spectra become features.

    Returns:
        Names (n,), and (n, d) float64 with rows of NaN where a layer is missing.

    Raises:
        ValueError: when there is no part, a function appears twice, parts differ in their layers,
            or features in their length.
    """
    names: list[str] = []
    stacked: list[NDArray[np.float64]] = []
    layout: list[_Row] = []
    for part in parts:
        if "cdfs" in part:
            names += part["names"].tolist()
            stacked.append(part["cdfs"])
            continue
        rows = []
        for name, spectra in unpack_spectra(part):
            layout = layout or _layout(spectra)
            if _layout(spectra) != layout:
                raise ValueError(f"the layers of {name!r} are not those of {names[0]!r}")
            names.append(name)
            rows.append(
                log_spectrum_cdf(
                    spectra, fisher.log_range, fisher.weights_per_bin, fisher.minimum_bins
                )
            )
        stacked.append(np.stack(rows))
    if not names:
        raise ValueError("no Fisher spectra: expected at least one part")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"functions that appear twice: {', '.join(repeated[:5])}")
    if len(lengths := {part.shape[1] for part in stacked}) > 1:
        raise ValueError(f"published and own features do not fit: lengths {sorted(lengths)}")
    whole = np.empty((len(names), stacked[0].shape[1]))
    end = len(names)
    while stacked:  # each is let go as it is copied: no second copy of all
        last = stacked.pop()
        whole[end - len(last) : end] = last
        end -= len(last)
    return names, whole
