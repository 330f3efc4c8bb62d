"""A folder of results as an experiment leaves it, made in milliseconds, for whoever reads one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from actsearch.benchmark.table import build_table
from actsearch.features.columns import axis_columns, component_columns
from actsearch.functions.expressions import parse
from actsearch.search.history import build_history

SCORES = {
    "relu(x)": [0.5, 0.6, 0.7],
    "tanh(x)": [0.4, 0.45, 0.41],
    "mul(x,sigmoid(x))": [0.8, 0.7, 0.9],
    "sin(x)": [0.9, 0.1, 0.3],
    "exp(x)": [0.1, 0.1, 0.1],
    "abs(x)": [0.55, 0.65, 0.75],
}
"""Validation scores by function and seed 0, 1, 2; runs of exp diverged."""
TEST_SEEDS = list(range(10, 17))
TEST_SCORES = {
    "relu(x)": [0.50, 0.51, 0.52, 0.50, 0.49, 0.50, 0.51],
    "mul(x,sigmoid(x))": [0.60, 0.62, 0.61, 0.60, 0.60, 0.59, 0.63],
}


def trial(name: str, scores: list[float], seeds: list[int] | None = None) -> dict[str, Any]:
    """A trial's file, without its provenance."""
    state = "diverged" if name == "exp(x)" else "completed"
    runs = [
        {
            "seed": seed,
            "status": state,
            "epochs": 1,
            "train_score": score + 0.05,
            "train_loss": 1.0,
            "validation_score": score,
            "validation_loss": 2.0,
        }
        for seed, score in zip(seeds or range(len(scores)), scores, strict=True)
    ]
    middle = sorted(scores)[len(scores) // 2]
    return {
        "task": "digits",
        "function": name,
        "slug": parse(name).slug,
        "score": "accuracy",
        "status": state,
        "runs": runs,
        "train_score": middle + 0.05,
        "train_loss": 1.0,
        "validation_score": middle,
        "validation_loss": 2.0,
    }


def make_results(folder: Path) -> Path:
    """``results`` in ``folder``: a task with a table, a search and a last comparison, and a space.

    Returns:
        The path of ``results``.
    """
    results = folder / "results"
    task = results / "digits"
    trials = [trial(name, scores) for name, scores in SCORES.items()]
    for content in trials:
        _write(task / "trials" / f"{content['slug']}.json", content)
    build_table(trials).to_parquet(task / "benchmark.parquet")
    _write_map(task / "map.parquet")
    found = trial("elu(x)", [0.62, 0.64], [0, 1])
    _write(task / "search/random/round-0/00.json", found)
    history = build_history([{**found, "round": 0, "slot": 0, "prediction": None}])
    history.to_parquet(task / "search/random/history.parquet")
    _write(task / "final.json", _final())
    # Trained by name alone, on other seeds.
    _write(task / "trials/cos.x.json", trial("cos(x)", [0.2, 0.3, 0.25], [5, 6, 7]))
    space = results / "spaces/small"
    space.mkdir(parents=True)
    names = [*SCORES, "swish(x)", "max(x,zero(x))"]
    standing = {"swish(x)": "mul(x,sigmoid(x))", "max(x,zero(x))": "relu(x)"}
    pd.DataFrame(
        {
            "name": names,
            "slug": [parse(name).slug for name in names],
            "representative": [standing.get(name, name) for name in names],
            "finite": True,
            "position": pd.array([*range(len(SCORES)), None, None], dtype="Int64"),
        }
    ).to_parquet(space / "functions.parquet")
    return results


def _write_map(path: Path) -> None:
    table = pd.DataFrame({"name": list(SCORES)})
    for feature in ("outputs", "fisher", "union"):
        for column in axis_columns(feature):
            table[column] = [float(place) for place in range(len(SCORES))]
    for feature in ("outputs", "fisher"):
        for number, column in enumerate(component_columns(feature)):
            table[column] = [3.0 * place * (number == 0) for place in range(len(SCORES))]
    table.to_parquet(path)


def _final() -> dict[str, Any]:
    functions = [
        {
            "name": name,
            "slug": parse(name).slug,
            "kind": "baseline" if name == "relu(x)" else "found",
            "n_diverged": 0,
            "test_scores": scores,
            "test_score_mean": sum(scores) / len(scores),
        }
        for name, scores in TEST_SCORES.items()
    ]
    chosen = {"name": "mul(x,sigmoid(x))", "slug": "mul.x.sigmoid.x"}
    return {"score": "accuracy", "seeds": TEST_SEEDS, "functions": functions, "chosen": chosen}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
