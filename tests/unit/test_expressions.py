from __future__ import annotations

import copy
import pickle
import re
import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actsearch.functions.expressions import Expression, ExpressionError, parse
from actsearch.functions.operators import BINARY, EXTRA_UNARY, NARY, UNARY
from actsearch.functions.spaces import SearchSpace, SpaceError
from actsearch.functions.syntax import MOST_NODES

# Bounded slopes, no poles, no jumps: composed, they amplify the last digit's noise very little.
# fmt: off
CALM_UNARY = [
    "identity", "negative", "abs", "erf", "erfc", "tanh", "sigmoid", "log_sigmoid", "arcsinh",
    "arctan", "relu", "elu", "swish", "softplus", "softsign", "hard_sigmoid", "zero", "one",
    "leakyrelu", "mish", "gelu", "elish",
]
# fmt: on
CALM_BINARY = ["add", "sub", "max", "min"]
CALM_NARY = ["sum_n", "max_n", "min_n"]


def trees(
    unary: tuple[str, ...] | list[str] = UNARY + EXTRA_UNARY,
    binary: tuple[str, ...] | list[str] = BINARY,
    nary: tuple[str, ...] | list[str] = NARY,
) -> st.SearchStrategy[Expression]:
    def extend(inner: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[tuple[str, ...]]:
        def join(head: str, *arguments: tuple[str, ...]) -> tuple[str, ...]:
            return (head, *(token for argument in arguments for token in argument))

        return st.one_of(
            st.builds(join, st.sampled_from(unary), inner),
            st.builds(join, st.sampled_from(binary), inner, inner),
            st.builds(
                lambda name, parts: join(f"{name}{len(parts)}", *parts),
                st.sampled_from(nary),
                st.lists(inner, min_size=2, max_size=12),
            ),
        )

    return st.recursive(st.just(("x",)), extend, max_leaves=20).map(Expression)


@given(trees())
def test_name_and_slug_are_read_back(tree: Expression) -> None:
    assert parse(tree.name) == tree
    assert Expression.from_slug(tree.slug) == tree
    assert re.fullmatch(r"[a-z0-9_.]+", tree.slug)
    assert not re.search(r"\s", tree.name)


@given(trees(), st.data())
def test_blanks_do_not_matter(tree: Expression, data: st.DataObject) -> None:
    words = re.findall(r"\w+|[(),]", tree.name)
    blanks = data.draw(st.lists(st.sampled_from(["", " ", "\n", "\t "]), min_size=1))
    spaced = "".join(word + blanks[i % len(blanks)] for i, word in enumerate(words))
    assert parse(spaced).name == tree.name


@given(trees(), trees())
def test_equality_is_that_of_names(first: Expression, second: Expression) -> None:
    assert (first == second) == (first.name == second.name) == (first.slug == second.slug)
    if first == second:
        assert hash(first) == hash(second)


@given(trees())
def test_copies_and_pickles_are_equal(tree: Expression) -> None:
    for twin in (copy.copy(tree), copy.deepcopy(tree), pickle.loads(pickle.dumps(tree))):
        assert twin == tree
        assert hash(twin) == hash(tree)


@given(trees())
def test_size_and_depth_are_those_of_the_name(tree: Expression) -> None:
    assert tree.size == tree.name.count("(")
    depth = np.cumsum([{"(": 1, ")": -1}.get(character, 0) for character in tree.name])
    assert tree.depth == max(depth)


@given(trees(CALM_UNARY, CALM_BINARY, CALM_NARY))
def test_numpy_equals_torch(tree: Expression) -> None:
    x = np.array([-30, -3.1, -2.5, -1, -0.3, -0.0, 0, 1e-9, 0.7, 2.5, 4, 25])
    np.testing.assert_allclose(tree(torch.tensor(x)).numpy(), tree(x), rtol=1e-9, atol=1e-9)


@given(trees(), st.sampled_from([np.float32, np.float64]))
def test_shape_and_dtype_are_kept_without_warnings(tree: Expression, dtype: Any) -> None:
    x = np.array([[-2.0, 0.0], [1.5, np.nan]], dtype=dtype)
    for value in (tree(x), tree(torch.tensor(x)).numpy()):
        assert value.dtype == dtype
        assert value.shape == (2, 2)


WORDS = [*UNARY[:6], "mul", "sum_n", "max_n", "sum_n3", "x", "X", "sigmod", "n-ary", "unary", "1"]
PIECES = st.sampled_from(
    [*WORDS, "(", ")", ",", "(x)", "(x,x)", " ", "\n", ".", "§", "\0", "\ud800"]
)


STRINGS = st.one_of(
    st.lists(PIECES, max_size=25).map("".join),
    st.text("muladbsxn_3(),. \n", max_size=40),
    st.text(),
)


def gives_an_expression_or_one_error(text: str) -> None:
    for read in (parse, Expression.from_slug):
        try:
            expression = read(text)
        except ExpressionError as error:
            assert str(error)
        else:
            assert parse(expression.name) == expression


@given(STRINGS)
def test_any_string_gives_an_expression_or_one_error(text: str) -> None:
    gives_an_expression_or_one_error(text)


@pytest.mark.slow
@settings(max_examples=2_000)
@given(STRINGS)
def test_thousands_of_strings_give_an_expression_or_one_error(text: str) -> None:
    gives_an_expression_or_one_error(text)


@pytest.mark.parametrize(
    ("name", "slug", "size", "depth"),
    [
        ("x", "x", 0, 0),
        ("relu(x)", "relu.x", 1, 1),
        ("mul(sigmoid(x),erf(x))", "mul.sigmoid.x.erf.x", 3, 2),
        ("sum_n(abs(x),swish(x),sigmoid(x))", "sum_n3.abs.x.swish.x.sigmoid.x", 4, 2),
        ("max(relu(x),cosh(elu(x)))", "max.relu.x.cosh.elu.x", 4, 3),
        ("max_n(x,x,x,x,x,x,x,x,x,x)", "max_n10" + ".x" * 10, 1, 1),
    ],
)
def test_known_names_and_slugs(name: str, slug: str, size: int, depth: int) -> None:
    expression = parse(name)
    assert (expression.slug, expression.size, expression.depth) == (slug, size, depth)
    assert Expression.from_slug(slug).name == str(expression) == name
    assert repr(expression) == f"Expression({name!r})"


def test_order_of_arguments_is_kept() -> None:
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(parse("sub(exp(x),x)")(x), np.exp(x) - x)
    np.testing.assert_array_equal(parse("div(x,square(x))")(x), 1 / x)
    np.testing.assert_array_equal(parse("pow(square(x),x)")(x), [1, 16])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty: a function is needed"),
        (" \n", "empty: a function is needed"),
        ("sigmod(x)", r"unknown operator 'sigmod' \(did you mean 'sigmoid'\?\); allowed: abs, add"),
        ("qqqq(x)", "unknown operator 'qqqq'; allowed: abs, add"),
        ("mul(x)", "mul takes 2 arguments, got 1, at position 0"),
        ("relu(x,x)", "relu takes 1 argument, got 2"),
        ("relu(sum_n(x))", "sum_n takes 2 or more arguments, got 1, at position 5"),
        ("relu()", r"expected an operator or x, got '\)', at position 5"),
        ("relu(x))", r"the function ends before '\)', at position 7"),
        ("relu(x) relu(x)", "the function ends before 'relu', at position 8"),
        ("relu(x", r"ends too early: 1 '\)' missing, at position 6"),
        ("relu(", "ends too early: an operator or x is missing"),
        ("relu", r"expected '\(' after 'relu'"),
        ("relu(x x)", r"expected ',' or '\)', got 'x', at position 7"),
        ("mul(,x)", "expected an operator or x, got ','"),
        ("relu(y)", "unknown operator 'y'"),
        ("relu(2)", "stray character '2', at position 5"),
        ("relu(x);", "stray character ';'"),
        ("sum_n3(x,x,x)", "unknown operator 'sum_n3'"),
        ("ReLU(x)", "unknown operator 'ReLU'"),
        (None, "must be a string, got NoneType"),
        (b"relu(x)", "must be a string, got bytes"),
    ],
)
def test_bad_names_are_explained(text: Any, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse(text)


def test_the_caret_points_at_the_position() -> None:
    with pytest.raises(ExpressionError) as error:
        parse("mul(relu(x),\nsigmod(x))")
    lines = str(error.value).split("\n")
    assert lines[-2][lines[-1].index("^") :].startswith("sigmod")


def test_the_excerpt_of_a_long_text_is_short() -> None:
    with pytest.raises(ExpressionError) as error:
        parse("abs(" * 10_000 + "?" + ")" * 10_000)
    assert "'?', at position 40000" in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("slug", "message"),
    [
        ("", "unknown operator ''"),
        ("relu", "end too early: 1 more argument needed"),
        ("mul.x", "end too early: 1 more argument needed"),
        ("relu.x.x", "tokens after the end of the function, from 'x' on"),
        ("relu..x", "unknown operator ''"),
        ("sum_n.x.x", "'sum_n' needs its argument count, as in 'sum_n3'"),
        ("sum_n1.x", "'sum_n' takes 2 or more arguments, not 1"),
        ("sum_n02.x.x", "unknown operator 'sum_n02'"),
        ("sum_n" + "9" * 5000 + ".x", "unknown operator"),
        ("sum_n999999999.x", "end too early: 999999998 more arguments needed"),
        ("sum_n٣.x.x.x", "unknown operator"),
        ("relu(x)", "unknown operator"),
        (3, "a slug must be a string, got int"),
    ],
)
def test_bad_slugs_are_explained(slug: Any, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        Expression.from_slug(slug)


def test_bad_tokens_are_refused() -> None:
    for tokens in ([], ["x", "x"], [["x"]], [3, "x"], "abs"):
        with pytest.raises(ExpressionError):
            Expression(tokens)  # type: ignore[arg-type]


def test_an_expression_is_immutable() -> None:
    expression = parse("relu(x)")
    with pytest.raises(AttributeError, match="immutable"):
        expression.tokens = ("x",)
    with pytest.raises(AttributeError, match="immutable"):
        del expression.tokens


def test_only_floating_point_is_evaluated() -> None:
    expression = parse("reciprocal(x)")
    bad_inputs: list[Any] = [np.array([2]), torch.tensor([2]), [2.0], 2.0, None]
    for bad in bad_inputs:
        with pytest.raises(TypeError, match="expected a"):
            expression(bad)


@pytest.mark.parametrize("shape", ["chain", "left", "right"])
def test_depth_is_bounded_by_size_alone(shape: str) -> None:
    n = MOST_NODES - 1 if shape == "chain" else (MOST_NODES - 1) // 2
    text = {
        "chain": "abs(" * n + "x" + ")" * n,
        "left": "max(" * n + "x" + ",x)" * n,
        "right": "max(x," * n + "x" + ")" * n,
    }[shape]
    expression = parse(text)
    assert expression.name == text
    assert (expression.size, expression.depth) == (n, n)
    twin = pickle.loads(pickle.dumps(Expression.from_slug(expression.slug)))
    assert twin == expression
    assert hash(copy.deepcopy(twin)) == hash(expression)
    np.testing.assert_array_equal(expression(np.array([1.0, 2.0])), [1, 2])
    assert expression(torch.tensor([1.0, 2.0])).tolist() == [1, 2]
    assert len(repr(expression)) > len(text)


@pytest.mark.parametrize(
    "text",
    [
        "abs(" * MOST_NODES + "x" + ")" * MOST_NODES,
        "abs(" * 1_000_000,
        "max(x," * MOST_NODES + "x" + ")" * MOST_NODES,
        "sum_n(" + ",".join(["x"] * MOST_NODES) + ")",
    ],
)
def test_a_function_has_a_largest_size(text: str) -> None:
    expected = f"more than {MOST_NODES:,} operators and x's, so many are allowed"
    with pytest.raises(ExpressionError, match=expected) as error:
        parse(text)
    assert len(str(error.value)) < 400
    with pytest.raises(SpaceError, match=expected):
        SearchSpace([], include=[text])
    with pytest.raises(SpaceError, match="more than 100 operators and x's"):
        SearchSpace([text])


def test_a_slug_has_a_largest_size() -> None:
    tokens = ["abs"] * (MOST_NODES - 1) + ["x"]
    assert Expression.from_slug(".".join(tokens)).size == MOST_NODES - 1
    for slug in (".".join(["abs", *tokens]), "." * 1_000_000):
        with pytest.raises(ExpressionError, match="operators and x's; allowed: at most 10,000"):
            Expression.from_slug(slug)


def test_work_grows_linearly() -> None:
    def seconds(n: int) -> float:
        text = "max(x," * n + "x" + ")" * n
        start = time.process_time()
        expression = parse(text)
        _ = expression.name, expression.slug, hash(expression), expression.depth
        return time.process_time() - start

    small = min(seconds(240) for _ in range(20))
    large = min(seconds(4_800) for _ in range(10))
    assert large < 20 * 6 * small  # quadratic work would take 400 times as long
