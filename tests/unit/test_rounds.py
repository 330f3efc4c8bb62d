from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from search_tables import leave_off_map, make_map, make_table

from actsearch.config import STRATEGIES
from actsearch.functions.baselines import BASELINES
from actsearch.search.history import HISTORY_COLUMNS, build_history
from actsearch.search.rounds import propose

MAP = make_map(40)
SCORES = make_table(MAP).set_index("name")["validation_score"]
NO_HISTORY = build_history([])


def make_trial(
    name: str, slug: str, round: int, slot: int, score: float, prediction: float | None = None
) -> dict[str, Any]:
    run = {"seed": 0, "status": "completed", "validation_score": score}
    return {
        "function": name,
        "slug": slug,
        "score": "accuracy",
        "round": round,
        "slot": slot,
        "prediction": prediction,
        "status": "completed",
        "runs": [run, run | {"seed": 1}, run | {"seed": 2}],
        "train_score": score + 0.01,
        "validation_score": score,
    }


def train(proposals: pd.DataFrame, round: int) -> list[dict[str, Any]]:
    return [
        make_trial(row["name"], row["slug"], round, row["slot"], score, row["prediction"])
        for row in proposals.to_dict("records")
        for score in [float(SCORES[row["name"]])]
    ]


def search(strategy: str, rounds: int, slots: int, seed: int = 0) -> list[dict[str, Any]]:
    trials: list[dict[str, Any]] = []
    for round in range(rounds):
        history = build_history(trials)
        trials += train(propose(strategy, MAP, history, slots, round, seed), round)
    return trials


@pytest.fixture(scope="module")
def baselines() -> pd.DataFrame:
    return build_history(search("random", 1, 4))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_round_0_is_the_baselines(strategy: str) -> None:
    proposals = propose(strategy, MAP, NO_HISTORY, slots=3, round=0, seed=0)
    assert proposals.columns.to_list() == ["slot", "name", "slug", "prediction", "round"]
    assert proposals["name"].to_list() == list(BASELINES)
    assert proposals["slot"].to_list() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert proposals["slug"][1] == "relu.x"
    assert proposals["prediction"].isna().all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_search_visits_the_whole_map_once(strategy: str) -> None:
    history = build_history(search(strategy, rounds=5, slots=8))
    assert sorted(history["name"]) == sorted(MAP["name"])
    with pytest.raises(ValueError, match="cannot propose 8 functions: 0 of 40"):
        propose(strategy, MAP, history, 8, 5, 0)


def test_a_surrogate_finds_the_best_function_early() -> None:
    history = build_history(search("union-knr", rounds=3, slots=6))
    assert SCORES.idxmax() in set(history["name"])
    predicted = history[history["round"] > 0]["prediction"]
    assert predicted.between(0, 1).all()


@pytest.mark.parametrize("strategy", ["random", "union-knr", "union-rf"])
def test_a_round_is_determined_by_seed_and_round(strategy: str, baselines: pd.DataFrame) -> None:
    first = propose(strategy, MAP, baselines, 5, 1, seed=7)
    pd.testing.assert_frame_equal(propose(strategy, MAP, baselines, 5, 1, seed=7), first)
    assert first["slot"].to_list() == [0, 1, 2, 3, 4]


def test_seeds_and_rounds_draw_differently(baselines: pd.DataFrame) -> None:
    first = propose("random", MAP, baselines, 8, 1, seed=0)["name"].to_list()
    assert propose("random", MAP, baselines, 8, 1, seed=1)["name"].to_list() != first
    later = baselines.assign(round=[0] * 7 + [1])  # the same functions are left
    assert propose("random", MAP, later, 8, 2, seed=0)["name"].to_list() != first


def test_the_history_informs() -> None:
    trials = search("union-knr", 2, 8)
    proposals = propose("union-knr", MAP, build_history(trials), 4, 2, 0)
    for trial in trials:
        trial["validation_score"] = 1 - trial["validation_score"]
    reverse = propose("union-knr", MAP, build_history(trials), 4, 2, 0)
    assert set(reverse["name"]) != set(proposals["name"])


def test_a_diverged_function_counts_with_what_its_task_has_for_it() -> None:
    trials = search("union-knr", 1, 8)
    for trial in trials[:3]:
        trial["status"] = "diverged"
        trial["validation_score"] = 0.1
        for run in trial["runs"]:
            run["status"] = "diverged"
    trials[3]["runs"][1]["status"] = "diverged"
    history = build_history(trials)
    assert history["n_diverged"].to_list() == [3, 3, 3, 1, 0, 0, 0, 0]
    assert history["n_runs"].to_list() == [3] * 8
    proposals = propose("union-knr", MAP, history, 32, 1, 0)
    assert len(proposals) == 32
    assert proposals["prediction"].min() < 0.55


def test_functions_off_the_map_are_never_proposed(baselines: pd.DataFrame) -> None:
    for strategy in STRATEGIES:
        smaller = leave_off_map(MAP, "f4(x)", "outputs_x")
        proposals = propose(strategy, smaller, baselines, 31, 1, 0)
        assert "f4(x)" not in set(proposals["name"])


@pytest.mark.parametrize("round", [0, 1])
def test_a_baseline_off_the_map(round: int, baselines: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"the map .* lacks the baselines relu\(x\)"):
        propose("random", leave_off_map(MAP, "relu(x)"), baselines, 2, round, 0)
    with pytest.raises(ValueError, match=r"lacks the baselines selu\(x\)"):
        propose("random", MAP[MAP["name"] != "selu(x)"], baselines, 2, round, 0)


def test_a_history_of_other_rounds_is_refused(baselines: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"builds on the rounds 0 to 1; the history holds: 0"):
        propose("random", MAP, baselines, 2, 2, 0)
    with pytest.raises(ValueError, match=r"the history holds: none"):
        propose("random", MAP, NO_HISTORY, 2, 1, 0)
    ahead = build_history(search("random", 2, 3))
    with pytest.raises(ValueError, match=r"the history holds: 0, 1"):
        propose("random", MAP, ahead, 2, 1, 0)
    with pytest.raises(ValueError, match=r"history lacks the baselines elu\(x\)"):
        propose("random", MAP, baselines[baselines["name"] != "elu(x)"], 2, 1, 0)


def test_unknown_strategy() -> None:
    with pytest.raises(ValueError, match="unknown strategy 'guess'; allowed: random, union-knr"):
        propose("guess", MAP, NO_HISTORY, 2, 0, 0)


def test_history_is_sorted_and_complete() -> None:
    trials = search("union-knr", 2, 3)
    history = build_history(json.loads(json.dumps(trials[::-1])))
    assert tuple(history.columns) == HISTORY_COLUMNS
    assert history["round"].to_list() == [0] * 8 + [1] * 3
    assert history["slot"].to_list() == [*range(8), 0, 1, 2]
    assert history["name"].to_list() == [trial["function"] for trial in trials]
    assert history["prediction"].isna().to_list() == [True] * 8 + [False] * 3
    assert history["train_score"][0] == trials[0]["train_score"]


def test_predictions_that_are_none_are_nan() -> None:
    history = build_history([make_trial("relu(x)", "relu.x", 0, 1, 0.9, None)])
    assert history["prediction"].dtype == float
    assert history["prediction"].isna().all()


def test_repetitions_in_a_history_are_refused() -> None:
    one = make_trial("relu(x)", "relu.x", 0, 1, 0.9)
    with pytest.raises(ValueError, match=r"history holds 'relu\(x\)' more than once"):
        build_history([one, one | {"slot": 2}])
    with pytest.raises(ValueError, match="round 0 holds slot 1 more than once"):
        build_history([one, make_trial("tanh(x)", "tanh.x", 0, 1, 0.9)])


def test_an_empty_history_has_its_columns() -> None:
    assert tuple(NO_HISTORY.columns) == HISTORY_COLUMNS
    assert NO_HISTORY.empty
