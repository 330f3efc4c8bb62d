"""The training loop and the evaluation, step by step."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from training_tasks import NETWORKS, recipe, task, toy

from actsearch.config import Data, Split
from actsearch.data.dataset import Dataset
from actsearch.data.examples import MemoryExamples
from actsearch.data.loading import load_dataset
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.training.fitting import _optimizer, evaluate, fit
from actsearch.training.outcomes import Classes

CLASSES = Classes(10)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    split = Split(train=120, validation=100, test=100)
    return load_dataset(Data(source="digits", split=split))


def test_sgd_agrees_with_the_update_written_out() -> None:
    model, x, y = toy()
    weights = [p.detach().clone().double() for p in model.parameters()]
    settings = recipe(
        optimizer="sgd",
        learning_rate=0.3,
        epochs=3,
        batch_size=64,
        momentum=0.8,
        weight_decay=0.1,
        schedule="constant",
        label_smoothing=0.2,
    )
    assert fit(model, settings, MemoryExamples(x, y), CLASSES, seed=0) == 3

    velocity = [torch.zeros_like(w) for w in weights]
    targets = 0.8 * functional.one_hot(y, 2).double() + 0.1
    flat = x.double().flatten(1)
    for _ in range(3):
        error = (torch.softmax(flat @ weights[0].T + weights[1], dim=1) - targets) / len(x)
        gradients = [error.T @ flat + 0.1 * weights[0], error.sum(dim=0)]  # no decay of the bias
        for w, v, g in zip(weights, velocity, gradients, strict=True):
            v.mul_(0.8).add_(g)
            w.sub_(0.3 * (g + 0.8 * v))
    for parameter, expected in zip(model.parameters(), weights, strict=True):
        torch.testing.assert_close(parameter.double(), expected, atol=1e-5, rtol=0)


def test_adamw_agrees_with_the_update_written_out() -> None:
    model, x, y = toy()
    weights = [p.detach().clone().double() for p in model.parameters()]
    settings = recipe(
        learning_rate=0.05, epochs=3, batch_size=64, weight_decay=0.5, schedule="constant"
    )
    fit(model, settings, MemoryExamples(x, y), CLASSES, seed=0)

    first = [torch.zeros_like(w) for w in weights]
    second = [torch.zeros_like(w) for w in weights]
    flat, targets = x.double().flatten(1), functional.one_hot(y, 2).double()
    for step in (1, 2, 3):
        error = (torch.softmax(flat @ weights[0].T + weights[1], dim=1) - targets) / len(x)
        gradients = (error.T @ flat, error.sum(dim=0))
        weights[0] *= 1 - 0.05 * 0.5
        for w, m, s, g in zip(weights, first, second, gradients, strict=True):
            m.mul_(0.9).add_(0.1 * g)
            s.mul_(0.999).add_(0.001 * g**2)
            w.sub_(0.05 * (m / (1 - 0.9**step)) / ((s / (1 - 0.999**step)).sqrt() + 1e-8))
    for parameter, expected in zip(model.parameters(), weights, strict=True):
        torch.testing.assert_close(parameter.double(), expected, atol=1e-5, rtol=0)


def test_what_has_two_axes_is_decayed_whatever_its_name(digits: Dataset) -> None:
    for name in NETWORKS:
        model, _ = build_network(task(name), digits, parse("tanh(x)"), 0)
        optimizer = _optimizer(model, recipe(weight_decay=0.3))
        decayed = {
            id(p)
            for group in optimizer.param_groups
            if group["weight_decay"]
            for p in group["params"]
        }
        layers = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)}
        further = {id(p) for name, p in model.named_parameters() if name == "position"}
        assert decayed == layers | further
        listed = sum(len(group["params"]) for group in optimizer.param_groups)
        assert listed == len(list(model.parameters()))


def test_weights_of_other_names_are_decayed_too() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.ones(4, 3, 3, 3))
            self.normed = parametrizations.weight_norm(nn.Linear(4, 4))
            self.memory = nn.LSTM(4, 4)
            self.scale = nn.Parameter(torch.ones(4))

    model = Own()
    decayed, plain = _optimizer(model, recipe(weight_decay=0.3)).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)] for p in plain["params"]} == {
        "scale",
        "normed.bias",
        "memory.bias_ih_l0",
        "memory.bias_hh_l0",
    }
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)


def test_the_gradient_norm_is_clipped() -> None:
    model, x, y = toy()
    before = [p.detach().clone() for p in model.parameters()]
    settings = recipe(
        optimizer="sgd",
        momentum=0.0,
        learning_rate=1.0,
        epochs=1,
        batch_size=64,
        schedule="constant",
        gradient_clip=1e-3,
    )
    fit(model, settings, MemoryExamples(x, y), CLASSES, seed=0)
    steps = [p - b for p, b in zip(model.parameters(), before, strict=True)]
    assert torch.cat([s.flatten() for s in steps]).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_every_example_is_seen_once_an_epoch_in_an_order_of_its_own() -> None:
    seen: list[Tensor] = []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 2)

        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.flatten())
            out: Tensor = self.layer(x.flatten(1))
            return out

    x = torch.arange(10.0).view(10, 1, 1, 1)
    y = torch.zeros(10, dtype=torch.int64)
    orders: dict[int, list[float]] = {}
    for seed in (0, 1, 0):
        seen.clear()
        fit(Spy(), recipe(epochs=2, batch_size=4), MemoryExamples(x, y), CLASSES, seed=seed)
        assert [len(batch) for batch in seen] == [4, 4, 2, 4, 4, 2]
        flat = torch.cat(seen)
        assert sorted(flat[:10].tolist()) == sorted(flat[10:].tolist()) == x.flatten().tolist()
        assert flat[:10].tolist() != flat[10:].tolist()
        assert orders.setdefault(seed, flat.tolist()) == flat.tolist()
    assert orders[0] != orders[1]


def test_dropout_follows_the_seed_of_the_run() -> None:
    results = []
    for noise in (11, 12):
        torch.manual_seed(noise)
        model, x, y = toy()
        fit(nn.Sequential(model, nn.Dropout(0.5)), recipe(), MemoryExamples(x, y), CLASSES, seed=0)
        results.append([p.detach().clone() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_training_stops_at_the_first_loss_that_is_not_finite() -> None:
    calls = 0

    class Bomb(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            out: Tensor = self.layer(x.flatten(1))
            return out * math.nan if calls == 6 else out

    _, x, y = toy(64)
    assert fit(Bomb(), recipe(epochs=9, batch_size=16), MemoryExamples(x, y), CLASSES, seed=0) == 1
    assert calls == 6


def test_evaluation_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, log_loss

    model, x, y = toy(600)  # more than two batches, the last one short
    accuracy, loss, _ = evaluate(model, MemoryExamples(x, y), CLASSES)
    with torch.no_grad():
        logits = model(x).double()
    assert accuracy == accuracy_score(y, logits.argmax(dim=1))
    assert loss == pytest.approx(log_loss(y, torch.softmax(logits, dim=1)))


def test_evaluation_leaves_batch_statistics_alone(digits: Dataset) -> None:
    model, _ = build_network(task(), digits, parse("tanh(x)"), 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, digits.part("validation"), CLASSES)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_single_output_that_is_not_finite_makes_the_loss_nan(value: float) -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logits = torch.zeros(len(x), 3)
            logits[0, 2] = value
            return logits

    _, loss, _ = evaluate(
        Constant(), MemoryExamples(torch.zeros(5, 1, 1, 1), torch.zeros(5).long()), CLASSES
    )
    assert math.isnan(loss)


def test_huge_but_finite_outputs_have_a_finite_loss() -> None:
    class Huge(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([[-3e38, 3e38]]).expand(len(x), 2)

    _, loss, _ = evaluate(
        Huge(), MemoryExamples(torch.zeros(9, 1, 1, 1), torch.zeros(9).long()), CLASSES
    )
    assert loss == pytest.approx(6e38)
