"""Fisher features in little space: they come back to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from actsearch.features.packed_cdfs import ARRAYS, pack_cdfs, unpack_cdfs
from actsearch.features.spectra import LayerSpectrum, log_spectrum_cdf, n_bins

LAYERS = {"a": (3, 4), "b": (7, 11), "c": (1, 5)}
WEIGHTS = {name: k * m for name, (k, m) in LAYERS.items()}
BINS = [n_bins(WEIGHTS[name], 2, 6) for name in LAYERS]


def cdf(rng: np.random.Generator, spread: float) -> NDArray[np.float64]:
    spectra = [
        LayerSpectrum(name, WEIGHTS[name], *(np.exp(rng.normal(0, spread, n)) for n in sizes))
        for name, sizes in LAYERS.items()
    ]
    return log_spectrum_cdf(spectra, (-20.0, 20.0), 2, 6)


def packed(cdfs: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    names = [f"f{i}(x)" for i in range(len(cdfs))]
    return pack_cdfs(names, cdfs, list(LAYERS), BINS, list(WEIGHTS.values()))


@given(st.integers(0, 2**32 - 1), st.floats(0, 30), st.lists(st.booleans(), min_size=1, max_size=5))
def test_features_come_back_to_the_bit(seed: int, spread: float, present: list[bool]) -> None:
    rng = np.random.default_rng(seed)
    cdfs = np.stack([cdf(rng, spread) for _ in present])
    cdfs[~np.array(present)] = np.nan
    arrays = packed(cdfs)
    assert unpack_cdfs(arrays).tobytes() == cdfs.tobytes()
    assert arrays["finite"].tolist() == present
    # Oracle: counts are histograms, of all eigenvalues of each layer.
    ends = np.cumsum(BINS)[:-1]
    for counts, has in zip(arrays["counts"], present, strict=True):
        sums = [piece.sum() for piece in np.split(counts, ends)]
        assert sums == ([*WEIGHTS.values()] if has else [0, 0, 0])


def test_counts_take_few_bytes() -> None:
    cdfs = np.stack([cdf(np.random.default_rng(i), 3.0) for i in range(3)])
    assert packed(cdfs)["counts"].dtype == np.uint8


def test_no_shares_are_refused() -> None:
    cdfs = cdf(np.random.default_rng(0), 3.0)[None]
    with pytest.raises(ValueError, match="no shares"):
        packed(cdfs * 0.999)
    with pytest.raises(ValueError, match="entries"):
        packed(cdfs[:, :-1])


def test_damaged_arrays_are_refused() -> None:
    arrays = packed(cdf(np.random.default_rng(0), 3.0)[None])
    for name in ARRAYS:
        without = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(ValueError, match=f"lack {name}"):
            unpack_cdfs(without)
        with pytest.raises(ValueError, match="do not fit"):
            unpack_cdfs({**arrays, name: arrays[name][..., :-1]})
