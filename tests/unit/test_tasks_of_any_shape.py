"""Whole tasks on data of every kind: rehearsed, trained, compared last, and their spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from actsearch.config import Split, Task
from actsearch.data.arrays import split_arrays
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.examples import together
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.fisher_parts import fisher_features
from actsearch.features.spectra import pack_spectra
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.networks.cost import count_work
from actsearch.networks.devices import run_settings
from actsearch.rehearsal.whole import rehearse
from actsearch.training.trial import run_final_trial, run_trial

SPLIT = Split(train=33, validation=16, test=16)
N = 65
FUNCTION = parse("mul(sigmoid(x),tanh(x))")
DRAW = np.random.default_rng(0)
TOKENS = DRAW.integers(0, 5, (N, 7))
SMALL = {"width": 8, "depth": 1, "heads": 2}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, np.ndarray]]] = {
    "signals": ("conv1d", {}, {"x": DRAW.normal(size=(N, 2, 20)), "y": np.arange(N) % 3}),
    "table": ("mlp", {}, {"x": DRAW.normal(size=(N, 4)), "y": DRAW.normal(size=(N, 2))}),
    "volumes": ("mlp", {}, {"x": DRAW.normal(size=(N, 1, 3, 4, 5)), "y": np.arange(N) % 2}),
    "text": (
        "transformer",
        SMALL,
        {"x": TOKENS, "y": np.where(DRAW.random((N, 7)) < 0.4, -100, TOKENS)},
    ),
    "numbers of text": (
        "transformer",
        SMALL | {"pooled": True},
        {"x": TOKENS, "y": TOKENS[:, 0] / 7},
    ),
}


def task_and_data(name: str, **changes: Any) -> tuple[Task, Dataset]:
    model, options, arrays = CASES[name]
    recipe = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 2, "batch_size": 16}
    values = {
        "data": "d",
        "model": model,
        "model_options": options,
        "recipe": recipe,
        "fisher": {"examples": 9, "examples_at_once": 4},
        "benchmark": {"space": "few"},
        "final": {"seeds": [1, 2]},
    }
    return Task.model_validate(values | changes), split_arrays(arrays, SPLIT)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("processes", [1, 2])
def test_what_passes_runs(name: str, processes: int) -> None:
    task, dataset = task_and_data(name, resources={"processes": processes})
    found = rehearse(task, dataset.shape, SPLIT)
    assert found.fisher is not None
    content, _ = run_trial(task, dataset, FUNCTION)
    final, _ = run_final_trial(task, dataset, FUNCTION)
    assert content["status"] == final["status"] == "completed"
    assert content["score"] == ("R2" if dataset.shape.targets == "numbers" else "accuracy")
    assert content["parameters"] == found.network.parameters
    again, _ = run_trial(task, dataset, FUNCTION)
    assert again == content


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["true", "sampled", "empirical"])
def test_spectra_of_a_task_are_those_of_its_targets(name: str, kind: str) -> None:
    fisher = {"examples": 9, "examples_at_once": 4, "kind": kind, "seed": 3}
    task, dataset = task_and_data(name, fisher=fisher)
    part = fisher_features(task, dataset, [FUNCTION])
    rows = np.sort(np.random.default_rng(3).choice(SPLIT.train, 9, replace=False))
    x, y = together(dataset.part("train").subset(torch.from_numpy(rows)))
    model, _ = build_network(task, dataset, FUNCTION, 3)
    generator = torch.Generator().manual_seed(3)
    with run_settings(task, torch.device("cpu")):  # sums hang on the number of threads
        found = fisher_spectrum(
            model,
            x,
            y,
            kind,  # type: ignore[arg-type]
            generator,
            4,
            targets=dataset.shape.targets,
        )
    expected = pack_spectra([FUNCTION.name], [found], {})
    assert part["layers"].tolist() == expected["layers"].tolist()
    np.testing.assert_array_equal(part["eigenvalues"], expected["eigenvalues"])
    assert part["finite"].all()


def test_the_work_of_small_networks_is_counted() -> None:
    task, dataset = task_and_data("table", model_options={"widths": [8, 6]})
    assert count_work(task, dataset.shape).forward_flops == 2 * (4 * 8 + 8 * 6 + 6 * 2)
    text, tokens = task_and_data("text")
    assert count_work(text, tokens.shape).activation_values == 7 * 4 * 8


def test_a_transformer_that_gives_positions_is_no_network_for_classes() -> None:
    task, _ = task_and_data("text")
    shape = DataShape((7,), 3, "tokens", "classes", 5)
    message = r"must return logits \(N, 3\), .* \(2, 7, 3\); model_options: {pooled: true}"
    with pytest.raises(ValueError, match=message):
        rehearse(task, shape, SPLIT)
