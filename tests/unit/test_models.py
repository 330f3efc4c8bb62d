from __future__ import annotations

import importlib
import subprocess
import sys
import types
from typing import Any

import pytest
import torch
from torch import nn

from actsearch.config import BUILT_IN_MODELS
from actsearch.data.dataset import DataShape
from actsearch.functions.replacing import replace_activations
from actsearch.networks.by_name import ModelError, build_model
from actsearch.rehearsal.examples import made_up

SHAPE = (1, 8, 8)
DIGITS = DataShape(SHAPE, 10)
SHAPES = {
    "conv1d": DataShape((1, 40), 10, "signals"),
    "mlp": DataShape((7,), 2, "features", "numbers"),
    "transformer": DataShape((6,), 5, "tokens", "positions", 9),
}
"""Of data that networks are for; images where none stand here."""
OTHERS = {
    "conv1d": [DataShape((3, 29), 2, "signals", "numbers")],
    "mlp": [DataShape((3, 4, 5, 6), 3, "volumes"), DataShape((2, 9), 4, "signals")],
    "transformer": [DataShape((11,), 3, "tokens", "positions", 2)],
}


@pytest.fixture(params=sorted(BUILT_IN_MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shape(name: str) -> DataShape:
    return SHAPES.get(name, DIGITS)


def examples(shape: DataShape, n: int) -> torch.Tensor:
    return made_up(shape, n, torch.device("cpu")).inputs


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_outputs_have_the_shape_of_the_targets(name: str, shape: DataShape) -> None:
    images = [DataShape((channels, *size), 3) for channels, *size in [(3, 8, 8), (2, 12, 16)]]
    for data in (shape, *OTHERS.get(name, images)):
        model = build_model(name, data, seed=0)
        assert model(examples(data, 5)).shape == (5, *data.output_shape)


def test_a_seed_gives_the_same_weights_and_another_gives_others(
    name: str, shape: DataShape
) -> None:
    assert same(build_model(name, shape, 0), build_model(name, shape, 0))
    assert not same(build_model(name, shape, 0), build_model(name, shape, 1))


def test_the_global_generator_neither_matters_nor_moves(name: str, shape: DataShape) -> None:
    torch.manual_seed(123)
    one = build_model(name, shape, 0)
    torch.manual_seed(456)
    before = torch.get_rng_state()
    two = build_model(name, shape, 0)
    assert same(one, two)
    assert torch.equal(before, torch.get_rng_state())


def test_generators_of_gpus_are_not_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    def seed_all(seed: int) -> None:
        raise AssertionError("a GPU's generator was seeded")

    monkeypatch.setattr("torch.cuda.manual_seed_all", seed_all)
    build_model("digits-cnn", DataShape(SHAPE, 10), 0)


def test_a_built_in_network_imports_itself_alone() -> None:
    program = (
        "import sys; from actsearch.data.dataset import DataShape;"
        "from actsearch.networks.by_name import build_model;"
        "build_model('digits-vit', DataShape((1, 8, 8), 10), 0);"
        "print(*(m for m in sys.modules if m.startswith('actsearch.networks.models.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    own = {f"actsearch.networks.models.{name}" for name in ("attention", "digits_vit")}
    assert {*done.stdout.split()} == own, done.stderr


def test_weights_are_the_same_whatever_function_comes_in(name: str, shape: DataShape) -> None:
    plain = build_model(name, shape, 0)
    for function in ("tanh(x)", "mul(sigmoid(x),erf(x))", "exp(exp(x))"):
        changed = build_model(name, shape, 0)
        replace_activations(changed, function)
        assert same(plain, changed)


def test_the_function_reaches_every_activation_of_the_network(name: str, shape: DataShape) -> None:
    model = build_model(name, shape, 0)
    ordinary = [n for n, m in model.named_modules() if isinstance(m, nn.ReLU | nn.GELU)]
    expected = {
        "digits-cnn": 6,
        "digits-resnet": 7,
        "digits-vit": 2,
        "all-cnn-c": 9,
        "resnet-56": 55,
        "mlp": 2,
        "conv1d": 3,
        "transformer": 2,
    }[name]
    assert len(ordinary) == expected
    assert replace_activations(model, "tanh(x)") == sorted(ordinary)


def test_every_weight_with_a_kernel_stands_in_a_layer_that_hooks_see(
    name: str, shape: DataShape
) -> None:
    model = build_model(name, shape, 0)
    called: set[str] = set()
    kinds = nn.Linear | nn.Conv1d | nn.Conv2d
    layers = {n: m for n, m in model.named_modules() if isinstance(m, kinds)}
    for layer_name, layer in layers.items():
        layer.register_forward_hook(lambda *_, n=layer_name: called.add(n))
    model(examples(shape, 2))
    assert called == set(layers)
    kernels = {n.removesuffix(".weight") for n, p in model.named_parameters() if p.ndim > 1}
    assert kernels - {"position", "embed"} == set(layers) - {"position", "embed"}
    assert ("position" in kernels) == (name in ("digits-vit", "transformer"))


def test_the_cnn_averages_the_last_activation_into_the_logits() -> None:
    model = build_model("digits-cnn", DataShape(SHAPE, 10), 0)
    replace_activations(model, "sigmoid(x)")
    logits = model(100 * torch.randn(16, *SHAPE))
    assert logits.min() >= 0
    assert logits.max() <= 1
    assert not any(isinstance(m, nn.BatchNorm2d | nn.MaxPool2d) for m in model.modules())
    assert all(m.bias is not None for m in model.modules() if isinstance(m, nn.Conv2d))


def test_the_cnn_keeps_its_variance_with_a_rectifier() -> None:
    model = build_model("digits-cnn", DataShape((1, 8, 8), 10), 0)
    outputs = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *arguments: outputs.append(arguments[2]))
    model(torch.randn(256, 1, 8, 8))
    # Padding takes away some; a gain off by sqrt(2) a layer would lose or win a factor of 60.
    assert all(0.1 < output.square().mean() < 10 for output in outputs)


def test_the_resnet_shortcut_passes_the_input_through() -> None:
    from actsearch.networks.models.cifar_resnet import Block

    block = Block(4, 8, stride=2).eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(2, 4, 6, 6)
    out = block(x)
    assert torch.equal(out[:, :4], x[:, :, ::2, ::2])
    assert torch.equal(out[:, 4:], torch.zeros(2, 4, 3, 3))


def test_attention_agrees_with_the_frameworks_own() -> None:
    from actsearch.networks.models.attention import Attention

    own = Attention(12, 3)
    reference = nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(own.qkv.weight)
        reference.in_proj_bias.copy_(own.qkv.bias)
        reference.out_proj.weight.copy_(own.out.weight)
        reference.out_proj.bias.copy_(own.out.bias)
    x = torch.randn(4, 7, 12)
    torch.testing.assert_close(own(x), reference(x, x, x, need_weights=False)[0])
    own.causal = True
    mask = nn.Transformer.generate_square_subsequent_mask(7)
    masked = reference(x, x, x, need_weights=False, attn_mask=mask, is_causal=True)[0]
    torch.testing.assert_close(own(x), masked)


def test_vit_tokens_are_the_patches_in_reading_order() -> None:
    from actsearch.networks.models.digits_vit import DigitsViT

    model = DigitsViT((1, 4, 6), 3)
    model.blocks.register_forward_hook(lambda *arguments: seen.append(arguments[1][0]))
    seen: list[torch.Tensor] = []
    x = torch.zeros(1, 1, 4, 6)
    model(x)
    x[..., 0, 5] = 1.0  # a corner: the 3x3 convolution carries it no further than its own patch
    model(x)
    changed = (seen[0] != seen[1]).any(dim=2)
    assert changed[0].tolist() == [False, False, True, False, False, False]


def test_vit_names_a_size_that_has_no_whole_patches() -> None:
    with pytest.raises(ValueError, match=r"multiples of 2, got 7 x 8"):
        build_model("digits-vit", DataShape((1, 7, 8), 10), 0)


def test_an_unknown_name_gives_the_allowed_ones() -> None:
    with pytest.raises(ModelError, match=r"'resnet56'.*digits-cnn.*torchvision:NAME.*timm:NAME"):
        build_model("resnet56", DataShape(SHAPE, 10), 0)


def test_torchvision_networks_are_seeded() -> None:
    one = build_model("torchvision:resnet18", DataShape((3, 32, 32), 10), 0)
    assert same(one, build_model("torchvision:resnet18", DataShape((3, 32, 32), 10), 0))
    assert one.eval()(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_torchvision_errors_name_the_network() -> None:
    with pytest.raises(ModelError, match="torchvision:resnet17"):
        build_model("torchvision:resnet17", DataShape((3, 32, 32), 10), 0)
    with pytest.raises(ModelError, match=r"torchvision:resnet18.*3 channels.*have 1"):
        build_model("torchvision:resnet18", DataShape(SHAPE, 10), 0)


def test_a_timm_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"timm:vit.*needs the package timm"):
        build_model("timm:vit", DataShape(SHAPE, 10), 0)


@pytest.mark.parametrize("name", ["timm:mobilevitv2_050", "timm:vit_tiny_patch16_224"])
def test_timm_networks_are_seeded_and_fit_the_data(name: str) -> None:
    model = build_model(name, DataShape((2, 32, 48), 7), 0)
    assert same(model, build_model(name, DataShape((2, 32, 48), 7), 0))
    assert not same(model, build_model(name, DataShape((2, 32, 48), 7), 1))
    assert model.eval()(torch.randn(2, 2, 32, 48)).shape == (2, 7)


def test_timm_errors_name_the_network() -> None:
    with pytest.raises(ModelError, match=r"timm:mobilevitv2_051.*timm\.list_models"):
        build_model("timm:mobilevitv2_051", DataShape(SHAPE, 7), 0)


def test_a_function_builds_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(image_shape: tuple[int, int, int], n_classes: int) -> nn.Module:
        channels, height, width = image_shape
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, n_classes))

    module = types.ModuleType("my_networks")
    module.build = build  # type: ignore[attr-defined]
    module.nothing = lambda image_shape, n_classes: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_networks", module)
    assert importlib.import_module("my_networks") is module
    model = build_model("my_networks:build", DataShape(SHAPE, 10), 0)
    assert model(torch.randn(2, *SHAPE)).shape == (2, 10)
    with pytest.raises(ModelError, match=r"my_networks:nothing.*NoneType"):
        build_model("my_networks:nothing", DataShape(SHAPE, 10), 0)
    with pytest.raises(ModelError, match=r"my_networks:missing.*cannot be imported.*it has none"):
        build_model("my_networks:missing", DataShape(SHAPE, 10), 0)


@pytest.mark.parametrize(
    ("name", "options", "changed"),
    [
        ("digits-cnn", {"width": 8}, "layers.0"),
        ("torchvision:resnet18", {"zero_init_residual": True}, "layer1.0.bn2"),
        ("timm:vit_tiny_patch16_224", {"depth": 1, "patch_size": 8}, "patch_embed.proj"),
    ],
)
def test_options_reach_what_builds_the_network(
    name: str, options: dict[str, Any], changed: str
) -> None:
    plain = build_model(name, DataShape((3, 16, 16), 5), 0).get_submodule(changed)
    other = build_model(name, DataShape((3, 16, 16), 5), 0, options).get_submodule(changed)
    assert plain.weight.shape != other.weight.shape or not torch.equal(plain.weight, other.weight)


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("digits-vit", "dept", r"allowed in model_options: channels, width, depth, heads$"),
        ("resnet-56", "n_classes", "may not hold 'n_classes'"),
        (
            "torchvision:resnet18",
            "dept",
            r"allowed .*: zero_init_residual, groups, width_per_group",
        ),
        ("torchvision:resnet18", "weights", "may not hold 'weights'"),
        ("timm:mobilevitv2_050", "dept", r"allowed .*: global_pool, .*drop_rate"),
        ("timm:mobilevitv2_050", "pretrained", "may not hold 'pretrained'"),
    ],
)
def test_an_option_that_is_not_taken_is_named(name: str, option: str, message: str) -> None:
    with pytest.raises(ModelError, match=f"{name}.*'{option}'.*{message}|{name}.*{message}"):
        build_model(name, DataShape((3, 16, 16), 5), 0, {option: 1})


def test_an_option_with_a_bad_value_is_said_with_the_call() -> None:
    with pytest.raises(ModelError, match=r"6n \+ 2"):
        build_model("resnet-56", DataShape(SHAPE, 10), 0, {"depth": 57})
    with pytest.raises(ModelError, match=r"n_classes=10, width='four': ValueError: width must"):
        build_model("digits-cnn", DataShape(SHAPE, 10), 0, {"width": "four"})
