"""Spectra at the edge: constant and broken functions, batch norm, layers passed over, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from fisher_networks import assert_same
from torch import Tensor, nn

from actsearch.features.fisher import FLOOR, fisher_spectrum
from actsearch.features.layers import calibrate_batch_norm, fisher_layers


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("kind", "y", "message"),
    [
        ("empirical", None, "needs the targets y of classes"),
        ("empirical", torch.tensor([0, 3]), r"\[0, 3\), got 0 to 3"),
        ("empirical", torch.tensor([0]), r"must be integers \(2,\), got torch.int64 \(1,\)"),
        ("emprical", None, "unknown kind 'emprical'; allowed: true, sampled, empirical"),
    ],
)
def test_labels_that_do_not_fit(kind: Any, y: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fisher_spectrum(nn.Linear(4, 3), torch.randn(2, 4), y, kind)


def test_networks_that_do_not_fit() -> None:
    x = torch.randn(2, 4, 3)
    with pytest.raises(ValueError, match="calls no linear layer or convolution"):
        fisher_spectrum(nn.LayerNorm(3), x)
    with pytest.raises(ValueError, match=r"logits \(N, classes\), got \(2, 4, 5\)"):
        fisher_spectrum(nn.Linear(3, 5), x)
    first = nn.Sequential(Function(lambda x: x[0]), nn.Linear(3, 5))
    with pytest.raises(ValueError, match="calls no linear layer or convolution with examples"):
        fisher_spectrum(first, torch.ones(3, 4, 3))


# Functions at the edge


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Unused(nn.Module):
    """The output does not depend on the second layer, be it called or not."""

    def __init__(self, called: bool) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(3, 4), nn.Linear(3, 2)
        self.called = called

    def forward(self, x: Tensor) -> Tensor:
        if self.called:
            self.unused(x)
        out: Tensor = self.used(x)
        return out


def test_constant_functions_have_zero_gradients() -> None:
    x = torch.randn(5, 3)
    first, last = fisher_spectrum(nn.Sequential(nn.Linear(3, 4), Constant(), nn.Linear(4, 2)), x)
    assert (first.gradient_eigenvalues == 0).all()
    assert first.under_floor == (0, 4)
    assert last.gradient_eigenvalues.max() > 0
    for model in (nn.Sequential(nn.Linear(3, 4), Constant()), Unused(called=True)):
        spectra = fisher_spectrum(model, x)
        assert [layer.name for layer in spectra] == fisher_layers(model, x).covered
        assert (spectra[-1].gradient_eigenvalues == 0).all()
        assert not spectra[-1].missing


def test_a_layer_asked_for_and_not_called_is_missing_rather_than_zero() -> None:
    model, x = Unused(called=False), torch.randn(5, 3)
    used, unused = fisher_spectrum(model, x, layers=["used", "unused"])
    assert not used.missing
    assert unused.missing
    assert np.isnan(unused.input_eigenvalues).all()
    assert np.isnan(unused.gradient_eigenvalues).all()


def test_noise_is_raised_to_the_floor_and_counted() -> None:
    """Four logits have a Fisher of rank three, five examples an A of rank five."""
    model = nn.Linear(10, 4, bias=False).double()
    [layer] = fisher_spectrum(model, torch.randn(5, 10, dtype=torch.float64))
    assert layer.under_floor == (5, 1)
    for values, count in zip(
        (layer.input_eigenvalues, layer.gradient_eigenvalues), layer.under_floor, strict=True
    ):
        assert (values[:count] == FLOOR * values[-1]).all()
        assert values[count] > 1e-6 * values[-1]


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "missing"),
    [
        # the logits are not finite
        (lambda x: x * torch.nan, [True, True, True]),
        # infinite inputs of the second layer, which sigmoid makes 1 again
        (lambda x: 1 / (0 * x.abs()), [True, True, False]),
        # finite, with a derivative that is not
        (lambda x: (0 * x).sqrt(), [True, False, False]),
    ],
)
def test_what_is_not_finite_is_marked_missing(
    function: Callable[[Tensor], Tensor], missing: list[bool]
) -> None:
    second = nn.Linear(4, 4)
    nn.init.ones_(second.weight)
    layers = (nn.Linear(3, 4), Function(function), second, nn.Sigmoid(), nn.Linear(4, 2))
    spectra = fisher_spectrum(nn.Sequential(*layers), torch.randn(5, 3))
    assert [layer.name for layer in spectra] == ["0", "2", "4"]
    assert [layer.missing for layer in spectra] == missing
    for layer in spectra:
        for values in (layer.input_eigenvalues, layer.gradient_eigenvalues):
            assert np.isnan(values).all() or np.isfinite(values).all()


# Batch norm


def test_batch_norm_needs_fixed_statistics() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    x = 3 + torch.randn(32, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"batch norm '1'.*calibrate_batch_norm"):
        fisher_spectrum(model, x)
    calibrate_batch_norm(model, x)
    out = model[:2](x).detach()
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(out.var(0), 1, rtol=1e-3)
    assert model[1].momentum == 0.1
    assert not model.training
    once = fisher_spectrum(model, x)
    assert_same(fisher_spectrum(model, x.repeat(2, 1)), once)
    assert [layer.name for layer in once] == ["0", "2"]


def test_batch_norm_without_statistics_is_refused_for_good() -> None:
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    model = nn.Sequential(nn.Linear(3, 4), norm, nn.Linear(4, 2))
    x = torch.randn(8, 3)
    calibrate_batch_norm(model, x)
    with pytest.raises(ValueError, match=r"batch norm '1'.*track_running_stats=True"):
        fisher_spectrum(model, x)
