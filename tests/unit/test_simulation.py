from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from search_tables import history_of, leave_off_map, make_map, make_table

from actsearch.config import STRATEGIES, Simulation
from actsearch.functions.baselines import BASELINES
from actsearch.search import strategies
from actsearch.search.candidates import COLUMNS, on_map
from actsearch.search.simulation import simulate
from actsearch.search.strategies import get_strategy, register
from actsearch.search.strategies.greedy import GreedyStrategy
from actsearch.search.surrogates import nearest_neighbors

MAP = make_map(60)
TABLE = make_table(MAP, noise=0.01)
SCORES = TABLE.set_index("name")["validation_score"]
SETTINGS = Simulation(runs=3, evaluations=20, seed=5)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "_REGISTRY", dict(strategies._REGISTRY))


class Scripted:
    """Proposes given names in turn."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def propose(
        self,
        history: pd.DataFrame,
        candidates: pd.DataFrame,
        n: int,
        rng: np.random.Generator,
    ) -> list[tuple[str, float]]:
        return [(self.names[len(history) - len(BASELINES)], 0.0)]


def test_best_and_regret_by_hand(registry: None) -> None:
    map_table = make_map(11)
    scores = [0.5, 0.6, 0.4, 0.1, 0.2, 0.3, 0.6, 0.5, 0.55, 0.9, 0.7]
    table = pd.DataFrame({"name": map_table["name"], "validation_score": scores})
    register("scripted", Scripted("f0(x)", "f2(x)", "f1(x)"))
    result = simulate("scripted", table, map_table, Simulation(runs=1, evaluations=11))
    columns = ["run", "evaluation", "name", "validation_score", "best", "regret", "gap"]
    assert result.columns.to_list() == columns
    assert result["evaluation"].to_list() == list(range(1, 12))
    assert result["name"].to_list() == [*BASELINES, "f0(x)", "f2(x)", "f1(x)"]
    assert result["validation_score"].to_list() == [*scores[:9], 0.7, 0.9]
    assert result["best"].to_list() == [0.5] + [0.6] * 8 + [0.7, 0.9]
    expected = [0.4] + [0.3] * 8 + [0.2, 0.0]
    np.testing.assert_allclose(result["regret"], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_is_the_strategy_asked_again_and_again(strategy: str) -> None:
    settings = Simulation(runs=2, evaluations=12, seed=5)
    result = simulate(strategy, TABLE, MAP, settings)
    candidates = on_map(MAP)
    for run, group in result.groupby("run"):
        assert isinstance(run, int)
        rng = np.random.default_rng(5 + run)
        evaluated = {name: float(SCORES[name]) for name in BASELINES}
        while len(evaluated) < 12:
            [(name, _)] = get_strategy(strategy).propose(history_of(evaluated), candidates, 1, rng)
            evaluated[name] = float(SCORES[name])
        assert group["name"].to_list() == list(evaluated)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("features", ["union", "outputs", "fisher"])
def test_fast_nearest_neighbors_equal_scikit_learn(
    features: str, seed: int, registry: None
) -> None:
    map_table = make_map(45, seed)
    # Few distinct scores, as on a small validation set: predictions tie often.
    table = make_table(map_table, noise=0.05, seed=seed).round({"validation_score": 1})
    settings = Simulation(runs=3, evaluations=45, seed=seed)
    register("slow", GreedyStrategy(features, lambda seed: nearest_neighbors(seed)))
    slow = simulate("slow", table, map_table, settings)
    fast = simulate(f"{features}-knr", table, map_table, settings)
    pd.testing.assert_frame_equal(fast, slow)


@pytest.mark.parametrize(("unit", "zero"), [(64.0, -40.0), (np.pi * 1e7, -np.e * 1e7)])
@pytest.mark.parametrize("strategy", ["random", "union-knr", "union-svr"])
def test_how_a_score_is_counted_changes_the_unit_of_regret_alone(
    strategy: str, unit: float, zero: float
) -> None:
    # Few distinct scores, so that predictions tie often.
    table = make_table(MAP, noise=0.05).round({"validation_score": 1})
    other = table.assign(validation_score=zero + unit * table["validation_score"])
    one, two = (simulate(strategy, t, MAP, SETTINGS) for t in (table, other))
    assert two["name"].to_list() == one["name"].to_list()
    np.testing.assert_allclose(two["regret"], unit * one["regret"], atol=1e-9 * unit)
    assert (two["regret"] == 0).to_list() == (one["regret"] == 0).to_list()


def test_scores_far_below_zero_are_searched_like_others() -> None:
    # Half of the functions, four baselines among them, are as bad as an R2 can be.
    bad = np.arange(len(TABLE)) % 2 == 0
    lost = TABLE.assign(validation_score=SCORES.where(~bad, -(10.0 ** np.arange(60))).to_numpy())
    for strategy in ("random", "union-knr", "union-svr"):
        result = simulate(strategy, lost, MAP, Simulation(runs=2, evaluations=60))
        assert np.isfinite(result[["best", "regret"]]).all(axis=None)
        for _, run in result.groupby("run"):
            assert sorted(run["name"]) == sorted(MAP["name"])
            assert run["best"].iloc[-1] == lost["validation_score"].max()
            assert (run["regret"].diff().dropna() <= 0).all()


@pytest.mark.parametrize("strategy", ["random", "union-knr", "outputs-knr", "union-svr"])
def test_runs_share_the_baselines_and_then_differ(strategy: str) -> None:
    result = simulate(strategy, TABLE, MAP, SETTINGS)
    assert len(result) == 60
    runs = [group["name"].to_list() for _, group in result.groupby("run")]
    for names in runs:
        assert names[:8] == list(BASELINES)
        assert len(set(names)) == 20
    if strategy == "random":
        assert runs[0] != runs[1] != runs[2]


@pytest.mark.parametrize("strategy", ["random", "union-knr"])
def test_run_k_uses_seed_plus_k(strategy: str) -> None:
    result = simulate(strategy, TABLE, MAP, SETTINGS)
    later = simulate(strategy, TABLE, MAP, SETTINGS.model_copy(update={"runs": 2, "seed": 6}))
    later["run"] += 1
    shifted = result[result["run"] > 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(later, shifted)


@pytest.mark.parametrize("strategy", ["random", "union-knr"])
def test_regret_falls_to_zero_when_all_is_evaluated(strategy: str) -> None:
    result = simulate(strategy, TABLE, MAP, Simulation(runs=4, evaluations=60))
    for _, run in result.groupby("run"):
        assert (run["regret"].diff().dropna() <= 0).all()
        assert run["regret"].iloc[-1] == 0
        assert run["regret"].iloc[0] > 0
        assert sorted(run["name"]) == sorted(MAP["name"])


def test_prediction_beats_chance_where_the_map_tells_the_score() -> None:
    map_table = make_map(300)
    settings = Simulation(runs=20, evaluations=40)
    regret = {
        name: simulate(name, make_table(map_table), map_table, settings).groupby("run")["regret"]
        for name in ("random", "union-knr", "fisher-knr")
    }
    final = {name: runs.last().mean() for name, runs in regret.items()}
    assert final["union-knr"] < final["random"] / 3
    assert final["union-knr"] < final["fisher-knr"]


def test_candidates_are_on_the_map_and_in_the_table() -> None:
    best = str(SCORES.idxmax())
    second = float(SCORES.drop(best).max())
    settings = Simulation(runs=1, evaluations=59)
    for map_table, table in (
        (leave_off_map(MAP, best), TABLE),
        (MAP, TABLE[TABLE["name"] != best]),
    ):
        for strategy in ("random", "union-knr"):
            result = simulate(strategy, table, map_table, settings)
            assert best not in set(result["name"])
            assert result["best"].iloc[-1] == second
            assert result["regret"].iloc[-1] == 0


def test_the_order_of_the_table_does_not_matter() -> None:
    pd.testing.assert_frame_equal(
        simulate("union-knr", TABLE, MAP, SETTINGS),
        simulate("union-knr", TABLE.sample(frac=1, random_state=0), MAP, SETTINGS),
    )


def test_bad_proposals_are_named(registry: None) -> None:
    register("lost", Scripted("f0(x)", "cos(x)"))
    with pytest.raises(ValueError, match=r"proposed 'cos\(x\)', which is not among the candid"):
        simulate("lost", TABLE, MAP, SETTINGS)
    register("stuck", Scripted("f0(x)", "f0(x)"))
    with pytest.raises(ValueError, match=r"proposed 'f0\(x\)' a second time"):
        simulate("stuck", TABLE, MAP, SETTINGS)
    with pytest.raises(ValueError, match="unknown strategy 'guess'"):
        simulate("guess", TABLE, MAP, SETTINGS)


class Walking(Scripted):
    """Walks from the last candidate down and proposes nothing."""

    step = 1

    def walk(
        self,
        candidates: pd.DataFrame,
        scores: NDArray[np.float64],
        first: NDArray[np.intp],
        evaluations: int,
        rng: np.random.Generator,
    ) -> NDArray[np.intp]:
        assert candidates.index[first].to_list() == list(BASELINES)
        np.testing.assert_array_equal(scores, SCORES[candidates.index])
        rest = len(candidates) - 1 - self.step * np.arange(evaluations - len(first))
        return np.concatenate([first, rest])


def test_a_strategy_may_bring_its_own_walk(registry: None) -> None:
    register("walking", Walking())
    result = simulate("walking", TABLE, MAP, Simulation(runs=1, evaluations=10))
    assert result["name"].to_list() == [*BASELINES, "f51(x)", "f50(x)"]
    register("limping", type("Limping", (Walking,), {"step": 0})())
    with pytest.raises(ValueError, match="visits 9 functions in 10 steps; asked for: 10"):
        simulate("limping", TABLE, MAP, Simulation(runs=1, evaluations=10))


def test_evaluations_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"evaluations is 61; allowed: 8 .* to 60"):
        simulate("random", TABLE, MAP, Simulation(runs=1, evaluations=61))


def test_a_strategy_does_not_see_the_answers(registry: None) -> None:
    class Curious(Scripted):
        def propose(
            self, history: pd.DataFrame, candidates: pd.DataFrame, *rest: Any
        ) -> list[tuple[str, float]]:
            assert set(candidates) == {"slug", *COLUMNS}
            return super().propose(history, candidates, *rest)

    register("curious", Curious("f0(x)"))
    simulate("curious", TABLE, MAP, Simulation(runs=1, evaluations=9))


def test_only_the_baselines_can_be_evaluated() -> None:
    result = simulate("union-knr", TABLE, MAP, Simulation(runs=2, evaluations=8))
    assert result["name"].to_list() == [*BASELINES, *BASELINES]


def test_a_missing_baseline_is_named() -> None:
    with pytest.raises(ValueError, match=r"lacks the baselines tanh\(x\)"):
        simulate("random", TABLE[TABLE["name"] != "tanh(x)"], MAP, SETTINGS)
    with pytest.raises(ValueError, match=r"lacks the baselines swish\(x\)"):
        simulate("random", TABLE, leave_off_map(MAP, "swish(x)"), SETTINGS)


def test_bad_tables_are_refused() -> None:
    with pytest.raises(ValueError, match=r"benchmark table holds 'relu\(x\)' more than once"):
        simulate("random", pd.concat([TABLE, TABLE[1:2]]), MAP, SETTINGS)
    broken = TABLE.assign(validation_score=SCORES.mask(SCORES.index == "f8(x)").to_numpy())
    with pytest.raises(ValueError, match=r"score of 'f8\(x\)' is not finite"):
        simulate("random", broken, MAP, SETTINGS)
