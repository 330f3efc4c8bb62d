"""The benchmark's plain K-FAC and ours, which share nothing, agree on random networks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from actsearch.features.fisher import FLOOR, fisher_spectrum
from actsearch.functions.activation import Activation

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks.textbook import fisher as textbook

FUNCTIONS = ("tanh(x)", "mul(sigmoid(x),erf(x))", "max(swish(x),arctan(x))", "elu(x)")


@st.composite
def networks(draw: st.DrawFn) -> nn.Module:
    """One to three convolutions of any kernel, stride, padding and bias, and a linear layer."""
    layers: list[nn.Module] = []
    channels, side = 2, 8
    for _ in range(draw(st.integers(1, 3))):
        kernel = draw(st.integers(1, min(3, side)))
        stride, padding = draw(st.integers(1, 2)), draw(st.integers(0, 1))
        outputs, bias = draw(st.integers(1, 4)), draw(st.booleans())
        layers.append(nn.Conv2d(channels, outputs, kernel, stride, padding, bias=bias))
        layers.append(Activation(draw(st.sampled_from(FUNCTIONS))))
        channels, side = outputs, (side + 2 * padding - kernel) // stride + 1
    head = nn.Linear(channels * side * side, 3, bias=draw(st.booleans()))
    return nn.Sequential(*layers, nn.Flatten(), head)


@settings(max_examples=20)
@given(networks(), st.integers(0, 2**31), st.sampled_from(["true", "empirical"]))
def test_plain_factors_have_the_same_eigenvalues(model: nn.Module, seed: int, kind: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    model = model.double()
    x = torch.randn(5, 2, 8, 8, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (5,), generator=generator)
    ours = fisher_spectrum(model, x, y, kind)  # type: ignore[arg-type]
    plain = textbook.fisher_spectrum(model, x, y if kind == "empirical" else None)
    assert [layer.name for layer in ours] == [layer.name for layer in plain]
    for mine, other in zip(ours, plain, strict=True):
        for values, expected in (
            (mine.input_eigenvalues, other.inputs.numpy()),
            (mine.gradient_eigenvalues, other.gradients.numpy()),
        ):
            largest = expected.max()
            raised = np.maximum(expected, FLOOR * largest)
            np.testing.assert_allclose(values, raised, rtol=1e-6, atol=1e-13 * largest)


def test_a_factor_of_one_linear_layer_is_what_the_definition_says() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)
    layer = nn.Linear(2, 2).double()
    [found] = textbook.fisher_spectrum(nn.Sequential(layer), x, torch.tensor([0, 1]))
    rows = np.concatenate([np.ones((2, 1)), x.numpy()], axis=1)
    expected = np.linalg.eigvalsh(rows.T @ rows / 2)
    np.testing.assert_allclose(found.inputs.numpy(), expected, atol=1e-12)
    p = torch.softmax(layer(x), 1).detach().numpy()
    g = p - np.eye(2)
    np.testing.assert_allclose(found.gradients.numpy(), np.linalg.eigvalsh(g.T @ g / 2), atol=1e-12)
    assert found.name == "0"
