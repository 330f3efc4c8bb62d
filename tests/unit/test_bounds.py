"""Upper confidence bounds: batches, and the guesses behind them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.neighbors import KNeighborsRegressor

from actsearch.search.strategies.bound import TREES_IN_A_FOREST, neighbors, pick, trees

RNG = np.random.default_rng(4)
POINTS, AT = RNG.normal(size=(30, 4)), RNG.normal(size=(50, 4))
TARGETS = RNG.normal(size=30)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=20), st.integers(0, 99))
def test_without_a_weight_a_batch_is_the_best(values: list[int], seed: int) -> None:
    mean = np.array(values, dtype=float)
    chosen = pick(mean, RNG.random(len(mean)), 0.0, len(mean), generator(seed))
    assert mean[chosen].tolist() == sorted(values, reverse=True)
    assert sorted(chosen) == list(range(len(mean)))


def test_the_first_has_the_weight_itself() -> None:
    mean, deviation = RNG.normal(size=40), RNG.random(40)
    for weight in (0.0, 0.5, 3.0):
        firsts = {int(pick(mean, deviation, weight, 5, generator(seed))[0]) for seed in range(9)}
        assert firsts == {int((mean + weight * deviation).argmax())}


def test_the_others_draw_theirs_from_an_exponential_distribution() -> None:
    """A choice between a safe one and a doubtful one: taken if the weight drawn is above 1."""
    mean, deviation = np.array([9.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0])
    second = [pick(mean, deviation, 0.7, 2, generator(seed))[1] for seed in range(4000)]
    assert np.mean(np.array(second) == 2) == pytest.approx(np.exp(-1 / 0.7), abs=0.03)


def test_trees_are_those_of_scikit_learn() -> None:
    mean, deviation = trees(POINTS, TARGETS, AT, 3)
    forest = ExtraTreesRegressor(TREES_IN_A_FOREST, random_state=3).fit(POINTS, TARGETS)
    np.testing.assert_allclose(mean, forest.predict(AT), atol=1e-12)
    each = [tree.predict(AT) for tree in forest.estimators_]
    np.testing.assert_allclose(deviation, np.std(each, axis=0), atol=1e-12)


def test_neighbors_are_those_of_scikit_learn() -> None:
    mean, deviation = neighbors(POINTS, TARGETS, AT, 0)
    other = KNeighborsRegressor(3, weights="distance").fit(POINTS, TARGETS)
    np.testing.assert_allclose(mean, other.predict(AT), rtol=1e-6)
    assert (deviation >= 0).all() and (deviation <= TARGETS.std() + 1e-12).all()


def test_doubt_grows_with_the_distance_up_to_that_of_all() -> None:
    direction = np.array([1.0, 0.0, 0.0, 0.0])
    at = POINTS[:1] + np.array([0.0, 0.5, 5.0, 50.0])[:, None] * direction
    deviation = neighbors(POINTS, TARGETS, at, 0)[1]
    assert (np.diff(deviation) >= 0).all()
    assert deviation[-1] == pytest.approx(TARGETS.std())
    assert deviation[0] < deviation[-1]


def test_points_that_coincide() -> None:
    """All in one place: no distance tells anything, and nothing is divided by zero."""
    mean, deviation = neighbors(np.zeros((5, 2)), np.arange(5.0), np.zeros((3, 2)), 0)
    assert np.isfinite(mean).all() and (deviation == 0).all()
