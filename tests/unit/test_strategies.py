from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_tables import history_of, leave_off_map, make_map, make_table
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from actsearch.config import STRATEGIES
from actsearch.functions.baselines import BASELINES
from actsearch.search import strategies
from actsearch.search.candidates import on_map
from actsearch.search.strategies import (
    best,
    get_strategy,
    register,
    strategy_names,
)
from actsearch.search.strategies.greedy import GreedyStrategy
from actsearch.search.strategies.random import RandomStrategy
from actsearch.search.surrogates import without_noise

MAP = make_map(50)
CANDIDATES = on_map(MAP)
SCORES = make_table(MAP).set_index("name")["validation_score"]
EVALUATED = {name: float(SCORES[name]) for name in BASELINES}


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_registry_holds_what_the_configuration_allows() -> None:
    assert strategy_names() == STRATEGIES


@pytest.mark.parametrize("name", STRATEGIES)
def test_proposals_are_new_and_distinct(name: str) -> None:
    evaluated = dict(EVALUATED)
    for n in (1, 5, 36):
        proposals = get_strategy(name).propose(history_of(evaluated), CANDIDATES, n, generator())
        names = [proposal for proposal, _ in proposals]
        assert len(set(names)) == n
        assert set(names) <= set(CANDIDATES.index) - set(evaluated)
        evaluated |= {proposal: float(SCORES[proposal]) for proposal in names}
    assert len(evaluated) == len(CANDIDATES)
    with pytest.raises(ValueError, match="cannot propose 1 functions: 0 of 50 on the map are left"):
        get_strategy(name).propose(history_of(evaluated), CANDIDATES, 1, generator())


@pytest.mark.parametrize("name", STRATEGIES)
def test_asking_for_more_than_is_left_or_nothing(name: str) -> None:
    for n in (43, 0):
        with pytest.raises(ValueError, match=f"cannot propose {n} functions: 42 of 50"):
            get_strategy(name).propose(history_of(EVALUATED), CANDIDATES, n, generator())


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_generator_decides_alone(name: str) -> None:
    strategy = get_strategy(name)
    first = strategy.propose(history_of(EVALUATED), CANDIDATES, 6, generator(4))
    again = strategy.propose(history_of(EVALUATED), CANDIDATES, 6, generator(4))
    assert [name for name, _ in first] == [name for name, _ in again]
    np.testing.assert_array_equal([p for _, p in first], [p for _, p in again])


@pytest.mark.parametrize("column", ["outputs_x", "fisher_y", "union_x"])
def test_functions_off_the_map_are_never_candidates(column: str) -> None:
    candidates = on_map(leave_off_map(MAP, "f9(x)", column))
    assert set(CANDIDATES.index) - set(candidates.index) == {"f9(x)"}
    for name in ("random", "outputs-knr", "fisher-knr"):
        proposals = get_strategy(name).propose(history_of(EVALUATED), candidates, 41, generator())
        assert "f9(x)" not in [proposal for proposal, _ in proposals]


@pytest.mark.parametrize("features", ["union", "outputs", "fisher"])
def test_a_batch_is_the_best_predictions_of_one_fit(features: str) -> None:
    columns = [f"{features}_x", f"{features}_y"]
    evaluated = {name: float(SCORES[name]) for name in CANDIDATES.index[:25]}
    oracle = KNeighborsRegressor(3).fit(
        CANDIDATES[columns].to_numpy()[:25], SCORES[CANDIDATES.index[:25]].to_numpy()
    )
    predicted = oracle.predict(CANDIDATES[columns].to_numpy()[25:])
    proposals = get_strategy(f"{features}-knr").propose(
        history_of(evaluated), CANDIDATES, 10, generator()
    )
    expected = np.sort(predicted)[::-1][:10]
    np.testing.assert_allclose([p for _, p in proposals], expected, rtol=0, atol=1e-12)
    by_name = dict(zip(CANDIDATES.index[25:], predicted, strict=True))
    for name, prediction in proposals:
        assert prediction == by_name[name]


def test_the_forest_draws_its_seed_from_the_generator() -> None:
    forest = GreedyStrategy("union", lambda seed: RandomForestRegressor(5, random_state=seed))
    drawn = {
        tuple(p for _, p in forest.propose(history_of(EVALUATED), CANDIDATES, 5, generator(seed)))
        for seed in range(5)
    }
    assert len(drawn) > 1


def test_ties_are_broken_by_the_generator() -> None:
    equal = dict.fromkeys(EVALUATED, 0.5)
    strategy = get_strategy("union-knr")
    chosen = Counter(
        strategy.propose(history_of(equal), CANDIDATES, 1, generator(seed))[0][0]
        for seed in range(420)
    )
    assert len(chosen) > 35
    assert max(chosen.values()) < 30


def test_ties_survive_rounding() -> None:
    # The mean of the same three scores in two orders of summation.
    one, other = (0.1 + 0.2 + 0.3) / 3, (0.3 + 0.2 + 0.1) / 3
    assert one != other
    first = {int(best(np.array([one, other]), 1, generator(seed))[0]) for seed in range(20)}
    assert first == {0, 1}


@pytest.mark.parametrize("size", [1.0, 1e3, 1e9, 3e200])
def test_what_counts_as_a_tie_goes_by_the_size_of_each(size: float) -> None:
    one = -0.2 * size
    other = float(np.nextafter(one, 0))
    # Beside a huge one, those near 1 stay apart.
    values = without_noise(np.array([one, other, 0.9, 0.9 + 1e-9]))
    assert values[0] == values[1]
    assert values[2] < values[3]
    assert values == pytest.approx([one, other, 0.9, 0.9 + 1e-9], rel=1e-11)


@given(
    values=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.9]), min_size=1, max_size=12),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_best_takes_the_highest_first(values: list[float], seed: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(values)))
    chosen = best(np.array(values), n, generator(seed)).tolist()
    assert len(set(chosen)) == n
    assert [values[i] for i in chosen] == sorted(values, reverse=True)[:n]


@given(known=st.sets(st.integers(0, 49), max_size=49), seed=st.integers(0, 100))
def test_random_draws_from_all_that_is_left(known: set[int], seed: int) -> None:
    evaluated = {CANDIDATES.index[i]: 0.5 for i in known}
    left = set(CANDIDATES.index) - set(evaluated)
    proposals = RandomStrategy().propose(
        history_of(evaluated), CANDIDATES, len(left), generator(seed)
    )
    assert {name for name, _ in proposals} == left
    assert all(np.isnan(prediction) for _, prediction in proposals)


def test_random_gives_each_function_the_same_chance() -> None:
    rng = generator()
    drawn = Counter(
        RandomStrategy().propose(history_of(EVALUATED), CANDIDATES, 1, rng)[0][0]
        for _ in range(4200)
    )
    assert len(drawn) == 42
    assert min(drawn.values()) > 60
    assert max(drawn.values()) < 150


def test_a_prediction_needs_three_evaluations_on_the_map() -> None:
    evaluated = {"relu(x)": 0.9, "tanh(x)": 0.8, "elsewhere(x)": 0.7}
    with pytest.raises(ValueError, match="at least 3 evaluated functions on the map, found 2"):
        get_strategy("union-knr").propose(history_of(evaluated), CANDIDATES, 1, generator())


def test_evaluations_off_the_map_do_not_inform() -> None:
    strategy = get_strategy("union-knr")
    with_it = strategy.propose(
        history_of(EVALUATED | {"elsewhere(x)": 1.0}), CANDIDATES, 3, generator()
    )
    assert with_it == strategy.propose(history_of(EVALUATED), CANDIDATES, 3, generator())


def test_own_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "_REGISTRY", dict(strategies._REGISTRY))

    class First:
        def propose(
            self,
            history: pd.DataFrame,
            candidates: pd.DataFrame,
            n: int,
            rng: np.random.Generator,
        ) -> list[tuple[str, float]]:
            return [(name, 0.0) for name in candidates.index if name not in history.index][:n]

    register("first", First())
    register("union-linear", GreedyStrategy("union", lambda seed: LinearRegression()))
    assert get_strategy("first").propose(history_of(EVALUATED), CANDIDATES, 1, generator()) == [
        ("f0(x)", 0.0)
    ]
    assert (
        len(get_strategy("union-linear").propose(history_of(EVALUATED), CANDIDATES, 2, generator()))
        == 2
    )
    with pytest.raises(ValueError, match="'first' is already registered"):
        register("first", First())
    with pytest.raises(
        ValueError, match=r"strategy 'last'.*; allowed: random, .*; registered: first"
    ):
        get_strategy("last")
