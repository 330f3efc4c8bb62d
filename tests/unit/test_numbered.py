"""Outputs of functions by number, against the functions by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsearch.functions.equivalence import outputs
from actsearch.functions.numbered import outputs_in_parts
from actsearch.functions.spaces import SearchSpace

FEW = {"unary": ("relu", "exp", "negative"), "binary": ("pow", "sub"), "nary": ("sum_n", "max_n")}
SHAPES = (
    "x",
    "unary(x)",
    "unary(binary(x,unary(x)))",
    "binary(unary(unary(x)),tanh(x))",
    "n-ary(unary(x),x,unary(unary(x)))",
    "relu(unary(x))",
)


@given(
    schemas=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3, unique=True),
    include=st.lists(st.sampled_from(("tanh(x)", "reciprocal(x)")), unique=True),
    at_once=st.integers(1, 40),
    data=st.data(),
)
def test_outputs_are_those_of_the_functions(
    schemas: list[str], include: list[str], at_once: int, data: st.DataObject
) -> None:
    space = SearchSpace(schemas, include, **FEW)
    numbers = np.array(data.draw(st.lists(st.integers(0, space.size - 1), max_size=50)), dtype=int)
    found = np.full((len(numbers), 1000), 7.0)
    for places, part in outputs_in_parts(space, numbers, at_once):
        assert len(part) <= at_once
        found[places] = part
    expected = outputs(space[int(number)] for number in numbers)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_functions_of_the_four_node_space() -> None:
    space = SearchSpace.named("four-node")
    numbers = np.sort(np.random.default_rng(0).choice(space.size, 400, replace=False))
    found = np.concatenate([part for _, part in outputs_in_parts(space, numbers)])
    np.testing.assert_allclose(found, outputs(space[int(n)] for n in numbers), rtol=1e-14)


@pytest.mark.parametrize("number", [-1, 27])
def test_a_number_of_no_function(number: int) -> None:
    with pytest.raises(IndexError, match="numbers are from 0 to 26"):
        list(outputs_in_parts(SearchSpace(["unary(x)"]), np.array([0, number])))
