"""Spaces as tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actsearch.config import Space
from actsearch.functions import listing as listing_module
from actsearch.functions import selection
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import outputs
from actsearch.functions.expressions import parse
from actsearch.functions.listing import float32_classes, list_functions
from actsearch.functions.selection import select
from actsearch.functions.spaces import SearchSpace

THREE = Space(schemas=("three-node",))
WITH_BASELINES = Space(schemas=("three-node",), include=("baselines",))


def test_three_node_counts() -> None:
    listing = list_functions(THREE)
    assert (listing.n_names, listing.n_distinct, listing.n_finite) == (5103, 2791, 2414)
    assert len(listing.table) == 5103


@pytest.mark.parametrize(
    "space",
    [
        THREE,
        WITH_BASELINES,
        Space(schemas=("three-node",), include=("baselines",), sample=50, seed=3),
        Space(schemas=("three-node",), finite_only=True),
        Space(schemas=("four-node",), sample=40, seed=1),
        Space(schemas=("unary(x)",), include=("relu(x)",)),
        Space(schemas=("unary(x)", "relu(x)", "binary(x,x)", "unary(x)")),
        Space(schemas=("unary(x)", "relu(x)"), include=("relu(x)",), sample=9, seed=2),
        Space(schemas=("unary(x)", "reciprocal(zero(x))"), finite_only=True),
    ],
)
def test_positions_are_the_selection(space: Space) -> None:
    listing = list_functions(space)
    chosen = listing.table.dropna(subset="position").sort_values("position")
    assert list(chosen["name"]) == [function.name for function in select(space)]
    assert list(chosen["position"]) == list(range(len(chosen)))
    assert [function.name for function in listing.selected] == list(chosen["name"])


def test_a_name_given_twice_is_one_function() -> None:
    listing = list_functions(Space(schemas=("unary(x)", "tanh(x)"), include=("relu(x)",)))
    assert (len(listing.table), listing.n_names, listing.n_distinct) == (29, 29, 27)
    positions = listing.table.groupby("name")["position"]
    assert positions.count()["relu(x)"] == positions.count()["tanh(x)"] == 1
    assert listing.table["position"][0] == 0  # the included relu(x)


def test_a_space_is_enumerated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[SearchSpace] = []

    def counted(space: SearchSpace, *arguments: Any) -> Enumeration:
        calls.append(space)
        return enumerate_space(space, *arguments)

    for module in (listing_module, selection):
        monkeypatch.setattr(module, "enumerate_space", counted)
    list_functions(Space(schemas=("unary(x)",), sample=5, finite_only=True))
    assert len(calls) == 1


def test_representatives_have_the_same_outputs_and_stand_for_themselves() -> None:
    table = list_functions(WITH_BASELINES).table
    assert table.set_index("name").loc["max(relu(x),zero(x))", "representative"] == "relu(x)"
    standing = table[table["name"] == table["representative"]]
    assert set(table["representative"]) == set(standing["name"])
    rows = table.sample(40, random_state=0)
    index = dict(zip(table["name"], SearchSpace.from_config(WITH_BASELINES), strict=True))
    np.testing.assert_allclose(
        outputs([index[name] for name in rows["name"]]),
        outputs([index[name] for name in rows["representative"]]),
        rtol=1e-7,
        atol=1e-7,
    )


def test_float32_splits_classes_by_rounding() -> None:
    # A few kernels differ in their last bit between processors.
    assert 2880 <= len(set(float32_classes(SearchSpace.named("three-node")))) <= 2930


def test_float32_knows_equal_functions_to_the_bit() -> None:
    names = ("add(x,sigmoid(x))", "add(sigmoid(x),x)", "negative(zero(x))", "zero(x)", "x")
    assert float32_classes(map(parse, names)) == [0, 0, 1, 1, 2]
