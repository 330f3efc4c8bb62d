"""Which layers have a Fisher block, however a network lays out and calls them."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from fisher_networks import assert_same
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint
from torchvision import models

from actsearch.features.fisher import fisher_spectrum
from actsearch.features.layers import fisher_layers
from actsearch.features.passed_over import NO_BLOCK, NO_EXAMPLES, NOT_CALLED, in_words
from actsearch.functions.replacing import replace_activations


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


class Odd(nn.Module):
    """Every way to hold weights: called, called late or never, and used without a call."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(6))
        self.positions = nn.Linear(2, 6)
        self.first = parametrizations.weight_norm(nn.Linear(6, 6, bias=False))
        self.borrowed = nn.Linear(6, 6)
        self.late = nn.Linear(6, 3)
        self.spare = nn.Conv1d(6, 3, 1)
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 3)
        self.register_buffer("grid", torch.arange(10.0).reshape(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x * self.scale + self.positions(self.grid)))
        x = functional.linear(x, self.borrowed.weight, self.borrowed.bias).tanh().mean(1)
        return self.head(x) + (self.late(x) if self.training else 0)


def test_layers_are_covered_or_passed_over_with_a_reason() -> None:
    model, x = Odd(), torch.randn(4, 5, 6)
    covered, passed_over = fisher_layers(model, x)
    assert covered == ["first", "head"]
    assert passed_over == {
        "": NO_BLOCK,
        "positions": NO_EXAMPLES,
        "borrowed": NOT_CALLED,
        "late": NOT_CALLED,
        "spare": NOT_CALLED,
        "norm": NO_BLOCK,
    }
    assert model.training
    spectra = fisher_spectrum(model, x)
    assert [layer.name for layer in spectra] == covered
    assert not any(layer.missing for layer in spectra)
    assert spectra[0].n_weights == 36


def test_no_layers_have_no_spectra() -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    assert fisher_spectrum(model, torch.zeros(4, 3), layers=[]) == []


def test_passed_over_layers_in_words() -> None:
    found = in_words({"": "a", "b": "c", "d": "c", "e": "c"}, shown=2)
    assert found == ["1 a: the network itself", "3 c: b, d, ..."]


class OddLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(2 * x)


def test_a_subclass_that_computes_something_else_is_passed_over() -> None:
    model = nn.Sequential(
        OddLinear(8, 8), nn.ConvTranspose1d(2, 2, 1), nn.Flatten(), nn.Linear(16, 2)
    )
    found = fisher_layers(model, torch.randn(1, 2, 8))
    assert found == (["3"], {"0": NO_BLOCK, "1": NO_BLOCK})


class Encoder(nn.Module):
    """A transformer, with the axis of examples first or second."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            8, 2, 16, dropout=0.0, activation=nn.GELU(), batch_first=batch_first
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)
        self.batch_first = batch_first

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.batch_first else x.transpose(0, 1)
        return self.head(self.encoder(x).mean(1 if self.batch_first else 0))


@pytest.mark.parametrize("positions", [3, 4, 5])
def test_the_order_of_axes_is_no_matter(positions: int) -> None:
    """With 4 examples, whether or not the number of positions divides by it."""
    first, second = Encoder(True), Encoder(False)
    second.load_state_dict(first.state_dict())
    x = torch.randn(4, positions, 8)
    for model in (first, second):
        replace_activations(model, "tanh(x)")
        model.double()
    assert_same(fisher_spectrum(second, x.double()), fisher_spectrum(first, x.double()))
    assert len(fisher_layers(second, x.double()).covered) == 5


class OneByOne(nn.Module):
    """Layers called with one example after the other, without the axis of examples."""

    def __init__(self, alone: bool) -> None:
        super().__init__()
        self.conv, self.head, self.alone = nn.Conv2d(2, 3, 3), nn.Linear(3, 4), alone

    def forward(self, x: Tensor) -> Tensor:
        if not self.alone:
            return self.head(self.conv(x).tanh().mean((2, 3)))
        return torch.stack([self.head(self.conv(image).tanh().mean((1, 2))) for image in x])


def test_layers_that_meet_one_example_at_a_time() -> None:
    together, alone = OneByOne(False).double(), OneByOne(True).double()
    alone.load_state_dict(together.state_dict())
    x = torch.randn(5, 2, 6, 6, dtype=torch.float64)
    assert_same(fisher_spectrum(alone, x), fisher_spectrum(together, x))


class Recomputing(nn.Module):
    def __init__(self, reentrant: bool | None) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(4, 3)
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.reentrant is None:
            x = self.block(x)
        else:
            x = checkpoint(self.block, x, use_reentrant=self.reentrant)
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_makes_no_difference(reentrant: bool, frozen: bool) -> None:
    plain, recomputing = Recomputing(None), Recomputing(reentrant)
    recomputing.load_state_dict(plain.state_dict())
    x = torch.randn(5, 1, 8, 8)
    for model in (plain, recomputing):
        replace_activations(model, "mul(tanh(x),sigmoid(x))")
        model.block.requires_grad_(not frozen)
    before = torch.utils.checkpoint.CheckpointFunction
    assert_same(fisher_spectrum(recomputing, x), fisher_spectrum(plain, x), 0)
    assert torch.utils.checkpoint.CheckpointFunction is before


class WithoutGraph(nn.Module):
    """A backbone that is never trained."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.backbone(x).tanh()
        return self.head(x)


def test_a_layer_outside_of_the_graph_has_zero_gradients() -> None:
    backbone, head = fisher_spectrum(WithoutGraph(), torch.randn(5, 3))
    assert (backbone.gradient_eigenvalues == 0).all() and backbone.input_eigenvalues.max() > 0
    assert head.gradient_eigenvalues.max() > 0


SMALL = {"num_classes": 3, "embed_dim": 32}
FAMILIES: dict[str, tuple[int, dict[str, Any]]] = {
    "torchvision:swin_t": (64, {}),
    "torchvision:swin_v2_t": (64, {}),
    "timm:swinv2_tiny_window8_256": (64, {**SMALL, "depths": (1, 1), "num_heads": (2, 4)}),
    "timm:swinv2_cr_tiny_ns_224": (64, {**SMALL, "depths": (1, 1), "num_heads": (2, 4)}),
    "timm:xcit_nano_12_p16_224": (32, {**SMALL, "depth": 2, "num_heads": 2}),
    "timm:beit_base_patch16_224": (32, {**SMALL, "depth": 2, "num_heads": 2}),
    "timm:eva02_tiny_patch14_224": (28, {**SMALL, "depth": 2, "num_heads": 2}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families_of_networks_have_finite_spectra(name: str) -> None:
    """Attention whose weights are used without a call, perceptrons of positions, tokens first."""
    side, options = FAMILIES[name]
    source, _, plain = name.partition(":")
    if source == "timm":
        model = timm.create_model(plain, img_size=side, **options)
    else:
        model = models.get_model(plain, num_classes=3)
    replace_activations(model, "sigmoid(x)")
    model.eval()
    x = torch.randn(2, 3, side, side)
    covered = fisher_layers(model, x).covered
    narrow = [place for place in covered if max(model.get_submodule(place).weight.shape) <= 200]
    assert narrow
    spectra = fisher_spectrum(model, x, kind="sampled", layers=narrow)
    assert not any(layer.missing for layer in spectra)
