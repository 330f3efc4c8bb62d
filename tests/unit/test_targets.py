from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsearch.search.targets import REACH, Targets

Numbers = st.lists(st.integers(-999, 999).map(lambda n: n / 10), min_size=3, max_size=40)


@given(Numbers)
def test_targets_are_standardised_and_in_the_order_of_scores(numbers: list[float]) -> None:
    scores = np.array(numbers)
    values = Targets(scores).values
    order = np.argsort(scores, kind="stable")
    assert (np.diff(values[order]) >= 0).all()
    if len(set(numbers)) > 1:
        np.testing.assert_allclose([values.mean(), values.std()], [0, 1], atol=1e-6)


@given(Numbers)
def test_back_to_scores_where_none_is_far_below(numbers: list[float]) -> None:
    scores = np.array(numbers)
    targets = Targets(scores)
    least = scores.max() - REACH * (scores.max() - np.median(scores))
    near = (scores >= least) | (scores.max() == np.median(scores))
    np.testing.assert_allclose(targets.scores(targets.values)[near], scores[near], atol=1e-9)


def test_a_score_far_below_is_raised() -> None:
    scores = np.array([0.9, 0.8, 0.7, -1e30])  # the median is 0.75, so the least is 0.3
    bounded = np.array([0.9, 0.8, 0.7, 0.3])
    expected = (bounded - bounded.mean()) / bounded.std()
    np.testing.assert_allclose(Targets(scores).values, expected, rtol=1e-12)


def test_most_scores_may_be_far_below() -> None:
    values = Targets(np.array([0.9, -1e100, -1e100, -1e100])).values
    assert np.isfinite(values).all()
    assert values.argmax() == 0


@given(
    st.lists(st.integers(-1000, 1000), min_size=4, max_size=20, unique=True),
    st.floats(1e-3, 1e3),
    st.floats(-100, 100),
)
def test_the_unit_of_scores_does_not_matter(numbers: list[int], unit: float, zero: float) -> None:
    scores = np.array(numbers) / 1000
    other = Targets(zero + unit * scores).values
    np.testing.assert_allclose(other, Targets(scores).values, atol=1e-5)


@pytest.mark.parametrize("n", range(1, 30))
@pytest.mark.parametrize("score", [0.1, 0.7, -1e30, 1 / 3])
def test_equal_scores_are_zero(n: int, score: float) -> None:
    # The mean of equal numbers is rounded: 0.1 twenty times has a deviation of 1e-17.
    targets = Targets(np.full(n, score))
    np.testing.assert_array_equal(targets.values, 0)
    np.testing.assert_array_equal(targets.scores(targets.values), score)
