"""What functions are compared by: how it is written, and that no two kinds of it are mixed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from final_trials import BEST, make_source, make_trial
from hypothesis import given
from hypothesis import strategies as st
from small_experiment import SMALL
from test_benchmark import TRIALS
from test_rounds import make_trial as search_trial

from actsearch.benchmark.act_bench.export import export_table
from actsearch.benchmark.act_bench.format import ActBenchError
from actsearch.benchmark.table import BenchmarkError, build_table, load_benchmark
from actsearch.config import (
    SCORE_OF_TARGETS,
    SCORES,
    Config,
    ConfigError,
    Score,
    Space,
    one_score,
    parse_config,
    score_called,
)
from actsearch.data.dataset import DataShape
from actsearch.functions.listing import list_functions
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_import
from actsearch.plan.targets import check_targets
from actsearch.records.formats import content_digest, read_table, write_table
from actsearch.search.final import compare
from actsearch.search.finalists import choose_candidates, choose_from_tasks
from actsearch.search.history import build_history
from actsearch.training.outcomes import outcome_of

ACCURACY, R2 = SCORES["accuracy"], SCORES["R2"]
R2_TRIALS = [trial | {"score": "R2"} for trial in TRIALS]

# How they are written


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (ACCURACY.write(0.97812), "97.81%"),
        (ACCURACY.write(0.97812, fewer=1), "97.8%"),
        (ACCURACY.write_difference(0.0031), "+0.31"),
        (ACCURACY.write_difference(-0.0031), "-0.31"),
        (ACCURACY.write_difference(-0.00001), "0.00"),
        (ACCURACY.write_size(0.0031), "0.31"),
        (ACCURACY.with_unit("+0.31"), "+0.31 points"),
        (ACCURACY.of_failure, "the accuracy of chance"),
        (R2.write(0.97812), "0.9781"),
        (R2.write(-0.5), "-0.5000"),
        (R2.write(-0.00001), "0.0000"),
        (R2.write(-9999.0), "-9999.0000"),
        (R2.write(-1234567.8), "-1.235e+06"),
        (R2.write(-3e200, fewer=1), "-3.00e+200"),
        (R2.write_difference(0.0031), "+0.0031"),
        (R2.write_difference(-2.5e7), "-2.500e+07"),
        (R2.write_size(0.0031), "0.0031"),
        (R2.with_unit("+0.0031"), "+0.0031"),
        (R2.of_failure, "the R² of the mean predictor"),
    ],
)
def test_forms(written: str, expected: str) -> None:
    assert written == expected


@given(st.tuples(st.just(ACCURACY), st.floats(0, 1)) | st.tuples(st.just(R2), st.floats(-1e300, 1)))
def test_what_is_written_says_the_number(case: tuple[Score, float]) -> None:
    score, number = case
    text = score.write(number).removesuffix(score.sign)
    assert float(text) / score.factor == pytest.approx(number, rel=1e-3, abs=0.6e-4)
    assert len(text) <= len("-9999.0000") + 2
    sign = 1 - 2 * score.write_difference(number).startswith("-")
    assert sign == (-1 if float(text) < 0 else 1)


def test_unknown_scores_are_refused_with_those_there_are() -> None:
    assert score_called("R2") is R2
    for name in ("auc", None, float("nan")):
        with pytest.raises(ValueError, match=r"unknown score .*; allowed: accuracy, R2"):
            score_called(name)
    with pytest.raises(ValueError, match="them: unknown score 'auc'; allowed: accuracy, R2"):
        one_score([("a", "auc"), ("b", "auc")], "them")
    with pytest.raises(ValueError, match="they differ in score: a has R2, c has accuracy"):
        one_score([("a", "R2"), ("b", "R2"), ("c", "accuracy")], "they")
    with pytest.raises(ValueError, match="them: there are none"):
        one_score([], "them")


# Tables


def test_a_table_says_its_score_wherever_it_goes(tmp_path: Path) -> None:
    table = build_table(R2_TRIALS)
    assert table["score"].tolist() == ["R2"] * 3
    write_table(tmp_path / "t.parquet", table, {"step": "test"})
    assert load_benchmark(tmp_path / "t.parquet")["score"].tolist() == ["R2"] * 3
    # Neither a join nor another writer keeps what stands in metadata.
    read = read_table(tmp_path / "t.parquet")
    joined = pd.concat([read.head(1), read.tail(2)])
    joined.to_parquet(tmp_path / "again.parquet")
    assert load_benchmark(tmp_path / "again.parquet")["score"].tolist() == ["R2"] * 3
    write_table(tmp_path / "other.parquet", build_table(TRIALS), {"step": "test"})
    assert content_digest(tmp_path / "t.parquet") != content_digest(tmp_path / "other.parquet")


def test_trials_of_two_scores_make_no_table(tmp_path: Path) -> None:
    with pytest.raises(
        BenchmarkError, match=r"^trials: functions differ in score: exp\(x\) has R2, relu\(x\) has"
    ):
        build_table([TRIALS[0], R2_TRIALS[1], TRIALS[2]])
    both = pd.concat([build_table(R2_TRIALS[:1]), build_table(TRIALS[1:])])
    both.to_parquet(tmp_path / "both.parquet")
    with pytest.raises(BenchmarkError, match=r"both.parquet: functions differ in score: tanh\(x\)"):
        load_benchmark(tmp_path / "both.parquet")


def test_trials_that_do_not_say_their_score_are_refused() -> None:
    silent = [{key: trial[key] for key in trial if key != "score"} for trial in TRIALS]
    with pytest.raises(BenchmarkError, match="unknown score None; allowed: accuracy, R2"):
        build_table(silent)


# Searches and last comparisons


def test_a_history_says_its_score() -> None:
    one = search_trial("relu(x)", "relu.x", 0, 0, -3.5) | {"score": "R2"}
    two = search_trial("tanh(x)", "tanh.x", 0, 1, 0.5)
    assert build_history([one, two | {"score": "R2"}])["score"].tolist() == ["R2", "R2"]
    with pytest.raises(ValueError, match=r"trials of the search differ in score: relu\(x\) has R2"):
        build_history([one, two])


def test_candidates_come_from_tables_of_one_score() -> None:
    table, history = make_source({"erf(x)": 0.9}), make_source({"sinh(x)": -5.0}, score="R2")
    with pytest.raises(ValueError, match=r"functions differ in score: elu.* has accuracy, .* R2"):
        choose_candidates(table, [history], 1)
    with pytest.raises(ValueError, match="functions of task 'a' differ in score"):
        choose_from_tasks({"a": [table, history], "b": [table]}, 1)
    mixed = choose_from_tasks({"a": [table], "b": [history]}, 1)
    assert mixed["scored_there_by"].to_list()[8:] == ["accuracy", "R2"]
    assert mixed["score_there"].to_list()[8:] == [0.9, -5.0]
    assert mixed["scored_there_by"][:8].isna().all()


def test_candidates_and_trials_have_one_score() -> None:
    candidates = choose_candidates(make_source({"erf(x)": 0.9}), [], 1)
    trials = [make_trial(name, BEST, score="R2") for name in candidates["name"]]
    with pytest.raises(ValueError, match=r"the trial of elu\(x\) has R2, the candidate elu\(x\) "):
        compare(trials, candidates, 0.05)
    trials[0] = make_trial("elu(x)", BEST)
    with pytest.raises(ValueError, match=r"the trial of elu\(x\) has accuracy, the trial of relu"):
        compare(trials, candidates, 0.05)


# The Act-Bench format holds accuracies


def small(change: Callable[[dict[str, Any]], Any] = lambda values: None) -> Config:
    values = copy.deepcopy(SMALL)
    change(values)
    return parse_config(values)


def test_a_table_of_another_score_is_not_exported() -> None:
    listing = list_functions(Space(include=tuple(trial["function"] for trial in TRIALS))).table
    seconds = [1.0, 2.0, 3.0]
    bench = export_table(build_table(TRIALS), listing, seconds, [], np.empty((0, 2)))
    assert len(bench) == 3
    with pytest.raises(ActBenchError, match=r"holds accuracies, but .* are compared by R2"):
        export_table(build_table(R2_TRIALS), listing, seconds, [], np.empty((0, 2)))


def of_numbers(tmp_path: Path, said: bool) -> Callable[[dict[str, Any]], None]:
    """Makes the small configuration's data a regression, whose targets are said or are seen."""
    path = tmp_path / "numbers.npz"
    x = np.random.default_rng(0).normal(size=(2000, 4))
    np.savez(path, x=x.astype(np.float32), y=x.sum(axis=1).astype(np.float32))

    def change(values: dict[str, Any]) -> None:
        data = values["data"][values["tasks"]["tiny"]["data"]]
        data["source"] = f"npz:{path}"
        if said:
            data["targets"] = "numbers"

    return change


@pytest.mark.parametrize("said", [True, False])
def test_nothing_plans_to_export_one(tmp_path: Path, said: bool) -> None:
    plan = Plan(small(of_numbers(tmp_path, said)))
    assert plan.trained == ["tiny"]
    assert plan.act_bench_files() == []
    check_targets(plan, ["results/tiny/benchmark.parquet"])
    with pytest.raises(ConfigError) as error:
        check_targets(plan, ["results/tiny/benchmark.json"])
    assert str(error.value) == (
        "results/tiny/benchmark.json: the Act-Bench format holds accuracies, but functions of task "
        "'tiny' are compared by R2"
    )


def test_accuracies_are_exported() -> None:
    plan = Plan(small())
    assert plan.act_bench_files() == ["results/tiny/benchmark.json"]
    check_targets(plan, ["results/tiny/benchmark.json"])


@pytest.mark.parametrize("said", [True, False])
def test_no_such_table_is_imported_into_a_task_of_another_score(tmp_path: Path, said: bool) -> None:
    def change(values: dict[str, Any]) -> None:
        of_numbers(tmp_path, said)(values)
        values["tasks"]["tiny"]["benchmark"]["act_bench"] = "cnn"

    with pytest.raises(ConfigError, match="act_bench is 'cnn', but such tables hold accuracies"):
        check_import(Plan(small(change)), "tiny", False)


def test_arrays_that_are_not_here_yet_may_be_exported(tmp_path: Path) -> None:
    plan = Plan(small(lambda v: v["data"]["digits"].update(source=f"npz:{tmp_path}/no.npz")))
    assert plan.score_of("tiny") is None
    check_targets(plan, ["results/tiny/benchmark.json"])


def test_every_kind_of_targets_has_the_score_of_its_outcome() -> None:
    for targets, score in SCORE_OF_TARGETS.items():
        shape = DataShape((4,), 3, "features", targets)  # type: ignore[arg-type]
        assert outcome_of(shape).score == score.name
