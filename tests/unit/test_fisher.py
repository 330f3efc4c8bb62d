"""K-FAC spectra against brute force, against curvlinops, and in the cases where others go wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actsearch.features import factors
from actsearch.features.fisher import FLOOR, fisher_spectrum
from actsearch.features.layers import calibrate_batch_norm, fisher_layers
from actsearch.features.spectra import LayerSpectrum
from actsearch.functions.activation import Activation


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


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


# Patches are those of the convolution

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


def patches(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """(groups, k, rows): the convolution itself with kernels that pick single inputs."""
    picker = copy.deepcopy(layer)
    size = layer.weight[0].numel()
    kernels = torch.eye(size, dtype=x.dtype).view(size, *layer.weight.shape[1:])
    picker.weight = nn.Parameter(kernels.repeat(layer.groups, *[1] * (kernels.dim() - 1)))
    picker.bias = None
    picked = picker(x).flatten(2).transpose(0, 1).reshape(layer.groups, size, -1)
    ones = picked.new_ones(layer.groups, 1, picked.shape[-1])
    return torch.cat([ones, picked], dim=1) if layer.bias is not None else picked


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("make", CONVOLUTIONS)
@pytest.mark.parametrize("buffer_bytes", [2**26, 1])
def test_patches(
    make: Callable[[], nn.Conv1d | nn.Conv2d], buffer_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factors, "_BUFFER_BYTES", buffer_bytes)
    layer = make().double()
    shape = (3, 4, 11) if isinstance(layer, nn.Conv1d) else (3, 4, 11, 12)
    x = torch.randn(shape, dtype=torch.float64)
    expected = patches(layer, x)
    moments = factors.input_sum(layer, x)
    torch.testing.assert_close(moments, expected @ expected.mT, rtol=1e-12, atol=1e-12)
    gradient = torch.randn_like(layer(x))
    rows = gradient.flatten(2).transpose(0, 1).reshape(layer.groups, -1, expected.shape[-1])
    torch.testing.assert_close(factors.gradient_sum(layer, gradient), rows @ rows.mT)


def brute_factors(model: nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor]:
    """A and G of the first layer of ``model``, a convolution, one example and class at a time."""
    layer = model[0]
    assert isinstance(layer, nn.Conv1d | nn.Conv2d)
    rows = patches(layer, x)
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


# What must not matter


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
    rows = torch.randn(groups, size, 30, dtype=torch.float64)
    torch.testing.assert_close(factors._gram(rows), rows @ rows.mT, rtol=1e-12, atol=1e-12)


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


@pytest.mark.parametrize(
    ("kind", "y", "message"),
    [
        ("empirical", None, "needs the labels"),
        ("empirical", torch.tensor([0, 3]), r"\[0, 3\), got 0 to 3"),
        ("empirical", torch.tensor([0]), r"shape \(2,\)"),
        ("emprical", None, "unknown kind 'emprical'; allowed: true, sampled, empirical"),
    ],
)
def test_labels_that_do_not_fit(kind: Any, y: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fisher_spectrum(nn.Linear(4, 3), torch.randn(2, 4), y, kind)


def test_networks_that_do_not_fit() -> None:
    x = torch.randn(2, 4, 3)
    with pytest.raises(ValueError, match="no linear layer or convolution"):
        fisher_spectrum(nn.LayerNorm(3), x)
    with pytest.raises(ValueError, match=r"logits \(N, classes\), got \(2, 4, 5\)"):
        fisher_spectrum(nn.Linear(3, 5), x)
    with pytest.raises(ValueError, match="layer '1' got an input of shape"):
        fisher_spectrum(nn.Sequential(nn.Flatten(0), nn.Linear(24, 5)), x)
    with pytest.raises(ValueError, match=r"layer '1' .* \(4, 3\) for 3 examples"):
        fisher_spectrum(
            nn.Sequential(Function(lambda x: x[0]), nn.Linear(3, 5)), torch.ones(3, 4, 3)
        )


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
        assert len(spectra) == len(fisher_layers(model).covered)
        assert (spectra[-1].gradient_eigenvalues == 0).all()
        assert not spectra[-1].missing


def test_a_layer_never_called_is_missing_rather_than_zero() -> None:
    used, unused = fisher_spectrum(Unused(called=False), torch.randn(5, 3))
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


# Which layers


class OddLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x)


def test_layers_covered_and_passed_over() -> None:
    model = nn.Sequential(
        nn.Embedding(10, 8),
        nn.LayerNorm(8),
        nn.MultiheadAttention(8, 2),
        nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Conv1d(8, 8, 1)),
        OddLinear(8, 8),
        nn.ConvTranspose2d(1, 1, 1),
    )
    covered, passed_over = fisher_layers(model)
    assert covered == ["3.0", "3.2"]
    assert passed_over == ["0", "1", "2", "2.out_proj", "4", "5"]
