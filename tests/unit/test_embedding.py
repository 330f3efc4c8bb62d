"""The map, judged by neighbourhoods, never by coordinates."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from actsearch import config
from actsearch.features.components import principal_components
from actsearch.features.embedding import embed
from actsearch.features.neighbors import Metric, nearest_neighbors
from actsearch.functions.expressions import parse
from actsearch.functions.spaces import SearchSpace

N = 100
COLUMNS = [
    "name",
    "slug",
    "has_outputs",
    "has_fisher",
    *(f"{feature}_{axis}" for feature in ("outputs", "fisher", "union") for axis in "xy"),
    *(f"{feature}_{number}" for feature in ("outputs", "fisher") for number in range(1, 9)),
]
SETTINGS = config.Map(fisher_neighbors=10)


def names(n: int = N) -> list[str]:
    space = SearchSpace.named("three-node")
    return [space[k].name for k in range(n)]


def features(seed: int = 0, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Outputs ruled by two hidden coordinates and CDFs by a third one."""
    rng = np.random.default_rng(seed)
    hidden = rng.uniform(-1, 1, size=(n, 3))
    outputs = hidden[:, :2] @ rng.normal(size=(2, 1000))
    cdfs = 1 / (1 + np.exp(-(np.linspace(-8, 8, 60) - 6 * hidden[:, 2:])))
    return outputs, cdfs


def coordinates(table: Any, feature: str) -> np.ndarray:
    return np.asarray(table[[f"{feature}_x", f"{feature}_y"]])


def test_neighbourhoods_are_kept() -> None:
    outputs, cdfs = features()
    table = embed(names(), outputs, cdfs, SETTINGS)
    assert list(table.columns) == COLUMNS
    assert table["name"].tolist() == names()
    assert table["slug"].tolist() == [parse(name).slug for name in names()]
    assert table["has_outputs"].all()
    assert table["has_fisher"].all()
    near = np.arcsinh(outputs)
    assert trustworthiness(near, coordinates(table, "outputs"), n_neighbors=10) > 0.95
    fisher = coordinates(table, "fisher")
    assert trustworthiness(cdfs, fisher, n_neighbors=10, metric="manhattan") > 0.95


def test_components_are_those_of_scikit_learn() -> None:
    outputs, cdfs = features()
    table = embed(names(), outputs, cdfs, SETTINGS)
    for feature, values in (("outputs", np.arcsinh(outputs)), ("fisher", cdfs)):
        ours = table[[f"{feature}_{number}" for number in range(1, 9)]].to_numpy()
        theirs = PCA(8).fit_transform(values / np.sqrt(values.var(axis=0).sum()))
        # The sign of a component is left open.
        np.testing.assert_allclose(np.abs(ours[:, :4]), np.abs(theirs[:, :4]), atol=1e-6)


def test_components_of_what_lacks_a_feature_are_left_out() -> None:
    outputs, cdfs = features()
    outputs[3, 5] = np.nan
    table = embed(names(), outputs, cdfs, SETTINGS)
    missing = table[[f"outputs_{number}" for number in range(1, 9)]].isna().all(axis=1)
    assert missing.to_list() == [row == 3 for row in range(N)]
    assert table["fisher_1"].notna().all()


def test_the_union_keeps_neighbourhoods_that_features_share() -> None:
    hidden = np.random.default_rng(0).uniform(-1, 1, size=(N, 2))
    outputs = hidden @ np.random.default_rng(1).normal(size=(2, 1000))
    cdfs = hidden @ np.random.default_rng(2).normal(size=(2, 60))
    union = coordinates(embed(names(), outputs, cdfs, SETTINGS), "union")
    assert trustworthiness(hidden, union, n_neighbors=10) > 0.95


def test_the_union_knows_both_features() -> None:
    """Where features say different things, a layout knows its own, the union some of both."""
    outputs, cdfs = features()
    table = embed(names(), outputs, cdfs, SETTINGS)

    def fisher_trust(feature: str) -> float:
        return float(trustworthiness(cdfs, coordinates(table, feature), metric="manhattan"))

    def outputs_trust(feature: str) -> float:
        return float(trustworthiness(np.arcsinh(outputs), coordinates(table, feature)))

    assert fisher_trust("union") > fisher_trust("outputs") + 0.05
    assert outputs_trust("union") > outputs_trust("fisher") + 0.05


def test_reruns_are_identical_and_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    outputs, cdfs = features()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = embed(names(), outputs, cdfs, SETTINGS)
        two = embed(names(), outputs, cdfs, SETTINGS)
    assert one.equals(two)
    assert capfd.readouterr() == ("", "")
    other = embed(names(), outputs, cdfs, SETTINGS.model_copy(update={"seed": 1}))
    assert not other.equals(one)


def test_few_neighbours_in_many_parts() -> None:
    """Clusters farther apart than any neighbourhood: the graph falls apart, the layout does not."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(12, 60)) * 20
    cdfs = centres[np.arange(N) % 12] + 0.1 * rng.normal(size=(N, 60))
    outputs, _ = features()
    settings = config.Map(fisher_neighbors=3)
    table = embed(names(), outputs, cdfs, settings)
    assert table.equals(embed(names(), outputs, cdfs, settings))
    indices, _ = nearest_neighbors(coordinates(table, "fisher"), "euclidean", 4)
    assert (indices % 12 == np.arange(N)[:, None] % 12).mean() > 0.9


def test_functions_without_a_feature_are_left_out() -> None:
    outputs, cdfs = features()
    outputs[3, 7] = np.inf
    outputs[4] = np.nan
    cdfs[4:6] = np.nan
    table = embed(names(), outputs, cdfs, SETTINGS)
    missing = {"outputs": [3, 4], "fisher": [4, 5], "union": [3, 4, 5]}
    for feature, rows in missing.items():
        left_out = np.isnan(coordinates(table, feature))
        np.testing.assert_array_equal(np.flatnonzero(left_out.all(axis=1)), rows)
        np.testing.assert_array_equal(np.flatnonzero(left_out.any(axis=1)), rows)
    assert np.flatnonzero(~table["has_outputs"]).tolist() == [3, 4]
    assert np.flatnonzero(~table["has_fisher"]).tolist() == [4, 5]


def test_a_feature_that_is_the_same_for_all_functions_is_one_place() -> None:
    """As of a network that hides its activations at initialisation."""
    outputs, cdfs = features()
    table = embed(names(), outputs, np.repeat(cdfs[:1] / 3, N, axis=0), SETTINGS)
    assert (coordinates(table, "fisher") == 0).all()
    union = coordinates(table, "union")
    assert np.isfinite(union).all() and (union.std(axis=0) > 0).all()


def test_repeated_points() -> None:
    outputs, cdfs = features()
    outputs[:40] = outputs[0]
    cdfs[:60] = cdfs[0]
    table = embed(names(), outputs, cdfs, SETTINGS)
    for feature in ("outputs", "fisher", "union"):
        assert np.isfinite(coordinates(table, feature)).all()
    assert embed(names(), outputs, np.ones((N, 5)), SETTINGS)["union_x"].notna().all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (12, "map.outputs_neighbors is 15, but only 12 functions have finite outputs"),
        (None, "map.fisher_neighbors is 10, but only 5 functions have finite fisher"),
    ],
)
def test_too_few_functions(rows: int | None, message: str) -> None:
    outputs, cdfs = features()
    if rows is None:
        cdfs[5:] = np.nan
    with pytest.raises(ValueError, match=message):
        embed(names()[:rows], outputs[:rows], cdfs[:rows], SETTINGS)


def test_overflow_and_shapes_are_reported() -> None:
    outputs, cdfs = features()
    outputs[0] = 1e200
    settings = SETTINGS.model_copy(update={"outputs_transform": "identity"})
    with pytest.raises(ValueError, match=r"use map\.outputs_transform: arcsinh"):
        embed(names(), outputs, cdfs, settings)
    with pytest.raises(ValueError, match="100 names, 100 outputs and 7 Fisher features"):
        embed(names(), outputs, cdfs[:7], SETTINGS)


@pytest.mark.parametrize("metric", ["euclidean", "cityblock"])
@pytest.mark.parametrize("kind", ["distributions", "noise", "huge", "equal", "constant"])
def test_neighbours_are_those_of_all_pairs(metric: Metric, kind: str) -> None:
    """However well the bound tells rows apart, and of the chosen rows alone."""
    rng = np.random.default_rng(0)
    steps = np.linspace(0, 1, 600)
    rows = {
        "distributions": lambda: 1 / (1 + np.exp(-40 * (steps - rng.random((90, 1))))),
        "noise": lambda: rng.normal(size=(90, 600)),
        "huge": lambda: rng.normal(size=(90, 600)) * 10.0 ** rng.integers(-3, 18, size=(90, 1)),
        "equal": lambda: rng.normal(size=(7, 600))[rng.integers(7, size=90)],
        "constant": lambda: np.ones((90, 0)),
    }[kind]()
    chosen = np.flatnonzero(rng.random(90) < 0.8)
    indices, distances = nearest_neighbors(rows, metric, 6, chosen)
    every = cdist(rows[chosen], rows[chosen], metric)
    np.fill_diagonal(every, -1.0)
    order = np.argsort(every, axis=1, kind="stable")[:, :6]
    np.testing.assert_array_equal(indices, order)
    np.fill_diagonal(every, 0.0)
    np.testing.assert_array_equal(distances, np.take_along_axis(every, order, axis=1))


def test_most_pairs_are_told_apart_by_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = np.linspace(0, 1, 2000)
    rows = 1 / (1 + np.exp(-40 * (steps - np.random.default_rng(0).random((200, 1)))))
    worked_out: list[int] = []

    def counted(one: np.ndarray, two: np.ndarray, *metric: str) -> np.ndarray:
        worked_out.append(len(one) * len(two) * one.shape[1])
        return np.asarray(cdist(one, two, *metric))

    monkeypatch.setattr("scipy.spatial.distance.cdist", counted)
    nearest_neighbors(rows, "cityblock", 4)
    assert sum(worked_out) < 0.3 * rows.size * len(rows)


def test_principal_components_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scales = np.exp(-np.arange(40.0))
    one, two = (rng.normal(size=(50, d)) * scales[:d] @ rng.normal(size=(d, d)) for d in (40, 15))
    places = (np.sort(rng.choice(50, 30, replace=False)), rng.permutation(50)[:30])
    joint = [
        part[at] / np.sqrt(part[at].var(axis=0).sum())
        for part, at in zip((one, two + 100), places, strict=True)
    ]
    expected = PCA(2).fit_transform(np.hstack(joint))
    found = principal_components([(one, places[0]), (two + 100, places[1])], 2, seed=0)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)
    again = principal_components([(one, places[0]), (two + 100, places[1])], 2, seed=0)
    assert np.array_equal(found, again)


@pytest.mark.parametrize("columns", [0, 1, 3])
def test_components_that_do_not_exist_are_zero(columns: int) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 1)).repeat(columns, axis=1)
    found = principal_components([(rows, np.arange(20))], 2, seed=0)
    assert found.shape == (20, 2)
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-12)


@pytest.mark.parametrize(("metric", "order"), [("euclidean", 2), ("cityblock", 1)])
def test_nearest_neighbours(metric: Metric, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actsearch.features.neighbors._BUFFER_BYTES", 8 * 40 * 7)
    rows = np.random.default_rng(0).normal(size=(40, 5))
    rows[:, 2] = 1.0
    rows[7] = rows[3]
    indices, distances = nearest_neighbors(rows, metric, 6)
    np.testing.assert_array_equal(indices[:, 0], np.arange(40))
    assert indices[7, 1] == 3
    every = np.linalg.norm(rows[:, None] - rows[None], ord=order, axis=2)
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :6], atol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(every, indices, axis=1), distances, atol=1e-12)
