"""The comparison of strategies, by hand on tiny searches."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_tables import make_map, make_table

from actsearch.config import Simulation
from actsearch.functions.baselines import BASELINES
from actsearch.search.judging import COLUMNS, held_out, judge, noise_of_best
from actsearch.search.simulation import simulate

N_BASELINES = 2


def searches(*runs: tuple[list[float], list[float]]) -> pd.DataFrame:
    """Searches that begin with two baselines: gap and regret after each evaluation."""
    rows = [
        {"run": run, "evaluation": i + 1, "gap": gap, "regret": regret}
        for run, (gaps, regrets) in enumerate(runs)
        for i, (gap, regret) in enumerate(zip(gaps, regrets, strict=True))
    ]
    return pd.DataFrame(rows)


def noisy(deviation: float, n: int = 12) -> pd.DataFrame:
    """A table whose functions have two seeds each, with that deviation between them."""
    scores = np.linspace(0.5, 0.9, n)
    half = deviation / math.sqrt(2)
    return pd.DataFrame(
        {
            "name": [f"f{i}(x)" for i in range(n)],
            "validation_score": scores,
            "n_diverged": 0,
            "run_validation_scores": [[score - half, score + half] for score in scores],
        }
    )


def judged(simulation: pd.DataFrame, noise: float = 0.1) -> dict[str, Any]:
    [row] = judge({"t": noisy(noise)}, {"t": {"random": simulation}}, N_BASELINES).to_dict(
        "records"
    )
    return {str(key): value for key, value in row.items()}


def test_one_run_by_hand() -> None:
    #                  baselines | trainings 1 to 4
    gaps = [0.6, 0.5, 0.5, 0.3, 0.1, 0.0]
    regrets = [0.6, 0.5, 0.5, 0.3, 0.4, 0.05]
    row = judged(searches((gaps, regrets)))
    assert row["noise"] == pytest.approx(0.1)
    assert (row["runs"], row["horizon"]) == (1, 4)
    assert row["trainings"] == 3  # a gap of 0.1 is within the noise
    assert row["settled"] == 4  # the choice is worse than that until the fourth
    assert row["reached"] == 1
    assert row["regret"] == pytest.approx((0.5 + 0.3 + 0.4 + 0.05) / 4)
    assert row["last_regret"] == 0.05
    assert row["trainings_low"] == row["trainings_high"] == 3  # one run has no spread


def test_a_choice_may_be_lost_again() -> None:
    regrets = [0.6, 0.05, 0.05, 0.3, 0.05, 0.05]
    row = judged(searches(([0.6, 0.05, 0.05, 0.05, 0.05, 0.05], regrets)))
    assert row["trainings"] == 0  # a baseline is that good
    assert row["settled"] == 3


def test_the_first_baselines_count_as_no_training() -> None:
    row = judged(searches(([0.0] * 4, [0.0] * 4)))
    assert (row["trainings"], row["settled"], row["regret"], row["horizon"]) == (0, 0, 0, 2)


def test_a_run_that_does_not_get_there_counts_with_the_horizon() -> None:
    lost = ([0.5] * 6, [0.5] * 6)
    found = ([0.5, 0.5, 0.5, 0.0, 0.0, 0.0],) * 2
    row = judged(searches(lost, found, found))
    assert row["reached"] == pytest.approx(2 / 3)
    assert row["trainings"] == pytest.approx((4 + 2 + 2) / 3)
    assert row["settled"] == pytest.approx((4 + 2 + 2) / 3)
    assert row["trainings_median"] == 2
    assert row["last_regret"] == pytest.approx(0.5 / 3)


def test_a_table_without_noise_wants_the_very_best() -> None:
    row = judged(searches(([0.5, 0.5, 1e-6, 0.0], [0.5, 0.5, 1e-6, 0.0])), 0.0)
    assert row["noise"] == 0
    assert row["trainings"] == row["settled"] == 2


def test_only_the_baselines_were_trained() -> None:
    row = judged(searches(([0.3, 0.2], [0.3, 0.2])))
    assert (row["horizon"], row["trainings"], row["regret"]) == (0, 0, 0.2)


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.05, 0.2, 0.4]), min_size=7, max_size=7),
        min_size=1,
        max_size=6,
    )
)
def test_trainings_and_settled_by_brute_force(runs: list[list[float]]) -> None:
    gaps = [np.minimum.accumulate(run).tolist() for run in runs]
    row = judged(searches(*zip(gaps, runs, strict=True)))
    trainings, settled = [], []
    for gap, regret in zip(gaps, runs, strict=True):
        after = range(6)  # trainings beyond the second baseline
        trainings.append(next((k for k in after if gap[1 + k] <= 0.1), 5))
        stays = (k for k in after if all(r <= 0.1 for r in regret[1 + k :]))
        settled.append(next(stays, 5))
    assert row["trainings"] == pytest.approx(np.mean(trainings))
    assert row["settled"] == pytest.approx(np.mean(settled))
    for name in ("trainings", "settled", "regret"):
        assert row[f"{name}_low"] <= row[name] + 1e-9
        assert row[name] <= row[f"{name}_high"] + 1e-9


def test_the_interval_is_that_of_a_mean_over_runs() -> None:
    rng = np.random.default_rng(0)
    when = rng.integers(1, 30, size=200)
    runs = [([1.0] * (1 + k) + [0.0] * (31 - k),) * 2 for k in when]
    row = judged(searches(*runs))
    assert row["trainings"] == pytest.approx(when.mean())
    half = 1.96 * when.std() / math.sqrt(200)
    assert row["trainings_low"] == pytest.approx(when.mean() - half, abs=0.15)
    assert row["trainings_high"] == pytest.approx(when.mean() + half, abs=0.15)


def test_the_order_of_rows_does_not_matter_and_the_seed_is_explicit() -> None:
    rng = np.random.default_rng(0)
    simulation = searches(*[(rng.random(9).tolist(),) * 2 for _ in range(7)])
    shuffled = simulation.sample(frac=1, random_state=0)
    tables = {"t": noisy(0.1)}
    one, two, three = (
        judge(tables, {"t": {"random": s}}, N_BASELINES, seed)
        for s, seed in ((simulation, 1), (shuffled, 1), (simulation, 2))
    )
    pd.testing.assert_frame_equal(one, two)
    assert (one["trainings"] == three["trainings"]).all()
    assert (one["regret_low"] != three["regret_low"]).all()


def test_real_searches_are_judged() -> None:
    map_table = make_map(60)
    table = make_table(map_table)
    chosen = Simulation(runs=12, evaluations=40)
    simulations = {
        name: simulate(name, table, map_table, chosen) for name in ("random", "union-knr")
    }
    found = judge({"t": table}, {"t": simulations}, len(BASELINES))
    assert found.columns.to_list() == list(COLUMNS)
    assert found["strategy"].to_list() == ["random", "union-knr"]
    assert (found["horizon"] == 32).all()
    assert (found["noise"] == 0).all()  # a table with one score for each function
    best = table.loc[table["validation_score"].idxmax(), "name"]
    for row, simulation in zip(found.itertuples(), simulations.values(), strict=True):
        evaluated = simulation[simulation["name"] == best]["evaluation"] - len(BASELINES)
        counted = [*evaluated, *[32] * (12 - len(evaluated))]
        assert row.trainings == pytest.approx(np.mean(counted))
        assert row.settled == row.trainings  # without noise what looks best is best
        assert row.reached == pytest.approx(len(evaluated) / 12)


@st.composite
def families(draw: st.DrawFn) -> pd.DataFrame:
    tasks = draw(st.integers(1, 3))
    variants = {"random": ["random"], "trees-ucb": ["trees-ucb", "trees-ucb@1", "trees-ucb@2"]}
    rows = [
        {
            "task": f"t{task}",
            "family": family,
            "strategy": strategy,
            "trainings": draw(st.sampled_from([0.0, 1.0, 2.0, 4.0, 30.0])),
        }
        for task, family in itertools.product(range(tasks), variants)
        for strategy in variants[family]
    ]
    return pd.DataFrame(rows)


@settings(max_examples=40)
@given(families())
def test_held_out_by_brute_force(table: pd.DataFrame) -> None:
    chosen = table[held_out(table)]
    tasks = list(table["task"].unique())
    for task, family in itertools.product(tasks, table["family"].unique()):
        others = [other for other in tasks if other != task] or [task]
        costs: dict[str, float] = {}
        for strategy in table.loc[table["family"] == family, "strategy"].unique():
            rows = table[(table["strategy"] == strategy) & table["task"].isin(others)]
            costs[strategy] = sum(math.log(max(t, 0.5)) for t in rows["trainings"]) / len(rows)
        [found] = chosen.loc[
            (chosen["task"] == task) & (chosen["family"] == family), "strategy"
        ].to_list()
        least = min(costs.values())
        assert found == next(s for s, cost in costs.items() if cost <= least + 1e-12)


def test_a_task_has_no_say_in_its_own_variant() -> None:
    table = pd.DataFrame(
        {
            "task": ["a", "a", "b", "b", "c", "c"],
            "family": "transfer",
            "strategy": ["transfer@1", "transfer@2"] * 3,
            "trainings": [1.0, 50.0, 5.0, 4.0, 5.0, 4.0],
        }
    )
    chosen = table[held_out(table)].set_index("task")["strategy"].to_dict()
    assert chosen == {"a": "transfer@2", "b": "transfer@1", "c": "transfer@1"}


def test_the_family_is_the_name_without_its_weight() -> None:
    simulation = searches(([0.5, 0.0], [0.5, 0.0]))
    names = ["trees-ucb@0.2", "trees-ucb", "mine.search:Best"]
    found = judge({"t": noisy(0.1)}, {"t": dict.fromkeys(names, simulation)}, N_BASELINES)
    assert found["family"].to_list() == ["trees-ucb", "trees-ucb", "mine.search:Best"]
    assert found["held_out"].to_list() == [True, False, True]  # of equal ones the first


def test_noise_of_the_best_by_hand() -> None:
    # 200 functions: the best tenth are 20, of which one with a run that diverged is left out.
    table = noisy(0.5, 200)
    top = range(179, 199)
    for i in top:
        table.at[i, "run_validation_scores"] = [0.8, 0.8 + 0.02 * (i - 178)]
    table.loc[199, "n_diverged"] = 1
    expected = np.sqrt(np.mean([np.var([0, 0.02 * (i - 178)], ddof=1) for i in top]))
    assert noise_of_best(table) == pytest.approx(expected)


def test_ten_functions_at_least_tell_the_noise() -> None:
    table = noisy(0.5, 30)
    for i in range(20, 30):
        table.at[i, "run_validation_scores"] = [0.8, 0.9]
    assert noise_of_best(table) == pytest.approx(np.std([0.8, 0.9], ddof=1))
    assert noise_of_best(noisy(0.3, 4)) == pytest.approx(0.3)  # all of them, if there are fewer


def test_tables_that_tell_no_noise() -> None:
    table = noisy(0.5)
    assert noise_of_best(table.drop(columns="run_validation_scores")) == 0
    assert noise_of_best(table.assign(n_diverged=1)) == 0
    single = table.assign(run_validation_scores=[[s] for s in table["validation_score"]])
    assert noise_of_best(single) == 0


def test_runs_of_different_numbers_are_cut_to_the_fewest() -> None:
    table = noisy(0.2)
    table["run_validation_scores"] = table["run_validation_scores"].map(lambda s: [*s, 77.0])
    table.at[11, "run_validation_scores"] = table.at[11, "run_validation_scores"][:2]
    assert noise_of_best(table) == pytest.approx(0.2)
