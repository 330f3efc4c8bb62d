from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsearch import config
from actsearch.functions import equivalence, selection
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import CELL_BITS, Digests, group, normal_samples, outputs
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.operators import BASELINES, BINARY, UNARY
from actsearch.functions.schemas import SpaceError
from actsearch.functions.selection import select
from actsearch.functions.spaces import SearchSpace

FOUR_NODE_DISTINCT = 387_055
"""Measured; nearly equal functions may fall otherwise where the mathematical library differs."""


@pytest.fixture(scope="module")
def three_node() -> Enumeration:
    return enumerate_space(SearchSpace.named("three-node"))


def names(expressions: list[Expression]) -> list[str]:
    return [expression.name for expression in expressions]


def classes(*functions: str) -> list[int]:
    return list(group(Digests.of(outputs(map(parse, functions))).grids).tolist())


def classes_by_comparison(values: np.ndarray) -> list[set[int]]:
    """All pairs compared, equal ones joined."""
    found: list[set[int]] = []
    for i, row in enumerate(values):
        equal = set(np.flatnonzero(np.isclose(values[:i], row, 1e-9, 1e-9, True).all(axis=1)))
        joined = [c for c in found if c & equal]
        found = [c for c in found if not c & equal] + [{i}.union(*joined)]
    return found


def as_sets(class_of: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(class_of == c).tolist()) for c in np.unique(class_of)}


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


# When functions are the same


def test_samples() -> None:
    samples = normal_samples()
    assert samples.shape == (1000,)
    assert samples[0] == pytest.approx(1.764052345967664)
    assert -3.05 < samples.min() < samples.max() < 2.76
    assert outputs([]).shape == (0, 1000)


def test_outputs_are_values_on_the_samples() -> None:
    x = normal_samples()
    values = outputs(map(parse, ["identity(x)", "mul(relu(x),square(x))", "reciprocal(zero(x))"]))
    assert values.shape == (3, 1000)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values[0], x)
    np.testing.assert_allclose(values[1], np.maximum(x, 0) * x**2)
    assert not np.isfinite(values[2]).any()


def test_long_lists_of_functions_are_evaluated_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = [f"{name}(x)" for name in UNARY]
    sizes: list[int] = []

    def counted(expressions: Sequence[Expression]) -> np.ndarray:
        sizes.append(len(expressions))
        return outputs(expressions)

    whole = enumerate_space(SearchSpace([], functions))
    monkeypatch.setattr(equivalence, "_FUNCTIONS_AT_ONCE", 10)
    monkeypatch.setattr(equivalence, "outputs", counted)
    parted = enumerate_space(SearchSpace([], functions))
    assert sizes == [10, 10, 7]
    np.testing.assert_array_equal(parted.class_of, whole.class_of)
    np.testing.assert_array_equal(parted.finite, whole.finite)


@pytest.mark.parametrize(
    "functions",
    [
        ("add(sinh(x),exp(x))", "add(exp(x),sinh(x))"),
        ("max(relu(x),zero(x))", "relu(x)", "max(x,zero(x))"),
        ("mul(erf(x),one(x))", "erf(x)", "pow(erf(x),one(x))", "div(erf(x),one(x))"),
        ("zero(x)", "sub(x,x)", "negative(zero(x))", "mul(x,zero(x))", "add(x,negative(x))"),
        ("one(x)", "div(x,x)", "exp(zero(x))", "pow(x,zero(x))", "add(erf(x),erfc(x))"),
        ("tanh(x)", "div(sinh(x),cosh(x))"),
        ("softplus(x)", "negative(log_sigmoid(negative(x)))"),
        ("sigmoid(x)", "exp(log_sigmoid(x))", "reciprocal(add(one(x),exp(negative(x))))"),
        ("swish(x)", "mul(sigmoid(x),x)"),
        ("expm1(x)", "sub(exp(x),one(x))"),
        ("add(sinh(x),cosh(x))", "exp(x)"),
        ("sum_n(exp(x),tanh(x),erf(x))", "sum_n(erf(x),exp(x),tanh(x))"),
        ("prod_n(exp(exp(x)),exp(exp(x)),x)", "mul(x,square(exp(exp(x))))"),
        ("log_sigmoid(reciprocal(zero(x)))", "zero(x)"),
        ("pow(x,erf(x))", "pow(identity(x),erf(x))"),
        ("sub(reciprocal(zero(x)),reciprocal(zero(x)))", "mul(zero(x),reciprocal(zero(x)))"),
    ],
)
def test_identities_fall_together(functions: tuple[str, ...]) -> None:
    assert set(classes(*functions)) == {0}


def test_different_functions_stay_apart() -> None:
    functions = [
        *(f"{name}(x)" for name in (*UNARY, "gelu", "mish", "elish", "leakyrelu")),
        "reciprocal(zero(x))",
        "negative(reciprocal(zero(x)))",
        "sub(reciprocal(zero(x)),reciprocal(zero(x)))",
        "sub(sigmoid(x),tanh(x))",
        "sub(tanh(x),sigmoid(x))",
        "max(x,sigmoid(x))",
        "pow(x,erf(x))",
    ]
    assert classes(*functions) == list(range(len(functions)))


def test_classes_equal_those_of_comparing_all_pairs() -> None:
    space = SearchSpace(
        ["binary(unary(x),unary(x))", "unary(unary(x))", "n-ary(unary(x),x,unary(x))"],
        unary=["zero", "one", "negative", "exp", "relu", "reciprocal"],
    )
    assert len(space) == 7 * 36 + 36 + 4 * 36
    listed = enumerate_space(space)
    expected = classes_by_comparison(outputs(space))
    assert as_sets(listed.class_of) == set(map(frozenset, expected))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-15, 1e-9, 1e-3, 1, 1e3, 1e100, 1e300]))
def test_rounding_noise_makes_no_new_class(seed: int, scale: float) -> None:
    """Noise of a sum: as large as that of its terms, however small it is itself."""
    rng = np.random.RandomState(seed)
    values = rng.normal(size=1000) * scale
    noise = 4 * np.finfo(float).eps * np.maximum(1, np.abs(values))
    noisy = values + noise * rng.uniform(-1, 1, size=(20, 1000))
    assert len(np.unique(noisy, axis=0)) == 20
    assert set(group(Digests.of(noisy).grids)) == {0}


@pytest.mark.parametrize("octave", [0.0, 1.0, 3.0])
def test_a_value_at_the_edge_of_a_cell_splits_no_class(octave: float) -> None:
    cell = 2.0**-CELL_BITS * (1 + octave)
    edges = octave + (np.arange(1000) + 0.5) * cell
    values = np.array([edges - 1e-14, edges, edges + 1e-14, -edges, -edges + 1e-14])
    digests = Digests.of(values)
    assert len(np.unique(digests.grids[0, :3])) > 1  # one grid alone would split it
    assert group(digests.grids).tolist() == [0, 0, 0, 1, 1]


def test_one_value_is_enough_to_differ() -> None:
    values = np.repeat(np.random.RandomState(0).normal(size=(1, 1000)), 4, axis=0)
    values[1, 999] += 1e-6
    values[2, 0] = np.nan
    values[3, 0] = np.inf
    assert group(Digests.of(values).grids).tolist() == [0, 1, 2, 3]


def test_zeros_nans_and_infinities() -> None:
    values = np.ones((8, 1000))
    negative_nan = np.copysign(np.nan, -1)
    values[:, 5] = [0.0, -0.0, np.nan, negative_nan, np.inf, -np.inf, 1e300, -1e300]
    digests = Digests.of(values)
    assert group(digests.grids).tolist() == [0, 0, 1, 1, 2, 3, 4, 5]
    assert digests.finite.tolist() == [True, True, False, False, False, False, True, True]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_groups_are_the_connected_components(pairs: list[tuple[int, int]]) -> None:
    class_of = group(np.array(pairs, dtype=np.int64).reshape(-1, 2).T)
    components: list[set[int]] = []
    for i, pair in enumerate(pairs):
        near = [c for c in components if any(set(_tag(pair)) & set(_tag(pairs[j])) for j in c)]
        components = [c for c in components if c not in near] + [{i}.union(*near)]
    assert as_sets(class_of) == set(map(frozenset, components))
    firsts = [class_of.tolist().index(c) for c in range(len(components))]
    assert firsts == sorted(firsts)


def _tag(pair: tuple[int, int]) -> list[tuple[int, int]]:
    return list(enumerate(pair))


# Representatives


def test_representatives_are_shortest_then_first(three_node: Enumeration) -> None:
    for members in as_sets(three_node.class_of):
        shown = [i for i in members if three_node.representative[i]]
        assert shown == [min(members, key=lambda i: (len(three_node.names[i]), i))]


def test_included_functions_stand_for_their_class() -> None:
    listed = enumerate_space(SearchSpace(["three-node"], ["max(relu(x),relu(x))", "relu(x)"]))
    shown = {n for n, shown in zip(listed.names, listed.representative, strict=True) if shown}
    assert "max(relu(x),relu(x))" in shown
    assert not {"relu(x)", "add(relu(x),zero(x))"} & shown
    assert len(shown) == 2791


# Selection


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
        ({"schemas": [], "include": ["relu"]}, "include: expected '\\('"),
        ({"schemas": [], "include": [None]}, "include: expected strings, got None"),
    ],
)
def test_bad_spaces_are_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        SearchSpace(**arguments)


def test_an_unknown_built_in_space() -> None:
    with pytest.raises(SpaceError, match="unknown space 'two-node'; built in: three-node, four-n"):
        SearchSpace.named("two-node")
