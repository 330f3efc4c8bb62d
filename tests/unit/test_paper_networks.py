"""The networks of the paper: published sizes, what is replaced, and their Fisher spectra."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest
import timm
import torch
from torch import nn

from actsearch.config import Data, Recipe, Replace, Split, Task
from actsearch.data.dataset import DataShape
from actsearch.data.loading import load_dataset
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.layers import calibrate_batch_norm, fisher_layers
from actsearch.features.spectra import log_spectrum_cdf, n_bins
from actsearch.functions.activation import Activation
from actsearch.functions.expressions import parse
from actsearch.functions.plain_calls import find_plain_calls
from actsearch.functions.replacing import replace_activations
from actsearch.networks.by_name import ModelError, build_model
from actsearch.networks.models.cifar_resnet import CifarResNet
from actsearch.training.trial import run_trial

MOBILE = "timm:mobilevitv2_050"
RESNET_50 = "torchvision:resnet50"
SIDES = {"all-cnn-c": 32, "resnet-56": 32, MOBILE: 64, RESNET_50: 64}
PLACES = {"all-cnn-c": 9, "resnet-56": 55, MOBILE: 25, RESNET_50: 17}


@cache
def _built(name: str, n_classes: int) -> nn.Module:
    return build_model(name, DataShape((3, SIDES[name], SIDES[name]), n_classes), seed=0)


def network(name: str, n_classes: int = 10) -> nn.Module:
    return copy.deepcopy(_built(name, n_classes))


def size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def rounded(count: int, published: str) -> str:
    """Millions, with as many decimals as were published."""
    return f"{count / 1e6:.{len(published.partition('.')[2])}f}"


# Sizes: counted by hand from the papers' tables, compared with what the papers print


def all_cnn_c_size(n_classes: int) -> int:
    three = [(3, 96), (96, 96), (96, 96), (96, 192), (192, 192), (192, 192), (192, 192)]
    one = [(192, 192), (192, n_classes)]
    return sum(9 * a * b + b for a, b in three) + sum(a * b + b for a, b in one)


def cifar_resnet_size(depth: int, n_classes: int) -> int:
    """Stage s of n blocks: 2n convolutions to w channels, the first from fewer, all with norms."""
    n = (depth - 2) // 6
    total = 9 * 3 * 16 + 2 * 16
    for before, w in ((16, 16), (16, 32), (32, 64)):
        total += 9 * before * w + (2 * n - 1) * 9 * w * w + 2 * n * 2 * w
    return total + 64 * n_classes + n_classes


def mobilevitv2_050_size(n_classes: int) -> int:
    def inverted(inputs: int, outputs: int) -> int:
        """1x1 to twice the channels, 3x3 depthwise, 1x1; a norm after each."""
        hidden = 2 * inputs
        return hidden * (inputs + 9 + outputs) + 2 * (2 * hidden + outputs)

    def block(channels: int, d: int, layers: int) -> int:
        """3x3 depthwise, 1x1 to d, attention layers and a norm, 1x1 back."""
        attention = (d + 1) * (2 * d + 1) + (d + 1) * d
        perceptron = (d + 1) * 2 * d + (2 * d + 1) * d
        outside = 9 * channels + 2 * channels + 2 * channels * d + 2 * channels
        return outside + layers * (attention + perceptron + 4 * d) + 2 * d

    stem = 9 * 3 * 16 + 2 * 16
    early = inverted(16, 32) + inverted(32, 64) + inverted(64, 64)
    late = inverted(64, 128) + inverted(128, 192) + inverted(192, 256)
    blocks = block(128, 64, 2) + block(192, 96, 4) + block(256, 128, 3)
    return stem + early + late + blocks + 257 * n_classes


def resnet_50_size(n_classes: int) -> int:
    total = 49 * 3 * 64 + 2 * 64
    inputs = 64
    for w, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        total += inputs * 4 * w + 2 * 4 * w  # the projection of a stage's first shortcut
        for _ in range(blocks):
            total += inputs * w + 9 * w * w + w * 4 * w + 2 * (w + w + 4 * w)
            inputs = 4 * w
    return total + 2048 * n_classes + n_classes


@pytest.mark.parametrize(
    ("name", "n_classes", "by_hand", "exact", "published"),
    [
        ("all-cnn-c", 10, all_cnn_c_size(10), 1_369_738, "1.4"),  # Springenberg et al.
        ("resnet-56", 10, cifar_resnet_size(56, 10), 853_018, "0.85"),  # He et al., table 6
        (MOBILE, 1000, mobilevitv2_050_size(1000), 1_370_593, "1.4"),  # Mehta and Rastegari
        (RESNET_50, 1000, resnet_50_size(1000), 25_557_032, "25.6"),  # torchvision
    ],
)
def test_sizes_are_the_published_ones(
    name: str, n_classes: int, by_hand: int, exact: int, published: str
) -> None:
    assert size(network(name, n_classes)) == by_hand == exact
    assert rounded(exact, published) == published


# He et al., table 6
@pytest.mark.parametrize(
    ("depth", "millions"),
    [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.7")],
)
def test_all_depths_have_their_published_sizes(depth: int, millions: str) -> None:
    with torch.device("meta"):
        counted = size(CifarResNet((3, 32, 32), 10, depth=depth))
    assert counted == cifar_resnet_size(depth, 10)
    assert rounded(counted, millions) == millions


@pytest.mark.parametrize("depth", [-4, 2, 7, 55, 57, 14.0])
def test_a_depth_that_cannot_be_is_named(depth: float) -> None:
    with pytest.raises(ModelError, match=rf"depth {depth}; allowed: 6n \+ 2"):
        CifarResNet((3, 32, 32), 10, depth=depth)  # type: ignore[arg-type]


def test_the_resnet_has_three_stages_of_nine_blocks() -> None:
    model = network("resnet-56")
    shapes: list[tuple[int, ...]] = []
    for block in model.blocks:
        block.register_forward_hook(lambda *arguments: shapes.append(arguments[2].shape[1:]))
    model(torch.randn(2, 3, 32, 32))
    assert shapes == [(16, 32, 32)] * 9 + [(32, 16, 16)] * 9 + [(64, 8, 8)] * 9
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 56


def test_all_cnn_c_has_the_layout_of_its_paper() -> None:
    model = network("all-cnn-c")
    sides: list[int] = []
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    for layer in convolutions:
        layer.register_forward_hook(lambda *arguments: sides.append(arguments[2].shape[-1]))
    model(torch.randn(2, 3, 32, 32))
    assert sides == [32, 32, 16, 16, 16, 8, 8, 8, 8]
    assert [m.out_channels for m in convolutions] == [96, 96, 96, 192, 192, 192, 192, 192, 10]
    assert [m.kernel_size[0] for m in convolutions] == [3] * 7 + [1, 1]


@pytest.mark.parametrize("name", SIDES)
def test_logits_have_a_column_a_class(name: str) -> None:
    model = network(name, 10).eval()
    assert model(torch.randn(2, 3, SIDES[name], SIDES[name])).shape == (2, 10)


# What is replaced


@pytest.mark.parametrize(("name", "places"), PLACES.items())
def test_every_ordinary_activation_is_replaced(name: str, places: int) -> None:
    model = network(name)
    replaced = replace_activations(model, "tanh(x)")
    assert len(replaced) == places
    assert all(isinstance(model.get_submodule(place), Activation) for place in replaced)
    assert not [m for m in model.modules() if isinstance(m, nn.ReLU | nn.SiLU)]


def test_the_bottlenecks_of_resnet_50_use_their_one_module_three_times() -> None:
    model = network(RESNET_50)
    replace_activations(model, "tanh(x)")
    calls: list[nn.Module] = []
    for module in model.modules():
        if isinstance(module, Activation):
            module.register_forward_hook(lambda *arguments: calls.append(arguments[0]))
    model.eval()(torch.randn(1, 3, 32, 32))
    assert len(calls) == 1 + 3 * 16


def test_mobilevit_keeps_its_attention() -> None:
    model = network(MOBILE)
    attention = {
        n: m for n, m in model.named_modules() if type(m).__name__ == "LinearSelfAttention"
    }
    assert len(attention) == 2 + 4 + 3
    before = {name: list(m.named_modules()) for name, m in attention.items()}
    x = torch.rand(2, 64, 4, 16)
    first = next(iter(attention.values()))
    expected = first(x)
    replaced = replace_activations(model, "tanh(x)")
    assert {name: list(m.named_modules()) for name, m in attention.items()} == before
    assert torch.equal(first(x), expected)  # its softmax and ReLU are no modules
    model = network(MOBILE)
    plain = find_plain_calls(model, torch.rand(2, 3, SIDES[MOBILE], SIDES[MOBILE]))
    assert replace_activations(model, "tanh(x)", types=["SiLU"], plain=plain) == replaced
    assert torch.equal(model.get_submodule(next(iter(attention)))(x), expected)
    everywhere = replace_activations(network(MOBILE), "tanh(x)", plain=plain)
    assert sorted({*everywhere} - {*replaced}) == sorted(f"{name}.relu()" for name in attention)
    stem, inverted, local, mlp = (
        [place for place in replaced if place.endswith(end)]
        for end in ("stem.bn.act", "_1x1.bn.act", "_kxk.bn.act", "mlp.act")
    )
    assert (len(stem), len(inverted), len(local), len(mlp)) == (1, 6, 6 + 3, 9)


def test_nothing_replaced_is_one_error_that_lists_what_there_is() -> None:
    message = r"no activation was replaced: no module matches name 'blocks\.\*'.*layers\.1 \(ReLU\)"
    with pytest.raises(ValueError, match=message):
        replace_activations(network("all-cnn-c"), "tanh(x)", names=["blocks.*"])
    with pytest.raises(ValueError, match=r"type 'GELU'.*stem\.bn\.act \(SiLU\)"):
        replace_activations(network(MOBILE), "tanh(x)", types=["GELU"])


def test_a_trial_lists_what_was_replaced() -> None:
    dataset = load_dataset(Data(source="digits", split=Split(train=40, validation=40, test=40)))
    recipe = Recipe(optimizer="sgd", learning_rate=0.01, epochs=1, batch_size=20)
    task = Task(
        data="digits", model="resnet-56", recipe=recipe, replace=Replace(names=("blocks.*.act1",))
    )
    content, _ = run_trial(task, dataset, parse("swish(x)"))
    assert sorted(content["replaced"]) == sorted(f"blocks.{n}.act1" for n in range(27))
    assert content["status"] == "completed"


# Fisher spectra

GROUPED = {MOBILE: 6 + 3}  # depthwise: a block a channel
COVERED = {"all-cnn-c": 9, "resnet-56": 56, MOBILE: 65, RESNET_50: 54}
PASSED_OVER = {
    "all-cnn-c": {},
    "resnet-56": {"BatchNorm2d": 55},
    MOBILE: {"BatchNormAct2d": 25, "GroupNorm1": 2 * 9 + 3},
    RESNET_50: {"BatchNorm2d": 53},
}

# Before a norm whose scale starts at zero (timm's choice), so that no gradient reaches them
SILENT = {MOBILE: [f"stages.1.1.conv{part}.conv" for part in ("1_1x1", "2_kxk", "3_1x1")]}


@pytest.mark.parametrize("name", SIDES)
def test_fisher_layers_are_covered_or_listed(name: str) -> None:
    model = network(name)
    replace_activations(model, "tanh(x)")
    covered, passed_over = fisher_layers(model, torch.randn(1, 3, SIDES[name], SIDES[name]))
    assert len(covered) == COVERED[name]
    kinds = [type(model.get_submodule(place)).__name__ for place in passed_over]
    assert {kind: kinds.count(kind) for kind in kinds} == PASSED_OVER[name]
    named = {place.rpartition(".")[0] for place, _ in model.named_parameters()}
    assert named == {*covered, *passed_over}


@pytest.mark.parametrize(
    "name", ["all-cnn-c", "resnet-56", MOBILE, pytest.param(RESNET_50, marks=pytest.mark.slow)]
)
def test_fisher_spectra_of_every_layer(name: str) -> None:
    model = network(name)
    replace_activations(model, "tanh(x)")
    x = torch.randn(4, 3, SIDES[name], SIDES[name], generator=torch.Generator().manual_seed(0))
    calibrate_batch_norm(model, x)
    spectra = fisher_spectrum(model, x, kind="sampled", generator=torch.Generator().manual_seed(0))
    covered, passed_over = fisher_layers(model, x)
    assert [layer.name for layer in spectra] == covered
    assert not any(layer.missing for layer in spectra)
    silent = [layer.name for layer in spectra if layer.gradient_eigenvalues.max() == 0]
    assert silent == SILENT.get(name, [])
    listed = sum(size(model.get_submodule(place)) for place in passed_over)
    assert sum(layer.n_weights for layer in spectra) + listed == size(model)
    feature = log_spectrum_cdf(spectra)
    assert feature.shape == (sum(n_bins(layer.n_weights) for layer in spectra),)
    assert np.isfinite(feature).all()
    grouped = [layer for layer in spectra if layer.input_eigenvalues.ndim == 2]
    assert len(grouped) == GROUPED.get(name, 0)
    for layer in grouped:
        channels = model.get_submodule(layer.name).out_channels
        assert layer.input_eigenvalues.shape == (channels, 9)
        assert layer.gradient_eigenvalues.shape == (channels, 1)


def test_a_vision_transformer_is_covered_but_for_norms_and_positions() -> None:
    """timm's attention is of linear layers; class token and positions are the network's own."""
    options = {"img_size": 32, "patch_size": 4, "num_classes": 10, "depth": 2}
    model = timm.create_model("vit_tiny_patch16_224", **options)
    assert len(replace_activations(model, "tanh(x)")) == 2
    spectra = fisher_spectrum(model, torch.randn(2, 3, 32, 32), kind="sampled")
    places = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    linear = [f"blocks.{block}.{place}" for block in range(2) for place in places]
    assert [layer.name for layer in spectra] == ["patch_embed.proj", *linear, "head"]
    assert not any(layer.missing for layer in spectra)
    norms = [f"blocks.{block}.norm{number}" for block in range(2) for number in (1, 2)]
    passed_over = fisher_layers(model, torch.randn(1, 3, 32, 32)).passed_over
    assert [*passed_over] == ["", *norms, "norm"]
    first, head = spectra[0], spectra[-1]
    assert len(first.input_eigenvalues) == 3 * 4 * 4 + 1
    assert len(head.gradient_eigenvalues) == 10


def test_a_depthwise_block_is_that_of_its_channel_alone() -> None:
    """Each channel's factors: patches by unfold, gradients by autograd, one example at a time."""
    model = network(MOBILE)
    x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    calibrate_batch_norm(model, x)
    model.double()
    x = x.double()
    y = torch.tensor([1, 5, 9])
    place = "stages.2.1.conv_kxk.conv"
    layer = model.get_submodule(place)
    [spectrum] = [s for s in fisher_spectrum(model, x, y, "empirical") if s.name == place]
    inputs = outputs = gradients = 0.0
    seen: list[torch.Tensor] = []
    layer.register_forward_hook(lambda *call: seen.extend((call[1][0], call[2])))
    for image, label in zip(x, y, strict=True):
        seen.clear()
        loss = nn.functional.cross_entropy(model(image[None]), label[None])
        patches = nn.functional.unfold(seen[0], 3, padding=1).view(128, 9, -1).detach()
        [gradient] = torch.autograd.grad(loss, seen[1])
        inputs = inputs + patches @ patches.mT
        gradients = gradients + gradient[0].square().sum((1, 2))
        outputs += gradient[0, 0].numel()
    np.testing.assert_allclose(
        spectrum.gradient_eigenvalues[:, 0], (gradients / outputs).numpy(), rtol=1e-9
    )
    expected = torch.linalg.eigvalsh(inputs / 3).numpy()
    np.testing.assert_allclose(spectrum.input_eigenvalues, expected, atol=1e-9 * expected.max())
