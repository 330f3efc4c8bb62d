"""Spaces: their order and counts, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from space_classes import names

from actsearch import config
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import Digests, group, outputs
from actsearch.functions.operators import BINARY, UNARY
from actsearch.functions.schemas import SpaceError
from actsearch.functions.selection import select
from actsearch.functions.spaces import SearchSpace

FOUR_NODE_DISTINCT = 387_055
"""Measured; nearly equal functions may fall otherwise where the mathematical library differs."""


@pytest.fixture(scope="module")
def three_node() -> Enumeration:
    return enumerate_space(SearchSpace.named("three-node"))


# Counts and order


def test_three_node_counts(three_node: Enumeration) -> None:
    assert len(three_node.names) == len(set(three_node.names)) == 5103
    assert len(np.unique(three_node.class_of)) == 2791
    assert three_node.representative.sum() == 2791
    assert (three_node.representative & three_node.finite).sum() == 2414


def test_four_node_names() -> None:
    space = SearchSpace.named("four-node")
    assert len(space) == 1_023_524
    assert names([space[i] for i in range(8)]) == list(BASELINES)
    assert space[8].name == "zero(zero(zero(zero(x))))"
    assert space[8 + 27**4].name == "zero(add(zero(x),zero(x)))"
    assert space[8 + 27**4 + 7 * 27**3].name == "add(zero(zero(x)),zero(x))"
    assert space[8 + 27**4 + 14 * 27**3].name == "add(zero(x),zero(zero(x)))"
    assert space[-4 * 27**3].name == "sum_n(zero(x),zero(x),zero(x))"
    assert space[-1].name == "min_n(hard_sigmoid(x),hard_sigmoid(x),hard_sigmoid(x))"


@pytest.mark.slow
def test_four_node_counts() -> None:
    calls: list[tuple[int, int]] = []
    listed = enumerate_space(SearchSpace.named("four-node"), lambda *call: calls.append(call))
    assert len(listed.names) == len(set(listed.names)) == 1_023_524
    assert abs(int(listed.representative.sum()) - FOUR_NODE_DISTINCT) < 200
    assert [listed.names[i] for i in np.flatnonzero(listed.representative)[:8]] == list(BASELINES)
    assert calls == sorted(calls)
    assert calls[-1] == (1_023_524, 1_023_524)


def test_order_is_operators_in_prefix_order_first_slowest(three_node: Enumeration) -> None:
    expected = [f"{b}({u}(x),{v}(x))" for b, u, v in itertools.product(BINARY, UNARY, UNARY)]
    assert three_node.names == expected
    assert names(list(SearchSpace.named("three-node"))) == expected


@pytest.mark.parametrize(
    "schemas",
    [
        ("unary(unary(x))", "x", "binary(x,unary(x))"),
        ("n-ary(unary(x),x)", "n-ary(unary(x),x,unary(x))"),
        ("relu(binary(x,tanh(x)))", "sum_n(unary(x),x)", " max ( unary(x) , x ) "),
        ("n-ary(binary(x,unary(x)),unary(binary(x,x)))",),
    ],
)
def test_index_names_outputs_and_enumeration_agree(schemas: tuple[str, ...]) -> None:
    space = SearchSpace(
        schemas, ["tanh(x)"], ["relu", "negative", "exp"], ["sub", "pow"], ["max_n", "sum_n"]
    )
    listed = enumerate_space(space)
    assert listed.names == space.names() == names(list(space))
    assert space.slugs() == [expression.slug for expression in space]
    values = outputs(space)
    np.testing.assert_array_equal(listed.class_of, group(Digests.of(values).grids))
    np.testing.assert_array_equal(listed.finite, np.isfinite(values).all(axis=1))


def test_a_list_index_is_checked() -> None:
    space = SearchSpace(["unary(x)"])
    assert space[-1] == space[26]
    for index in (27, -28):
        with pytest.raises(IndexError, match=f"index {index} of a space of 27 functions"):
            space[index]


def test_huge_spaces_cost_nothing_until_listed() -> None:
    text = "unary(" * 20 + "x" + ")" * 20
    space = SearchSpace([text])
    assert space.size == 27**20
    assert space[27**20 - 1].name == "hard_sigmoid(" * 20 + "x" + ")" * 20
    with pytest.raises(SpaceError, match="too large to enumerate"):
        enumerate_space(space)
    assert len(select(config.Space(schemas=(text,), sample=20))) == 20


def test_progress_ends_at_the_size() -> None:
    calls: list[tuple[int, int]] = []
    enumerate_space(SearchSpace(["unary(unary(x))", "x"], ["relu(x)"]), lambda *c: calls.append(c))
    assert calls == sorted(calls)
    assert calls[-1] == (731, 731)


def test_include_alone_is_a_space() -> None:
    space = config.Space(include=("relu(x)", "baselines", "max(x,zero(x))"))
    assert names(select(space))[:2] == ["relu(x)", "elu(x)"]
    assert len(select(space)) == 8


def test_a_built_in_name_brings_its_schemas_and_functions() -> None:
    space = config.Space(schemas=("three-node", "unary(x)"), include=("baselines",))
    assert SearchSpace.from_config(space).size == 5103 + 27 + 8
    four = SearchSpace.from_config(config.Space(schemas=("four-node",), include=("baselines",)))
    assert four.size == 1_023_524
    fewer = SearchSpace(["four-node"], unary=["relu", "exp"], binary=["max"], nary=["sum_n"])
    assert fewer.size == 8 + (2 + 1 + 1 + 1 + 1) * 2**3


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"schemas": []}, "the space is empty"),
        ({"schemas": [""]}, "bad schema: empty"),
        ({"schemas": ["unary(x"]}, r"bad schema: the text ends too early: 1 '\)' missing"),
        ({"schemas": ["unary(x,x)"]}, "unary takes 1 argument, got 2"),
        ({"schemas": ["n-ary(x)"]}, "n-ary takes 2 or more arguments, got 1"),
        ({"schemas": ["nary(x,x)"]}, "unknown operator 'nary'.*placeholders: unary, binary, n-ary"),
        ({"schemas": ["trinary(x)"]}, "unknown operator 'trinary'"),
        ({"schemas": ["five-node"]}, "unknown operator 'five'"),
        ({"schemas": [3]}, "schemas: expected strings, got 3"),
        ({"schemas": ["relu(unary(x)) x"]}, "the schema ends before 'x'"),
        ({"schemas": ["unary(x)"], "unary": []}, "is empty: no operators are given for 'unary'"),
        (
            {"schemas": ["unary(x)"], "unary": ["sigmod"]},
            "unary: unknown operator 'sigmod' .*did you",
        ),
        (
            {"schemas": ["unary(x)"], "unary": ["add"]},
            "'add' takes 2 arguments, so it is not unary",
        ),
        (
            {"schemas": ["unary(x)"], "binary": ["sum_n"]},
            "takes 2 or more arguments, so it is not b",
        ),
        ({"schemas": ["unary(x)"], "nary": ["max"]}, "'max' takes 2 arguments, so it is not n-ary"),
        ({"schemas": ["unary(x)"], "unary": ["exp", "exp"]}, "'exp' is given twice"),
        ({"schemas": [], "include": ["relu"]}, "include: 'relu' lacks its argument: write relu"),
        ({"schemas": [], "include": [None]}, "include: expected strings, got None"),
    ],
)
def test_bad_spaces_are_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        SearchSpace(**arguments)


def test_an_unknown_built_in_space() -> None:
    with pytest.raises(SpaceError, match="unknown space 'two-node'; built in: three-node, four-n"):
        SearchSpace.named("two-node")
