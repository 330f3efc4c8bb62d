"""What must not matter to spectra: batches, chunks, how derivatives are taken, the dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from fisher_networks import assert_same, built, small_cnn
from torch import Tensor, nn

from actsearch.features import products
from actsearch.features.fisher import fisher_spectrum
from actsearch.functions.activation import Activation
from actsearch.functions.threads import threads


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", ["true", "empirical"])
def test_batch_size_does_not_shift_spectra(kind: Any) -> None:
    x = torch.randn(4, 2, 7, 8, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 3]) if kind == "empirical" else None
    model = built(small_cnn(), x)
    once = fisher_spectrum(model, x, y, kind)
    thrice = fisher_spectrum(model, x.repeat(3, 1, 1, 1), None if y is None else y.repeat(3), kind)
    assert_same(thrice, once)


def test_chunks_do_not_matter() -> None:
    x = torch.randn(5, 2, 7, 8, dtype=torch.float64)
    model = built(small_cnn(), x)
    whole = fisher_spectrum(model, x)
    assert_same(fisher_spectrum(model, x, examples_at_once=2), whole)
    labels = [
        fisher_spectrum(
            model,
            x,
            kind="sampled",
            generator=torch.Generator().manual_seed(0),
            examples_at_once=size,
        )
        for size in (1, 5)
    ]
    assert_same(*labels)
    with pytest.raises(ValueError, match="examples_at_once must be at least 1, got 0"):
        fisher_spectrum(model, x, examples_at_once=0)


class Shared(nn.Module):
    """One activation called twice, its output changed in place, as residual blocks do."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 4)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.first(x))
        x += 1
        out: Tensor = self.activation(self.second(x) + x)
        return out


NAMES = ["max(swish(x),erf(x))", "mul(zero(x),exp(x))", "identity(x)", "abs(negative(x))"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["true", "empirical"])
def test_derivatives_taken_once_are_those_of_the_graph(name: str, kind: Any) -> None:
    class Plain(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Activation(name)(x).clone()  # a graph of its own: no hook on this one

    kept, graph = Shared(Activation(name)).double(), Shared(Plain()).double()
    graph.load_state_dict(kept.state_dict())
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.arange(6) % 4
    assert_same(fisher_spectrum(kept, x, y, kind), fisher_spectrum(graph, x, y, kind))
    assert not kept.activation._forward_hooks
    kept.requires_grad_(False)
    assert_same(fisher_spectrum(kept, x, y, kind), fisher_spectrum(graph, x, y, kind))


def test_an_infinite_derivative_is_missing() -> None:
    model = nn.Sequential(nn.Linear(3, 4), Activation("reciprocal(zero(x))"), nn.Linear(4, 2))
    assert all(layer.missing for layer in fisher_spectrum(model, torch.randn(5, 3)))


@pytest.mark.parametrize("size", [191, 192, 200])
@pytest.mark.parametrize("groups", [1, 2])
def test_symmetric_products_in_blocks(size: int, groups: int) -> None:
    rows = torch.randn(groups, 30, size, dtype=torch.float64)
    torch.testing.assert_close(products.gram(rows), rows.mT @ rows, rtol=1e-12, atol=1e-12)


def test_inplace_activations_and_frozen_weights() -> None:
    x = torch.randn(5, 2, 7, 8, dtype=torch.float64)

    def network(inplace: bool) -> nn.Sequential:
        layers = (nn.Conv2d(2, 4, 3), nn.ReLU(inplace), nn.Flatten(), nn.Linear(120, 3))
        return nn.Sequential(*layers).double()

    plain, inplace = network(False), network(True)
    inplace.load_state_dict(plain.state_dict())
    inplace.requires_grad_(False)
    assert_same(fisher_spectrum(inplace, x), fisher_spectrum(plain, x))


def test_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    model[1].eval()
    spectra = fisher_spectrum(model, torch.randn(8, 3))
    assert [m.training for m in model] == [True, False, True]
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks for m in model.modules())
    model[1].train()  # dropout is off while features are computed
    torch.manual_seed(0)
    x = torch.randn(8, 3)
    assert_same(fisher_spectrum(model, x), fisher_spectrum(model, x), 0)
    assert len(spectra) == 2


def test_float32_is_close_to_float64() -> None:
    x = torch.randn(6, 2, 7, 8, dtype=torch.float64)
    model = built(small_cnn(), x)
    exact = fisher_spectrum(model, x)
    rounded = fisher_spectrum(model.float(), x.float())
    assert rounded[0].input_eigenvalues.dtype == np.float64
    assert_same(rounded, exact, 1e-5)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_cores_make_no_difference(number: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 70), nn.Tanh(), nn.Linear(70, 40), nn.Tanh())
    x = torch.randn(50, 30)
    expected = fisher_spectrum(model, x, kind="true")
    with threads(number):
        found = fisher_spectrum(model, x, kind="true")
        assert torch.get_num_threads() == number
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.input_eigenvalues, b.input_eigenvalues, rtol=1e-6)
        np.testing.assert_allclose(a.gradient_eigenvalues, b.gradient_eigenvalues, rtol=1e-6)
