"""Bad arrays and what does not go with them: one error each, by ``actsearch check`` too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import Data, Recipe, Split, Task
from actsearch.data.dataset import DataShape
from actsearch.data.sources.checks import check_source
from actsearch.data.sources.places import DataError
from actsearch.networks.by_name import ModelError
from actsearch.rehearsal.network import check_network

load_commands()
SPLIT = {"train": 20, "validation": 10, "test": 10}
RECIPE = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 1, "batch_size": 10}
FEW = {"schemas": ["unary(x)"], "unary": ["tanh"], "include": ["baselines"]}
N = 40
TOKENS = np.arange(N * 6).reshape(N, 6) % 5
NUMBERS = np.random.default_rng(0).normal(size=(N, 3))


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What ``actsearch check`` says of arrays in a file, or its one error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)

    def run(
        arrays: dict[str, np.ndarray],
        model: str = "mlp",
        shapes: bool = False,
        data: dict[str, Any] | None = None,
        error: type[Exception] | None = None,
        **task: Any,
    ) -> str:
        np.savez(tmp_path / "own.npz", **arrays)  # type: ignore[arg-type]
        entry = {"source": "npz:own.npz", "split": SPLIT} | (data or {})
        fisher = {"examples": 6, "examples_at_once": 4} | task.pop("fisher", {})
        values = {"data": "own", "model": model, "recipe": RECIPE, "fisher": fisher} | task
        settings = {"data": {"own": entry}, "spaces": {"few": FEW}, "tasks": {"t": values}}
        Path("config.yaml").write_text(yaml.safe_dump(settings))
        words = ["check", *(["--shapes"] if shapes else [])]
        if error is None:
            found = CliRunner().invoke(app, words, catch_exceptions=False).output
            return re.sub(r"\s+", " ", found)
        with pytest.raises(error) as caught:
            CliRunner().invoke(app, words, catch_exceptions=False)
        return str(caught.value)

    return run


def with_nan(array: np.ndarray) -> np.ndarray:
    array = array.astype(np.float64)
    array[7, 0] = np.nan
    return array


VALUES: list[tuple[dict[str, np.ndarray], dict[str, Any], str]] = [
    (
        {"x": with_nan(NUMBERS), "y": np.arange(N) % 2},
        {},
        "x holds a value that is not finite: nan at \\[7, 0\\]",
    ),
    (
        {"x": NUMBERS, "y": np.where(NUMBERS > 0, np.inf, NUMBERS)},
        {},
        f"y holds {(NUMBERS > 0).sum():,} values that are not finite, the first: inf at \\[",
    ),
    (
        {"x": TOKENS, "y": TOKENS},
        {"vocabulary": 4},
        r"x holds tokens 0 to 4; allowed: 0 to 3 \(vocabulary: 4\)",
    ),
    (
        {"x": TOKENS - 1, "y": TOKENS},
        {},
        "x holds tokens -1 to 3; allowed: 0 and more; if they are numbers, say inputs: features",
    ),
    (
        {"x": TOKENS, "y": TOKENS - 1},
        {},
        r"y holds -1, but classes at positions are whole numbers from 0; the one that does not "
        r"count is -100 \(ignore",
    ),
    (
        {"x": TOKENS, "y": np.full_like(TOKENS, 3)},
        {"ignore": 3},
        "y holds no class but 3, which does not count",
    ),
    ({"x": TOKENS, "y": 0 * TOKENS}, {}, "y holds one class alone: two are needed"),
    (
        {"x": NUMBERS, "y": np.arange(N)},
        {},
        "y holds 40 different whole numbers in 40 examples: say targets: numbers",
    ),
    ({"x": NUMBERS, "y": np.zeros(N, dtype=int)}, {}, "y must hold at least two classes, got 1"),
]


@pytest.mark.parametrize(("arrays", "data", "message"), VALUES)
@pytest.mark.parametrize("shapes", [False, True])
def test_values_that_cannot_be_used(
    check: Any, arrays: dict[str, np.ndarray], data: dict[str, Any], message: str, shapes: bool
) -> None:
    """``--shapes`` is what every run asks before its first job."""
    found = check(arrays, data=data, shapes=shapes, error=DataError)
    assert re.search(f"npz:own.npz.*{message}", found), found


HEADERS: list[tuple[dict[str, np.ndarray], dict[str, Any], str]] = [
    ({"x": NUMBERS, "y": np.arange(N - 1)}, {}, r"y must be \(40,\) to fit x, got \(39,\)"),
    ({"x": NUMBERS, "y": np.arange(N)[:, None]}, {}, r"y of \(40, 1\) holds whole numbers"),
    ({"x": NUMBERS.astype(complex), "y": np.arange(N)}, {}, "x must hold real numbers, got dtype"),
    ({"x": NUMBERS}, {}, "lacks y: it must hold x and y"),
    ({"x": np.zeros((N, 8, 12)), "y": np.arange(N)}, {}, r"x of \(40, 8, 12\) may be images of"),
    ({"x": NUMBERS, "y": np.arange(N)}, {"inputs": "tokens"}, "tokens are whole numbers, but x"),
    ({"x": NUMBERS, "y": np.arange(N)}, {"vocabulary": 9}, "vocabulary goes with tokens"),
]


@pytest.mark.parametrize(("arrays", "said", "message"), HEADERS)
def test_arrays_that_cannot_be_used_are_refused_when_snakemake_looks(
    arrays: dict[str, np.ndarray], said: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """By their headers alone."""
    np.savez(tmp_path / "own.npz", **arrays)  # type: ignore[arg-type]
    data = Data(source=f"npz:{tmp_path / 'own.npz'}", split=Split(**SPLIT), **said)
    with pytest.raises(DataError, match=f"own.npz: {message}"):
        check_source(data, tmp_path)


# Networks and recipes


def test_a_target_of_two_columns_and_a_network_with_one_output(check: Any) -> None:
    Path("narrow.py").write_text(
        "from torch import nn\n"
        "def build(input_shape, n_outputs):\n"
        "    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))\n"
    )
    found = check({"x": NUMBERS, "y": NUMBERS[:, :2]}, "narrow:build", error=ModelError)
    assert found == (
        "model 'narrow:build' must return numbers (N, 2), a column for each number that is "
        "predicted; for 2 examples it returned (2, 1)"
    )


@pytest.mark.parametrize(
    ("shape", "recipe", "message"),
    [
        (
            DataShape((1, 40), 3, "signals"),
            {"channels_last": True},
            "recipe.channels_last goes with images, but the data are signals, 1 channel of 40",
        ),
        (
            DataShape((7,), 3, "features"),
            {"augmentation": {"flip": True}},
            "recipe.augmentation goes with images, but the data are 7 features",
        ),
        (
            DataShape((7,), 1, "features", "numbers"),
            {"label_smoothing": 0.1},
            "recipe.label_smoothing goes with classes, but the targets are numbers",
        ),
    ],
)
def test_recipes_that_do_not_go_with_the_data(
    shape: DataShape, recipe: dict[str, Any], message: str
) -> None:
    task = Task(data="d", model="mlp", recipe=Recipe(**(RECIPE | recipe)))
    with pytest.raises(ModelError, match=message):
        check_network(task, shape)


# What check says


def test_check_says_what_signals_are_taken_for(check: Any) -> None:
    x = np.random.default_rng(0).normal(size=(N, 1, 40))
    output = check({"x": x, "y": np.arange(N) % 10}, "conv1d")
    assert "signals, 1 channel of 40 samples; 10 classes" in output
    assert "image" not in output and "pixel" not in output


def test_check_says_what_a_table_is_taken_for(check: Any) -> None:
    y = NUMBERS[:, 0].round()
    output = check({"x": NUMBERS, "y": y}, "mlp")
    assert "3 features; 1 number to predict" in output
    assert re.search(r"targets are real numbers, and take \d whole values: if they are", output)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        # two chunks of six positions, four of five classes
        ("true", "kind: true takes 48 backward passes per function"),
        ("empirical", "kind: empirical takes 12 backward passes per function"),
        ("sampled", None),
    ],
)
def test_check_says_what_positions_cost(check: Any, kind: str, said: str | None) -> None:
    y = np.where(TOKENS == 2, -100, TOKENS)
    output = check(
        {"x": TOKENS, "y": y},
        "transformer",
        shapes=True,
        model_options={"width": 8, "depth": 1, "heads": 2},
        fisher={"kind": kind},
        benchmark={"space": "few"},
    )
    assert "6 tokens, of 5 different ones; a class of 5 at each position" in output
    assert "embed" in output
    assert said in output if said else "backward passes" not in output
