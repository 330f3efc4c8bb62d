from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from search_tables import leave_off_map, make_map, make_table
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVR

from actsearch.config import Surrogate
from actsearch.search.surrogates import (
    REGRESSORS,
    cross_validated_predictions,
    make_regressor,
    score,
)

SETTINGS = Surrogate(folds=4, repeats=2, seed=3)


def cross_validate(
    map_table: pd.DataFrame, table: pd.DataFrame, settings: Surrogate
) -> pd.DataFrame:
    return score(cross_validated_predictions(map_table, table, settings))


@pytest.fixture(scope="module")
def map_table() -> pd.DataFrame:
    return make_map(60)


@pytest.fixture(scope="module")
def table(map_table: pd.DataFrame) -> pd.DataFrame:
    return make_table(map_table, noise=0.02)


@pytest.fixture(scope="module")
def predictions(map_table: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    return cross_validated_predictions(map_table, table, SETTINGS)


@pytest.fixture(scope="module")
def scores(predictions: pd.DataFrame) -> pd.DataFrame:
    return score(predictions)


@given(st.integers(0, 2**32 - 1), st.integers(3, 200), st.sampled_from([1e-3, 1.0, 50.0]))
def test_neighbors_are_scikit_learns_to_the_bit(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    seen, new = scale * rng.normal(size=(n, 2)), scale * rng.normal(size=(50, 2))
    values = rng.random(n)
    ours = make_regressor("knr", 0)
    ours.fit(seen, values)
    oracle = KNeighborsRegressor(3).fit(seen, values)
    np.testing.assert_array_equal(ours.predict(new), oracle.predict(new))


def test_a_proposal_by_neighbors_imports_no_scikit_learn() -> None:
    """It takes longer than all else of such a proposal."""
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from actsearch.search.rounds import propose\n"
        "from actsearch.search.surrogates import make_regressor\n"
        "knr = make_regressor('knr', 0)\n"
        "knr.fit(np.eye(3, 2), np.arange(3.0))\n"
        "knr.predict(np.eye(2))\n"
        "print({'sklearn', 'scipy.stats', 'torch'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_scores_agree_with_scikit_learn(
    map_table: pd.DataFrame, table: pd.DataFrame, scores: pd.DataFrame
) -> None:
    x = map_table[["outputs_x", "outputs_y"]].to_numpy()
    y = table["validation_score"].to_numpy()
    r2, rank = [], []
    for seed in (3, 4):
        folds = KFold(4, shuffle=True, random_state=seed)
        predicted = cross_val_predict(KNeighborsRegressor(3), x, y, cv=folds)
        r2.append(r2_score(y, predicted))
        rank.append(spearmanr(y, predicted.round(12)).statistic)
    row = scores[(scores["features"] == "outputs") & (scores["regressor"] == "knr")].iloc[0]
    assert row["n"] == 60
    assert row["r2_mean"] == pytest.approx(np.mean(r2))
    assert row["r2_std"] == pytest.approx(np.std(r2, ddof=1))
    assert row["spearman_mean"] == pytest.approx(np.mean(rank))
    assert row["spearman_std"] == pytest.approx(np.std(rank, ddof=1))


def test_features_that_tell_the_score_predict_it(scores: pd.DataFrame) -> None:
    r2 = scores.set_index(["features", "regressor"])["r2_mean"]
    for regressor in ("knr", "rf", "svr"):
        assert r2["union", regressor] > 0.3 > r2["fisher", regressor]


def test_a_constant_predictor_ranks_nothing(scores: pd.DataFrame) -> None:
    constant = scores[scores["regressor"] == "mean"]
    assert len(constant) == 3
    assert constant["spearman_mean"].isna().all()
    assert (constant["r2_mean"] <= 0).all()
    assert scores[scores["regressor"] != "mean"]["spearman_mean"].notna().all()


def test_every_row_sees_the_same_functions_in_the_same_folds(
    map_table: pd.DataFrame, table: pd.DataFrame
) -> None:
    predictions = cross_validated_predictions(
        leave_off_map(map_table, "f5(x)", "outputs_y"),
        table[table["name"] != "f7(x)"],
        SETTINGS,
    )
    keys = predictions.groupby(["features", "regressor"])
    assert keys.ngroups == 12
    frames = [
        group[["repeat", "fold", "name", "measured"]].reset_index(drop=True) for _, group in keys
    ]
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame, frames[0])
    assert set(frames[0]["name"]) == set(map_table["name"]) - {"f5(x)", "f7(x)"}
    assert not frames[0].duplicated(["repeat", "name"]).any()
    one, other = (f.set_index("name")["fold"] for _, f in frames[0].groupby("repeat"))
    assert (one != other[one.index]).any()


def test_neither_repetition_nor_the_order_of_the_table_changes_a_number(
    map_table: pd.DataFrame, table: pd.DataFrame, scores: pd.DataFrame
) -> None:
    pd.testing.assert_frame_equal(cross_validate(map_table, table[::-1], SETTINGS), scores)


def test_where_all_scores_are_equal_no_predictor_has_one(
    map_table: pd.DataFrame, table: pd.DataFrame
) -> None:
    constant = table.assign(validation_score=0.5)
    scores = cross_validate(map_table, constant, Surrogate(folds=2, repeats=1))
    assert scores[["r2_mean", "spearman_mean"]].isna().all(axis=None)


def test_a_single_repeat_has_no_deviation(predictions: pd.DataFrame) -> None:
    first = score(predictions[predictions["repeat"] == 0])
    assert first["r2_std"].isna().all()
    assert first["r2_mean"].notna().all()


@pytest.mark.parametrize(("folds", "needed"), [(2, 6), (3, 5), (4, 4), (5, 5), (10, 10)])
def test_too_few_functions_are_refused(
    folds: int, needed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = {name: make for name, make in REGRESSORS.items() if name != "rf"}
    monkeypatch.setattr("actsearch.search.surrogates.REGRESSORS", fast)
    map_table = make_map(12)
    settings = Surrogate(folds=folds, repeats=1)
    enough = make_table(map_table).head(needed)
    assert (cross_validate(map_table, enough, settings)["n"] == needed).all()
    with pytest.raises(ValueError, match=f"at least {needed} functions .* found {needed - 1}"):
        cross_validate(map_table, enough.head(needed - 1), settings)


def test_bad_tables_are_refused(map_table: pd.DataFrame, table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"benchmark table holds 'relu\(x\)' more than once"):
        twice = pd.concat([table, table[table["name"] == "relu(x)"]])
        cross_validate(map_table, twice, SETTINGS)
    with pytest.raises(ValueError, match=r"map table holds 'f0\(x\)' more than once"):
        twice = pd.concat([map_table, map_table[map_table["name"] == "f0(x)"]])
        cross_validate(twice, table, SETTINGS)
    with pytest.raises(ValueError, match="lacks the columns fisher_y, union_x"):
        cross_validate(map_table.drop(columns=["fisher_y", "union_x"]), table, SETTINGS)
    with pytest.raises(ValueError, match=r"score of 'f3\(x\)' is not finite"):
        broken = table["validation_score"].mask(table["name"] == "f3(x)")
        cross_validate(map_table, table.assign(validation_score=broken), SETTINGS)


@pytest.mark.parametrize(
    ("unit", "zero"),
    [(64.0, -40.0), (-1.0, 1.0), (np.pi * 1e7, -np.e * 1e7)],
)
def test_how_a_score_is_counted_does_not_matter(
    map_table: pd.DataFrame, unit: float, zero: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where splits are equally good, a forest takes the one that rounding prefers: left out.
    without = {name: make for name, make in REGRESSORS.items() if name != "rf"}
    monkeypatch.setattr("actsearch.search.surrogates.REGRESSORS", without)
    # Few distinct scores, so that predictions tie often, and rounding alone tells some apart.
    table = make_table(map_table, noise=0.05).round({"validation_score": 1})
    other = table.assign(validation_score=zero + unit * table["validation_score"])
    one = cross_validated_predictions(map_table, table, SETTINGS)
    two = cross_validated_predictions(map_table, other, SETTINGS)
    expected, found = score(one), score(two)
    columns = ["r2_mean", "r2_std", "spearman_mean", "spearman_std"]
    # k-NN makes the ties, and the same ones count. Support vectors are found to a tolerance.
    for regressor, close in (("knr", 1e-12), ("mean", 1e-12), ("svr", 0.01)):
        before, after = (t[t["regressor"] == regressor] for t in (expected, found))
        np.testing.assert_allclose(after[columns], before[columns], rtol=0, atol=close)
    np.testing.assert_allclose((two["predicted"] - zero) / unit, one["predicted"], atol=1e-3)


def test_support_vectors_see_small_differences() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    y = 0.9 + 0.03 * np.tanh(x[:, 0])
    predicted = make_regressor("svr", 0).fit(x[:150], y[:150]).predict(x[150:])
    assert r2_score(y[150:], predicted) > 0.9
    raw = SVR().fit(x[:150], y[:150]).predict(x[150:])
    assert np.ptp(raw) < 1e-9, "the raw regressor's tube swallows all differences"


def test_the_forest_is_seeded() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 2)), rng.random(40)
    one, same, other = (make_regressor("rf", s).fit(x, y).predict(x) for s in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_unknown_regressor() -> None:
    with pytest.raises(ValueError, match="unknown regressor 'gp'; allowed: knr, rf, svr, mean"):
        make_regressor("gp", 0)
    assert list(REGRESSORS) == ["knr", "rf", "svr", "mean"]
