"""K-FAC spectra of convolutions: patches are those of the convolution itself."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from fisher_networks import Mean, assert_same, built
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from actsearch.features import factors, patches, products, unfolding
from actsearch.features.fisher import fisher_spectrum
from actsearch.functions.threads import threads


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


CONVOLUTIONS: list[Callable[[], nn.Conv1d | nn.Conv2d]] = [
    lambda: nn.Conv2d(4, 6, 3),
    lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1),
    lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
    lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 3), padding=(0, 2), dilation=(2, 1)),
    lambda: nn.Conv2d(4, 6, 5, stride=4, padding=2),
    lambda: nn.Conv2d(4, 6, 1, stride=2),
    lambda: nn.Conv2d(4, 6, 2, stride=3),
    lambda: nn.Conv2d(4, 6, (2, 4), padding="same", dilation=(3, 1)),
    lambda: nn.Conv2d(4, 6, 3, padding="valid"),
    lambda: nn.Conv2d(4, 6, 3, stride=2, padding=2, padding_mode="reflect"),
    lambda: nn.Conv2d(4, 6, 3, padding=(1, 2), padding_mode="circular"),
    lambda: nn.Conv2d(4, 6, (4, 2), padding="same", padding_mode="replicate"),
    lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2),
    lambda: nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4, bias=False),
    lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1),
    lambda: nn.Conv1d(4, 6, 4, padding="same", dilation=2, padding_mode="circular", groups=2),
]


def patches_of(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """(groups, k, rows): the convolution itself with kernels that pick single inputs.

    In the order (row, column, channel) within k.
    """
    picker = copy.deepcopy(layer)
    size = layer.weight[0].numel()
    shape = layer.weight.shape[1:]
    kernels = torch.eye(size, dtype=x.dtype).view(size, *shape[1:], shape[0]).movedim(-1, 1)
    picker.weight = nn.Parameter(kernels.repeat(layer.groups, *[1] * (kernels.dim() - 1)))
    picker.bias = None
    picked = picker(x).flatten(2).transpose(0, 1).reshape(layer.groups, size, -1)
    ones = picked.new_ones(layer.groups, 1, picked.shape[-1])
    return torch.cat([ones, picked], dim=1) if layer.bias is not None else picked


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("make", CONVOLUTIONS)
@pytest.mark.parametrize("buffer_bytes", [2**26, 1])
@pytest.mark.parametrize("displaced", [True, False])
def test_patches(
    make: Callable[[], nn.Conv1d | nn.Conv2d],
    displaced: bool,
    buffer_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patches, "_BUFFER_BYTES", buffer_bytes)
    monkeypatch.setattr(patches, "_displaced_costs_less", lambda *_: displaced)
    layer = make().double()
    shape = (3, 4, 11) if isinstance(layer, nn.Conv1d) else (3, 4, 11, 12)
    x = torch.randn(shape, dtype=torch.float64)
    expected = patches_of(layer, x)
    moments = factors.input_sum(layer, x)
    torch.testing.assert_close(moments, expected @ expected.mT, rtol=1e-12, atol=1e-12)
    gradient = torch.randn_like(layer(x))
    rows = gradient.flatten(2).transpose(0, 1).reshape(layer.groups, -1, expected.shape[-1])
    torch.testing.assert_close(factors.gradient_sum(layer, gradient), rows @ rows.mT)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("make", CONVOLUTIONS)
@pytest.mark.parametrize("all_at_once", [True, False])
def test_patches_as_on_a_gpu(
    make: Callable[[], nn.Conv1d | nn.Conv2d], all_at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = make().double()
    x = torch.randn(5, 4, *([9, 8] if isinstance(layer, nn.Conv2d) else [9]), dtype=torch.float64)
    expected = factors.input_sum(layer, x)
    gradient = torch.randn_like(layer(x))
    of_gradient = factors.gradient_sum(layer, gradient)
    monkeypatch.setattr(products, "calls_cost_most", lambda _: True)
    if not all_at_once:
        monkeypatch.setattr(unfolding, "_BYTES", 1)
        monkeypatch.setattr(products, "_GPU_ROWS", 7)
    torch.testing.assert_close(factors.input_sum(layer, x), expected)
    torch.testing.assert_close(factors.gradient_sum(layer, gradient), of_gradient)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Conv2d, Tensor]:
    """Any geometry, from kernels larger than the image's rest to strides larger than the kernel."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    kernel, dilation, padding, stride = pair(1, 4), pair(1, 2), pair(0, 3), pair(1, 4)
    least = [
        max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    height, width = (at + draw(st.integers(0, 5)) for at in least)
    groups, channels = draw(st.sampled_from([(1, 1), (1, 3), (2, 2), (3, 1)]))
    layer = nn.Conv2d(groups * channels, groups, kernel, stride, padding, dilation, groups)
    x = torch.randn(draw(st.integers(1, 3)), groups * channels, height, width, dtype=torch.float64)
    return layer.double(), x


@settings(max_examples=150)
@given(drawn=convolutions(), displaced=st.booleans(), few_rows=st.sampled_from([1, 128]))
def test_any_geometry(drawn: tuple[nn.Conv2d, Tensor], displaced: bool, few_rows: int) -> None:
    layer, x = drawn
    expected = patches_of(layer, x)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patches, "_displaced_costs_less", lambda *_: displaced)
        patched.setattr(patches, "_FEW_ROWS", few_rows)
        found = factors.input_sum(layer, x)
    torch.testing.assert_close(found, expected @ expected.mT, rtol=1e-12, atol=1e-12)


def test_cores_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "_LOCKED", 1)  # however small products are
    layer, x = nn.Conv2d(200, 4, 3, 2, 1), torch.randn(4, 200, 9, 10)
    found = []
    for number in (1, 2, 3):
        with threads(number):
            found.append(factors.input_sum(layer, x))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def brute_factors(model: nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor]:
    """A and G of the first layer of ``model``, a convolution, one example and class at a time."""
    layer = model[0]
    assert isinstance(layer, nn.Conv1d | nn.Conv2d)
    rows = patches_of(layer, x)
    positions = rows.shape[-1] // len(x)
    channels = layer.out_channels // layer.groups
    gradients = torch.zeros(layer.groups, channels, channels, dtype=x.dtype)
    for example in x:
        outputs = layer(example[None]).detach().requires_grad_()
        log_p = model[1:](outputs).log_softmax(-1)[0]
        for value in log_p:
            [gradient] = torch.autograd.grad(value, outputs, retain_graph=True)
            g = gradient.view(layer.groups, channels, positions)
            gradients += value.exp().detach() * g @ g.mT
    return rows @ rows.mT / len(x), gradients / (len(x) * positions)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("make", CONVOLUTIONS)
def test_spectra_of_convolutions(make: Callable[[], nn.Conv1d | nn.Conv2d]) -> None:
    """Of one and two dimensions, with one or more groups, each of which has a block."""
    layer = make()
    one_d = isinstance(layer, nn.Conv1d)
    x = torch.randn((3, 4, 9) if one_d else (3, 4, 7, 8), dtype=torch.float64)
    model = nn.Sequential(layer, nn.Tanh(), nn.Flatten(), nn.LazyLinear(3))
    built(model, x)
    spectrum = fisher_spectrum(model, x)[0]
    assert spectrum.n_weights == sum(p.numel() for p in layer.parameters())
    found = (spectrum.input_eigenvalues, spectrum.gradient_eigenvalues)
    for values, factor in zip(found, brute_factors(model, x), strict=True):
        expected = np.linalg.eigvalsh(factor.detach().numpy())
        shape = expected.shape if layer.groups > 1 else expected.shape[1:]
        assert values.shape == shape
        np.testing.assert_allclose(
            values, expected.reshape(shape), rtol=0, atol=1e-12 * expected.max()
        )


def test_a_convolution_is_a_linear_layer_on_its_patches() -> None:
    convolution = nn.Conv2d(2, 4, 3, stride=2, padding=1).double()
    x = torch.randn(5, 2, 6, 6, dtype=torch.float64)
    linear = nn.Linear(18, 4).double()
    linear.load_state_dict(
        {"weight": convolution.weight.flatten(1).detach(), "bias": convolution.bias}
    )
    tokens = nn.functional.unfold(x, 3, padding=1, stride=2).transpose(1, 2)
    by_patch = fisher_spectrum(nn.Sequential(linear, nn.Tanh(), Mean(1)), tokens)
    assert_same(fisher_spectrum(nn.Sequential(convolution, nn.Tanh(), Mean(2, 3)), x), by_patch)
