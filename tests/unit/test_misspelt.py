"""Texts that are no functions: the message says what to write."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import actsearch
from actsearch.functions import expressions
from actsearch.functions.expressions import ExpressionError
from actsearch.functions.literature import LITERATURE
from actsearch.functions.misspelt import OTHER_NAMES, explain, meant_slug, parse
from actsearch.functions.operators import registered


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gelu", "'gelu' lacks its argument: write gelu(x)"),
        ("silu(x)", "unknown operator 'silu', which is called swish here: write swish(x)"),
        ("SiLU", "unknown operator 'SiLU', which is called swish here: write swish(x)"),
        ("hardswish(x)", "unknown operator 'hardswish', which is called hard_swish here: write"),
        ("celu(x)", "unknown operator 'celu', which is called elu here: write elu(x)"),
        ("ReLU6(x)", "unknown operator 'ReLU6', which is called relu6 here: write relu6(x)"),
        ("tanh(y)", "the variable is x, not 'y': write tanh(x)"),
        ("erff(x)", "unknown operator 'erff': did you mean erf(x)?"),
        ("erff", "unknown operator 'erff': did you mean erf(x)?"),
        (
            "mul(tanh(y), silu(x))",
            "the variable is x, not 'y'; unknown operator 'silu', which is called swish here: "
            "write mul(tanh(x),swish(x))",
        ),
        ("x * sigmoid(x)", "operators are written as calls: write mul(x,sigmoid(x))"),
        ("-x", "operators are written as calls: write negative(x)"),
        ("x**2", "operators are written as calls: write square(x)"),
        ("max(x, 0)", "numbers are written as functions of x: write max(x,zero(x))"),
        ("torch.tanh(x)", "operators have no module in their names: write tanh(x)"),
        (
            "snake(tanh(x))",
            "unknown operator 'snake', which is written add(x,square(sin(x))) here: "
            "write add(tanh(x),square(sin(tanh(x))))",
        ),
        ("mul(x, 0.5)", "the number 0.5 cannot be in a function; the only numbers are zero(x)"),
        ("prelu(x)", "'prelu' cannot be written as a function: a is learned"),
    ],
)
def test_what_to_write_is_said(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    _, _, said = str(error.value).partition(": write ")
    assert not said or parse(said).name == said


@pytest.mark.parametrize(
    "text", ["", "relu(x", "add(x,x,x)", "foo(x)", "x x", "lambda x: x", "(" * 400, "relu(x=x)"]
)
def test_the_parser_speaks_where_nothing_better_is_known(text: str) -> None:
    with pytest.raises(ExpressionError) as error:
        expressions.parse(text)
    assert explain(text, error.value) == str(error.value)


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                "x",
                "y",
                "(",
                ")",
                ",",
                "silu",
                "tanh",
                "snake",
                "add",
                "*",
                "0",
                "2",
                ".",
                " ",
                "-",
                "mul(",
            ]
        ),
        max_size=30,
    ).map("".join)
)
@example("snake(" * 60 + "x" + ")" * 60)
@example("-" * 490 + "x")
def test_any_text_is_read_or_refused_as_the_parser_does(text: str) -> None:
    try:
        expected = expressions.parse(text)
    except ExpressionError:
        with pytest.raises(ExpressionError):
            parse(text)
    else:
        assert parse(text) == expected


def test_the_public_parse_gives_these_messages() -> None:
    with pytest.raises(actsearch.ExpressionError, match="write swish"):
        actsearch.parse("silu(x)")
    assert type(actsearch.parse("relu(x)")) is actsearch.Expression


def test_other_names_are_those_of_operators_and_hide_none() -> None:
    known = registered()
    assert set(OTHER_NAMES.values()) <= set(known)
    assert not set(OTHER_NAMES) & set(known)


@pytest.mark.parametrize(
    "entry", [e for e in LITERATURE if e.function], ids=lambda entry: entry.name
)
def test_published_names_lead_to_their_functions(entry: object) -> None:
    name = entry.name.split(",")[0].split(" (")[0]  # type: ignore[attr-defined]
    text = "".join(c for c in name.lower() if c.isalnum())
    function = entry.function  # type: ignore[attr-defined]
    try:
        assert parse(f"{text}(x)").name == function
    except ExpressionError as error:
        assert str(error).endswith(f"write {function}")


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("mul(tanh(x), relu(x))", "mul.tanh.x.relu.x"),
        ("gelu", "gelu.x"),
        ("silu(x)", "swish.x"),
        ("silu.x", "swish.x"),
        ("mul.rleu.x.x", "mul.relu.x.x"),
        ("mul.relu.x", None),
        ("nothing at all", None),
    ],
)
def test_slugs_that_were_meant(text: str, slug: str | None) -> None:
    assert meant_slug(text) == slug
