"""Networks for signals, tables and text, and what builders are told of the data."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from actsearch.data.dataset import DataShape
from actsearch.networks.by_name import ModelError, build_model

IMAGES = DataShape((3, 8, 8), 10)
SIGNALS = DataShape((1, 40), 10, "signals")
TABLE = DataShape((7,), 2, "features", "numbers")
TEXT = DataShape((6,), 5, "tokens", "positions", 9)


def n_parameters(name: str, shape: DataShape, options: dict[str, Any] | None = None) -> int:
    return sum(p.numel() for p in build_model(name, shape, 0, options).parameters())


# Networks


def test_mnist_1d_networks_have_their_published_sizes() -> None:
    """Greydanus and Kobak 2020: an MLP 40-100-100-10, and three convolutions of 25 channels."""
    mlp = (40 + 1) * 100 + (100 + 1) * 100 + (100 + 1) * 10
    assert n_parameters("mlp", SIGNALS) == mlp == 15_210
    lengths = [(40 + 2 - 5) // 2 + 1, (19 + 2 - 3) // 2 + 1, (10 + 2 - 3) // 2 + 1]
    assert lengths == [19, 10, 5]
    convolutions = 25 * 5 + 25 + 2 * (25 * 25 * 3 + 25)
    assert n_parameters("conv1d", SIGNALS) == convolutions + (25 * 5 + 1) * 10 == 5_210


def test_a_transformer_has_the_size_written_out() -> None:
    width, hidden = 8, 32
    block = 2 * 2 * width + (width + 1) * 3 * width + (width + 1) * width
    block += (width + 1) * hidden + (hidden + 1) * width
    size = 9 * width + 6 * width + 3 * block + 2 * width + (width + 1) * 5
    options = {"width": width, "depth": 3, "heads": 2}
    assert n_parameters("transformer", TEXT, options) == size


def test_options_are_sizes() -> None:
    assert n_parameters("mlp", TABLE, {"widths": [4]}) == 8 * 4 + 5 * 2
    one = n_parameters("conv1d", SIGNALS, {"channels": 4, "kernels": [7]})
    assert one == 4 * 7 + 4 + (4 * 18 + 1) * 10


@pytest.mark.parametrize(
    ("name", "shape", "option", "values", "allowed"),
    [
        ("mlp", TABLE, "widths", [5, ["a"], [], [0], [True], "ab", None], "a list of at least one"),
        ("conv1d", SIGNALS, "channels", [0, "a", 2.0, True], "a whole number above 0"),
        ("conv1d", SIGNALS, "kernels", [[0], [], 3, [1.5]], "a list of at least one whole number"),
        ("transformer", TEXT, "width", [0, -4, "a", 2.5], "a whole number above 0"),
        ("transformer", TEXT, "depth", [0, "a", None], "a whole number above 0"),
        ("transformer", TEXT, "heads", [0, "a"], "a whole number above 0"),
        ("transformer", TEXT, "pooled", ["yes", 1, None], "true or false"),
        ("digits-vit", IMAGES, "heads", [0, "a"], "a whole number above 0"),
        ("digits-vit", IMAGES, "depth", [0], "a whole number above 0"),
        ("digits-vit", IMAGES, "channels", [0], "a whole number above 0"),
        ("digits-cnn", IMAGES, "width", [0, [4]], "a whole number above 0"),
        ("digits-resnet", IMAGES, "width", [0, "a"], "a whole number above 0"),
    ],
)
def test_options_of_another_kind_are_refused(
    name: str, shape: DataShape, option: str, values: list[Any], allowed: str
) -> None:
    for value in values:
        message = rf"{option} must be {allowed}.*, got {re.escape(repr(value))}$"
        with pytest.raises(ModelError, match=message):
            build_model(name, shape, 0, {option: value})


def test_a_transformer_sees_no_later_tokens() -> None:
    model = build_model("transformer", TEXT, 0).eval()
    x = torch.randint(9, (1, 6), generator=torch.Generator().manual_seed(0))
    before = model(x)
    for place in range(6):
        other = x.clone()
        other[0, place] = (x[0, place] + 1) % 9
        changed = (model(other) - before).abs().amax(dim=(0, 2)) > 1e-7
        assert changed.tolist() == [False] * place + [True] * (6 - place)


def test_a_pooled_transformer_answers_from_its_last_token() -> None:
    shape = TEXT._replace(targets="classes")
    model = build_model("transformer", shape, 0, {"pooled": True}).eval()
    x = torch.randint(9, (3, 6), generator=torch.Generator().manual_seed(0))
    plain = build_model("transformer", TEXT, 0).eval()
    assert torch.equal(model(x), plain(x)[:, -1])


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        (
            "conv1d",
            DataShape((1, 64, 64), 10),
            {},
            r"got \(1, 64, 64\): for arrays \(N, channels, samples\) say inputs: signals of the",
        ),
        ("conv1d", IMAGES, {}, r"conv1d takes signals \(channels, samples\), got \(3, 8, 8\)"),
        (
            "conv1d",
            TABLE,
            {},
            r"got \(7,\): for signals \(N, samples\) of one channel say inputs: s",
        ),
        ("conv1d", SIGNALS._replace(input_shape=(1, 2)), {}, "2 samples are too few for kernels"),
        ("mlp", TABLE, {"widths": []}, "at least one whole number above 0, got"),
        ("transformer", TEXT, {"width": 9, "heads": 2}, "a multiple of heads, got 9 and 2"),
        ("transformer", SIGNALS, {}, r"takes tokens \(n_tokens\), but the data are signals, 1 ch"),
        (
            "mlp",
            TEXT,
            {},
            "data are 6 tokens, of 9 different ones; if they are numbers, say inputs: features",
        ),
        ("digits-cnn", SIGNALS, {}, r"takes images \(image_shape\), but the data are signals, 1"),
        ("torchvision:resnet18", TABLE, {}, r"takes images \(image_shape\), but the data are 7 f"),
        (
            "timm:vit_tiny_patch16_224",
            TEXT,
            {},
            "takes images .*, but the data are 6 tokens, of 9 different ones",
        ),
        ("resnet-56", IMAGES._replace(targets="numbers"), {}, r"tells classes apart \(n_classes\)"),
        ("mlp", TABLE, {"n_tokens": 3}, "may not hold 'n_tokens'"),
    ],
)
def test_data_that_a_network_is_not_for_are_named(
    name: str, shape: DataShape, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_model(name, shape, 0, options)


# What builders are told


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What a function is given for data of a shape."""

    def ask(make: Callable[[dict[str, Any]], Any], shape: DataShape, **options: Any) -> Any:
        given: dict[str, Any] = {}
        module = types.ModuleType("my_builders")
        module.build = make(given)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "my_builders", module)
        build_model("my_builders:build", shape, 0, options)
        return given

    return ask


def new(given: dict[str, Any]) -> Any:
    def build(input_shape: Any, n_outputs: int) -> nn.Module:
        given.update(input_shape=input_shape, n_outputs=n_outputs)
        return nn.Identity()

    return build


def old(given: dict[str, Any]) -> Any:
    def build(image_shape: Any, n_classes: int) -> nn.Module:
        given.update(image_shape=image_shape, n_classes=n_classes)
        return nn.Identity()

    return build


def mixed(given: dict[str, Any]) -> Any:
    def build(input_shape: Any, n_classes: int, n_tokens: int = 0) -> nn.Module:
        given.update(input_shape=input_shape, n_classes=n_classes, n_tokens=n_tokens)
        return nn.Identity()

    return build


def tokens_alone(given: dict[str, Any]) -> Any:
    def build(input_shape: Any, n_outputs: int, n_tokens: int) -> nn.Module:
        given.update(input_shape=input_shape, n_outputs=n_outputs, n_tokens=n_tokens)
        return nn.Identity()

    return build


def anything(given: dict[str, Any]) -> Any:
    def build(**keywords: Any) -> nn.Module:
        given.update(keywords)
        return nn.Identity()

    return build


@pytest.mark.parametrize(
    ("make", "shape", "expected"),
    [
        (new, IMAGES, {"input_shape": (3, 8, 8), "n_outputs": 10}),
        (new, TABLE, {"input_shape": (7,), "n_outputs": 2}),
        (old, IMAGES, {"image_shape": (3, 8, 8), "n_classes": 10}),
        (mixed, SIGNALS, {"input_shape": (1, 40), "n_classes": 10, "n_tokens": 0}),
        (mixed, TEXT, {"input_shape": (6,), "n_classes": 5, "n_tokens": 9}),
        (tokens_alone, TEXT, {"input_shape": (6,), "n_outputs": 5, "n_tokens": 9}),
        (anything, IMAGES, {"image_shape": (3, 8, 8), "n_classes": 10}),
        (anything, TABLE, {"input_shape": (7,), "n_outputs": 2}),
        (anything, TEXT, {"input_shape": (6,), "n_outputs": 5, "n_tokens": 9}),
    ],
)
def test_builders_are_told_what_they_ask_for(
    told: Any, make: Any, shape: DataShape, expected: dict[str, Any]
) -> None:
    assert told(make, shape) == expected


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (old, SIGNALS, r"takes images \(image_shape\), but the data are signals"),
        (old, IMAGES._replace(targets="numbers"), r"tells classes apart \(n_classes\)"),
        (new, TEXT, "takes no n_tokens, but the data are 6 tokens, of 9 different ones"),
        (tokens_alone, SIGNALS, r"takes tokens \(n_tokens\), but the data are signals"),
    ],
)
def test_builders_that_are_not_for_the_data_are_named(
    told: Any, make: Any, shape: DataShape, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        told(make, shape)
