"""Trainings, spectra and costs of networks that call plain functions are those with modules."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from networks_to_rehearse import Ghost
from plain_networks import (
    CLASSES,
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
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint
from training_tasks import task_of_network
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import Replace, Split, Task
from actsearch.data.arrays import split_arrays
from actsearch.data.dataset import DataShape
from actsearch.features.derivatives import keep_derivatives
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.fisher_parts import fisher_features
from actsearch.features.layers import calibrate_batch_norm
from actsearch.functions.activation import every_activation
from actsearch.functions.expressions import parse
from actsearch.functions.plain_calls import PlainCalls, find_plain_calls
from actsearch.functions.replacing import replace_activations
from actsearch.networks import building
from actsearch.networks.building import build_network
from actsearch.networks.by_name import ModelError, build_model
from actsearch.networks.cost import count_work
from actsearch.rehearsal.whole import rehearse
from actsearch.training.compilation import compiled, forget_compiled
from actsearch.training.distributed import group_of_one, replicate
from actsearch.training.trial import run_trial

DATA = DataShape((2, 6, 6), CLASSES)
SPLIT = Split(train=24, validation=16, test=16, seed=0)
RECIPE = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 2, "batch_size": 8}


@pytest.fixture
def task_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Task]:
    """A task whose network is made by the given function."""

    def task(network: Callable[[], nn.Module], **changes: Any) -> Task:
        changes["recipe"] = RECIPE | changes.get("recipe", {})
        return task_of_network(monkeypatch, network, **changes)

    return task


def dataset() -> Any:
    numbers = np.random.default_rng(0)
    n = SPLIT.train + SPLIT.validation + SPLIT.test
    arrays = {"x": numbers.normal(size=(n, 2, 6, 6)), "y": np.arange(n) % CLASSES}
    return split_arrays(arrays, SPLIT)


@pytest.mark.parametrize(
    ("act", "recipe"),
    [
        (functional.relu, {}),
        (lambda x: functional.relu(x, inplace=True), {}),
        (lambda x: x.relu(), {"precision": "bfloat16", "channels_last": True}),
    ],
)
def test_trials_and_spectra_are_those_with_modules(
    act: Any, recipe: dict[str, Any], task_of: Callable[..., Task]
) -> None:
    data, found = dataset(), []
    for build in (lambda: net(act), net_of_modules):
        task = task_of(build, recipe=recipe)
        trial, _ = run_trial(task, data, parse(FUNCTION))
        found.append((trial.pop("replaced"), trial, fisher_features(task, data, [parse(FUNCTION)])))
    (calls, one, spectra), (modules, other, expected) = found
    assert calls == ["blocks.0.relu()", "blocks.1.relu()", "relu()"]
    assert modules == ["act", "blocks.0.act", "blocks.1.act"]
    assert one == other and one["status"] == "completed"
    for key, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_array_equal(spectra[key], values)


class Recomputed(nn.Module):
    """A part of it is checkpointed, and the function in it is plain."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self.block = Block(2, 4, act)
        self.head = nn.Linear(4, CLASSES)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(lambda y: self.act(self.block(y)), x, use_reentrant=False)
        return self.head(x.mean((2, 3)))


def test_derivatives_are_kept_of_plain_calls_too() -> None:
    spectra = []
    for act in (functional.relu, nn.ReLU()):
        model = seeded(lambda act=act: Recomputed(act))  # type: ignore[misc]
        replace_activations(model, FUNCTION, plain=plain(model))
        kept = keep_derivatives(model)
        assert len(kept) == len(every_activation(model)) == (1 if isinstance(act, nn.Module) else 2)
        for handle in kept:
            handle.remove()
        calibrate_batch_norm(model, images(8))
        spectra.append(fisher_spectrum(model, images(8)))
    for one, other in zip(*spectra, strict=True):
        np.testing.assert_array_equal(one.gradient_eigenvalues, other.gradient_eigenvalues)
        np.testing.assert_array_equal(one.input_eigenvalues, other.input_eigenvalues)
        assert one.gradient_eigenvalues.any()


class Mixed(nn.Module):
    """A plain call, a module beside it, and one in a block."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block(2, 4, nn.ReLU())
        self.conv = nn.Conv2d(4, CLASSES, 1)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.conv(self.act(self.block(x)))).mean((2, 3))


@pytest.mark.parametrize("what", ["activations", "network"])
def test_both_ways_of_compiling_give_the_same(what: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_compiled()
    compile_with = torch.compile
    monkeypatch.setattr(torch, "compile", functools.partial(compile_with, backend="aot_eager"))
    for build in (Mixed, lambda: net(functional.relu), lambda: net(lambda x: x.relu_())):
        model = seeded(build)
        replace_activations(model, FUNCTION, plain=plain(model))
        fast, names = copy.deepcopy(model), list(model.state_dict())
        for n in (3, 3, 2):
            with compiled(fast, what) as called:
                assert list(fast.state_dict()) == names
                pair = results(called, images(n)), results(model, images(n))
            torch.testing.assert_close(*pair)
        assert_equal(fast, model)
        copy.deepcopy(fast)
    forget_compiled()


@pytest.mark.slow
def test_kernels_are_made_for_plain_calls_too() -> None:
    model = seeded(Mixed)
    replace_activations(model, FUNCTION, plain=plain(model))
    fast = copy.deepcopy(model)
    with compiled(fast, "activations") as called:
        torch.testing.assert_close(results(called, images()), results(model, images()))
    forget_compiled()


def test_one_of_several_processes_trains_alike() -> None:
    model, alone = (net(functional.relu) for _ in range(2))
    for network in (model, alone):
        replace_activations(network, FUNCTION, plain=plain(network))
    with group_of_one():
        torch.testing.assert_close(results(replicate(model), images()), results(alone, images()))


def test_costs_count_plain_calls(task_of: Callable[..., Task]) -> None:
    works = [
        count_work(task_of(build), DATA) for build in (lambda: net(functional.relu), net_of_modules)
    ]
    assert works[0].activation_values == works[1].activation_values > 0


@pytest.mark.parametrize("recipe", [{}, {"compile": "network"}])
def test_a_rehearsal_passes(recipe: dict[str, Any], task_of: Callable[..., Task]) -> None:
    for act in (functional.relu, lambda x: functional.relu(x, inplace=True)):
        found = rehearse(task_of(lambda act=act: net(act), recipe=recipe), DATA, SPLIT)  # type: ignore[misc]
        assert found.network.replaced == ["blocks.0.relu()", "blocks.1.relu()", "relu()"]
        assert found.network.idle == []
        assert found.fisher is not None and found.fisher.tells_apart


# What is found


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of images that networks are looked at with."""
    seen: list[int] = []

    def look(model: nn.Module, x: Tensor) -> PlainCalls:
        seen.append(len(x))
        return find_plain_calls(model, x)

    monkeypatch.setattr(building, "find_plain_calls", look)
    monkeypatch.setattr(building, "_found", {})
    return seen


def test_a_process_looks_once(task_of: Callable[..., Task], looks: list[int]) -> None:
    task = task_of(lambda: net(functional.relu))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    for name in ("tanh(x)", "relu(x)"):
        model, replaced = build_network(task, DATA, parse(name), 0)
        assert replaced == ["blocks.0.relu()", "blocks.1.relu()", "relu()"]
        assert [repr(module) for module in every_activation(model)] == [f"Activation({name})"] * 3
        assert not any(norm.num_batches_tracked for norm in model.modules() if _is_norm(norm))
    assert looks == [2]
    assert torch.equal(torch.get_rng_state(), before)
    build_network(task, DATA, parse("tanh(x)"), 1)
    assert looks == [2, 2]
    _, replaced = build_network(task_of(net_of_modules), DATA, parse("tanh(x)"), 1)
    assert looks == [2, 2, 2]
    assert replaced == ["act", "blocks.0.act", "blocks.1.act"]
    for seed in range(2, 30):
        build_network(task, DATA, parse("tanh(x)"), seed)
    assert len(building._found) == building._KEPT


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d)


def test_a_network_that_takes_no_two_images_is_looked_at_with_a_batch(
    task_of: Callable[..., Task], looks: list[int]
) -> None:
    def build() -> nn.Module:
        def halves(x: Tensor) -> Any:
            assert len(x) >= 4, "four or more"
            return x.chunk(2)

        return Ghost(lambda x: halves(x.relu()))

    task = task_of(build, replace=Replace(types=("ReLU",)))
    _, replaced = build_network(task, DataShape((3, 8, 8), CLASSES), parse("tanh(x)"), 0)
    assert looks == [2, 8]
    assert "relu()" in replaced


def test_a_choice_of_the_task_holds_for_plain_calls(task_of: Callable[..., Task]) -> None:
    task = task_of(lambda: net(functional.relu), replace=Replace(names=("blocks.*",)))
    _, replaced = build_network(task, DATA, parse("tanh(x)"), 0)
    assert replaced == ["blocks.0.relu()", "blocks.1.relu()"]


class Left(TorchDispatchMode):
    """Notes what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("name", "side", "options", "places", "calls"),
    [
        ("googlenet", 32, {"init_weights": False, "aux_logits": False}, 57, 57),
        ("inception_v3", 75, {"init_weights": False, "aux_logits": False}, 94, 94),
        ("densenet121", 32, {"block_config": [2, 1], "growth_rate": 4, "bn_size": 2}, None, 1),
    ],
)
def test_networks_of_torchvision_are_complete(
    name: str, side: int, options: dict[str, Any], places: int | None, calls: int
) -> None:
    shape = (3, side, side)
    if name == "densenet121":  # the builder gives its own sizes
        from torchvision.models import DenseNet

        model: nn.Module = DenseNet(num_init_features=8, num_classes=CLASSES, **options)
        places = 1 + 2 * 3 + 1 + 1  # after the stem, two a layer, in the transition; at the end
    else:
        model = build_model(f"torchvision:{name}", DataShape(shape, CLASSES), 0, options)
    found = find_plain_calls(model, torch.randn(2, *shape))
    replaced = replace_activations(model, "tanh(x)", plain=found)
    assert len(replaced) == places
    assert sum(place.endswith("relu()") for place in replaced) == calls
    assert all(p.startswith("torchvision/models/") for call in found.calls for p in call.places)
    for training in (True, False):
        with Left() as left:
            model.train(training)(torch.randn(2, *shape))
        assert "tanh" in left.found
        assert not left.found & {"relu", "relu_", "threshold", "clamp_min", "clamp_min_"}


LAB = '''"""A network."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(4, classes)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = x * torch.sigmoid(x)
        return self.head(x.relu().mean((2, 3)))


def build(image_shape, n_classes):
    return Net(n_classes)
'''


def test_the_command_says_where_plain_functions_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain_lab_of_the_command.py").write_text(LAB)
    task = {
        "data": "digits",
        "model": "plain_lab_of_the_command:build",
        "recipe": RECIPE | {"batch_size": 60},
    }
    split = {"train": 130, "validation": 60, "test": 60}
    config = {
        "data": {"digits": {"source": "digits", "split": split}},
        "spaces": {},
        "tasks": {"net": task},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    load_commands()
    done = CliRunner().invoke(app, ["check", "--task", "net"])
    assert done.exit_code == 0, done.exception
    lines = done.stdout.splitlines()
    start = lines.index("  Replaced  1: relu()")
    assert lines[start + 1 : start + 5] == [
        "            a call of relu (plain_lab_of_the_command.py, line 14)",
        "            a call of relu (plain_lab_of_the_command.py, line 16)",
        "  Stays     1: sigmoid()",
        "            a call of sigmoid (plain_lab_of_the_command.py, line 15)",
    ]


def test_nothing_at_all_to_replace_is_refused(task_of: Callable[..., Task]) -> None:
    class Clamped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(2, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.clamp(min=0).mean((2, 3)))

    with pytest.raises(ValueError, match=r"no activation was replaced.*torch\.clamp cannot"):
        rehearse(task_of(Clamped), DATA, SPLIT)

    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.relu(x[:, 9])

    with pytest.raises(ValueError, match=r"it fails, so that plain functions .*IndexError"):
        rehearse(task_of(Failing), DATA, SPLIT)

    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.relu(x)[:, 9]

    with pytest.raises(
        ModelError, match="cannot take the data's images, 2 channels of 6 x 6 pixels, in"
    ):
        rehearse(task_of(Wrong), DATA, SPLIT)
