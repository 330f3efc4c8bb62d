"""The Fisher features of All-CNN-C against an independent program (tests/data/README.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actsearch.features.fisher import FLOOR, fisher_spectrum
from actsearch.features.spectra import LayerSpectrum, log_spectrum_cdf, n_bins

STRIDES = (1, 1, 2, 1, 1, 2, 1, 1, 1)


class AllCNNC(nn.Module):
    def __init__(self, arrays: Any) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n, stride in enumerate(STRIDES, start=1):
            weight = torch.from_numpy(arrays[f"w{n}"])
            out, inputs, kernel, _ = weight.shape
            layer = nn.Conv2d(inputs, out, kernel, stride, padding=kernel // 2)
            layer.load_state_dict({"weight": weight, "bias": torch.from_numpy(arrays[f"b{n}"])})
            layers += [layer, nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)
        return features.mean(dim=(2, 3))


@pytest.fixture(scope="module")
def oracle() -> Any:
    with np.load(Path(__file__).parents[1] / "data" / "all_cnn_c_relu.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def empirical(oracle: Any) -> list[LayerSpectrum]:
    x, y = torch.from_numpy(oracle["x"]), torch.from_numpy(oracle["y"])
    return fisher_spectrum(AllCNNC(oracle), x, y, kind="empirical")


def errors(spectra: list[LayerSpectrum], oracle: Any, gradients: str) -> list[float]:
    """Largest difference of every factor, relative to its largest eigenvalue."""
    found = []
    for n, layer in enumerate(spectra, start=1):
        for values, key in (
            (layer.input_eigenvalues, f"eig_a{n}"),
            (layer.gradient_eigenvalues, f"{gradients}{n}"),
        ):
            found.append(float(np.abs(values - oracle[key]).max() / oracle[key].max()))
    return found


def oracle_spectra(oracle: Any) -> list[LayerSpectrum]:
    return [
        LayerSpectrum(
            str(n),
            oracle[f"w{n}"].size + oracle[f"b{n}"].size,
            oracle[f"eig_a{n}"],
            oracle[f"eig_g{n}"],
        )
        for n in range(1, 10)
    ]


def test_feature_of_the_reference_eigenvalues(oracle: Any) -> None:
    """The same eigenvalues, the same feature; the reference takes those above zero."""
    positive = [
        LayerSpectrum(
            layer.name,
            layer.n_weights,
            layer.input_eigenvalues[layer.input_eigenvalues > 0],
            layer.gradient_eigenvalues[layer.gradient_eigenvalues > 0],
        )
        for layer in oracle_spectra(oracle)
    ]
    np.testing.assert_allclose(log_spectrum_cdf(positive), oracle["cdf"], rtol=0, atol=1e-12)


def test_float32_empirical_spectra(empirical: list[LayerSpectrum], oracle: Any) -> None:
    assert [layer.n_weights for layer in empirical] == [s.n_weights for s in oracle_spectra(oracle)]
    assert max(errors(empirical, oracle, "eig_g")) < 1e-6


def test_float32_feature(empirical: list[LayerSpectrum], oracle: Any) -> None:
    cdf = log_spectrum_cdf(empirical)
    assert cdf.shape == oracle["cdf"].shape
    assert np.abs(cdf - oracle["cdf"]).sum() < 2


def test_nothing_but_noise_is_counted_as_such(empirical: list[LayerSpectrum], oracle: Any) -> None:
    """How much of it rises above the floor in float32 is up to the library."""
    for layer, reference in zip(empirical, oracle_spectra(oracle), strict=True):
        for count, values in zip(
            layer.under_floor,
            (reference.input_eigenvalues, reference.gradient_eigenvalues),
            strict=True,
        ):
            assert count <= (values <= 1000 * FLOOR * values.max()).sum()
    assert sum(sum(layer.under_floor) for layer in empirical) > 0


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "key"), [("empirical", "eig_g"), ("true", "eig_g_true")])
def test_float64_spectra(oracle: Any, kind: Any, key: str) -> None:
    model = AllCNNC(oracle).double()
    x = torch.from_numpy(oracle["x"]).double()
    labels = torch.from_numpy(oracle["y"]) if kind == "empirical" else None
    np.testing.assert_allclose(model(x).detach().numpy(), oracle["logits"], atol=1e-14)
    spectra = fisher_spectrum(model, x, labels, kind)
    assert max(errors(spectra, oracle, key)) < 1e-12
    if kind == "empirical":
        size = sum(n_bins(layer.n_weights) for layer in spectra[:6])
        feature = log_spectrum_cdf(spectra)
        assert np.abs(feature - oracle["cdf"])[:size].sum() < 1e-2  # no noise in these layers
        assert np.abs(feature - oracle["cdf"]).sum() < 2


@pytest.mark.slow
def test_float32_true_spectra(oracle: Any) -> None:
    spectra = fisher_spectrum(AllCNNC(oracle), torch.from_numpy(oracle["x"]))
    assert max(errors(spectra, oracle, "eig_g_true")) < 1e-6
