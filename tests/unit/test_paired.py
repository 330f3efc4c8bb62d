"""The paired comparison of two functions, and the correction for many."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from actsearch.search.paired import (
    holm,
    paired_difference,
    seeds_needed,
    sign_flip_p,
    smallest_p,
)

share = st.floats(0, 1, allow_nan=False)


@pytest.mark.parametrize(
    ("comparisons", "level", "seeds"),
    [(1, 0.05, 6), (10, 0.05, 9), (17, 0.05, 10), (1, 2e-5, 17), (1, 1e-5, None), (9, 1e-9, None)],
)
def test_fewest_seeds_for_a_verdict(comparisons: int, level: float, seeds: int | None) -> None:
    assert seeds_needed(comparisons, level) == seeds
    if seeds:
        assert smallest_p(seeds, comparisons) < level <= smallest_p(seeds - 1, comparisons)


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04 -> 0.06 (never falls).
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.3, 0.9, 0.001]) == pytest.approx([0.6, 0.9, 0.003])
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_what_the_step_down_procedure_rejects(
    p_values: list[float], level: float
) -> None:
    rejected = set()
    remaining = sorted(range(len(p_values)), key=lambda i: p_values[i])
    while remaining and p_values[remaining[0]] * len(remaining) < level:
        rejected.add(remaining.pop(0))
    corrected = holm(p_values)
    assert {i for i, p in enumerate(corrected) if p < level} == rejected
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))


@pytest.mark.filterwarnings("error")
@given(st.lists(st.tuples(share, share), min_size=2, max_size=10))
def test_the_interval_is_the_textbook_one(pairs: list[tuple[float, float]]) -> None:
    a, b = map(list, zip(*pairs, strict=True))
    d = np.subtract(a, b)
    reach = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    result = paired_difference(a, b)
    assert set(result) == {"mean", "low", "high", "p"}
    assert result["mean"] == pytest.approx(d.mean(), abs=1e-12)
    assert result["low"] == pytest.approx(d.mean() - reach, rel=1e-6, abs=1e-9)
    assert result["high"] == pytest.approx(d.mean() + reach, rel=1e-6, abs=1e-9)
    assert result["p"] == sign_flip_p(d)


steps = st.integers(-20, 20)  # accuracies of a test set of 437, apart by whole images


@given(st.lists(steps, min_size=2, max_size=10))
def test_p_is_that_of_scipy(apart: list[int]) -> None:
    # Whole numbers have exact sums, so that scipy too sees which choices of signs tie.
    oracle = stats.permutation_test(
        (np.array(apart, dtype=float),),
        np.sum,
        permutation_type="samples",
        vectorized=True,
        n_resamples=2**10,
    )
    scaled = 0.7 + np.array(apart) / 437
    p = paired_difference(scaled.tolist(), [0.7] * len(apart))["p"]
    assert p == pytest.approx(oracle.pvalue, rel=1e-12)


@given(st.lists(steps, min_size=2, max_size=10))
def test_p_does_not_hang_on_signs_order_or_scale(apart: list[int]) -> None:
    d = np.array(apart) / 437
    p = sign_flip_p(d)
    assert smallest_p(len(d)) <= p <= 1
    assert sign_flip_p(-d) == sign_flip_p(d[::-1]) == sign_flip_p(d * 3) == p


@given(
    st.lists(st.tuples(steps, st.sampled_from([1, 1, 1, 10**9])), min_size=2, max_size=10),
    st.floats(0.01, 1e6),
    st.floats(-1e6, 1e6),
)
def test_p_does_not_hang_on_how_a_score_is_counted(
    pairs: list[tuple[int, int]], unit: float, zero: float
) -> None:
    # Whole numbers have exact sums: they say which choices of signs tie, also beside a seed that
    # went wrong and is a billion times as far away.
    apart = np.array([step * size for step, size in pairs], dtype=np.int64)
    signs = np.array(list(itertools.product((1, -1), repeat=len(apart))))
    exact = (abs(signs @ apart) >= abs(apart.sum())).mean()
    scores, reference = zero + unit * apart / 437, np.full(len(apart), zero)
    assert paired_difference(scores.tolist(), reference.tolist())["p"] == exact
    assert paired_difference((-scores).tolist(), (-reference).tolist())["p"] == exact


@pytest.mark.parametrize("near", [0.9, 1e-9, -3.5, -2e8])
def test_scores_that_rounding_alone_tells_apart_tie(near: float) -> None:
    noise = np.spacing(max(abs(near), 1.0)) * np.array([1, 2, 1, 1, 3, 1, 2, 1, 1, 1])
    assert paired_difference((near + noise).tolist(), [near] * 10)["p"] == 1


@pytest.mark.parametrize("apart", [[1] * 10, [1] * 9 + [2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]])
def test_small_steps_that_agree_are_not_called_certain(apart: list[int]) -> None:
    # The t-test says p = 0, 2e-9 and 4e-4.
    assert sign_flip_p(np.array(apart) / 300) == smallest_p(10) == 2 / 1024


def test_noise_never_makes_a_difference_surer() -> None:
    steady = np.full(10, 1 / 300)
    for first in (0, -1, -3, -5):
        noisy = steady.copy()
        noisy[0] = first / 300
        assert sign_flip_p(noisy) > sign_flip_p(steady)


def test_no_difference_at_any_seed() -> None:
    equal = paired_difference([0.9, 0.8], [0.9, 0.8])
    assert equal == {"mean": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}


def test_equal_differences_have_an_interval_of_no_width() -> None:
    higher = paired_difference([0.91, 0.93, 0.92, 0.94, 0.90], [0.90, 0.92, 0.91, 0.93, 0.89])
    assert higher["p"] == smallest_p(5) == 1 / 16
    assert higher["low"] == pytest.approx(0.01)
    assert higher["high"] == pytest.approx(0.01)


def test_many_seeds_are_sampled_the_same_way_each_time() -> None:
    d = np.random.default_rng(3).normal(0.3, 1, 20)
    p = sign_flip_p(d)
    assert p == sign_flip_p(d)
    every = 1 - 2 * (np.arange(2**20)[:, None] >> np.arange(20) & 1)
    exact = (abs(every @ d) >= abs(d.sum()) - 1e-9).mean()
    assert p == pytest.approx(exact, abs=4 * np.sqrt(exact / 1e5))
    assert sign_flip_p(np.ones(40)) == smallest_p(40) == 1e-5
