"""When functions are the same, and which of them stands for the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from space_classes import as_sets, classes

from actsearch.functions import equivalence
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import CELL_BITS, Digests, group, normal_samples, outputs
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.operators import UNARY
from actsearch.functions.spaces import SearchSpace


@pytest.fixture(scope="module")
def three_node() -> Enumeration:
    return enumerate_space(SearchSpace.named("three-node"))


def classes_by_comparison(values: np.ndarray) -> list[set[int]]:
    """All pairs compared, equal ones joined."""
    found: list[set[int]] = []
    for i, row in enumerate(values):
        equal = set(np.flatnonzero(np.isclose(values[:i], row, 1e-9, 1e-9, True).all(axis=1)))
        joined = [c for c in found if c & equal]
        found = [c for c in found if not c & equal] + [{i}.union(*joined)]
    return found


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
