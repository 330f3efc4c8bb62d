"""Accuracies of the published networks on MNIST-1D, beside the published ones.

    python -m benchmarks.mnist1d [--seeds N]

Networks are trained as Greydanus and Kobak do (https://github.com/greydanus/mnist1d): 4,000
signals, Adam with a constant learning rate of 0.01, batches of 100, 6,000 steps. They are tested on
the 1,000 published test signals, and on 10,000 of ``source: mnist1d``, made with another seed.
Nothing is chosen by either.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from mnist1d.data import make_dataset
from rich.console import Console
from rich.table import Table
from torch import nn

from actsearch.config import Data, Recipe, Split, Task
from actsearch.data.arrays import split_arrays
from actsearch.data.dataset import Dataset
from actsearch.data.making import made_arrays
from actsearch.functions.expressions import parse
from actsearch.networks.devices import run_settings
from actsearch.training.fitting import evaluate, fit
from actsearch.training.outcomes import outcome_of
from actsearch.training.trial import run_trial

PUBLISHED = {"logistic regression": 32, "mlp": 68, "conv1d": 94}
"""In percent, by the authors' table: on the published test signals, one run each."""
NOTEBOOK = {"logistic regression": 31.5, "mlp": 65.1, "conv1d": 92.3}
"""After 6,000 steps, by the output in the authors' notebook ``mnist1d-classification``."""
RECIPE = Recipe(
    optimizer="adamw", learning_rate=0.01, schedule="constant", weight_decay=0.0, epochs=150,
    batch_size=100,
)  # fmt: skip
SPLIT = Split(train=4000, validation=1000, test=10_000)
"""The validation part is the published test part here."""


def signals() -> Dataset:
    """The published data set, with a test part of ours besides."""
    ours = made_arrays(Data(source="mnist1d", split=SPLIT))
    package = make_dataset()
    arrays = {
        **ours,
        "x_train": package["x"][:, None],
        "y_train": package["y"],
        "x_validation": package["x_test"][:, None],
        "y_validation": package["y_test"],
    }
    return split_arrays(arrays, SPLIT)


def accuracies(name: str, dataset: Dataset, seed: int) -> tuple[float, float]:
    """Of the published test part, and of ours."""
    task = Task(data="mnist1d", model="conv1d" if name == "conv1d" else "mlp", recipe=RECIPE)
    if name in ("mlp", "conv1d"):
        run = run_trial(
            task, dataset, parse("relu(x)"), seeds=[seed], evaluate_on=("validation", "test")
        )[0]
        return run["validation_score"], run["test_score"]
    outcome = outcome_of(dataset.shape)  # there is no activation to put in
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(40, 10))
    with run_settings(task, torch.device("cpu")):
        fit(model, RECIPE, dataset.part("train"), outcome, seed=seed)
        parts = (dataset.part("validation"), dataset.part("test"))
        published, ours = (evaluate(model, part, outcome).score for part in parts)
    return published, ours


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    dataset = signals()
    table = Table(
        "network", "published", "notebook", "published test part", "another seed's 10,000"
    )
    for name, percent in PUBLISHED.items():
        found = [accuracies(name, dataset, seed) for seed in seeds]
        columns = map(_range, zip(*found, strict=True))
        table.add_row(name, f"{percent}%", f"{NOTEBOOK[name]}%", *columns)
    Console().print(table)


def _range(scores: tuple[float, ...]) -> str:
    """Median and range in percent."""
    low, middle, high = (100 * f(scores) for f in (min, statistics.median, max))
    return f"{middle:.1f}% ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
