"""Numbers from arrays to trials: scaling, original units and scores, against scikit-learn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from training_tasks import recipe

from actsearch.config import Split, Task
from actsearch.config.data import Arrays, Data
from actsearch.data.arrays import shape_of, split_arrays
from actsearch.data.dataset import PARTS, Dataset
from actsearch.data.examples import together
from actsearch.data.loading import data_shape, load_dataset
from actsearch.data.sources.places import DataError
from actsearch.functions.expressions import parse
from actsearch.training import trial
from actsearch.training.trial import run_final_trial, run_trial

SPLIT = Split(train=80, validation=70, test=50, seed=1)
FUNCTION = parse("tanh(x)")


def regression() -> tuple[np.ndarray, np.ndarray]:
    """Two numbers of units far apart."""
    draw = np.random.default_rng(0)
    x = draw.normal(5, 2, (200, 3)) * [1, 100, 0.01]
    y = np.stack([np.sin(x[:, 0]) + x[:, 1], x[:, 0] * x[:, 2]], axis=1)
    return x, y * [1000.0, 0.01] + [7e5, 0]


def rows(dataset: Dataset, x: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of the source in each part: scaling keeps the order of the first number."""
    given = together(dataset.parts(PARTS))[0].flatten(1)[:, 0].numpy()
    first = x.reshape(len(x), -1)[:, 0]
    found = np.argsort(first)[np.argsort(np.argsort(given))]
    sizes = np.cumsum([getattr(SPLIT, part) for part in PARTS])[:-1]
    return dict(zip(PARTS, np.split(found, sizes), strict=True))


def task(**changes: Any) -> Task:
    values: dict[str, Any] = {"model_options": {"widths": [8]}, "seeds": (0, 1)}
    return Task(data="table", model="mlp", recipe=recipe(epochs=3), **(values | changes))


# Scaling


@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_every_feature_is_scaled_by_itself(dtype: Any) -> None:
    x = (np.random.default_rng(0).normal(3, 1, (200, 4)) * [1, 1e5, 1e3, 50]).astype(dtype)
    y = np.arange(200) % 2
    x[:, 0] = np.random.default_rng(1).permutation(200)
    x[:, 3] = 7
    dataset = split_arrays({"x": x, "y": y}, SPLIT, Arrays(inputs="features"))
    found = rows(dataset, x)
    scaler = StandardScaler().fit(x[found["train"]])
    for part in PARTS:
        own = together(dataset.part(part))[0]
        assert own.dtype == torch.float32
        expected = scaler.transform(x[found[part]])
        np.testing.assert_allclose(own.numpy(), expected, rtol=1e-5, atol=1e-6)
    [note] = dataset.notes
    assert note == "feature 4 of 4 is constant over the training part (7): it becomes 0"


@pytest.mark.parametrize("kind", ["floats", "bytes"])
def test_every_channel_of_signals_is_scaled_by_itself(kind: str) -> None:
    draw = np.random.default_rng(0)
    if kind == "bytes":
        x = draw.integers(0, 256, (200, 3, 40), dtype=np.uint8)
        x[:, 1] //= 50
    else:
        x = draw.normal(2, 1, (200, 3, 40)) * np.array([1, 100, 0.01])[:, None]
    dataset = split_arrays({"x": x, "y": np.arange(200) % 2}, SPLIT)
    assert dataset.shape.in_words == "signals, 3 channels of 40 samples"
    given = together(dataset.parts(PARTS))[0]
    train = given[: SPLIT.train].double()
    torch.testing.assert_close(train.mean(dim=(0, 2)), torch.zeros(3).double(), atol=1e-5, rtol=0)
    deviation = train.std(dim=(0, 2), correction=0)
    torch.testing.assert_close(deviation, torch.ones(3).double(), atol=1e-5, rtol=0)
    for channel in range(3):  # by straight lines, whose slope is above 0
        low, high = given[:, channel].min(), given[:, channel].max()
        ours = np.sort(((given[:, channel] - low) / (high - low)).numpy().ravel())
        raw = np.sort(x[:, channel].ravel().astype(float))
        np.testing.assert_allclose(ours, (raw - raw[0]) / (raw[-1] - raw[0]), atol=1e-5)


def test_tokens_stay_what_they_are() -> None:
    x = np.random.default_rng(0).integers(0, 9, (200, 6), dtype=np.uint16)
    dataset = split_arrays({"x": x, "y": x.astype(np.int64)}, SPLIT)
    given, targets = together(dataset.parts(PARTS))
    assert given.dtype == torch.int64 and torch.equal(given, targets)
    assert sorted(map(tuple, given.tolist())) == sorted(map(tuple, x.tolist()))
    assert (dataset.shape.n_tokens, dataset.shape.n_outputs) == (9, 9)
    assert dataset.shape.in_words == "6 tokens, of 9 different ones"


def test_numbers_are_standardised_by_the_training_part() -> None:
    x, y = regression()
    dataset = split_arrays({"x": x, "y": y}, SPLIT)
    found = rows(dataset, x)
    scaler = StandardScaler().fit(y[found["train"]])
    for part in PARTS:
        own = together(dataset.part(part))[1]
        assert own.dtype == torch.float32
        np.testing.assert_allclose(own.numpy(), scaler.transform(y[found[part]]), atol=1e-5)
    assert dataset.units is not None
    np.testing.assert_allclose(dataset.units.mean, scaler.mean_)
    np.testing.assert_allclose(dataset.units.deviation, scaler.scale_)
    column = split_arrays({"x": x, "y": y[:, 0]}, SPLIT)
    assert column.shape.targets_in_words == "1 number to predict" and column.shape.output_shape == (
        1,
    )
    assert torch.equal(column.part("test").targets[:, 0], dataset.part("test").targets[:, 0])


def test_numbers_that_are_learned_of_tokens_have_their_units() -> None:
    x = np.random.default_rng(0).integers(0, 9, (200, 5))
    found = split_arrays({"x": x, "y": 7.0 * x[:, 0] + 100}, SPLIT)
    assert found.shape.inputs == "tokens" and found.shape.targets == "numbers"
    assert found.units is not None and found.units.deviation[0] > 7


@pytest.mark.parametrize(("part", "rank"), [("train", 0), ("validation", 1), ("test", 2)])
def test_a_constant_number_is_refused(part: str, rank: int) -> None:
    x, y = regression()
    found = rows(split_arrays({"x": x, "y": y}, SPLIT), x)
    y[found[part], 1] = 3.5
    message = f"column 2 of 2 of the targets of the {part} part are all 3.5"
    with pytest.raises(DataError, match=message):
        split_arrays({"x": x, "y": y}, SPLIT)
    with pytest.raises(DataError, match=message):
        shape_of({"x": x, "y": y}, SPLIT)


def refused(message: str, **arrays: np.ndarray) -> None:
    """What a job refuses, and ``check``, without a warning of NumPy's."""
    for ask in (split_arrays, shape_of):
        with np.errstate(all="raise"), pytest.raises(DataError, match=message):
            ask(arrays, SPLIT)


@pytest.mark.parametrize("factor", [1e200, 1e304, 1e-200, 1e-320])
@pytest.mark.parametrize("some", [False, True])
def test_numbers_that_are_too_large_or_too_small_are_refused(factor: float, some: bool) -> None:
    x, y = regression()
    at = slice(2) if some else slice(None)
    large, high = x.copy(), y[:, :1] / y[:, :1].max()
    large[:, at] *= factor
    refused("feature 1 of 3 has mean .* allowed are deviations of 1e-100 to 1e", x=large, y=y)
    refused("the targets of the train part have mean .* allowed are dev", x=x, y=high * factor)


def test_numbers_that_differ_by_rounding_alone_are_constant() -> None:
    x, y = regression()
    y[:, 1] = 1e9 + 1e-7 * np.arange(200)
    refused("column 2 of 2 of the targets of the test part are all 1e.09 but for round", x=x, y=y)


@pytest.mark.parametrize("part", PARTS[1:])
def test_numbers_far_from_those_of_training_are_refused(part: str) -> None:
    x, y = regression()
    found = rows(split_arrays({"x": x, "y": y}, SPLIT), x)
    far = y.copy()
    far[:, 0] *= 1e-30
    far[found[part][0], 0] = 1e12
    message = f"targets of the {part} part lie up to .* allowed are 1e.18"
    refused(f"column 1 of 2 of the {message}", x=x, y=far)
    x[found[part][0], 1] = -1e300
    refused(f"feature 2 of 3 of the {part} part lies up to .* allowed are 1e.18", x=x, y=y)


@pytest.mark.parametrize("factor", [1e-60, 1e60])
def test_numbers_of_any_usable_unit_are_scaled(factor: float) -> None:
    x, y = regression()
    plain, other = (split_arrays({"x": x * f, "y": y * f}, SPLIT) for f in (1, factor))
    for found, expected in zip(
        together(other.parts(PARTS)), together(plain.parts(PARTS)), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("same", [0.0, 1.0])
def test_what_a_job_would_refuse_is_refused_where_the_shape_alone_is_asked(
    same: float, tmp_path: Path
) -> None:
    x, y = regression()
    path = tmp_path / "table.npz"
    data = Data(source=f"npz:{path}", split=SPLIT)
    np.savez(path, x=x, y=y)
    assert data_shape(data) == load_dataset(data).shape
    np.savez(path, x=same * np.ones_like(x), y=y)
    for ask in (data_shape, load_dataset):
        with pytest.raises(DataError, match="the training part is constant"):
            ask(data)


# Trials


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What networks predict, standardised, in the order that they are measured."""
    seen: list[np.ndarray] = []

    def note(model: nn.Module, examples: Any, *further: Any) -> Any:
        with torch.no_grad():
            seen.append(model.eval()(together(examples)[0]).double().numpy())
        return evaluate(model, examples, *further)

    evaluate = trial.evaluate
    monkeypatch.setattr(trial, "evaluate", note)
    return seen


def test_a_trial_gives_scores_and_errors_in_original_units(predicted: list[np.ndarray]) -> None:
    x, y = regression()
    dataset = split_arrays({"x": x, "y": y}, SPLIT)
    found = rows(dataset, x)
    content, _ = run_trial(task(), dataset, FUNCTION)
    assert (content["score"], content["status"]) == ("R2", "completed")
    train = y[found["train"]]
    outputs = iter(predicted)
    for run in content["runs"]:
        for part in ("train", "validation"):
            own = y[found[part]]
            guess = next(outputs) * train.std(axis=0) + train.mean(axis=0)
            squares = mean_squared_error(own, guess, multioutput="raw_values")
            assert run[f"{part}_errors"] == pytest.approx(np.sqrt(squares).tolist(), rel=1e-5)
            mean = r2_score(own, np.tile(train.mean(axis=0), (len(own), 1)))
            expected = max(r2_score(own, guess), mean)
            assert run[f"{part}_score"] == pytest.approx(expected, abs=1e-5)
    scores = [run["validation_score"] for run in content["runs"]]
    assert content["validation_score"] == pytest.approx(sum(scores) / 2)


def test_a_run_that_diverges_counts_as_the_mean_predictor() -> None:
    x, y = regression()
    dataset = split_arrays({"x": x, "y": y}, SPLIT)
    found = rows(dataset, x)
    content, _ = run_trial(task(seeds=(0,)), dataset, parse("exp(exp(exp(x)))"))
    [run] = content["runs"]
    assert content["status"] == run["status"] == "diverged"
    for part in ("train", "validation"):
        own, train = y[found[part]], y[found["train"]]
        mean = r2_score(own, np.tile(train.mean(axis=0), (len(own), 1)))
        assert run[f"{part}_score"] == pytest.approx(mean, abs=1e-6)
        assert run[f"{part}_loss"] is None and f"{part}_errors" not in run


def test_the_last_comparison_has_errors_of_the_test_part(predicted: list[np.ndarray]) -> None:
    x, y = regression()
    dataset = split_arrays({"x": x, "y": y}, SPLIT)
    found = rows(dataset, x)
    settings = task(final={"functions": 1, "seeds": [5, 6]}, benchmark={"space": "three-node"})
    content, _ = run_final_trial(settings, dataset, FUNCTION)
    train, own = y[found["train"]], y[found["test"]]
    for run, outputs in zip(content["runs"], predicted, strict=True):
        guess = outputs * train.std(axis=0) + train.mean(axis=0)
        squares = mean_squared_error(own, guess, multioutput="raw_values")
        assert run["test_errors"] == pytest.approx(np.sqrt(squares).tolist(), rel=1e-5)
        assert math.isfinite(run["test_score"]) and "validation_errors" not in run
