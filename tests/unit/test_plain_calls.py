"""Which plain functions a network is found to call, and which of them are chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from plain_networks import Block, Net, images, net, plain, seeded
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from actsearch.functions.known import CALLABLES, FUNCTIONS, GATES, ORDINARY
from actsearch.functions.plain_calls import find_plain_calls
from actsearch.functions.replacing import replace_activations


class Calling(nn.Module):
    """A linear layer and a function of its output."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.plain = act
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(self.linear(x))


X = torch.linspace(-1, 1, 8).view(2, 4)


def names(model: nn.Module, x: Tensor = X) -> list[str]:
    return [name for call in find_plain_calls(model, x).calls for name in call.names]


def test_every_function_has_the_class_that_does_the_same() -> None:
    assert set(FUNCTIONS.values()) <= ORDINARY | GATES
    needs: dict[str, Any] = {"prelu": {"weight": torch.tensor(0.3)}}
    settings: dict[str, Any] = {
        **{name: {"dim": 1} for name in ("softmax", "log_softmax", "softmin")},
        "prelu": {"init": 0.3},
    }
    for name, kind in FUNCTIONS.items():
        function = getattr(functional, name)
        given = needs.get(name, settings.get(name, {}))
        module = getattr(nn, kind)(**settings.get(name, {})).eval()
        torch.testing.assert_close(function(X, **given), module(X), rtol=0, atol=0)
        assert names(Calling(lambda x, f=function, g=given: f(x, **g))) == [f"{name}()"]  # type: ignore[misc]


def test_all_spellings_are_known() -> None:
    spelled = {
        "relu": [functional.relu, torch.relu, Tensor.relu, torch.relu_, Tensor.relu_],
        "tanh": [functional.tanh, torch.tanh, Tensor.tanh, torch.tanh_, Tensor.tanh_],
        "elu": [functional.elu, functional.elu_],
        "sigmoid": [torch.sigmoid, Tensor.sigmoid, Tensor.sigmoid_],
    }
    for name, functions in spelled.items():
        assert all(CALLABLES[function].name == name for function in functions)
    assert CALLABLES[torch.relu_].in_place and not CALLABLES[torch.relu].in_place


@pytest.mark.parametrize(
    "act",
    [
        lambda x: torch.tanh(x > 0) * x,
        lambda x: x * (x * 5).int().relu(),
        lambda x: torch.tanh(x.detach(), out=torch.empty(2, 4)) + x,
        lambda x: torch.clamp(x, min=0),
        lambda x: torch.maximum(x, torch.zeros(())),
        lambda x: torch.complex(x, x).tanh().abs(),
    ],
)
def test_masks_and_other_functions_are_no_activations(act: Any) -> None:
    assert names(Calling(act)) == []


def test_parameters_are_not_activated() -> None:
    model = Calling(lambda x: x * functional.softplus(model.scale))
    assert names(model) == []

    class Positive(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return torch.tanh(weight)

    model = Calling(torch.relu)
    for _ in range(2):  # the second is given what the first returns
        parametrize.register_parametrization(model.linear, "weight", Positive())
    assert names(model) == ["relu()"]


def test_a_call_belongs_to_the_module_that_is_running() -> None:
    found = plain(net(functional.relu))
    assert [call.names for call in found.calls] == [
        ["relu()"], ["blocks.0.relu()"], ["blocks.1.relu()"],
    ]  # fmt: skip
    assert [sum(call.places.values()) for call in found.calls] == [1, 1, 2]
    (place,) = found.calls[1].places
    assert place.startswith("tests/unit/plain_networks.py, line ") or "/plain_networks.py" in place
    assert "blocks.0.conv" in found.beneath and "head" in found.beneath
    assert not found.failure


def test_all_names_of_a_shared_module_are_told() -> None:
    block = Block(2, 2, torch.relu)
    model = nn.Sequential(block, nn.Sequential(block))
    assert names(model, images()) == ["0.relu()", "1.0.relu()"]


def test_a_forward_that_is_called_without_its_module_counts_for_it() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Calling(torch.relu)

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(self.inner.forward(x))

    assert names(Outer()) == ["tanh()", "inner.relu()"]


def test_what_an_activation_module_calls_is_part_of_it() -> None:
    class HardSigmoid(nn.Module):  # as in timm
        def forward(self, x: Tensor) -> Tensor:
            return functional.relu6(x + 3) / 6

    assert names(nn.Sequential(HardSigmoid(), nn.Mish(), nn.ELU(), nn.Tanh())) == []


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.relu(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def test_where_one_call_has_its_own_gradient_all_of_the_module_stay() -> None:
    for number, act in enumerate((Straight.apply, lambda x: Straight.apply(x).relu()), start=1):
        found = find_plain_calls(Calling(act), X)
        assert not found.calls
        assert [place[: place.index("(")] for place in found.fixed] == ["relu "] * number


def test_calls_of_one_mode_alone_are_found() -> None:
    model = Calling(lambda x: x.relu() if model.training else x.tanh())
    assert names(model) == ["relu()", "tanh()"]
    model.eval()
    assert names(model) == ["relu()", "tanh()"] and not model.training


def test_the_network_is_left_as_it_was() -> None:
    model = net(functional.relu)
    model.blocks[0].eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    before = torch.get_rng_state()
    plain(model)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.blocks] == [False, True]
    assert not any("forward" in vars(module) for module in model.modules())


def test_what_a_failing_pass_met_counts() -> None:
    def act(x: Tensor) -> Tensor:
        y = torch.relu(x)
        if len(y) == 2:
            raise RuntimeError("two are too few")
        return y

    found = find_plain_calls(Calling(act), X)
    assert [call.names for call in found.calls] == [["relu()"]]
    assert found.failure.startswith("RuntimeError: two are too few (")
    assert not find_plain_calls(Calling(act), torch.cat([X, X])).failure


def test_functions_that_a_network_has_compiled_are_looked_into() -> None:
    helper = torch.compile(lambda x: torch.relu(x) + 1, backend="eager", fullgraph=True)
    model = Calling(helper)
    found = find_plain_calls(model, X)
    assert [call.names for call in found.calls] == [["relu()"]]
    replace_activations(model, "negative(x)", plain=found)
    torch.testing.assert_close(model(X), 1 - model.linear(X))
    torch.compiler.reset()


# What is chosen


class Chosen(nn.Module):
    """Both kinds, of ordinary ones and gates."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Calling(torch.relu), Calling(torch.sigmoid)])
        self.act = nn.ReLU()
        self.last = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = self.act(block(x))
        return self.last(functional.silu(x))


@pytest.mark.parametrize(
    ("types", "patterns", "replaced"),
    [
        ([], [], ["act", "blocks.0.relu()", "last", "silu()"]),
        (["ReLU"], [], ["act", "blocks.0.relu()"]),
        (["Sigmoid"], [], ["blocks.1.sigmoid()"]),
        (["SiLU", "GELU"], [], ["last", "silu()"]),
        ([], ["blocks.*"], ["blocks.0.relu()", "blocks.1.sigmoid()"]),
        ([], ["*relu()"], ["blocks.0.relu()"]),
        ([], ["silu()"], ["silu()"]),
        ([], ["act"], ["act"]),
        ([], ["blocks.0", "*.sigmoid()"], ["blocks.0", "blocks.1.sigmoid()"]),
        (["SiLU"], ["last"], ["last", "silu()"]),
        ([], ["blocks.0", "blocks.*"], ["blocks.0", "blocks.1.sigmoid()"]),
    ],
)
def test_types_and_names_choose_plain_calls_too(
    types: list[str], patterns: list[str], replaced: list[str]
) -> None:
    model = Chosen()
    assert (
        replace_activations(model, "tanh(x)", types, patterns, find_plain_calls(model, X))
        == replaced
    )


def test_a_shared_module_is_chosen_by_any_of_its_names() -> None:
    block = Block(2, 2, torch.relu)
    model = nn.Sequential(block, nn.Sequential(block))
    found = plain(model)
    assert replace_activations(model, "tanh(x)", names=["1.*"], plain=found) == [
        "0.relu()", "1.0.relu()",
    ]  # fmt: skip


def test_what_is_not_met_is_an_error_that_lists_plain_calls() -> None:
    model = Chosen()
    found = find_plain_calls(model, X)
    message = r"type 'Mish'; the network has act \(ReLU\), last \(GELU\), silu\(\) \(SiLU\), blocks"
    with pytest.raises(ValueError, match=message):
        replace_activations(model, "tanh(x)", types=["Mish"], plain=found)
    assert not any("forward" in vars(module) for module in model.modules())
    with pytest.raises(ValueError, match=r"torch\.relu\) is replaced too, given plain=find_plain"):
        replace_activations(Calling(torch.relu), "tanh(x)")
    nothing = Calling(lambda x: x.clamp(min=0))
    with pytest.raises(ValueError, match=r"calls none .* in torch\.clamp cannot be replaced"):
        replace_activations(nothing, "tanh(x)", plain=find_plain_calls(nothing, X))


def test_a_network_without_plain_calls_is_not_touched() -> None:
    model = seeded(lambda: Net(nn.ReLU))
    found = plain(model)
    assert not found.calls and not found.beneath
    replace_activations(model, "tanh(x)", plain=found)
    assert not any("forward" in vars(module) for module in model.modules())


class Scaled(nn.Module):
    """A scale that is kept positive: of a parameter, or of what is computed from it."""

    def __init__(self, computed: bool) -> None:
        super().__init__()
        self.raw, self.computed = nn.Parameter(torch.ones(1)), computed

    def forward(self, x: Tensor) -> Tensor:
        return x * functional.softplus(self.raw * 1.0 if self.computed else self.raw)


def test_what_is_computed_from_a_parameter_is_no_parameter() -> None:
    """The documents say so."""
    assert names(Scaled(False)) == []
    assert names(Scaled(True)) == ["softplus()"]
