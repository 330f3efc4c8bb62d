"""Functions in other notations: trees, LaTeX, SymPy; and what they are like."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

from actsearch.functions import operators
from actsearch.functions.exporting import CLASS, sympy_file, torch_text
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.latex import latex
from actsearch.functions.operators import BINARY, EXTRA_UNARY, NARY, UNARY, Operator, register
from actsearch.functions.properties import properties
from actsearch.functions.symbolic import sympy_text
from actsearch.functions.trees import NotationError, fold, tree_lines

ALONE = [f"{name}(x)" for name in (*UNARY, *EXTRA_UNARY)]
TOGETHER = [f"{name}(add(tanh(x),one(x)),sub(x,cos(x)))" for name in BINARY]
SEVERAL = [f"{name}(sub(x,one(x)),cos(x),negative(x))" for name in NARY]
NESTED = [
    "div(x,mul(add(x,one(x)),square(negative(x))))",
    "pow(abs(negative(x)),sub(x,sub(one(x),x)))",
    "reciprocal(reciprocal(add(one(x),exp(x))))",
    "negative(negative(sub(x,negative(x))))",
    "selu(elish(sub(x,one(x))))",
    "square(square(sub(x,square(x))))",
]
ALL = [*ALONE, *TOGETHER, *SEVERAL, *NESTED]

functions = st.recursive(
    st.just("x"),
    lambda parts: st.one_of(
        st.builds("{}({})".format, st.sampled_from(sorted(UNARY)), parts),
        st.builds("{}({},{})".format, st.sampled_from(sorted(BINARY)), parts, parts),
        st.builds("{}({},{},{})".format, st.sampled_from(sorted(NARY)), parts, parts, parts),
    ),
    max_leaves=8,
).map(parse)


@given(functions)
def test_folding_rebuilds_the_function(function: Expression) -> None:
    name = fold(function, "x", lambda name, parts: f"{name}({','.join(parts)})")
    assert name == function.name


@given(functions)
def test_a_drawn_tree_says_the_function(function: Expression) -> None:
    lines = tree_lines(function)
    names = [line.lstrip("│├└─ ") for line in lines]
    depths = [(len(line) - len(name)) // 4 for line, name in zip(lines, names, strict=True)]
    children: list[list[int]] = [[] for _ in lines]
    for place, depth in enumerate(depths[1:], start=1):
        parent = max(p for p in range(place) if depths[p] == depth - 1)
        children[parent].append(place)

    def text(place: int) -> str:
        listed = ",".join(map(text, children[place]))
        return f"{names[place]}({listed})" if listed else names[place]

    assert text(0) == function.name


def test_a_deep_function_is_drawn() -> None:
    lines = tree_lines(parse("sin(" * 2000 + "x" + ")" * 2000))
    assert len(lines) == 2001


@pytest.mark.parametrize("name", ALL)
def test_latex_is_read_by_another_program(name: str) -> None:
    text = latex(parse(name)).replace(r"\operatorname", r"\mathrm")
    MathTextParser("path").parse(f"${text}$")
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("mul(sigmoid(x),erf(x))", r"\sigma\left(x\right) \cdot \operatorname{erf}\left(x\right)"),
        ("sub(x,sub(x,one(x)))", r"x - \left(x - 1\right)"),
        ("mul(add(x,x),x)", r"\left(x + x\right) \cdot x"),
        ("square(negative(x))", r"{\left(-x\right)}^{2}"),
        ("div(one(x),add(x,x))", r"\frac{1}{x + x}"),
        ("bessel_i0e(x)", r"e^{-\left|x\right|} \cdot I_0\left(x\right)"),
        ("hard_swish(x)", r"\operatorname{hard\_swish}\left(x\right)"),
        ("mul(log_sigmoid(x),x)", r"\ln\left(\sigma\left(x\right)\right) \cdot x"),
        ("max_n(x,x,x)", r"\max\left(x, x, x\right)"),
    ],
)
def test_latex(name: str, expected: str) -> None:
    assert latex(parse(name)) == expected


@pytest.mark.parametrize("name", ALL)
def test_sympy_computes_what_torch_computes(name: str) -> None:
    function = parse(name)
    found: dict[str, object] = {}
    exec(compile(sympy_file(function, "a test"), "f.py", "exec"), found)
    x = np.array([-2.75, -0.6, 0.3, 0.8, 2.4])
    f = found["f"]
    assert isinstance(f, sympy.Expr) and f.diff(found["x"]) is not None
    with np.errstate(all="ignore"):
        expected = function(torch.from_numpy(x)).numpy()
    assert np.isfinite(expected).any()
    for value, wanted in zip(x, expected, strict=True):
        if math.isfinite(wanted):  # of what torch leaves undefined, SymPy may know more
            number = complex(f.subs(found["x"], sympy.Float(value)).evalf())
            assert number == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_own_operators_are_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    monkeypatch.setattr(operators, "_modules", dict(operators._modules))
    register(Operator("my_step", 1, numpy=np.sign, torch="torch.sign"))
    function = parse("mul(x,my_step(x))")
    with pytest.raises(NotationError, match=r"own operators \(my_step\)"):
        sympy_text(function)
    assert latex(function) == r"x \cdot \operatorname{my\_step}\left(x\right)"


def test_the_file_for_torch_needs_nothing_else() -> None:
    function = parse("mul(bessel_i1e(x),max_n(x,erf(x),zero(x)))")
    source, missing = torch_text(function, "a test")
    assert not missing and "actsearch import" not in source
    found: dict[str, type[torch.nn.Module]] = {}
    exec(compile(source, "f.py", "exec"), found)
    x = torch.linspace(-3, 3, 50)
    assert torch.equal(found[CLASS]()(x), function(x))


@pytest.mark.parametrize(
    "name, finite, monotone, bounded, symmetry",
    [
        ("relu(x)", True, "rising", False, None),
        ("tanh(x)", True, "rising", True, "odd"),
        ("softsign(x)", True, "rising", True, "odd"),
        ("negative(sigmoid(x))", True, "falling", True, None),
        ("erfc(x)", True, "falling", True, None),
        ("one(x)", True, "constant", True, "even"),
        ("sin(x)", True, None, True, "odd"),
        ("square(x)", True, None, False, "even"),
        ("bessel_i0e(x)", True, None, True, "even"),
        ("arcsinh(arcsinh(arcsinh(arcsinh(x))))", True, "rising", False, "odd"),
        ("exp(x)", True, "rising", False, None),
        ("tanh(exp(x))", True, "rising", True, None),
        ("swish(x)", True, None, False, None),
        ("mul(x,exp(negative(square(x))))", True, None, True, "odd"),
        # poles at places that no grid meets
        ("reciprocal(sub(square(x),add(one(x),one(x))))", True, None, False, "even"),
        ("reciprocal(sub(exp(x),arctan(x)))", True, None, True, None),
        ("pow(x,arctan(x))", False, None, False, None),
    ],
)
def test_properties(
    name: str, finite: bool, monotone: str | None, bounded: bool, symmetry: str | None
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = properties(parse(name))
    assert (found.finite, found.monotone, found.bounded, found.symmetry) == (
        finite,
        monotone,
        bounded,
        symmetry,
    )


def test_values_of_properties() -> None:
    found = properties(parse("div(x,x)"))
    assert found.undefined_at == 0.0 and math.isnan(found.at_zero) and found.monotone is None
    line = properties(parse("x"))
    assert (line.lowest, line.highest, line.at_zero, line.undefined_at) == (-10, 10, 0, None)
    assert line.deviation == pytest.approx(1, abs=0.05)
