"""Spaces that leave out operators: what remains, what is refused, and what depends on it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiment import SMALL
from space_classes import as_sets, names

from actsearch import config
from actsearch.config import Space, parse_config
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.equivalence import Digests, group, outputs
from actsearch.functions.expressions import parse
from actsearch.functions.operators import BINARY, UNARY
from actsearch.functions.schemas import SpaceError
from actsearch.functions.selection import known_size, select
from actsearch.functions.spaces import SearchSpace
from actsearch.plan.experiment import Plan
from actsearch.plan.settings import enumeration

BESSEL = ("bessel_i0e", "bessel_i1e")
FEW = ("relu", "exp", "identity", "zero", "negative", "abs")
Values = dict[str, Any]


@settings(max_examples=25, deadline=None)
@given(st.sets(st.sampled_from([*FEW[1:], "max", "add", "min_n", "tanh"]), max_size=5))
def test_what_remains_is_the_whole_space_without_the_functions_that_use_it(
    left_out: set[str],
) -> None:
    """Names by a filter of all names; the classes among them by grouping all their outputs."""
    schemas = ["binary(unary(x),x)", "unary(unary(x))"]
    filling = {"unary": FEW, "binary": ["sub", "max", "add"], "nary": ["min_n"]}
    include = ["relu(abs(negative(x)))"] if left_out.isdisjoint({"abs", "negative"}) else []
    whole = SearchSpace(schemas, include, **filling)
    rest = SearchSpace(schemas, include, **filling, exclude=left_out)
    kept = [n for n in whole.names() if parse(n).operators.isdisjoint(left_out)]
    assert rest.names() == kept
    assert rest.size == len(kept)
    assert rest.operators.isdisjoint(left_out)
    listed = enumerate_space(rest)
    brute = np.array(group(Digests.of(outputs(map(parse, kept))).grids))
    assert as_sets(listed.class_of) == as_sets(brute)
    assert listed.representative.sum() == len(np.unique(brute))


def test_a_function_keeps_its_place_where_another_name_of_it_remains() -> None:
    schemas, other = ("unary(x)", "max(x,negative(x))"), "max(x,negative(x))"
    whole = names(select(Space(schemas=schemas)))
    assert "abs(x)" in whole and other not in whole
    rest = names(select(Space(schemas=schemas, exclude=("abs",))))
    assert "abs(x)" not in rest and other in rest


def test_the_built_in_spaces() -> None:
    three = SearchSpace.from_config(Space(schemas=("three-node",), exclude=BESSEL))
    assert three.size == 7 * 25**2
    assert len(select(Space(schemas=("three-node",), exclude=BESSEL))) == 2341  # measured
    four = Space(schemas=("four-node",), exclude=BESSEL, sample=20)
    assert SearchSpace.from_config(four).size == 8 + 25**4 + 3 * 7 * 25**3 + 4 * 25**3
    chosen = select(four)
    assert len(chosen) == known_size("four", four) == 20
    assert all(function.operators.isdisjoint(BESSEL) for function in chosen)
    assert names(chosen)[:8] == list(BASELINES)


def test_published_functions_that_use_it_are_left_out() -> None:
    whole = SearchSpace((), ["literature"])
    rest = SearchSpace((), ["literature"], exclude=["erf", "sin"])
    assert [f for f in whole.include if f.operators.isdisjoint({"erf", "sin"})] == list(
        rest.include
    )
    assert len(rest.include) < len(whole.include)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exclude": ["bessel_i0"]}, "exclude: unknown operator 'bessel_i0' .did you mean 'bessel"),
        ({"exclude": ["silu"]}, "exclude: unknown operator 'silu', which is called swish here"),
        ({"exclude": UNARY}, "exclude: no unary operator is left for the schemas: all of zero, "),
        ({"exclude": BINARY}, "exclude: no binary operator is left for the schemas"),
        ({"exclude": ["exp"], "unary": ["exp"]}, "exclude: no unary operator is left"),
        ({"exclude": ["exp", "exp"]}, "exclude: 'exp' is given twice"),
        (
            {"exclude": ["tanh"], "include": ["baselines"]},
            r"include: 'tanh\(x\)' uses tanh, which exclude leaves out: remove one of them",
        ),
        (
            {"exclude": ["sin"], "schemas": ["add(unary(x),sin(x))"]},
            r"schemas: 'add\(unary\(x\),sin\(x\)\)' uses sin, which exclude leaves out",
        ),
    ],
)
def test_what_cannot_be_left_out_is_refused(changes: Values, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        SearchSpace(**({"schemas": ["three-node"]} | changes))


def test_operators_that_no_schema_asks_for_may_all_be_left_out() -> None:
    rest = SearchSpace(["three-node"], exclude=["sum_n", "prod_n", "max_n", "min_n"])
    assert rest.size == SearchSpace(["three-node"]).size


def test_settings_name_it_only_where_it_is_given() -> None:
    """So spaces that were made before there was such a key are not made again."""
    values = copy.deepcopy(SMALL)
    before = enumeration(parse_config(values), None, space="small")
    assert before["spaces"]["small"].keys() == config.Space.model_fields.keys() - {"exclude"}
    values["spaces"]["small"]["exclude"] = []
    assert enumeration(parse_config(values), None, space="small") == before
    values["spaces"]["small"]["exclude"] = ["erf"]
    after = enumeration(parse_config(values), None, space="small")
    assert after["spaces"]["small"].pop("exclude") == ["erf"]
    assert after == before


def test_the_plan_counts_what_remains() -> None:
    values = copy.deepcopy(SMALL)
    values["spaces"]["small"] = {
        "schemas": ["unary(x)"],
        "include": ["baselines"],
        "exclude": ["exp", *BESSEL],
    }
    plan = Plan(parse_config(values))
    assert plan.space_size("small") == len(plan.slugs("small"))
    whole = values["spaces"]["small"] | {"exclude": []}
    more = Plan(parse_config(values | {"spaces": values["spaces"] | {"small": whole}}))
    assert set(more.slugs("small")) - set(plan.slugs("small")) == {
        "exp.x",
        "bessel_i0e.x",
        "bessel_i1e.x",
    }


def test_a_sample_with_other_baselines_may_leave_out_one_of_the_papers() -> None:
    """A sample is drawn in the order of the one with the paper's baselines, as far as they go."""
    space = Space(
        schemas=("three-node",), include=("baselines",), exclude=("tanh",), sample=40, seed=1
    )
    chosen = select(space, ("relu(x)", "elu(x)", "sigmoid(x)"))
    assert names(chosen)[:3] == ["relu(x)", "elu(x)", "sigmoid(x)"]
    assert all("tanh" not in function.operators for function in chosen)
