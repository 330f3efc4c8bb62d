"""Plain calls that are replaced compute what modules in their place would, however they are run."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import warnings
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from plain_networks import (
    FUNCTION,
    Block,
    assert_equal,
    images,
    net,
    net_of_modules,
    plain,
    results,
    seeded,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils import checkpoint

from actsearch.functions.activation import Activation, every_activation
from actsearch.functions.recomputation import recomputation
from actsearch.functions.replacing import replace_activations


def replaced(model: nn.Module, function: str = FUNCTION, **chosen: Any) -> nn.Module:
    x = chosen.pop("x", None)
    replace_activations(model, function, plain=plain(model, x), **chosen)
    return model


@pytest.fixture
def expected() -> nn.Module:
    """The network that has modules."""
    model = net_of_modules()
    replace_activations(model, FUNCTION)
    return model


@pytest.mark.parametrize(
    "act",
    [
        functional.relu,
        torch.relu,
        lambda x: x.relu(),
        lambda x: torch.relu(input=x),
        lambda x: functional.relu(x, inplace=True),
        lambda x: functional.relu(x, True),
        torch.relu_,
        lambda x: x.relu_(),
        torch.tanh,
        lambda x: x.tanh(),
        lambda x: functional.gelu(x, approximate="tanh"),
        lambda x: functional.hardtanh(x, -2, 2),
        lambda x: functional.leaky_relu(x, 0.2, inplace=True),
        lambda x: functional.rrelu(x, training=True),
        lambda x: functional.prelu(x, torch.tensor(0.2)),
        functional.logsigmoid,
    ],
)
def test_outputs_and_gradients_are_those_of_modules(
    act: Callable[[Tensor], Tensor], expected: nn.Module
) -> None:
    model = replaced(net(act))
    assert_equal(model, expected)
    assert list(model.state_dict()) == list(expected.state_dict())
    with torch.no_grad():
        assert torch.equal(model.eval()(images()), expected.eval()(images()))


class Statement(nn.Module):
    """Does not use what is returned."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        view = y[:, :1]
        functional.relu(y, inplace=True)
        return y + view


@pytest.mark.parametrize("grad", [True, False])
def test_in_place_the_argument_changes_and_gradients_are_right(grad: bool) -> None:
    model = replaced(Statement())
    x = images().requires_grad_(grad)
    with nullcontext() if grad else torch.no_grad():
        y = model(x)
    function = Activation(FUNCTION)(x * 2)
    wanted = function + function[:, :1]
    torch.testing.assert_close(y, wanted, rtol=0, atol=0)
    if grad:
        gradients = [torch.autograd.grad(out.sum(), x)[0] for out in (y, wanted)]
        torch.testing.assert_close(*gradients)


class Both(nn.Module):
    """Calls a function, and modules that would call it too."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = nn.ModuleList([nn.ReLU(), nn.Sequential(nn.ReLU())])
        self.odd = Block(2, 2, nn.ReLU())
        self.held = [nn.ReLU()]  # no child

    def forward(self, x: Tensor) -> Tensor:
        for module in self.listed:
            x = module(x - 0.5)
        with torch.device("cpu"):  # a mode of torch's own
            x = self.odd(x) + torch.zeros(1)
        x = self.odd.act.forward(x - 0.5)
        return functional.relu(x - 0.1)


def test_what_other_modules_call_is_left_to_them() -> None:
    model = Both()
    found = plain(model)
    assert [call.names for call in found.calls] == [["relu()"]]
    same = copy.deepcopy(model)
    ends = Activation("negative(x)")
    assert replace_activations(model, "negative(x)", names=["relu()"], plain=found) == ["relu()"]
    inner: list[Tensor] = []

    class Watching(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is functional.relu:
                inner.append(args[0])
            return func(*args, **(kwargs or {}))

    with Watching():
        y = same(images())
        known, inner = inner, []
        z = model(images())
        assert len(_get_current_function_mode_stack()) == 1
    assert (len(known), len(inner)) == (5, 4)
    assert all(map(torch.equal, known, inner))
    assert torch.equal(y, functional.relu(known[-1]))
    assert torch.equal(z, ends(known[-1]))


def test_replaced_modules_are_not_replaced_once_more() -> None:
    """The function itself calls relu, as a module beneath and as what the call goes to."""
    both = "add(relu(x),relu(negative(x)))"
    model = replaced(net(functional.relu), both)
    other = net_of_modules()
    replace_activations(other, both)
    assert_equal(model, other)
    mixed = Both()
    before = mixed(images())
    replace_activations(mixed, "relu(x)", plain=plain(mixed))
    assert len(every_activation(mixed)) == 4
    torch.testing.assert_close(mixed(images()), before)


class Walking(nn.Sequential):
    """Goes through its children, and calls a function after each."""

    def forward(self, x: Tensor) -> Tensor:
        for module in self.children():
            x = functional.elu(module(x))
        return x


def test_a_network_that_goes_through_its_children_meets_no_other() -> None:
    model = seeded(lambda: Walking(nn.Linear(6, 6), nn.Linear(6, 5)))
    one, other = model
    replaced(model, "tanh(x)")
    x = images()
    assert torch.equal(model(x), other(one(x).tanh()).tanh())
    assert len(model) == 2


def test_copies_are_independent_and_run(expected: nn.Module) -> None:
    model = replaced(net(functional.relu))
    copied = copy.deepcopy(model)
    unpickled = pickle.loads(pickle.dumps(model))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    for other in (copied, unpickled, loaded):
        assert_equal(other, expected)
        assert not {*map(id, every_activation(other))} & {*map(id, every_activation(model))}
    replace_activations(copied, "tanh(x)")
    nn.init.zeros_(copied.head.weight)
    assert_equal(model, expected)
    model.load_state_dict(copied.state_dict())


def test_a_network_is_freed_with_its_last_reference() -> None:
    model = replaced(net(functional.relu))
    alive = weakref.ref(model.blocks[0])
    model(images())
    gc.disable()
    try:
        del model
        assert alive() is None
    finally:
        gc.enable()


def test_a_network_can_be_given_another_function() -> None:
    model = replaced(net(lambda x: functional.relu(nn.functional.silu(x))))
    names = replace_activations(model, "tanh(x)")
    assert names == [
        "blocks.0.relu()", "blocks.0.silu()", "blocks.1.relu()", "blocks.1.silu()", "relu()",
        "silu()",
    ]  # fmt: skip
    assert_equal(model, replaced(net(lambda x: x.tanh().tanh()), "tanh(x)"))
    assert all(repr(module) == "Activation(tanh(x))" for module in every_activation(model))
    ends = "sub(x,relu(x))"  # calls what is sent elsewhere
    mixed, once = seeded(Both), seeded(Both)
    replace_activations(mixed, "sigmoid(x)", plain=plain(mixed))
    replace_activations(mixed, ends, types=["Activation"])
    replace_activations(once, ends, plain=plain(once))
    assert_equal(mixed, once)


class Rarely(nn.Module):
    """Calls a child of its own, and one in a list, for five images alone."""

    def __init__(self) -> None:
        super().__init__()
        self.child = nn.ReLU()
        self.listed = nn.ModuleList([nn.ModuleList([nn.ReLU()])])

    def forward(self, x: Tensor) -> Tensor:
        if len(x) == 5:
            x = self.listed[0][0](self.child(x) - 1)
        return torch.relu(x - 1)


def test_modules_that_no_pass_met_are_left_alone_too() -> None:
    model = Rarely()
    replace_activations(model, "tanh(x)", names=["relu()"], plain=plain(model))
    x = images(5)
    inner = torch.relu(torch.relu(x) - 1)
    assert torch.equal(model(x), torch.tanh(inner - 1))


# Transformers


def layers(activation: Any, **further: Any) -> nn.Module:
    kind = further.pop("kind", nn.TransformerEncoderLayer)
    return seeded(lambda: kind(4, 2, 8, dropout=0.0, activation=activation, **further))


@pytest.mark.parametrize("activation", ["relu", "gelu", functional.relu, torch.tanh])
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_transformer_layer_has_no_fused_path(activation: Any, norm_first: bool) -> None:
    x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    further = {"batch_first": True, "norm_first": norm_first}
    model = replaced(layers(activation, **further), "negative(x)", x=x)
    module = layers(nn.ReLU(), **further)
    replace_activations(module, "negative(x)")
    assert_equal(model, module, x)
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            assert torch.equal(model.eval()(x), module.eval()(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # says that the fused path is not taken
        stack = nn.TransformerEncoder(layers(activation, **further), 2)
    replaced(stack, "negative(x)", x=x)
    with torch.no_grad():
        mask = torch.zeros(3, 5).bool()
        torch.testing.assert_close(stack.eval()(x, src_key_padding_mask=mask), stack.train()(x))


def test_a_decoder_layer_calls_too() -> None:
    class Decoder(nn.Module):
        def __init__(self, activation: Any) -> None:
            super().__init__()
            self.layer = layers(activation, kind=nn.TransformerDecoderLayer)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x, x.flip(0))

    x = torch.randn(3, 5, 4)
    module = Decoder(nn.ReLU())
    replace_activations(module, FUNCTION)
    model = replaced(Decoder("relu"), x=x)
    assert_equal(model, module, x)


# How it is run


class Recomputing(nn.Module):
    """A network part of which is run again in the backward pass, by one way or another."""

    def __init__(self, reentrant: bool, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(2, 4, act), Block(4, 4, act)])
        self.inner = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.GELU()])
        self.act = act
        self.reentrant = reentrant

    def part(self, x: Tensor) -> Tensor:
        return self.inner[1](self.act(self.inner[0](x)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks[0](x)
        x = checkpoint.checkpoint(self.blocks[1], x, use_reentrant=self.reentrant)
        x = checkpoint.checkpoint(lambda y: self.act(self.part(y)), x, use_reentrant=self.reentrant)
        return self.act(x).mean((2, 3))


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_is_recomputed_is_replaced_again(reentrant: bool) -> None:
    before = recomputation()
    model = replaced(seeded(lambda: Recomputing(reentrant, functional.relu)), names=["*relu()"])
    module = seeded(lambda: Recomputing(reentrant, nn.ReLU()))
    replace_activations(module, FUNCTION, types=["ReLU"])
    assert_equal(model, module)
    assert recomputation() == before and not _get_current_function_mode_stack()
    kept = seeded(lambda: Recomputing(reentrant, functional.relu))
    replace_activations(kept, FUNCTION, names=["blocks.*"], plain=plain(kept))
    module = seeded(lambda: Recomputing(reentrant, nn.ReLU()))
    replace_activations(module, FUNCTION, names=["blocks.*"])
    assert_equal(kept, module)
    assert recomputation() == before


def test_an_error_leaves_no_mode_behind() -> None:
    def act(x: Tensor) -> Tensor:
        if len(x) > 3:
            raise KeyboardInterrupt
        return torch.relu(x)

    model, before = replaced(net(act)), recomputation()
    with pytest.raises(KeyboardInterrupt):
        model(images(4))
    assert recomputation() == before and not _get_current_function_mode_stack()


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize(
    "act", [functional.relu, lambda x: x.relu_(), lambda x: functional.gelu(x) + x.tanh()]
)
def test_the_compiler_captures_a_network_whole(act: Any, backend: str) -> None:
    torch.compiler.reset()
    model = replaced(net(act))
    compiled = torch.compile(copy.deepcopy(model), backend=backend, fullgraph=True)
    torch.testing.assert_close(results(compiled, images()), results(model, images()))
    torch.compiler.reset()


def test_what_is_recomputed_is_replaced_in_compiled_networks() -> None:
    torch.compiler.reset()
    model = replaced(seeded(lambda: Recomputing(False, functional.relu)))
    compiled = torch.compile(copy.deepcopy(model), backend="aot_eager")
    expected = results(model, images())
    torch.testing.assert_close(results(compiled, images()), expected)
    torch.compiler.reset()


def test_export_captures_it() -> None:
    model = replaced(net(functional.relu)).eval()
    exported = torch.export.export(model, (images(),))
    assert not any("relu" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(images()), model(images()))


def test_functional_transforms_go_through(expected: nn.Module) -> None:
    def gradients(model: nn.Module) -> Any:
        model.eval()

        def loss(weights: Any, x: Tensor) -> Tensor:
            return torch.func.functional_call(model, weights, (x[None],)).square().sum()

        weights = dict(model.named_parameters())
        return torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, images())

    for act in (functional.relu, lambda x: x.relu_()):
        model = replaced(net(act))
        torch.testing.assert_close(gradients(model), gradients(expected), rtol=0, atol=0)


def test_half_precision_and_layout_are_those_of_modules(expected: nn.Module) -> None:
    model = replaced(net(functional.relu))
    for network in (model, expected):
        network.to(memory_format=torch.channels_last)
    x = images().contiguous(memory_format=torch.channels_last)
    layouts = []
    for activation in (model.blocks[0].forward.modules["relu"], expected.blocks[0].act):
        activation.register_forward_hook(lambda m, a, y: layouts.append((y.dtype, y.stride())))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_equal(model, expected, x)
    assert layouts[0] == layouts[1]
