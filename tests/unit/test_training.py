from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from actsearch.config import Benchmark, Data, Final, Recipe, Replace, Split, Task
from actsearch.data.dataset import Dataset, Part
from actsearch.data.examples import Examples, MemoryExamples
from actsearch.data.loading import load_dataset
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.training import trial
from actsearch.training.fitting import _optimizer, evaluate, fit
from actsearch.training.trial import run_final_trial, run_trial

NETWORKS = ("digits-cnn", "digits-resnet", "digits-vit")


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "epochs": 2,
        "batch_size": 50,
    }
    return Recipe(**(values | changes))


def task(model: str = "digits-resnet", *, seeds: tuple[int, ...] = (0,), **changes: Any) -> Task:
    return Task(data="digits", model=model, recipe=recipe(**changes), seeds=seeds)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    split = Split(train=120, validation=100, test=100)
    return load_dataset(Data(source="digits", split=split))


class Sealed(Dataset):
    """A data set that notes every part it is asked for."""

    def parts(self, names: Sequence[Part]) -> Examples:
        if "test" in names:
            raise AssertionError("the test part was touched")
        return super().parts(names)


def toy(n: int = 64) -> tuple[nn.Module, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 1, 2, 2, generator=generator)
    y = (x.sum(dim=(1, 2, 3)) > 0).long()
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-0.1, 0.1, 8).view(2, 4))
        layer.bias.zero_()
    return nn.Sequential(nn.Flatten(), layer), x, y


@pytest.mark.parametrize("model", NETWORKS)
def test_the_same_trial_gives_the_same_bits(model: str, digits: Dataset) -> None:
    expression = parse("mul(sigmoid(x),erf(x))")
    torch.manual_seed(1)
    first, seconds = run_trial(task(model, seeds=(3, 4)), digits, expression)
    torch.manual_seed(2)
    again, _ = run_trial(task(model, seeds=(3, 4)), digits, expression)
    assert json.dumps(first) == json.dumps(again)
    assert first["runs"][0] != first["runs"][1] | {"seed": 3}
    assert seconds > 0


def test_a_run_does_not_hang_on_the_seeds_beside_it(digits: Dataset) -> None:
    together, _ = run_trial(task(seeds=(0, 1)), digits, parse("tanh(x)"))
    alone, _ = run_trial(task(seeds=(0, 1)), digits, parse("tanh(x)"), seeds=(1,))
    assert alone["runs"] == together["runs"][1:]


def test_a_trial_has_the_promised_content(digits: Dataset) -> None:
    content, _ = run_trial(task(seeds=(0, 1, 2)), digits, parse("max(relu(x),tanh(x))"))
    assert set(content) == {
        "function",
        "slug",
        "status",
        "replaced",
        "parameters",
        "examples",
        "runs",
        "train_accuracy",
        "validation_accuracy",
        "train_loss",
        "validation_loss",
    }
    assert content["function"] == "max(relu(x),tanh(x))"
    assert content["slug"] == "max.relu.x.tanh.x"
    assert content["status"] == "completed"
    assert content["examples"] == {"train": 120, "validation": 100}
    assert len(content["replaced"]) == 7
    assert [run["seed"] for run in content["runs"]] == [0, 1, 2]
    assert all(run["epochs"] == 2 for run in content["runs"])
    for key in ("train_accuracy", "validation_accuracy", "train_loss", "validation_loss"):
        assert content[key] == np.median([run[key] for run in content["runs"]])
    network, _ = build_network(task(), digits, parse("relu(x)"), 0)
    assert content["parameters"] == sum(p.numel() for p in network.parameters())
    assert json.loads(json.dumps(content, allow_nan=False)) == content


@pytest.mark.parametrize("function", ["exp(exp(exp(x)))", "div(x,zero(x))"])
def test_a_function_that_explodes_is_recorded_and_not_raised(
    function: str, digits: Dataset
) -> None:
    content, _ = run_trial(task("digits-cnn", seeds=(0, 1)), digits, parse(function))
    assert content["status"] == "diverged"
    assert content["validation_accuracy"] == content["train_accuracy"] == 0.1
    assert content["validation_loss"] is content["train_loss"] is None
    for run in content["runs"]:
        assert run["status"] == "diverged"
        assert run["epochs"] == 0
        assert run["validation_accuracy"] == 0.1
        assert run["validation_loss"] is None


def test_a_network_that_breaks_at_evaluation_alone_has_diverged(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit_and_break(model: nn.Module, *arguments: Any, **options: Any) -> int:
        with torch.no_grad():
            next(model.parameters()).fill_(math.inf)
        return 2

    monkeypatch.setattr(trial, "fit", fit_and_break)
    content, _ = run_trial(task(), digits, parse("tanh(x)"))
    assert content["status"] == "diverged"
    assert content["runs"][0]["epochs"] == 2
    assert content["runs"][0]["train_accuracy"] == 0.1


def test_a_diverged_run_counts_as_chance_among_others(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_fit = fit

    def fit_unless_seed_1(*arguments: Any, seed: int, **options: Any) -> int:
        return 0 if seed == 1 else true_fit(*arguments, seed=seed, **options)

    monkeypatch.setattr(trial, "fit", fit_unless_seed_1)
    content, _ = run_trial(task(seeds=(0, 1)), digits, parse("tanh(x)"))
    kept = content["runs"][0]
    assert content["status"] == "partial"
    assert content["validation_accuracy"] == pytest.approx((kept["validation_accuracy"] + 0.1) / 2)
    assert content["validation_loss"] == kept["validation_loss"]


def test_the_test_part_is_touched_only_when_asked_for(digits: Dataset) -> None:
    sealed = Sealed(digits.examples, digits.rows, digits.n_classes)
    run_trial(task(), sealed, parse("tanh(x)"))
    run_trial(task(), sealed, parse("tanh(x)"), fit_on=("train", "validation"))
    with pytest.raises(AssertionError, match="test part"):
        run_trial(task(), sealed, parse("tanh(x)"), evaluate_on=("test",))


def test_final_trials_fit_on_both_parts_with_their_seeds_and_report_the_test_part(
    digits: Dataset,
) -> None:
    final = {"benchmark": Benchmark(space="s"), "final": Final(seeds=(7, 8))}
    settings = task().model_copy(update=final)
    content, _ = run_final_trial(settings, digits, parse("tanh(x)"))
    assert content["examples"] == {"test": 100}
    assert [run["seed"] for run in content["runs"]] == [7, 8]
    run = content["runs"][0]
    assert set(run) == {"seed", "status", "epochs", "test_accuracy", "test_loss"}
    assert content["test_accuracy"] == np.median([r["test_accuracy"] for r in content["runs"]])
    alone, _ = run_trial(
        settings,
        digits,
        parse("tanh(x)"),
        seeds=(7,),
        fit_on=("train", "validation"),
        evaluate_on=("test",),
    )
    assert alone["runs"] == [run]
    narrow, _ = run_trial(settings, digits, parse("tanh(x)"), seeds=(7,), evaluate_on=("test",))
    assert narrow["runs"][0]["test_loss"] != run["test_loss"]
    with pytest.raises(ValueError, match="no section 'final'"):
        run_final_trial(task(), digits, parse("tanh(x)"))


def test_functions_of_other_tasks_are_fitted_on_training_data_and_validated_too(
    digits: Dataset,
) -> None:
    final = {"final": Final(seeds=(7, 8), candidates_from=("other",))}
    settings = task().model_copy(update=final)
    content, _ = run_final_trial(settings, digits, parse("tanh(x)"))
    assert set(content["examples"]) == {"validation", "test"}
    alone, _ = run_trial(
        settings, digits, parse("tanh(x)"), seeds=(7, 8), evaluate_on=("validation", "test")
    )
    assert content == alone


@pytest.mark.parametrize("model", NETWORKS)
def test_every_function_starts_from_the_same_weights(model: str, digits: Dataset) -> None:
    one, _ = build_network(task(model), digits, parse("relu(x)"), 5)
    two, _ = build_network(task(model), digits, parse("mul(sigmoid(x),erf(x))"), 5)
    other, _ = build_network(task(model), digits, parse("relu(x)"), 6)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_the_function_is_in_the_network(digits: Dataset) -> None:
    first, _ = run_trial(task(), digits, parse("relu(x)"))
    second, _ = run_trial(task(), digits, parse("tanh(x)"))
    assert first["runs"] != second["runs"]


def test_replacing_nothing_is_an_error(digits: Dataset) -> None:
    empty = task().model_copy(update={"replace": Replace(types=("Hardswish",))})
    with pytest.raises(ValueError, match="no activation was replaced"):
        run_trial(empty, digits, parse("tanh(x)"))


@pytest.mark.slow
@pytest.mark.parametrize("model", NETWORKS)
def test_networks_learn(model: str) -> None:
    split = Split(train=600, validation=400, test=100)
    dataset = load_dataset(Data(source="digits", split=split))
    settings = task(model, epochs=15, gradient_clip=1.0)
    for function in ("relu(x)", "tanh(x)", "swish(x)"):
        assert run_trial(settings, dataset, parse(function))[0]["validation_accuracy"] > 0.8


def test_denormals_are_flushed_while_it_trains(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def look(*arguments: Any, **options: Any) -> int:
        seen.append(torch.tensor(1e-40).mul(0.5).item())
        return 0

    monkeypatch.setattr(trial, "fit", look)
    run_trial(task(), digits, parse("tanh(x)"))
    assert seen == [0.0]


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
    assert fit(model, settings, MemoryExamples(x, y), seed=0) == 3

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
    fit(model, settings, MemoryExamples(x, y), seed=0)

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


def test_biases_norms_and_positions_are_not_decayed(digits: Dataset) -> None:
    for name in NETWORKS:
        model, _ = build_network(task(name), digits, parse("tanh(x)"), 0)
        optimizer = _optimizer(model, recipe(weight_decay=0.3))
        decayed = {
            id(p)
            for group in optimizer.param_groups
            if group["weight_decay"]
            for p in group["params"]
        }
        layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        assert decayed == {id(layer.weight) for layer in layers}
        listed = sum(len(group["params"]) for group in optimizer.param_groups)
        assert listed == len(list(model.parameters()))


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
    fit(model, settings, MemoryExamples(x, y), seed=0)
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
        fit(Spy(), recipe(epochs=2, batch_size=4), MemoryExamples(x, y), seed=seed)
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
        fit(nn.Sequential(model, nn.Dropout(0.5)), recipe(), MemoryExamples(x, y), seed=0)
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
    assert fit(Bomb(), recipe(epochs=9, batch_size=16), MemoryExamples(x, y), seed=0) == 1
    assert calls == 6


def test_evaluation_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, log_loss

    model, x, y = toy(600)  # more than two batches, the last one short
    accuracy, loss = evaluate(model, MemoryExamples(x, y))
    with torch.no_grad():
        logits = model(x).double()
    assert accuracy == accuracy_score(y, logits.argmax(dim=1))
    assert loss == pytest.approx(log_loss(y, torch.softmax(logits, dim=1)))


def test_evaluation_leaves_batch_statistics_alone(digits: Dataset) -> None:
    model, _ = build_network(task(), digits, parse("tanh(x)"), 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, digits.part("validation"))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_single_output_that_is_not_finite_makes_the_loss_nan(value: float) -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logits = torch.zeros(len(x), 3)
            logits[0, 2] = value
            return logits

    _, loss = evaluate(Constant(), MemoryExamples(torch.zeros(5, 1, 1, 1), torch.zeros(5).long()))
    assert math.isnan(loss)


def test_huge_but_finite_outputs_have_a_finite_loss() -> None:
    class Huge(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([[-3e38, 3e38]]).expand(len(x), 2)

    _, loss = evaluate(Huge(), MemoryExamples(torch.zeros(9, 1, 1, 1), torch.zeros(9).long()))
    assert loss == pytest.approx(6e38)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("model", NETWORKS)
def test_a_gpu_repeats_itself_and_is_close_to_the_cpu(model: str, digits: Dataset) -> None:
    expression = parse("mul(sigmoid(x),erf(x))")
    first, _ = run_trial(task(model), digits, expression, device="cuda")
    again, _ = run_trial(task(model), digits, expression, device="cuda")
    on_cpu, _ = run_trial(task(model), digits, expression, device="cpu")
    assert first == again
    assert first["validation_accuracy"] == pytest.approx(on_cpu["validation_accuracy"], abs=0.1)
