"""Small networks for the tests of Fisher spectra, and how spectra are compared."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from actsearch.features.spectra import LayerSpectrum


class Mean(nn.Module):
    """Mean over positions: axes after the channels of a convolution, or the tokens."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=self.axes)


def small_cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.Tanh(),
        nn.Conv2d(4, 3, (3, 2), padding=(0, 1), dilation=(1, 2), bias=False),
        nn.Softplus(),
        nn.Flatten(),
        nn.LazyLinear(4),
    )


def built(model: nn.Module, x: Tensor) -> nn.Module:
    model.double()(x)
    return model


def assert_same(
    one: list[LayerSpectrum], two: list[LayerSpectrum], tolerance: float = 1e-12
) -> None:
    assert [layer.name for layer in one] == [layer.name for layer in two]
    for a, b in zip(one, two, strict=True):
        for left, right in (
            (a.input_eigenvalues, b.input_eigenvalues),
            (a.gradient_eigenvalues, b.gradient_eigenvalues),
        ):
            np.testing.assert_allclose(left, right, rtol=0, atol=tolerance * np.abs(right).max())
