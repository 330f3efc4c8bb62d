"""K-FAC spectra against brute force and against curvlinops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from fisher_networks import Mean, assert_same, built, small_cnn
from torch import Tensor, nn

from actsearch.features.fisher import fisher_spectrum
from actsearch.features.spectra import LayerSpectrum


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def products(layer: LayerSpectrum) -> np.ndarray:
    return np.sort(np.multiply.outer(layer.input_eigenvalues, layer.gradient_eigenvalues).ravel())


def exact_block(model: nn.Module, layer: nn.Module, x: Tensor, y: Tensor | None) -> np.ndarray:
    """Eigenvalues of a layer's exact Fisher block, one gradient an example and class."""
    parameters = list(layer.parameters())
    size = sum(p.numel() for p in parameters)
    block = torch.zeros(size, size, dtype=torch.float64)
    for n in range(len(x)):
        log_p = model(x[n : n + 1]).log_softmax(-1)[0]
        for c in range(len(log_p)):
            weight = log_p[c].exp() if y is None else torch.tensor(float(y[n] == c))
            gradient = torch.autograd.grad(
                log_p[c], parameters, retain_graph=True, allow_unused=True
            )
            flat = torch.cat([g.flatten() for g in gradient if g is not None])
            block += weight.detach() * torch.outer(flat, flat)
    return np.linalg.eigvalsh((block / len(x)).numpy())


# Where the Kronecker product is exact


@pytest.mark.parametrize("kind", ["true", "empirical"])
@pytest.mark.parametrize("bias", [True, False])
def test_one_example_without_positions_is_exact(kind: Any, bias: bool) -> None:
    """One example, one position: the block is (a a^T) x (g g^T averaged), in every layer."""
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=bias),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(3, 4, bias=bias),
        nn.Softplus(),
        nn.Linear(4, 3, bias=bias),
    ).double()
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    y = torch.tensor([2]) if kind == "empirical" else None
    for layer in fisher_spectrum(model, x, y, kind):
        exact = exact_block(model, model.get_submodule(layer.name), x, y)
        assert exact.max() > 1e-6
        np.testing.assert_allclose(products(layer), exact, rtol=0, atol=1e-12 * exact.max())


@pytest.mark.parametrize("classes", [2, 5])
def test_gradients_that_do_not_vary_are_exact(classes: int) -> None:
    """With zero weights all examples have the same predictions, hence the same gradients."""
    model = nn.Linear(3, classes).double()
    nn.init.zeros_(model.weight)
    x = torch.randn(6, 3, dtype=torch.float64)
    [layer] = fisher_spectrum(model, x)
    exact = exact_block(model, model, x, None)
    np.testing.assert_allclose(products(layer), exact, rtol=0, atol=1e-12 * exact.max())


def test_trace_of_the_last_layer_is_exact_for_inputs_of_one_length() -> None:
    """tr(A) tr(G) is the exact trace when all inputs have the same norm."""
    model = nn.Linear(4, 3, bias=False).double()
    x = torch.nn.functional.normalize(torch.randn(7, 4, dtype=torch.float64))
    [layer] = fisher_spectrum(model, x)
    assert products(layer).sum() == pytest.approx(
        exact_block(model, model, x, None).sum(), rel=1e-10
    )


# Another implementation


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["true", "empirical"])
def test_curvlinops(kind: Any) -> None:
    from curvlinops import FisherType, KFACLinearOperator

    x = torch.randn(6, 2, 7, 8, dtype=torch.float64)
    y = torch.randint(4, (6,))
    model = built(small_cnn(), x)
    operator = KFACLinearOperator(
        model,
        nn.CrossEntropyLoss(reduction="sum"),
        list(model.parameters()),
        [(x, y)],
        check_deterministic=False,
        fisher_type=FisherType.TYPE2 if kind == "true" else FisherType.EMPIRICAL,
        separate_weight_and_bias=False,
    )
    operator.compute_kronecker_factors()
    positions = {"0": 4 * 4, "2": 2 * 4, "5": 1}
    spectra = fisher_spectrum(model, x, y if kind == "empirical" else None, kind)
    assert [layer.name for layer in spectra] == list(positions)
    for layer in spectra:
        # there A is a mean over positions, and G, as the loss is summed, a sum over all rows
        t = positions[layer.name]
        a = np.linalg.eigvalsh(operator._input_covariances[layer.name].numpy()) * t
        g = np.linalg.eigvalsh(operator._gradient_covariances[layer.name].numpy()) / (len(x) * t)
        np.testing.assert_allclose(layer.input_eigenvalues, a, rtol=0, atol=1e-12 * a.max())
        np.testing.assert_allclose(layer.gradient_eigenvalues, g, rtol=0, atol=1e-12 * g.max())


# Linear layers on tokens


def test_tokens_are_positions() -> None:
    """Token axes are never folded into features: rows count as in the definition."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), Mean(1, 2)).double()
    x = torch.randn(5, 2, 6, 3, dtype=torch.float64)
    [layer] = fisher_spectrum(model, x, torch.zeros(5, dtype=torch.int64), "empirical")
    rows = torch.cat([torch.ones(60, 1, dtype=torch.float64), x.reshape(60, 3)], dim=1)
    a = np.linalg.eigvalsh((rows.mT @ rows / 5).numpy())
    np.testing.assert_allclose(layer.input_eigenvalues, a, rtol=1e-10)
    outputs = model[0](x).detach().requires_grad_()
    loss = nn.functional.cross_entropy(
        outputs.tanh().mean((1, 2)), torch.zeros(5, dtype=torch.int64), reduction="sum"
    )
    [gradient] = torch.autograd.grad(loss, outputs)
    flat = gradient.reshape(60, 4)
    g = np.linalg.eigvalsh((flat.mT @ flat / 60).numpy())
    np.testing.assert_allclose(layer.gradient_eigenvalues, g, rtol=0, atol=1e-12 * g.max())


class Twice(nn.Module):
    """One linear layer called on two inputs in turn, or on both as tokens."""

    def __init__(self, at_once: bool) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(3, 4), nn.Linear(4, 3)
        self.at_once = at_once

    def forward(self, x: Tensor) -> Tensor:
        if self.at_once:
            out: Tensor = self.head(self.layer(x).tanh().sum(1))
            return out
        halves = [self.layer(x[:, k]).tanh() for k in range(2)]
        joined: Tensor = self.head(halves[0] + halves[1])
        return joined


def test_further_calls_add_positions() -> None:
    one, two = Twice(at_once=True).double(), Twice(at_once=False).double()
    two.load_state_dict(one.state_dict())
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    assert_same(fisher_spectrum(two, x), fisher_spectrum(one, x))


# Labels


def test_only_the_empirical_fisher_reads_labels() -> None:
    x = torch.randn(4, 2, 7, 8, dtype=torch.float64)
    model = built(small_cnn(), x)
    labels = torch.tensor([0, 1, 2, 3], dtype=torch.int32)
    assert_same(fisher_spectrum(model, x, labels), fisher_spectrum(model, x), 0)
    empirical = fisher_spectrum(model, x, labels, "empirical")
    other = fisher_spectrum(model, x, labels.flip(0), "empirical")
    assert not np.allclose(empirical[-1].gradient_eigenvalues, other[-1].gradient_eigenvalues)


def test_sampled_labels_average_to_the_true_fisher() -> None:
    x = torch.randn(2, 2, 7, 8, dtype=torch.float64)
    model = built(small_cnn(), x)
    exact = fisher_spectrum(model, x)
    many = x.repeat(2000, 1, 1, 1)
    sampled = fisher_spectrum(
        model, many, kind="sampled", generator=torch.Generator().manual_seed(0)
    )
    assert_same(sampled, exact, 0.05)


def test_the_generator_decides_the_sample() -> None:
    x = torch.randn(6, 2, 7, 8, dtype=torch.float64)
    model = built(small_cnn(), x)
    a, b, c = (
        fisher_spectrum(model, x, kind="sampled", generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert_same(a, b, 0)
    assert not np.allclose(a[-1].gradient_eigenvalues, c[-1].gradient_eigenvalues)
