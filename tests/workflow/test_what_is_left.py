"""What `estimate` counts as left is what Snakemake plans, whatever was changed."""

from __future__ import annotations

import copy as copying
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiment import SMALL, Experiment, make_experiment

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

NETWORK = """
from torch import nn

def build(image_shape, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, n_classes))
"""
TABLE, PART = "results/tiny/benchmark.parquet", "results/tiny/fim/part-0.npz"
FUNCTIONS = 24


def config() -> dict[str, Any]:
    made = copying.deepcopy(SMALL)
    split = {"train": 100, "validation": 50, "test": 50}
    made["data"] = {"mine": {"source": "npz:mine.npz", "split": split, "inputs": "images"}}
    del made["spaces"]["deep"]
    tiny = made["tasks"]["tiny"] | {"data": "mine", "model": "net:build", "seeds": [0]}
    tiny["fisher"] = {"examples": 8, "minimum_bins": 20, "functions_per_job": FUNCTIONS}
    del tiny["search"], tiny["final"]
    return made | {"tasks": {"tiny": tiny | {"benchmark": {"space": "small"}}}}


def write_data(folder: Path, seed: int) -> None:
    chosen = np.random.default_rng(seed)
    y = np.arange(200) % 4
    np.savez(folder / "mine.npz", x=chosen.normal(size=(200, 8, 8)) + y[:, None, None], y=y)


def left(experiment: Experiment) -> dict[str, tuple[int, int]]:
    """Functions left and stale, by step."""
    done = experiment.actsearch("estimate", "--json")
    assert done.returncode == 0, done.stderr
    stages = json.loads(done.stdout)["stages"]
    assert all(
        (stage["hours_left"] == 0) == (stage["done"] == stage["functions"]) for stage in stages
    )
    return {stage["kind"]: (stage["functions"] - stage["done"], stage["stale"]) for stage in stages}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    experiment = make_experiment(tmp_path_factory.mktemp("left") / "experiment")
    (experiment.folder / "net.py").write_text(NETWORK)
    write_data(experiment.folder, 0)
    experiment.configure(config())
    assert left(experiment) == {"table": (FUNCTIONS, 0), "fim": (FUNCTIONS, 0)}
    experiment.snakemake("--cores", "2", TABLE, PART)
    return experiment


def network(experiment: Experiment) -> None:
    (experiment.folder / "net.py").write_text(NETWORK.replace("8)", "9)").replace("(8", "(9"))


def data(experiment: Experiment) -> None:
    write_data(experiment.folder, 1)


def recipe(experiment: Experiment) -> None:
    changed = config()
    changed["tasks"]["tiny"]["recipe"] = SMALL["tasks"]["tiny"]["recipe"] | {"learning_rate": 0.02}
    experiment.configure(changed)


def seeds(experiment: Experiment) -> None:
    changed = config()
    changed["tasks"]["tiny"]["seeds"] = [0, 1]
    experiment.configure(changed)


def comment(experiment: Experiment) -> None:
    (experiment.folder / "net.py").write_text(f"# The same network.\n{NETWORK}")


ALL, NOTHING = (FUNCTIONS, FUNCTIONS), (0, 0)


@pytest.mark.parametrize(
    ("change", "table", "fim"),
    [
        (network, ALL, ALL),
        (data, ALL, ALL),
        (recipe, ALL, NOTHING),
        (seeds, ALL, NOTHING),
        (comment, NOTHING, NOTHING),
    ],
)
def test_a_change_makes_stale_what_snakemake_plans(
    made: Experiment,
    tmp_path: Path,
    change: Callable[[Experiment], None],
    table: tuple[int, int],
    fim: tuple[int, int],
) -> None:
    experiment = Experiment(tmp_path / "changed")
    shutil.copytree(made.folder, experiment.folder, symlinks=True)
    assert left(experiment) == {"table": NOTHING, "fim": NOTHING}
    change(experiment)
    found = left(experiment)
    assert found == {"table": table, "fim": fim}
    planned = experiment.planned(TABLE, PART)
    assert any(name.startswith("train__tiny") for name in planned) == (found["table"] == ALL)
    assert any(name.startswith("fim__tiny") for name in planned) == (found["fim"] == ALL)
    if table == ALL:
        told = experiment.actsearch("estimate").stdout
        assert "stale: made with other settings, code or data" in told


def test_changed_code_of_the_package_counts(copy: Experiment, sources: Path) -> None:
    """And what follows from a change: a live search and the finalists follow from the features."""
    fisher = sources / "src/actsearch/features/fisher.py"
    text = fisher.read_text()
    fisher.write_text(f"{text}\n_EDITED = True\n")
    found = left(copy)
    assert found.pop("table") == NOTHING
    assert set(found) == {"search", "final", "fim"} and all(each > 0 for each, _ in found.values())
    fisher.write_text(text)
    assert set(left(copy).values()) == {NOTHING}
    fitting = sources / "src/actsearch/training/fitting.py"
    fitting.write_text(f"{fitting.read_text()}\n_EDITED = True\n")
    assert left(copy)["table"] == ALL
