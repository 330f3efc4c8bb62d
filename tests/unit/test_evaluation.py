"""All functions of a space evaluated at once, against each evaluated by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actsearch.functions import evaluation
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.equivalence import Digests, compiled_writer, group, outputs
from actsearch.functions.evaluation import Evaluator
from actsearch.functions.operators import BINARY, NARY, UNARY
from actsearch.functions.schemas import SpaceError
from actsearch.functions.spaces import SearchSpace

ARGUMENTS = st.recursive(
    st.sampled_from(["x", "unary(x)", "unary(x)"]),
    lambda inner: (
        st.builds("unary({})".format, inner)
        | st.builds("binary({},{})".format, inner, inner)
        | st.builds("n-ary({},{},{})".format, inner, inner, inner)
    ),
    max_leaves=4,
)


def some(operators: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(operators), min_size=1, max_size=2, unique=True)


def agrees(space: SearchSpace) -> None:
    listed = enumerate_space(space)
    values = outputs(space)
    assert listed.names == [function.name for function in space]
    np.testing.assert_array_equal(listed.class_of, group(Digests.of(values).grids))
    np.testing.assert_array_equal(listed.finite, np.isfinite(values).all(axis=1))
    for number in np.unique(listed.class_of):
        members = np.flatnonzero(listed.class_of == number)
        shortest = min(members, key=lambda i: (len(listed.names[i]), i))
        assert np.flatnonzero(listed.representative[members]).tolist() == [
            members.tolist().index(shortest)
        ]


@settings(max_examples=60)
@given(
    st.lists(ARGUMENTS, min_size=1, max_size=3),
    some(UNARY),
    some(BINARY),
    some(NARY),
    st.booleans(),
)
def test_spaces_are_those_of_functions_one_by_one(
    schemas: list[str], unary: list[str], binary: list[str], nary: list[str], many: bool
) -> None:
    space = SearchSpace(schemas, unary=unary, binary=binary, nary=nary)
    if space.size > 3000:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "MANY", 0 if many else 10**9)
        agrees(space)


@pytest.mark.parametrize("pairs", [0, 10, 10_000])
@pytest.mark.parametrize("many", [False, True])
def test_what_is_shared_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, pairs: int, many: bool
) -> None:
    monkeypatch.setattr(evaluation, "_MOST_PAIRS", pairs)
    monkeypatch.setattr(evaluation, "MANY", 0 if many else 10**9)
    schemas = [
        "binary(unary(unary(x)),unary(x))",
        "binary(unary(x),unary(unary(x)))",
        "binary(unary(x),unary(x))",
        "n-ary(unary(x),x,unary(x),unary(x))",
    ]
    agrees(SearchSpace(schemas, unary=["zero", "negative", "exp", "reciprocal"]))


def test_a_schema_is_evaluated_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    space = SearchSpace(["binary(unary(unary(x)),unary(x))"], unary=UNARY[2:9])
    whole = Evaluator(space.size).digests(space.schemas[0], lambda n: None)
    monkeypatch.setattr(evaluation, "BLOCK", 7)
    parted = Evaluator(space.size).digests(space.schemas[0], lambda n: None)
    np.testing.assert_array_equal(parted.grids, whole.grids)
    np.testing.assert_array_equal(parted.finite, whole.finite)


def test_equal_hashes_of_different_outputs_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "hash", lambda content: 0, raising=False)
    agrees(SearchSpace(["unary(unary(unary(x)))"], unary=["zero", "abs", "exp", "reciprocal"]))


def test_too_many_sub_expressions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_ROWS", 20)
    with pytest.raises(SpaceError, match="a part of it has more than 20 different outputs"):
        enumerate_space(SearchSpace(["unary(unary(x))"]))


EXTREMES = [0.0, -0.0, 1.0, np.nan, -np.nan, np.inf, -np.inf, 1.7976931348623157e308, 5e-324]


@given(st.integers(0, 2**32 - 1), st.integers(-1074, 1023), st.lists(st.sampled_from(EXTREMES)))
def test_compiled_digests_are_the_same(seed: int, exponent: int, extremes: list[float]) -> None:
    rng = np.random.default_rng(seed)
    values = np.ldexp(rng.normal(size=(5, 1000)), exponent)
    places = rng.integers(0, values.size, len(extremes))
    values.flat[places] = extremes
    expected = Digests.of(values)
    found = Digests.empty(len(values))
    compiled_writer()(values, found.grids, found.finite)
    np.testing.assert_array_equal(found.grids, expected.grids)
    np.testing.assert_array_equal(found.finite, expected.finite)


def test_lengths_are_those_of_the_names() -> None:
    space = SearchSpace(["x", "n-ary(unary(x),x)", "binary(x,unary(n-ary(x,x,x)))", "unary(x)"])
    lengths = np.concatenate([schema.name_lengths() for schema in space.schemas])
    assert lengths.tolist() == list(map(len, space.names()))
