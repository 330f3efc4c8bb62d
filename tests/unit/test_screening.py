"""The screen of a space, against its definition worked out on all functions at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import ExtraTreesRegressor

from actsearch.config import Screen, Space
from actsearch.functions.baselines import BASELINES
from actsearch.functions.equivalence import Floats, classes, outputs
from actsearch.functions.expressions import parse
from actsearch.functions.selection import select
from actsearch.records.formats import content_digest, write_table
from actsearch.search.curves import SHARE_OF_FEATURES, TREES, different_ones, values_and_slopes
from actsearch.search.screened import known_functions, list_screened, summarise
from actsearch.search.screening import (
    POOL,
    Known,
    Screened,
    ScreenError,
    screen_space,
)

SPACE = Space(schemas=("unary(unary(x))",), include=("baselines", "literature"))
SCREEN = Screen(functions=60, chance=0.25, seed=3)
TAUGHT = [function.name for function in select(Space(schemas=("unary(x)",)))]


def scores(values: Floats) -> Floats:
    """Of made-up trainings: rising functions are good, steep ones are bad."""
    bent = np.arcsinh(values)
    return np.asarray(bent[:, 3] - 0.5 * np.abs(bent[:, 10]) - 0.1 * bent.std(axis=1))


@pytest.fixture(scope="module")
def known() -> Known:
    values = outputs(map(parse, TAUGHT))
    finite = np.isfinite(values).all(axis=1)
    return Known.of(values, np.where(finite, scores(np.where(finite[:, None], values, 0)), -9.0))


@pytest.fixture(scope="module")
def found(known: Known) -> Screened:
    return screen_space(SPACE, SCREEN, known)


def test_every_finite_function_is_predicted(found: Screened, known: Known) -> None:
    distinct = [f.name for f in select(SPACE.model_copy(update={"finite_only": True}))]
    finite = np.isfinite(outputs(map(parse, distinct))).all(axis=1)
    names = [found.space[int(number)].name for number in found.numbers]
    assert names == [name for name, is_finite in zip(distinct, finite, strict=True) if is_finite]
    trees = ExtraTreesRegressor(TREES, max_features=SHARE_OF_FEATURES, random_state=SCREEN.seed)
    trees.fit(values_and_slopes(known.outputs), known.scores)
    expected = trees.predict(values_and_slopes(outputs(map(parse, names))))
    np.testing.assert_allclose(found.predictions, expected, rtol=1e-9, atol=1e-9)


def test_the_list_is_what_its_definition_says(found: Screened) -> None:
    table = list_screened(found)
    included = [f.name for f in found.space.include]
    standing = dict(zip(classes(included)[::-1], included[::-1], strict=True))
    first = [name for name in included if name in standing.values()]
    n_drawn = round(0.25 * (60 - len(first)))
    n_best = 60 - len(first) - n_drawn

    all_names = [found.space[int(number)].name for number in found.numbers]
    number_of = dict(zip(all_names, classes(TAUGHT + all_names)[len(TAUGHT) :], strict=True))
    taught = set(classes(TAUGHT))
    prediction = dict(zip(all_names, found.predictions, strict=True))
    left = [n for n in all_names if n not in included and number_of[n] not in taught]
    ranked = sorted(left, key=lambda name: -prediction[name])  # stable
    pool = ranked[: POOL * n_best]
    curves = values_and_slopes(outputs(map(parse, pool)), slopes=False)
    best: list[int] = []
    for place, curve in enumerate(curves):
        far = [np.sqrt(np.mean((curve - curves[b]) ** 2)) >= found.distance for b in best]
        if all(far) and len(best) < n_best:
            best.append(place)
    assert found.distance > 0
    chosen = [pool[place] for place in best]
    assert list(table["name"])[: len(first) + n_best] == first + chosen
    drawn = list(table["name"])[len(first) + n_best :]
    assert len(drawn) == len({*drawn}) == n_drawn
    assert {*drawn} <= {*left} - {*chosen}
    by = ["baseline" if name in BASELINES else "included" for name in first]
    assert list(table["chosen_by"]) == by + ["prediction"] * n_best + ["chance"] * n_drawn
    assert list(table["name"])[:8] == list(BASELINES)
    np.testing.assert_array_equal(table["prediction"], [prediction[n] for n in table["name"]])


def test_the_list_has_the_form_of_a_space(found: Screened) -> None:
    table = list_screened(found)
    assert list(table.columns) == [
        *("name", "slug", "representative", "finite", "position"),
        *("prediction", "chosen_by"),
    ]
    assert list(table["position"]) == list(range(60))
    assert list(table["slug"]) == [parse(name).slug for name in table["name"]]
    assert table["finite"].all() and (table["representative"] == table["name"]).all()
    assert len({*classes(list(table["name"]))}) == 60


def test_the_same_bytes_again(found: Screened, known: Known, tmp_path: Path) -> None:
    again = screen_space(SPACE, SCREEN, known)
    for name, screened in (("one", found), ("two", again)):
        write_table(tmp_path / f"{name}.parquet", list_screened(screened), {"step": "screen"})
    assert content_digest(tmp_path / "one.parquet") == content_digest(tmp_path / "two.parquet")
    assert summarise(found, known, "s") == summarise(again, known, "s")


def test_the_seed_and_the_share_of_chance(found: Screened, known: Known) -> None:
    def listed(by: str, screened: Screened) -> list[int]:
        return [int(n) for n, b in zip(screened.chosen, screened.chosen_by, strict=True) if b == by]

    other = screen_space(SPACE, SCREEN.model_copy(update={"seed": 4}), known)
    assert listed("baseline", other) == listed("baseline", found)
    assert listed("chance", other) != listed("chance", found)
    none = screen_space(SPACE, SCREEN.model_copy(update={"chance": 0}), known)
    assert not listed("chance", none)
    alone = screen_space(SPACE, SCREEN.model_copy(update={"chance": 1}), known)
    assert not listed("prediction", alone)
    assert len(alone.chosen) == len(none.chosen) == 60


def test_an_included_function_that_is_not_finite_is_listed(known: Known) -> None:
    space = Space(schemas=("unary(x)",), include=("relu(x)", "exp(exp(exp(exp(x))))"))
    screened = screen_space(space, Screen(functions=2), known)
    table = list_screened(screened)
    assert list(table["chosen_by"]) == ["baseline", "included"]
    assert list(table["finite"]) == [True, False]
    assert table["prediction"].isna().tolist() == [False, True]


def test_too_many_and_too_few(known: Known, found: Screened) -> None:
    few = Screen(functions=7)
    with pytest.raises(ScreenError, match=r"functions is 7, fewer than the \d+ functions that the"):
        screen_space(SPACE, few, known)
    with pytest.raises(
        ScreenError, match=r"functions is 9999, but the space has only (\d+)"
    ) as error:
        screen_space(SPACE, Screen(functions=9999), known)
    most = int(str(error.value).split("only ")[1].split()[0])
    everything = screen_space(SPACE, Screen(functions=most), known)
    assert len({*everything.chosen.tolist()}) == most
    assert not {*everything.chosen.tolist()} - {*found.chosen.tolist(), *found.numbers.tolist()}


def test_what_is_known_of_a_table() -> None:
    names = ["relu(x)", "reciprocal(x)", "tanh(x)", "exp(x)", "abs(x)", "log_sigmoid(x)"]
    values = outputs(map(parse, names))
    values[1, 0] = np.inf
    rows = {"name": ["tanh(x)", "relu(x)", "exp(x)", "reciprocal(x)", "sinh(x)"]}
    table = pd.DataFrame(rows | {"validation_score": [0.1, 0.2, 0.3, 0.4, 0.5]})
    known = known_functions(table, names, values)
    np.testing.assert_array_equal(known.outputs, values[[0, 2, 3]])
    assert known.scores.tolist() == [0.2, 0.1, 0.3]
    with pytest.raises(ScreenError, match="only 2 functions of the table have finite outputs"):
        known_functions(table[:2], names, values)
    with pytest.raises(ScreenError, match="a validation score of the table is not finite"):
        known_functions(table.assign(validation_score=np.nan), names, values)
    with pytest.raises(ScreenError, match="5 functions and 6 outputs do not fit"):
        known_functions(table, names[1:], values)


def test_what_the_screen_saw(found: Screened, known: Known) -> None:
    told = summarise(found, known, "two")
    assert told["names"] == 729 + len(found.space.include)
    assert told["finite"] == len(found.numbers) <= told["distinct"] <= told["names"]
    assert told["known"] == len(known.scores)
    assert sum(told["listed"].values()) == 60
    assert told["predicted"]["all"]["0.5"] == pytest.approx(np.median(found.predictions))
    assert told["predicted"]["prediction"]["0.5"] > told["predicted"]["all"]["0.5"]
    assert -1 <= told["rank_correlation"] <= 1
    same = screen_space(SPACE, SCREEN, Known(known.outputs, np.ones(len(known.scores))))
    assert summarise(same, known, "two")["rank_correlation"] is None


@given(
    curves=arrays(float, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-9, 9)),
    data=st.data(),
)
def test_different_ones_differ(curves: Floats, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(curves)))
    taken, distance = different_ones(curves, count)
    assert len(taken) == count and (np.diff(taken) > 0).all()
    apart = np.sqrt(np.square(curves[taken][:, None] - curves[taken]).mean(axis=2))
    assert (apart[np.triu_indices(count, 1)] >= distance).all()


def test_copies_are_passed_over() -> None:
    curves = np.repeat(np.arange(5.0)[:, None], 4, axis=0)
    taken, distance = different_ones(curves, 5)
    assert taken.tolist() == [0, 4, 8, 12, 16]
    assert 0.9 < distance <= 1
