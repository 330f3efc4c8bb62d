from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from actsearch.benchmark.table import (
    COLUMNS,
    BenchmarkError,
    build_table,
    load_benchmark,
    seed_reliability,
)


def trial(name: str, accuracies: list[float | None]) -> dict[str, Any]:
    """A trial with one run an accuracy; None stands for a diverged one."""
    runs = [
        {
            "seed": seed,
            "status": "diverged" if accuracy is None else "completed",
            "epochs": 3,
            "train_score": 0.1 if accuracy is None else accuracy,
            "train_loss": None if accuracy is None else 1 - accuracy,
            "validation_score": 0.1 if accuracy is None else accuracy,
            "validation_loss": None if accuracy is None else 1 - accuracy,
        }
        for seed, accuracy in enumerate(accuracies)
    ]
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    median = float(np.median([0.1 if a is None else a for a in accuracies]))
    loss = float(np.median([1 - a for a in known])) if known else None
    status = "completed" if len(known) == len(runs) else "partial" if known else "diverged"
    return {
        "function": name,
        "slug": name.replace("(", ".").replace(")", "").replace(",", "."),
        "score": "accuracy",
        "status": status,
        "replaced": ["act"],
        "parameters": 10,
        "runs": runs,
        "train_score": median,
        "validation_score": median,
        "train_loss": loss,
        "validation_loss": loss,
    }


TRIALS = [
    trial("tanh(x)", [0.9, 0.8]),
    trial("exp(x)", [None, None]),
    trial("relu(x)", [0.7, None]),
]


def runs_table(runs: np.ndarray) -> pd.DataFrame:
    return build_table(trial(f"f{i}(x)", list(values)) for i, values in enumerate(runs))


def test_a_table_has_a_row_a_function_sorted_by_name() -> None:
    table = build_table(TRIALS)
    assert tuple(table.columns) == COLUMNS
    assert table["name"].tolist() == ["exp(x)", "relu(x)", "tanh(x)"]
    assert table["slug"].tolist() == ["exp.x", "relu.x", "tanh.x"]
    assert table["status"].tolist() == ["diverged", "partial", "completed"]
    assert table["n_runs"].tolist() == [2, 2, 2]
    assert table["n_diverged"].tolist() == [2, 1, 0]
    np.testing.assert_allclose(table["validation_score"], [0.1, 0.4, 0.85])
    np.testing.assert_allclose(table["validation_loss"], [math.nan, 0.3, 0.15])
    assert table["test_score"].isna().all()
    assert table["test_loss"].isna().all()
    assert table["run_validation_scores"].tolist() == [[0.1, 0.1], [0.7, 0.1], [0.9, 0.8]]


def test_the_order_of_trials_and_runs_does_not_matter() -> None:
    backwards = [t | {"runs": t["runs"][::-1]} for t in reversed(TRIALS)]
    pd.testing.assert_frame_equal(build_table(TRIALS), build_table(backwards))


def test_a_repeated_function_is_named() -> None:
    with pytest.raises(BenchmarkError, match=r"twice: relu\(x\)"):
        build_table([*TRIALS, trial("relu(x)", [0.5, 0.5])])


def test_trials_with_other_seeds_are_refused() -> None:
    with pytest.raises(BenchmarkError, match=r"differ in seeds.*\(0, 1\).*elu\(x\) has \(0,\)"):
        build_table([*TRIALS, trial("elu(x)", [0.5])])


def test_no_trials_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="at least one trial"):
        build_table([])


def test_parquet_round_trip(tmp_path: Path) -> None:
    table = build_table(TRIALS)
    table.to_parquet(tmp_path / "benchmark.parquet")
    read = load_benchmark(tmp_path / "benchmark.parquet")
    pd.testing.assert_frame_equal(read, table)
    assert isinstance(read["run_validation_scores"][0], list)


def test_loading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"no benchmark table at .*missing\.parquet"):
        load_benchmark(tmp_path / "missing.parquet")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 cut short")
    with pytest.raises(BenchmarkError, match=r"broken\.parquet is not a Parquet file"):
        load_benchmark(broken)
    build_table(TRIALS).drop(columns=["slug", "test_loss"]).to_parquet(broken)
    with pytest.raises(BenchmarkError, match=r"columns are missing: slug, test_loss"):
        load_benchmark(broken)
    pd.concat([build_table(TRIALS)] * 2).to_parquet(broken)
    with pytest.raises(BenchmarkError, match=r"twice: exp\(x\), relu\(x\), tanh\(x\)"):
        load_benchmark(broken)


def test_reliability_of_two_seeds_is_their_rank_correlation() -> None:
    runs = np.random.default_rng(0).normal(0.5, 0.1, (40, 1)) + np.random.default_rng(1).normal(
        0, 0.05, (40, 2)
    )
    figures = seed_reliability(runs_table(runs))
    assert (figures["n"], figures["n_seeds"], figures["n_best_quarter"]) == (40, 2, 10)
    assert figures["spearman"] == pytest.approx(spearmanr(runs[:, 0], runs[:, 1]).statistic)
    within = []
    for one in (0, 1):
        best = runs[:, one].argsort()[-10:]
        within.append(spearmanr(runs[best, 0], runs[best, 1]).statistic)
    assert figures["spearman_best_quarter"] == pytest.approx(np.mean(within))
    differences = runs[:, 0] - runs[:, 1]
    assert figures["seed_std"] == pytest.approx(np.sqrt((differences**2 / 2).mean()))


def test_a_run_that_diverged_does_not_rule_the_deviation_between_seeds() -> None:
    trials = [trial("a(x)", [0.90, 0.92]), trial("b(x)", [0.81, 0.80]), trial("c(x)", [0.9, None])]
    figures = seed_reliability(build_table(trials))
    assert figures["n_completed"] == 2
    assert figures["seed_std_completed"] == pytest.approx(math.sqrt((0.0002 + 0.00005) / 2))
    assert figures["seed_std"] == pytest.approx(math.sqrt((0.0002 + 0.00005 + 0.32) / 3))
    none_completed = seed_reliability(build_table(trials[2:]))
    assert none_completed["n_completed"] == 0
    assert none_completed["seed_std_completed"] is None


def test_the_best_quarter_is_not_chosen_by_what_it_is_compared_with() -> None:
    # Pure noise: a choice by the mean of both seeds would show a strong negative correlation.
    runs = np.random.default_rng(0).uniform(0.4, 0.6, (4000, 2))
    figures = seed_reliability(runs_table(runs))
    best = runs.mean(axis=1).argsort()[-1000:]
    assert spearmanr(runs[best, 0], runs[best, 1]).statistic < -0.3
    assert abs(figures["spearman_best_quarter"]) < 0.08


def test_more_seeds_average_over_their_pairs() -> None:
    runs = np.random.default_rng(0).uniform(0.2, 0.9, (12, 3))
    pairs = [spearmanr(runs[:, i], runs[:, j]).statistic for i, j in ((0, 1), (0, 2), (1, 2))]
    assert seed_reliability(runs_table(runs))["spearman"] == pytest.approx(np.mean(pairs))


def test_where_there_is_nothing_to_compare_reliability_is_none() -> None:
    one_seed = seed_reliability(runs_table(np.array([[0.5], [0.6], [0.7], [0.8]])))
    assert one_seed["n_seeds"] == 1
    assert one_seed["spearman"] is one_seed["spearman_best_quarter"] is one_seed["seed_std"] is None
    assert one_seed["seed_std_completed"] is None
    constant = seed_reliability(runs_table(np.full((12, 2), 0.1)))
    assert constant["spearman"] is None
    assert constant["seed_std"] == 0


def test_functions_with_differing_numbers_of_runs_are_refused() -> None:
    table = pd.concat([build_table(TRIALS), build_table([trial("elu(x)", [0.5])])])
    with pytest.raises(BenchmarkError, match=r"number of runs: \[1, 2\]"):
        seed_reliability(table)
