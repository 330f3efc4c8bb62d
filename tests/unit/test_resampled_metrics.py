"""Metrics of resamples against scikit-learn and scipy on the rows repeated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, linregress, spearmanr
from sklearn.metrics import r2_score, roc_auc_score

from actsearch.search.resampled_metrics import Held

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, m: int, ties: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measured and predicted scores, few distinct ones, and how often resamples have each."""
    rng = np.random.default_rng(seed)
    measured = rng.integers(0, ties, m) / ties
    predicted = rng.integers(0, ties, m) / ties + 0.3 * measured.round(1)
    counts = np.vstack([np.ones(m), rng.multinomial(m, np.full(m, 1 / m), size=4)])
    return measured, predicted, counts


@given(SEEDS, st.integers(4, 40), st.sampled_from([2, 5, 1000]))
def test_each_resample_is_judged_as_its_repeated_rows_are(seed: int, m: int, ties: int) -> None:
    measured, predicted, counts = drawn(seed, m, ties)
    held = Held(measured, counts)
    found = {
        name: getattr(held, name)(predicted) for name in ("r2", "spearman", "kendall", "slope")
    }
    for row, times in enumerate(counts.astype(int)):
        y, p = np.repeat(measured, times), np.repeat(predicted, times)
        same_y, same_p = len(np.unique(y)) == 1, len(np.unique(p)) == 1
        expected = {
            "r2": np.nan if same_y else r2_score(y, p),
            "spearman": np.nan if same_y or same_p else spearmanr(y, p).statistic,
            "kendall": np.nan if same_y or same_p else kendalltau(y, p).statistic,
            "slope": np.nan if same_p else linregress(p, y).slope,
        }
        for name, value in expected.items():
            assert found[name][row] == pytest.approx(value, nan_ok=True, abs=1e-9, rel=1e-9), name


@given(SEEDS, st.integers(4, 40), st.sampled_from([2, 5, 1000]))
def test_the_area_is_that_of_all_pairs(seed: int, m: int, ties: int) -> None:
    _, predicted, counts = drawn(seed, m, ties)
    failed = (np.random.default_rng(seed).random(m) < 0.3).astype(float)
    found = Held(failed, counts).auc(predicted)
    for row, times in enumerate(counts.astype(int)):
        y, p = np.repeat(failed, times), np.repeat(predicted, times)
        if len(np.unique(y)) == 1:
            assert np.isnan(found[row])
            continue
        pairs = np.subtract.outer(p[y == 1], p[y == 0])
        assert found[row] == pytest.approx((pairs > 0).mean() + 0.5 * (pairs == 0).mean())
        assert found[row] == pytest.approx(roc_auc_score(y, p))


def test_intervals_of_votes_hold_as_much_as_they_say() -> None:
    rng = np.random.default_rng(0)
    m = 40_000
    held = Held(rng.normal(size=m), np.ones((1, m)))
    # A further draw of the same kind: of three votes the range is an interval of a half.
    three = rng.normal(size=(m, 3))
    assert held.coverage(three, 0.5) == pytest.approx(0.5, abs=0.01)
    assert np.isnan(held.coverage(three, 0.9)).all()
    nineteen = rng.normal(size=(m, 19))
    assert held.coverage(nineteen, 0.9) == pytest.approx(0.9, abs=0.01)
    assert held.coverage(nineteen, 0.5) == pytest.approx(0.5, abs=0.01)
    assert np.isnan(held.coverage(nineteen[:, :18], 0.9)).all()
    assert held.coverage(0.1 * nineteen, 0.9) < 0.3, "too narrow"


def test_a_resample_without_any_of_them_has_no_metric() -> None:
    held = Held(np.array([0.0, 1.0]), np.array([[1.0, 1], [0, 0]]))
    predicted = np.array([0.1, 0.7])
    for metric in ("r2", "spearman", "kendall", "slope", "auc"):
        first, empty = getattr(held, metric)(predicted)
        assert np.isfinite(first) and np.isnan(empty)
    first, empty = held.coverage(np.tile(predicted, (2, 2)), 0.5)
    assert first == 0 and np.isnan(empty)


def test_coverage_counts_resampled_functions() -> None:
    measured = np.array([0.0, 1.0, 5.0])
    counts = np.array([[1.0, 1, 1], [3, 0, 0], [0, 1, 2]])
    votes = np.tile([-1.0, 0.5, 2.0], (3, 1))
    assert Held(measured, counts).coverage(votes, 0.5) == pytest.approx([2 / 3, 1, 1 / 3])
