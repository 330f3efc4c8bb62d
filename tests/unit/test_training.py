"""Trials: every seed of a function on a task."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training_tasks import NETWORKS, task

from actsearch.config import Benchmark, Data, Final, Replace, Split
from actsearch.data.dataset import Dataset, Part
from actsearch.data.examples import Examples
from actsearch.data.loading import load_dataset
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.training import trial
from actsearch.training.fitting import fit
from actsearch.training.trial import run_final_trial, run_trial


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
        "score",
        "status",
        "replaced",
        "parameters",
        "examples",
        "runs",
        "train_score",
        "validation_score",
        "train_loss",
        "validation_loss",
    }
    assert content["function"] == "max(relu(x),tanh(x))"
    assert content["slug"] == "max.relu.x.tanh.x"
    assert (content["status"], content["score"]) == ("completed", "accuracy")
    assert content["examples"] == {"train": 120, "validation": 100}
    assert len(content["replaced"]) == 7
    assert [run["seed"] for run in content["runs"]] == [0, 1, 2]
    assert all(run["epochs"] == 2 for run in content["runs"])
    for key in ("train_score", "validation_score", "train_loss", "validation_loss"):
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
    assert content["validation_score"] == content["train_score"] == 0.1
    assert content["validation_loss"] is content["train_loss"] is None
    for run in content["runs"]:
        assert run["status"] == "diverged"
        assert run["epochs"] == 0
        assert run["validation_score"] == 0.1
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
    assert content["runs"][0]["train_score"] == 0.1


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
    assert content["validation_score"] == pytest.approx((kept["validation_score"] + 0.1) / 2)
    assert content["validation_loss"] == kept["validation_loss"]


def test_the_test_part_is_touched_only_when_asked_for(digits: Dataset) -> None:
    sealed = Sealed(digits.examples, digits.rows, digits.shape)
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
    assert set(run) == {"seed", "status", "epochs", "test_score", "test_loss"}
    assert content["test_score"] == np.median([r["test_score"] for r in content["runs"]])
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


def test_finalists_are_fitted_on_training_data_alone_where_that_is_said(digits: Dataset) -> None:
    settings = task().model_copy(update={"final": Final(seeds=(7, 8), fit_on="train")})
    content, _ = run_final_trial(settings, digits, parse("tanh(x)"))
    # Validation examples are new to them, so how far seeds part there is told.
    measured: dict[str, Any] = {"fit_on": ("train",), "evaluate_on": ("validation", "test")}
    alone, _ = run_trial(settings, digits, parse("tanh(x)"), seeds=(7, 8), **measured)
    assert content == alone


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
        assert run_trial(settings, dataset, parse(function))[0]["validation_score"] > 0.8


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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("model", NETWORKS)
def test_a_gpu_repeats_itself_and_is_close_to_the_cpu(model: str, digits: Dataset) -> None:
    expression = parse("mul(sigmoid(x),erf(x))")
    first, _ = run_trial(task(model), digits, expression, device="cuda")
    again, _ = run_trial(task(model), digits, expression, device="cuda")
    on_cpu, _ = run_trial(task(model), digits, expression, device="cpu")
    assert first == again
    assert first["validation_score"] == pytest.approx(on_cpu["validation_score"], abs=0.1)
