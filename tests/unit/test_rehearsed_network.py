"""What is said of a user's network and operators before anything is trained."""

from __future__ import annotations

import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import Recipe, Replace, Task
from actsearch.data.dataset import DataShape
from actsearch.functions import operators
from actsearch.functions.agreement import check_operator
from actsearch.functions.operators import Operator, OperatorError, get_operator, register
from actsearch.networks.by_name import ModelError
from actsearch.rehearsal.network import check_network
from actsearch.rehearsal.operators import check_operators

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # scripts are deprecated, and still about

    @torch.jit.script
    def scripted(x: Tensor) -> Tensor:
        return torch.tanh(x)


CLASSES = 4
DATA = DataShape((3, 8, 8), CLASSES)


class Net(nn.Module):
    """One convolution, an activation, the mean, a linear layer; subclasses go astray."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.act = nn.ReLU()
        self.gate = nn.Sigmoid()
        self.head = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Any:
        return self.end(self.act(self.conv(x)))

    def end(self, x: Tensor) -> Tensor:
        return self.head(self.gate(x).mean((2, 3)))


class Plain(Net):
    def forward(self, x: Tensor) -> Any:
        return self.end(functional.relu(self.conv(x)))


class Dropped(Net):
    def forward(self, x: Tensor) -> Any:
        functional.relu(self.conv(x))
        return self.end(self.conv(x))


class Inside(Net):
    """Activations where none can be replaced: a recurrent layer, an autograd function, a script."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.LSTM(8, 8, batch_first=True)

    def forward(self, x: Tensor) -> Any:
        x, _ = self.mix(self.act(self.conv(x)).flatten(2).mT)
        return self.head(Straight.apply(scripted(x)).mean(1))


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return functional.gelu(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class InPlace(Net):
    def forward(self, x: Tensor) -> Any:
        y = self.act(self.conv(x))
        y += 1
        return self.end(y)


class Pair(Net):
    def forward(self, x: Tensor) -> Any:
        return (super().forward(x), x) if self.training else super().forward(x)


class Frozen(Net):
    def forward(self, x: Tensor) -> Any:
        with torch.no_grad():
            return super().forward(x)


class Larger(Net):
    def forward(self, x: Tensor) -> Any:
        return self.head(self.act(x).flatten(1))


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Any:
        raise RuntimeError("no relu can be reached")


class Mixed(Net):
    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.GELU()

    def forward(self, x: Tensor) -> Any:
        return self.end(torch.tanh(functional.relu(self.act(self.conv(x)))))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Task]:
    """A task whose network is made by the given function."""

    def task(build: Any, **changes: Any) -> Task:
        module = types.ModuleType("lab")
        module.build = build  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "lab", module)
        recipe = Recipe(optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=8)
        return Task(data="any", model="lab:build", recipe=recipe, **changes)

    return task


def of(network: Callable[[], nn.Module]) -> Callable[..., nn.Module]:
    return lambda image_shape, n_classes: network()


def test_a_sound_network_is_described(model: Callable[..., Task]) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = check_network(model(of(Mixed)), DATA)
    assert found.replaced == ["act", "auxiliary", "relu()", "tanh()"]
    assert found.idle == ["auxiliary"]
    assert found.stays == {"gate": "Sigmoid"}
    assert [call.names for call in found.plain] == [["relu()"], ["tanh()"]]
    assert not found.hidden
    assert found.parameters == 3 * 8 * 9 + 8 + 8 * CLASSES + CLASSES
    assert torch.equal(torch.get_rng_state(), before)


def test_what_stays_is_what_was_not_asked_for(model: Callable[..., Task]) -> None:
    found = check_network(model(of(Net), replace=Replace(types=("Sigmoid",))), DATA)
    assert (found.replaced, found.stays) == (["gate"], {"act": "ReLU"})
    found = check_network(model(of(Mixed), replace=Replace(names=("act", "t*"))), DATA)
    assert (found.replaced, set(found.stays)) == (["act", "tanh()"], {"auxiliary", "gate"})


def test_a_module_may_be_idle_where_its_work_is_done_by_a_plain_function(
    model: Callable[..., Task],
) -> None:
    found = check_network(model(of(Plain)), DATA)
    assert (found.replaced, found.idle) == (["act", "relu()"], ["act"])


def test_what_cannot_be_replaced_is_told_with_its_place(model: Callable[..., Task]) -> None:
    found = check_network(model(of(Inside)), DATA)
    assert found.replaced == ["act"]
    assert found.stays == {"gate": "Sigmoid", "mix": "LSTM"}
    (straight, one), (script, other) = sorted(found.hidden.items())
    assert re.fullmatch(r"gelu \(.*test_rehearsed_network\.py, line \d+\)", straight)
    assert re.fullmatch(r"tanh \(.*test_rehearsed_network\.py, line \d+\)", script)
    assert (one, other) == (1, 1)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Dropped, r"uses no result of the activations that are replaced: act, relu\(\)"),
        (
            lambda: Net().requires_grad_(False),
            r"cannot be trained: RuntimeError: .*does not require grad",
        ),
        (
            InPlace,
            "cannot be trained: it changes the input or the output of an activation in place",
        ),
        (Pair, r"must return one tensor of logits, got tuple in training"),
        (Frozen, r"cannot be trained: RuntimeError: .*does not require grad"),
        (
            Larger,
            r"images, 3 channels of 8 x 8 .*, in training: .*: mat1 .*_network\.py, line \d+",
        ),
        (
            lambda: Net(10),
            r"logits \(N, 4\), a column for each of the data's 4 classes; for 2 .*\(2, 10\)",
        ),
        (nn.Flatten, r"no activation modules and calls none as a plain function .*torch\.nn\.ReLU"),
        (Broken, r"no activation modules; it fails, .*: RuntimeError: no relu.*, line \d+\)"),
    ],
)
def test_an_unsound_network_is_one_message(
    model: Callable[..., Task], network: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_network(model(of(network)), DATA)


def raises(image_shape: Any, n_classes: int) -> nn.Module:
    return nn.Linear(image_shape["channels"], n_classes)


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (lambda shape, classes: 0, {}, "lacks input_shape and n_outputs; it takes shape, "),
        (lambda image_shape: 0, {}, "lacks n_outputs; it takes image_shape"),
        (lambda: 0, {}, "it takes none"),
        (lambda image_shape, n_classes, depth: 0, {}, "needs depth besides"),
        (lambda image_shape, n_classes, *, w=1: 0, {"v": 2}, r"no option 'v'; allowed .*: w$"),
        (lambda image_shape, n_classes: 0, {"v": 2}, r"no option 'v'; allowed .*: none$"),
        (lambda **keywords: 0, {"n_classes": 2}, "may not hold 'n_classes'"),
        (lambda **keywords: 0, {"v": 2}, "must return a torch.nn.Module, got int"),
        (
            raises,
            {},
            r"\(3, 8, 8\), n_classes=4: TypeError: .*test_rehearsed_network\.py, line \d+",
        ),
        (3, {}, "no function 'build'; it has none"),
    ],
)
def test_a_function_that_builds_no_network_is_one_message(
    model: Callable[..., Task], build: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        check_network(model(build, model_options=options), DATA)


def test_options_reach_the_function(model: Callable[..., Task]) -> None:
    given: dict[str, Any] = {}

    def build(image_shape: Any, n_classes: int, depth: int, **further: Any) -> nn.Module:
        given.update(image_shape=image_shape, n_classes=n_classes, depth=depth, **further)
        return Net()

    check_network(model(build, model_options={"depth": 3, "kind": "a"}), DATA)
    assert given == {"image_shape": DATA.input_shape, "n_classes": CLASSES, "depth": 3, "kind": "a"}


# Operators


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    return


@pytest.mark.parametrize("name", sorted(operators._BUILT_IN))
def test_built_in_operators_pass_their_own_check(name: str) -> None:
    operators._refuse_broken(get_operator(name))
    check_operator(get_operator(name))


@pytest.mark.parametrize(
    ("arity", "numpy", "message"),
    [
        (2, lambda x: x, r"fails with 2 arrays of 5 numbers: TypeError: .* takes 1 positional"),
        (2, np.sin, "sin, takes 1 argument, not 2"),
        (None, np.add.reduce, r"fails with 2 arrays|must return an array"),
        (1, np.sum, r"it returned \(\) and float64"),
        (1, lambda x: x.astype(np.float64), r"\(5,\) and float32; it returned \(5,\) and float64"),
        (1, lambda x: x.missing, "AttributeError: .*'missing'"),
    ],
)
def test_a_numpy_side_that_fails_is_refused_at_once(arity: Any, numpy: Any, message: str) -> None:
    with pytest.raises(OperatorError, match=f"operator 'odd': the NumPy side.*{message}"):
        register(Operator("odd", arity, numpy=numpy, torch="torch.sin"))


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (
            torch.sin,
            r"sides differ on \d+ of 1000 samples; at 1.76405 NumPy gives -0.192055 and torch 0.98",
        ),
        (lambda x, y: x, r"torch side fails with 1 tensor: TypeError: .*'y'"),
        (lambda x: x.detach().cos(), "without a gradient"),
        (lambda x: x.cos().double(), r"torch\.float32; it returned \(1000,\) and torch.float64"),
        (lambda x: x.cos().mean(), r"it returned \(\) and torch.float64"),
        (lambda x: np.cos(x.detach().numpy()), "it returned ndarray"),
        ("torch.cosine", "there is no function 'torch.cosine'"),
    ],
)
def test_sides_that_do_not_agree_are_found(side: Any, message: str) -> None:
    register(Operator("odd", 1, numpy=np.cos, torch=side))
    with pytest.raises(OperatorError, match=f"operator 'odd': .*{message}"):
        check_operators()


def _stateful() -> Callable[[Tensor], Tensor]:
    calls: list[int] = []

    def function(x: Tensor) -> Tensor:
        calls.append(1)
        return x.cos() * len(calls)

    return function


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (lambda x: x.softmax(0), "among 1,000 numbers, and .* among 7"),
        (lambda x: x.softmax(-1), "among 7"),
        (lambda x: x.cos() - x.mean(), "among 7"),
        (lambda x: x.cumsum(-1), "in another order"),
        (lambda x: x.flip(0), "in another order"),
        (lambda x: x.sort()[0], "in another order"),
        (lambda x: x + x.roll(1, 0), "in another order"),
        (lambda x: x.cos() * torch.rand_like(x), "when it is called again"),
        (lambda x: nn.functional.dropout(x), "when it is called again"),
        (lambda x: nn.functional.rrelu(x, training=True), "when it is called again"),
        (_stateful(), "when it is called again"),
        (lambda x: x.cos() if x.dim() < 2 else x.cos().softmax(1), "in a matrix"),
        (lambda x: x.cos() if x.dim() < 4 else x.cos().amax(1, keepdim=True) + 0 * x, "images"),
        (lambda x: x.cos() if x.dim() < 4 else nn.functional.normalize(x), "in a batch of images"),
        (lambda x: x.cos() - x.mean() + x.mean().detach(), "gradient of a value lies in the arg"),
        (lambda x: x.view(-1).cos().view(x.shape), "fails with 1 tensor of 4 x 5 x 10 x 5 numbers"),
        (lambda x: x.cos() if len(x) > 1 else x, "alone"),
    ],
)
def test_what_is_not_elementwise_is_no_operator(side: Any, message: str) -> None:
    register(Operator("odd", 1, numpy=np.cos, torch=side))
    with pytest.raises(OperatorError, match=f"operator 'odd': the torch side .*{message}"):
        check_operators()


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (lambda x: np.cos(x) - x.mean(), "is not elementwise: .* among 7"),
        (lambda x: np.cumsum(x).reshape(x.shape).astype(x.dtype), "in another order"),
        (lambda x: np.sort(x), "in another order"),
        (lambda x: np.cos(x) if x.ndim == 1 else np.flip(np.cos(x)), "in a matrix"),
        (lambda x: np.cos(x, out=x), "changes the numbers that it is given"),
    ],
)
def test_the_numpy_side_is_elementwise_too(side: Any, message: str) -> None:
    register(Operator("odd", 1, numpy=side, torch="torch.cos"))
    with pytest.raises(OperatorError, match=f"operator 'odd': the NumPy side .*{message}"):
        check_operators()


def test_an_operator_of_two_arguments_is_elementwise_in_both() -> None:
    register(Operator("odd", 2, numpy=lambda x, y: x + y, torch=lambda x, y: x + y - y.mean()))
    with pytest.raises(OperatorError, match=r"the torch side is not elementwise: at 1.76405, "):
        check_operators()


def test_undefined_values_agree() -> None:
    register(Operator("root", 1, numpy=np.sqrt, torch="torch.sqrt"))
    register(Operator("mean", None, lambda *a: np.mean(a, axis=0), lambda *a: sum(a) / len(a)))
    assert check_operators() == ["root", "mean"]


# The command


def test_the_command_says_what_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 60}
    split = {"train": 130, "validation": 60, "test": 60}
    task = {"data": "digits", "recipe": recipe}
    config = {
        "data": {"digits": {"source": "digits", "split": split}},
        "spaces": {},
        "tasks": {
            "cnn": task | {"model": "digits-cnn", "model_options": {"width": 4}},
            "net": task | {"model": "digits-cnn", "model_options": {"breadth": 4}},
        },
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    load_commands()
    done = CliRunner().invoke(app, ["check", "--task", "cnn"])
    assert done.exit_code == 0
    assert (
        "Data      digits (digits): images, 1 channel of 8 x 8 pixels; 10 classes\n" in done.stdout
    )
    assert "Network   digits-cnn (width: 4): 1," in done.stdout
    assert "Replaced  6: layers.1, layers.11," in done.stdout
    assert "Stays     no other activation\n" in done.stdout
    done = CliRunner().invoke(app, ["check"])
    assert isinstance(done.exception, ModelError) and "task net\n" in done.stdout
    done = CliRunner().invoke(app, ["check", "--task", "nett"])
    assert "did you mean 'net'?" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
