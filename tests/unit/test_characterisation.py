from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr
from search_tables import make_map
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.neighbors import KNeighborsRegressor

from actsearch.config import Surrogate
from actsearch.search import characterisation
from actsearch.search.candidates import components, coordinates
from actsearch.search.characterisation import COLUMNS, admitted, characterise
from actsearch.search.claims import both_beat_each

SETTINGS = Surrogate(known=(10, 100, 1000), draws=3, seed=7)
N = 160


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small forests and few resamples."""
    monkeypatch.setattr(characterisation, "TREES", 20)
    monkeypatch.setattr(characterisation, "RESAMPLES", 60)


def make_table(map_table: pd.DataFrame, of: np.ndarray, failing: float = 0.1) -> pd.DataFrame:
    """Scores that are a function of features and some noise; the lowest ones failed."""
    rng = np.random.default_rng(1)
    score = np.tanh(of) + 0.05 * rng.normal(size=len(of))
    status = np.where(score < np.quantile(score, failing), "diverged", "completed")
    return pd.DataFrame({"name": map_table["name"], "validation_score": score, "status": status})


@pytest.fixture(scope="module")
def map_table() -> pd.DataFrame:
    return make_map(N)


@pytest.fixture(scope="module")
def table(map_table: pd.DataFrame) -> pd.DataFrame:
    """Neither coordinates of outputs nor of Fisher information tell the score, but both do."""
    of = 1.2 * (map_table["union_x"] + map_table["outputs_1"] + map_table["fisher_1"])
    return make_table(map_table, of.to_numpy())


@pytest.fixture(scope="module")
def found(map_table: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(characterisation, "TREES", 20)
        patched.setattr(characterisation, "RESAMPLES", 60)
        return characterise(map_table, table, SETTINGS)


def one(found: pd.DataFrame, **of: object) -> pd.Series:
    chosen = found[np.logical_and.reduce([found[key] == value for key, value in of.items()])]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_the_shape_of_the_table(found: pd.DataFrame) -> None:
    assert list(found.columns) == COLUMNS
    assert sorted(found["known"].unique()) == [10, 100]
    keys = ["target", "known", "dimensions", "regressor", "features", "minus", "metric"]
    assert not found.duplicated(keys).any()
    kinds = found[found["minus"] == ""].groupby(["dimensions", "regressor"])["features"].unique()
    assert {key: set(of) for key, of in kinds.items()} == {
        ("none", "mean"): {"none"},
        **{
            (dimensions, regressor): {"outputs", "fisher", "union"}
            for dimensions in ("map", "components")
            for regressor in ("knr", "et", "svr")
        },
    }
    assert set(found.loc[found["target"] == "failure", "metric"]) == {"auc"}
    assert (found["functions"] == N).all()
    defined = found.dropna(subset=["value"])
    assert len(defined) > 0.8 * len(found)
    inside = (defined["low"] <= defined["high"]) & np.isfinite(defined[["low", "high"]]).all(axis=1)
    assert inside.all()


def test_sizes_that_leave_too_few_are_left_out_and_said(found: pd.DataFrame) -> None:
    assert all(list(sizes) == [1000] for sizes in found["left_out"])
    assert (found.loc[found["target"] == "all", "held_out"] == N - 100).all()
    assert admitted((10, 30, 100), 125) == ([10, 30, 100], [])
    assert admitted((10, 30, 100), 124) == ([10, 30], [100])
    assert admitted((10, 12), 15) == ([10], [12])
    assert admitted((3, 10), 7) == ([], [3, 10])


@pytest.mark.parametrize("regressor", ["knr", "et"])
@pytest.mark.parametrize("dimensions", ["map", "components"])
def test_values_agree_with_the_libraries(
    regressor: str,
    dimensions: str,
    map_table: pd.DataFrame,
    table: pd.DataFrame,
    found: pd.DataFrame,
) -> None:
    columns = (coordinates if dimensions == "map" else components)("union")
    x, y = map_table[columns].to_numpy(), table["validation_score"].to_numpy(copy=True)
    y /= np.abs(y).max()  # where splits are equally good, a forest takes the one rounding prefers
    failed = (table["status"] != "completed").to_numpy()
    expected: dict[tuple[str, str], list[float]] = {}
    for seed in (7, 8, 9):
        order = np.random.default_rng(seed).permutation(N)
        for target, values, among in (
            ("all", y, np.ones(N, dtype=bool)),
            ("completed", y, ~failed),
            ("failure", failed.astype(float), np.ones(N, dtype=bool)),
        ):
            seen, held = (part[among[part]] for part in (order[:10], order[100:]))
            model = (
                KNeighborsRegressor(3)
                if regressor == "knr"
                else ExtraTreesRegressor(20, random_state=seed)
            )
            p = model.fit(x[seen], values[seen]).predict(x[held]).round(12)
            scores = (
                {"auc": roc_auc_score(values[held], p)}
                if target == "failure"
                else {
                    "r2": r2_score(values[held], p),
                    "spearman": spearmanr(values[held], p).statistic,
                    "kendall": kendalltau(values[held], p).statistic,
                }
            )
            for metric, value in scores.items():
                expected.setdefault((target, metric), []).append(value)
    of = {"known": 10, "dimensions": dimensions, "regressor": regressor}
    for (target, metric), values in expected.items():
        row = one(found, target=target, metric=metric, features="union", minus="", **of)
        assert row["draws"] == 3
        assert row["value"] == pytest.approx(np.mean(values), abs=1e-6)


def test_differences_are_those_of_values(found: pd.DataFrame) -> None:
    of = {"target": "all", "known": 100, "regressor": "et", "metric": "spearman"}
    for minus in ("outputs", "fisher"):
        here = of | {"dimensions": "components"}
        apart = one(found, features="union", minus=minus, **here)["value"]
        both, alone = (one(found, features=f, minus="", **here) for f in ("union", minus))
        assert apart == pytest.approx(both["value"] - alone["value"])
    many, few = (
        one(found, dimensions=d, features="fisher", minus="", **of) for d in ("components", "map")
    )
    apart = one(found, dimensions="components", features="fisher", minus="map", **of)
    assert apart["value"] == pytest.approx(many["value"] - few["value"])
    # What two predictors share in a resample is no part of their difference.
    assert apart["low"] <= apart["value"] <= apart["high"]


def test_the_yardstick(found: pd.DataFrame) -> None:
    rows = found[(found["regressor"] == "mean") & (found["target"] == "all")]
    of = rows.pivot_table(index="known", columns="metric", values="value", dropna=False)
    assert (of["r2"] <= 0).all()
    assert of[["spearman", "kendall", "slope"]].isna().all(axis=None)
    assert of.loc[100, "coverage_90"] == pytest.approx(0.9, abs=0.08)
    failure = found[(found["regressor"] == "mean") & (found["target"] == "failure")]
    assert (failure["value"] == 0.5).all()


def test_more_known_functions_tell_more(found: pd.DataFrame) -> None:
    of = {"target": "all", "dimensions": "components", "regressor": "et", "metric": "r2"}
    few, many = (one(found, known=k, features="union", minus="", **of)["value"] for k in (10, 100))
    assert many > few + 0.1


def test_both_together_beat_each_where_it_takes_both(found: pd.DataFrame) -> None:
    for dimensions, regressor in (("map", "knr"), ("components", "et")):
        claim = both_beat_each(found, dimensions, regressor, "spearman", "all")
        assert claim is not None
        assert claim.verdict == "holds"
        assert min(claim.over_outputs.low, claim.over_fisher.low) > 0
    assert both_beat_each(found, "map", "svr", "coverage_50", "all") is None


def test_they_do_not_where_one_is_noise(map_table: pd.DataFrame) -> None:
    of = 2 * map_table["outputs_1"].to_numpy()
    found = characterise(map_table, make_table(map_table, of), SETTINGS)
    for regressor in ("knr", "et"):
        claim = both_beat_each(found, "components", regressor, "spearman", "all")
        assert claim is not None
        assert claim.over_fisher.low > 0.3
        # Neighbours are led astray by 8 dimensions of noise, trees pass them over.
        assert claim.over_outputs.value < (-0.1 if regressor == "knr" else 0.05)
        assert claim.verdict == ("does not hold" if regressor == "knr" else "within noise")


def test_failure_is_predicted_apart_from_accuracy(map_table: pd.DataFrame) -> None:
    """Failures follow Fisher information, scores of those that trained follow outputs."""
    rng = np.random.default_rng(3)
    failed = map_table["fisher_1"].to_numpy() > 0.5
    good = 0.9 + 0.03 * np.tanh(2 * map_table["outputs_1"].to_numpy())
    table = pd.DataFrame(
        {
            "name": map_table["name"],
            "validation_score": np.where(failed, 0.1, good) + 0.001 * rng.normal(size=N),
            "status": np.where(failed, rng.choice(["diverged", "partial"], N), "completed"),
        }
    )
    found = characterise(map_table, table, SETTINGS)
    of = {"known": 100, "dimensions": "components", "regressor": "et", "minus": ""}
    auc = {
        f: one(found, target="failure", features=f, metric="auc", **of)["value"]
        for f in ("outputs", "fisher")
    }
    assert auc["fisher"] > 0.85 > 0.65 > auc["outputs"]
    rank = {
        f: one(found, target="completed", features=f, metric="spearman", **of)["value"]
        for f in ("outputs", "fisher")
    }
    assert rank["outputs"] > 0.7 > 0.35 > rank["fisher"]


@pytest.mark.parametrize("status", ["completed", "diverged"])
def test_where_all_or_none_fail_there_is_no_area(
    status: str, map_table: pd.DataFrame, table: pd.DataFrame
) -> None:
    settings = SETTINGS.model_copy(update={"known": (10,), "draws": 1})
    found = characterise(map_table, table.assign(status=status), settings)
    failure = found[found["target"] == "failure"]
    assert len(failure)
    assert failure[["value", "low", "high"]].isna().all(axis=None)
    assert (failure["draws"] == 0).all()
    completed = found[found["target"] == "completed"]
    if status == "diverged":
        assert completed["value"].isna().all()
    else:
        everyone = found[found["target"] == "all"]
        assert completed["value"].tolist() == pytest.approx(everyone["value"].tolist(), nan_ok=True)


def test_the_seed_decides(map_table: pd.DataFrame, table: pd.DataFrame) -> None:
    settings = SETTINGS.model_copy(update={"known": (10,), "draws": 2})
    once = characterise(map_table, table, settings)
    pd.testing.assert_frame_equal(once, characterise(map_table, table[::-1], settings))
    other = characterise(map_table, table, settings.model_copy(update={"seed": 8}))
    assert (once["value"] != other["value"]).any()


@pytest.mark.parametrize(("unit", "zero"), [(1e200, 0.0), (64.0, -40.0)])
def test_how_a_score_is_counted_does_not_matter(
    map_table: pd.DataFrame, table: pd.DataFrame, unit: float, zero: float
) -> None:
    settings = SETTINGS.model_copy(update={"known": (30,), "draws": 1})
    changed = table.assign(validation_score=unit * table["validation_score"] + zero)
    one_, two = (characterise(map_table, t, settings) for t in (table, changed))
    same = (one_["regressor"] == "knr").to_numpy()
    np.testing.assert_allclose(
        two.loc[same, ["value", "low", "high"]], one_.loc[same, ["value", "low", "high"]], atol=1e-6
    )


def test_too_few_functions_give_no_rows(map_table: pd.DataFrame, table: pd.DataFrame) -> None:
    found = characterise(map_table, table.head(14), SETTINGS)
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_equal_scores_have_no_rank(map_table: pd.DataFrame, table: pd.DataFrame) -> None:
    settings = SETTINGS.model_copy(update={"known": (10,), "draws": 1})
    for constant in (0.5, 0.0):
        found = characterise(map_table, table.assign(validation_score=constant), settings)
        scores = found[(found["target"] == "all") & found["metric"].isin(["r2", "spearman"])]
        assert scores["value"].isna().all()


def test_a_table_without_status_is_refused(map_table: pd.DataFrame, table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="benchmark table lacks the columns status"):
        characterise(map_table, table.drop(columns="status"), SETTINGS)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ((2, 10), "greater than or equal to 3"),
        ((30, 10), "do not ascend"),
        ((10, 10), "do not ascend"),
        ((), "at least 1 item"),
    ],
)
def test_bad_sizes_are_refused(known: tuple[int, ...], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Surrogate(known=known)
