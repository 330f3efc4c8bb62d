"""What an experiment takes of a space."""

from __future__ import annotations

import numpy as np
import pytest
from space_classes import classes, names

from actsearch import config
from actsearch.functions import selection
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import outputs
from actsearch.functions.expressions import parse
from actsearch.functions.schemas import SpaceError
from actsearch.functions.selection import select
from actsearch.functions.spaces import SearchSpace


@pytest.fixture(scope="module")
def three_node() -> Enumeration:
    return enumerate_space(SearchSpace.named("three-node"))


def test_select_takes_every_distinct_function_once(three_node: Enumeration) -> None:
    space = config.Space(schemas=("three-node",))
    shown = np.flatnonzero(three_node.representative)
    assert names(select(space)) == [three_node.names[i] for i in shown]
    finite = np.flatnonzero(three_node.representative & three_node.finite)
    space = config.Space(schemas=("three-node",), finite_only=True)
    assert names(select(space)) == [three_node.names[i] for i in finite]


@pytest.mark.parametrize("schemas", [("three-node",), ("four-node",)])
@pytest.mark.parametrize("finite_only", [False, True])
def test_samples_are_distinct_nested_and_begin_with_what_is_included(
    schemas: tuple[str, ...], finite_only: bool
) -> None:
    def sample(size: int, seed: int = 3) -> list[str]:
        include = ("exp(x)", "baselines", "reciprocal(zero(x))", "max(x,zero(x))")
        space = config.Space(
            schemas=schemas, include=include, sample=size, seed=seed, finite_only=finite_only
        )
        return names(select(space))

    first = {"three-node": ["exp(x)", *BASELINES], "four-node": [*BASELINES, "exp(x)"]}[schemas[0]]
    first += ["reciprocal(zero(x))"]  # not finite, but asked for; max(x,zero(x)) is relu(x)
    large = sample(300)
    assert large[:10] == first
    assert len(set(large)) == 300
    assert len(set(classes(*large))) == 300
    assert sample(300) == large
    assert set(sample(100)) < set(large)
    assert sample(10) == first
    assert set(sample(300, seed=4)) != set(large)
    finite = np.isfinite(outputs(map(parse, large[10:]))).all(axis=1)
    assert finite.all() == finite_only


def test_a_sample_of_a_small_space_is_uniform_over_functions() -> None:
    # zero has many names here, and must not be likelier for it
    space = {"schemas": ("mul(unary(x),unary(x))",), "unary": ("zero", "exp", "tanh"), "sample": 1}
    drawn = [select(config.Space(**space, seed=s))[0].name for s in range(400)]  # type: ignore[arg-type]
    counts = {name: drawn.count(name) for name in set(drawn)}
    assert len(counts) == 4  # zero, exp^2, exp tanh, tanh^2
    assert all(60 < count < 140 for count in counts.values())


def test_both_ways_of_sampling_hold_the_same_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    space = config.Space(schemas=("binary(unary(x),x)",), include=("baselines",))
    n = len(select(space))
    whole = space.model_copy(update={"sample": n})
    listed = names(select(whole))
    monkeypatch.setattr(selection, "ENUMERATED_SELECTION", 0)
    drawn = names(select(whole))
    assert len(set(classes(*listed, *drawn))) == n
    with pytest.raises(SpaceError, match=f"{n + 1} functions asked for, but the space holds {n}$"):
        select(space.model_copy(update={"sample": n + 1}))


def test_drawing_ends_where_names_are_many_and_functions_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selection, "BARREN_DRAWS", 1000)
    chain = config.Space(schemas=("unary(" * 60 + "x" + ")" * 60,), unary=("zero", "one"))
    assert len(set(classes(*names(select(chain.model_copy(update={"sample": 2})))))) == 2
    with pytest.raises(
        SpaceError, match=r"3 functions .* only 2 distinct .* last 1,\d{3} draws added none"
    ):
        select(chain.model_copy(update={"sample": 3}))
    infinite = chain.model_copy(update={"unary": ("reciprocal", "zero"), "finite_only": True})
    with pytest.raises(SpaceError, match="only 1 distinct"):
        select(infinite.model_copy(update={"sample": 2}))


@pytest.mark.parametrize("schemas", [("three-node",), ("four-node",)])
def test_samples_that_do_not_fit_are_refused(schemas: tuple[str, ...]) -> None:
    with pytest.raises(SpaceError, match="7 is fewer than the 8 included functions"):
        select(config.Space(schemas=schemas, include=("baselines",), sample=7))
    with pytest.raises(SpaceError, match="asked for, but the space holds 2791"):
        select(config.Space(schemas=("three-node",), sample=2792))


def test_nothing_finite_is_an_error() -> None:
    with pytest.raises(SpaceError, match="no function of the space is finite"):
        select(config.Space(schemas=("reciprocal(zero(x))",), finite_only=True))
