"""Spectra for numbers, and for classes at positions, against brute force on tiny networks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest
import torch
from fisher_networks import Mean, assert_same
from torch import Tensor, nn

from actsearch.config.data import IGNORED, Targets
from actsearch.data.dataset import DataShape
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.layers import fisher_layers
from actsearch.features.outcomes import OUTCOMES, Kind, backward_passes
from actsearch.features.passed_over import NO_BLOCK
from actsearch.networks.by_name import build_model

X = torch.randn(5, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
"""Five examples of four positions with three numbers each."""
LABELS = torch.tensor([[0, 1, 2, 1], [2, 2, 0, 0], [1, 0, 1, 2], [0, 0, 2, 1], [2, 1, 1, 0]])
COUNTED = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1], [1, 1, 1, 1], [0, 1, 0, 0]])
SOME = torch.where(COUNTED > 0, LABELS, IGNORED)
NUMBERS = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


class Mixing(nn.Module):
    """What stands at a position hangs on all before it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(dim=1)


def network(targets: Targets) -> nn.Module:
    end = [Mean(1)] if targets == "numbers" else []
    head = nn.Linear(4, 2 if targets == "numbers" else 3)
    body = nn.Linear(3, 4), nn.Tanh(), Mixing(), nn.Linear(4, 4, bias=False), nn.Softplus()
    return nn.Sequential(*body, *end, head).double()


def outcomes(
    targets: Targets, kind: Kind, outputs: Tensor, y: Tensor
) -> Iterator[tuple[float, Tensor]]:
    """Weight and log p of every outcome; the weights add up to the number of examples.

    The Gaussian is replaced by points that have its mean and its covariance.
    """
    n = len(outputs)
    if targets == "numbers":
        d = outputs.shape[1]
        for k in range(n):
            steps = math.sqrt(d) * torch.cat([torch.eye(d), -torch.eye(d)]).double()
            points = outputs[k].detach() + steps if kind == "true" else y[k : k + 1]
            for point in points:
                yield 1 / len(points), -(outputs[k] - point).square().sum() / 2
        return
    counted = [(k, t) for k, t in np.ndindex(*y.shape) if y[k, t] != IGNORED]
    for k, t in counted:
        log_p = outputs[k, t].log_softmax(-1)
        for c in range(len(log_p)):
            p = log_p[c].exp().item() if kind == "true" else float(y[k, t] == c)
            yield p * n / len(counted), log_p[c]


def factors_by_hand(
    model: nn.Module, name: str, x: Tensor, targets: Targets, kind: Kind, y: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of a layer's two factors by their definition, an outcome at a time."""
    layer = model.get_submodule(name)
    seen: list[tuple[Tensor, Tensor]] = []
    handle = layer.register_forward_hook(lambda _, args, out: seen.append((args[0], out)))
    outputs = model(x)
    handle.remove()
    [(inputs, given)] = seen
    rows = inputs.reshape(-1, inputs.shape[-1])
    if layer.bias is not None:
        rows = torch.cat([torch.ones(len(rows), 1).double(), rows], dim=1)
    a = rows.mT @ rows / len(x)
    g = torch.zeros(given.shape[-1], given.shape[-1], dtype=torch.float64)
    for weight, log_p in outcomes(targets, kind, outputs, y):
        [gradient] = torch.autograd.grad(log_p, given, retain_graph=True)
        flat = gradient.reshape(-1, given.shape[-1])
        g += weight * flat.mT @ flat / len(rows)
    return np.linalg.eigvalsh(a.detach().numpy()), np.linalg.eigvalsh(g.numpy())


def close(ours: np.ndarray, expected: np.ndarray) -> None:
    assert expected.max() > 1e-6
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12 * expected.max())


@pytest.mark.parametrize("kind", ["true", "empirical"])
@pytest.mark.parametrize(
    ("targets", "y"), [("numbers", NUMBERS), ("positions", LABELS), ("positions", SOME)]
)
@pytest.mark.parametrize("at_once", [128, 2])
def test_factors_are_those_of_one_gradient_an_outcome(
    kind: Any, targets: Any, y: Tensor, at_once: int
) -> None:
    model = network(targets)
    spectra = fisher_spectrum(model, X, y, kind, examples_at_once=at_once, targets=targets)
    assert [layer.name for layer in spectra] == ["0", "3", "6" if targets == "numbers" else "5"]
    for layer in spectra:
        a, g = factors_by_hand(model, layer.name, X, targets, kind, y)
        close(layer.input_eigenvalues, a)
        close(layer.gradient_eigenvalues, g)


# Where the Kronecker product is exact


def block(model: nn.Module, x: Tensor, targets: Targets, kind: Kind, y: Tensor) -> np.ndarray:
    """Eigenvalues of the exact Fisher matrix of all parameters."""
    parameters = list(model.parameters())
    total = 0
    for weight, log_p in outcomes(targets, kind, model(x), y):
        gradient = torch.autograd.grad(log_p, parameters, retain_graph=True)
        flat = torch.cat([g.flatten() for g in gradient])
        total = total + weight * torch.outer(flat, flat)
    return np.linalg.eigvalsh((total / len(x)).numpy())  # type: ignore[attr-defined]


def products(layer: Any) -> np.ndarray:
    return np.sort(np.multiply.outer(layer.input_eigenvalues, layer.gradient_eigenvalues).ravel())


def test_squared_error_of_a_linear_layer_is_exact() -> None:
    """The Fisher matrix is that of the inputs, for each output: G is the identity."""
    model, x = nn.Linear(3, 2).double(), X[:, 0]
    [layer] = fisher_spectrum(model, x, targets="numbers")
    assert layer.gradient_eigenvalues == pytest.approx([1, 1], rel=1e-12)
    close(products(layer), block(model, x, "numbers", "true", NUMBERS))


@pytest.mark.parametrize("y", [LABELS, SOME])
def test_positions_with_the_same_gradients_are_exact_on_any_scale(y: Tensor) -> None:
    """The matrix is a mean over the positions that count, however many there are."""
    model = nn.Linear(3, 3).double()
    nn.init.zeros_(model.weight)
    x = X[:1, :1].expand(5, 4, 3)
    [layer] = fisher_spectrum(model, x, y, targets="positions")
    close(products(layer), block(model, x, "positions", "true", y))
    [one] = fisher_spectrum(model, x[:1, 0])
    close(products(layer), products(one))


@pytest.mark.parametrize("kind", ["true", "empirical"])
def test_one_example_without_positions_is_exact(kind: Any) -> None:
    body = nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)
    model, x, y = nn.Sequential(*body).double(), X[:1, 0], NUMBERS[:1]
    for layer in fisher_spectrum(model, x, y, kind, targets="numbers"):
        own = model.get_submodule(layer.name)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in own.parameters():
            parameter.requires_grad_(True)
        parameters = list(own.parameters())
        total = 0
        for weight, log_p in outcomes("numbers", kind, model(x), y):
            gradient = torch.autograd.grad(log_p, parameters, retain_graph=True)
            flat = torch.cat([g.flatten() for g in gradient])
            total = total + weight * torch.outer(flat, flat)
        close(products(layer), np.linalg.eigvalsh(total.numpy()))  # type: ignore[attr-defined]


# Samples


def test_sampled_numbers_are_those_of_the_noise_that_was_drawn() -> None:
    model = network("numbers")
    generator = torch.Generator().manual_seed(4)
    sampled = fisher_spectrum(model, X, None, "sampled", generator, targets="numbers")
    noise = torch.randn(5, 2, dtype=torch.float64, generator=generator.manual_seed(4))
    drawn = model(X).detach() - noise
    assert_same(sampled, fisher_spectrum(model, X, drawn, "empirical", targets="numbers"))


@pytest.mark.parametrize(("targets", "y"), [("numbers", NUMBERS), ("positions", SOME)])
def test_samples_average_to_the_expectation(targets: Any, y: Tensor) -> None:
    """Samples of all positions go back together; what two of them share has no mean."""
    model, few = network(targets), slice(0, 3)
    exact = fisher_spectrum(model, X[few], y[few], targets=targets)
    many, labels = X[few].repeat(4000, 1, 1), y[few].repeat(4000, 1)
    generator = torch.Generator().manual_seed(0)
    sampled = fisher_spectrum(model, many, labels, "sampled", generator, targets=targets)
    assert_same(sampled, exact, 0.05)


# Backward passes


@pytest.mark.parametrize("targets", get_args(Targets))
@pytest.mark.parametrize("kind", get_args(Kind))
def test_backward_passes_are_as_many_as_foreseen(
    targets: Any, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    x = X if targets == "positions" else X[:, 0]
    y = {"positions": SOME, "classes": LABELS[:, 0], "numbers": X[:, 1]}[targets]
    calls = []
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: calls.append(1) or grad(*a, **k))
    fisher_spectrum(model, x, y, kind, examples_at_once=2, targets=targets)
    shape = (4, 3) if targets == "positions" else (3,)
    assert len(calls) == 3 * backward_passes(targets, kind, shape)
    directions = OUTCOMES[targets](kind, y, None, 5).directions(torch.zeros(5, *shape), slice(0, 5))
    assert len(list(directions)) == backward_passes(targets, kind, shape)


def test_backward_passes_by_hand() -> None:
    assert backward_passes("positions", "true", (64, 96)) == 64 * 95
    assert backward_passes("positions", "empirical", (64, 96)) == 64
    assert backward_passes("positions", "true", (8, 8, 4)) == 64 * 3
    assert backward_passes("numbers", "true", (5,)) == 5
    assert backward_passes("classes", "true", (10,)) == 9


# What is covered, and refused


def test_the_transformers_embedding_norms_and_positions_are_passed_over() -> None:
    model = build_model("transformer", DataShape((6,), 5, "tokens", "positions", 9), 0)
    found = fisher_layers(model, torch.randint(9, (4, 6)))
    layers = ("attention.qkv", "attention.out", "mlp.0", "mlp.2")
    assert found.covered == [f"blocks.{k}.{name}" for k in (0, 1) for name in layers] + ["head"]
    norms = [f"blocks.{k}.norm{j}" for k in (0, 1) for j in (1, 2)]
    assert found.passed_over == dict.fromkeys(["", "embed", *norms, "norm"], NO_BLOCK)


@pytest.mark.parametrize(
    ("targets", "kind", "y", "message"),
    [
        ("positions", "true", None, "kind='true' needs the targets y of positions"),
        ("numbers", "empirical", None, "kind='empirical' needs the targets y of numbers"),
        ("positions", "true", LABELS[:, 0], r"y must be integers \(5, \.\.\.\), got torch\.int64"),
        ("positions", "true", LABELS.double(), r"y must be integers \(5, \.\.\.\)"),
        ("positions", "true", LABELS[:3], r"y must be integers \(5, \.\.\.\), .* \(3, 4\)"),
        ("numbers", "true", NUMBERS[:, 0], r"y must be numbers \(5, d\)"),
        ("numbers", "true", NUMBERS, r"must return numbers \(N, d\), got \(5, 4, 3\) for N = 5"),
        ("classes", "true", None, r"must return logits \(N, classes\), got \(5, 4, 3\)"),
        ("positions", "true", LABELS[:, :3], r"at the positions of the targets, got \(5, 4, 3\)"),
        ("positions", "empirical", LABELS + 1, r"labels must lie in \[0, 3\), got 1 to 3"),
    ],
)
def test_targets_that_do_not_fit_are_named(
    targets: Any, kind: Any, y: Tensor | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fisher_spectrum(nn.Linear(3, 3).double(), X, y, kind, targets=targets)


def test_numbers_of_another_width_than_the_targets_are_named() -> None:
    with pytest.raises(ValueError, match=r"must return numbers \(N, d\), got \(5, 3\)"):
        fisher_spectrum(nn.Linear(3, 3).double(), X[:, 0], NUMBERS, targets="numbers")


@pytest.mark.parametrize("targets", get_args(Targets))
def test_what_is_sampled_does_not_hang_on_the_examples_at_once(targets: Any) -> None:
    torch.manual_seed(1)
    x, y = torch.randn(40, 4, 3).double(), torch.randint(3, (40, 4))
    model = network(targets)
    if targets == "classes":
        model = nn.Sequential(Mean(1), nn.Linear(3, 3)).double()
    spectra = []
    for at_once in (40, 7, 1):
        generator = torch.Generator().manual_seed(3)
        spectra.append(
            fisher_spectrum(
                model,
                x,
                y if targets == "positions" else None,
                "sampled",
                generator,
                examples_at_once=at_once,
                targets=targets,
            )
        )
    for other in spectra[1:]:
        assert_same(spectra[0], other)
