from __future__ import annotations

import importlib
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special

from actsearch.functions import operators
from actsearch.functions.baselines import BASELINES
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.operators import (
    BINARY,
    EXTRA_UNARY,
    NARY,
    UNARY,
    Operator,
    OperatorError,
    get_operator,
    register,
)
from actsearch.functions.spaces import SearchSpace

ALL_UNARY = UNARY + EXTRA_UNARY

# Independent closed forms, in other arithmetic (math, scipy, long double) than the implementations.
LONG = np.longdouble
ORACLES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "zero": lambda x: 0 * x,
    "one": lambda x: x**0,
    "identity": lambda x: x,
    "negative": lambda x: -x,
    "abs": lambda x: np.sqrt(x * x),
    "reciprocal": lambda x: x**-1,
    "square": lambda x: x * x,
    "exp": lambda x: np.exp(LONG(x)),
    "erf": np.vectorize(math.erf),
    "erfc": np.vectorize(math.erfc),
    "sinh": lambda x: (np.exp(LONG(x)) - np.exp(-LONG(x))) / 2,
    "cosh": lambda x: (np.exp(LONG(x)) + np.exp(-LONG(x))) / 2,
    "tanh": lambda x: np.expm1(2 * LONG(x)) / (np.expm1(2 * LONG(x)) + 2),
    "expm1": np.vectorize(math.expm1),
    "sigmoid": special.expit,
    "log_sigmoid": special.log_expit,
    "arcsinh": np.vectorize(math.asinh),
    "arctan": np.vectorize(math.atan),
    "bessel_i0e": lambda x: special.ive(0, x),
    "bessel_i1e": lambda x: special.ive(1, x),
    "relu": lambda x: (x + abs(x)) / 2,
    "elu": lambda x: np.piecewise(LONG(x), [x < 0], [np.expm1, lambda z: z]),
    "selu": lambda x: 1.0507009873554804934 * np.piecewise(
        LONG(x), [x < 0], [lambda z: 1.6732632423543772848 * np.expm1(z), lambda z: z]
    ),
    "swish": lambda x: LONG(x) / (1 + np.exp(-LONG(x))),
    "softplus": lambda x: np.log1p(np.exp(LONG(x))),
    "softsign": lambda x: np.sign(x) * (1 - 1 / (1 + LONG(abs(x)))),
    "hard_sigmoid": lambda x: np.interp(x, [-2.5, 2.5], [0, 1]),
    "elish": lambda x: np.where(x < 0, np.expm1(LONG(x)), LONG(x)) / (1 + np.exp(-LONG(x))),
    "leakyrelu": lambda x: np.where(x < 0, x / 100, x),
    "mish": lambda x: LONG(x) * np.tanh(np.log1p(np.exp(LONG(x)))),
    "gelu": lambda x: x * special.ndtr(x),
    "sin": np.vectorize(math.sin),
    "cos": np.vectorize(math.cos),
    "sinc": lambda x: np.sin(LONG(np.pi) * x) / (LONG(np.pi) * x),
    "hard_tanh": lambda x: np.interp(x, [-1, 1], [-1, 1]),
    "hard_swish": lambda x: LONG(x) * np.interp(x, [-3, 3], [0, 1]),
    "relu6": lambda x: (abs(x) - abs(x - 6) + 6) / 2,
}  # fmt: skip

EXTREMES = np.array(
    [0, 1e-300, 1e-12, 1, 2.5, 19, 21, 37, 100, 700, 708, 711, 745, 1e3, 1e10, 1e100, 1e160, 1e300]
)
POINTS = np.concatenate(
    [np.linspace(-12, 12, 2401), EXTREMES, -EXTREMES, [np.inf, -np.inf, np.nan]]
)


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    operators.read_token.cache_clear()
    yield
    operators.read_token.cache_clear()


def numpy_value(name: str, *arguments: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(get_operator(name).numpy(*arguments))


def torch_value(name: str, *arguments: np.ndarray) -> np.ndarray:
    return np.asarray(get_operator(name).torch_function(*map(torch.tensor, arguments)))


def test_the_table_is_that_of_act_bench() -> None:
    assert [len(t) for t in (UNARY, EXTRA_UNARY, BINARY, NARY, BASELINES)] == [27, 10, 7, 4, 8]
    assert set(ORACLES) == set(ALL_UNARY)
    assert {get_operator(name).arity for name in ALL_UNARY} == {1}
    assert {get_operator(name).arity for name in BINARY} == {2}
    assert {get_operator(name).arity for name in NARY} == {None}
    for name in BASELINES:
        assert parse(name).name == name


@pytest.mark.parametrize("name", ALL_UNARY)
def test_unary_equals_its_closed_form(name: str) -> None:
    x = np.linspace(-10, 10, 2002)  # without 0, where some oracles divide by 0
    expected = ORACLES[name](x).astype(float)
    np.testing.assert_allclose(numpy_value(name, x), expected, rtol=3e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("log_sigmoid", -1e300, -1e300),
        ("log_sigmoid", 800, 0),
        ("log_sigmoid", -np.inf, -np.inf),
        ("log_sigmoid", 37, -math.exp(-37)),
        ("softplus", 1e300, 1e300),
        ("softplus", -37, math.exp(-37)),
        ("softplus", np.inf, np.inf),
        ("softplus", 25, 25 + math.exp(-25)),
        ("sigmoid", -700, math.exp(-700)),
        ("sigmoid", -np.inf, 0),
        ("sigmoid", 1e300, 1),
        ("swish", -1e300, 0),
        ("elish", -1e300, 0),
        ("elish", -30, -math.exp(-30)),
        ("elish", 1e300, 1e300),
        ("mish", -1e300, 0),
        ("mish", 1e300, 1e300),
        ("mish", -40, -40 * math.exp(-40)),
        ("elu", -1e300, -1),
        ("elu", 1e300, 1e300),
        ("gelu", 1e300, 1e300),
        ("gelu", -1e300, 0),
        ("hard_sigmoid", np.inf, 1),
        ("hard_sigmoid", -np.inf, 0),
        ("hard_sigmoid", 1, 0.7),
        ("bessel_i0e", 1e300, 0),
        ("tanh", np.inf, 1),
        ("reciprocal", 0, np.inf),
        ("sinc", 0, 1),
        ("sinc", 0.5, 2 / math.pi),
        ("sinc", np.inf, np.nan),
        ("sin", np.inf, np.nan),
        ("hard_tanh", -np.inf, -1),
        ("hard_swish", -1e300, 0),
        ("hard_swish", 1e300, 1e300),
        ("relu6", np.inf, 6),
    ],
)
def test_far_values_are_exact(name: str, x: float, expected: float) -> None:
    for value in (numpy_value(name, np.array([x])), torch_value(name, np.array([x], dtype=float))):
        np.testing.assert_allclose(value, [expected], rtol=1e-12, atol=1e-100)


@pytest.mark.parametrize("name", ALL_UNARY)
def test_unary_numpy_equals_torch(name: str) -> None:
    np.testing.assert_allclose(
        torch_value(name, POINTS), numpy_value(name, POINTS), rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("name", ALL_UNARY)
def test_unary_keeps_float32(name: str) -> None:
    x = np.linspace(-12, 12, 999).astype(np.float32)
    expected = numpy_value(name, x.astype(float))
    for value in (parse(f"{name}(x)")(x), torch_value(name, x)):
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected, rtol=3e-5, atol=1e-6)


@pytest.mark.parametrize("name", BINARY)
def test_binary_numpy_equals_torch(name: str) -> None:
    values = np.concatenate([POINTS[::80], EXTREMES, -EXTREMES, [-0.0, np.inf, -np.inf, np.nan]])
    x, y = (grid.ravel() for grid in np.meshgrid(values, values))
    np.testing.assert_allclose(torch_value(name, x, y), numpy_value(name, x, y), rtol=1e-12)


@pytest.mark.parametrize("name", NARY)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_nary_is_its_binary_repeated(name: str, count: int) -> None:
    arguments = list(np.random.default_rng(count).normal(size=(count, 50)))
    arguments[0][:3] = [np.nan, np.inf, -np.inf]
    reduced = {
        "sum_n": np.sum(arguments, axis=0),
        "prod_n": np.prod(arguments, axis=0),
        "max_n": np.max(arguments, axis=0),
        "min_n": np.min(arguments, axis=0),
    }[name]
    np.testing.assert_allclose(numpy_value(name, *arguments), reduced, rtol=1e-13)
    np.testing.assert_array_equal(torch_value(name, *arguments), numpy_value(name, *arguments))


@pytest.mark.parametrize("name", ["max", "min", "max_n", "min_n"])
def test_nan_passes_through_max_and_min(name: str) -> None:
    nan, one = np.array([np.nan]), np.array([1.0])
    for value in (numpy_value, torch_value):
        assert np.isnan(value(name, nan, one)).all()
        assert np.isnan(value(name, one, nan)).all()


@pytest.mark.parametrize(("name", "value"), [("zero", 0.0), ("one", 1.0)])
def test_constants_stay_in_the_graph_with_gradient_zero(name: str, value: float) -> None:
    x = torch.tensor([1.0, math.inf, -math.inf, math.nan], requires_grad=True)
    y = get_operator(name).torch_function(x)
    assert y.tolist() == [value] * 4
    y.backward(torch.tensor([1.0, math.inf, math.nan, 2.0]))
    assert x.grad is not None
    assert x.grad.tolist() == [0.0] * 4


# Inside the domain, away from kinks (0, +-2.5) and from ties of two arguments.
SMOOTH = torch.tensor([-3.1, -1.7, -0.4, 0.3, 1.2, 2.9], dtype=torch.float64, requires_grad=True)
OTHERS = torch.tensor([0.7, -0.2, 1.9, 1.1, -2.3, 0.6], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("name", ALL_UNARY)
def test_unary_gradient(name: str) -> None:
    assert torch.autograd.gradcheck(get_operator(name).torch_function, (SMOOTH,))


@pytest.mark.parametrize("name", BINARY + NARY)
def test_binary_and_nary_gradient(name: str) -> None:
    function = get_operator(name).torch_function
    first = SMOOTH.abs() if name == "pow" else SMOOTH
    assert torch.autograd.gradcheck(function, (first.detach().requires_grad_(), OTHERS))
    if name in NARY:
        third = (SMOOTH * OTHERS).detach().requires_grad_()
        assert torch.autograd.gradcheck(function, (SMOOTH, OTHERS, third))


@pytest.mark.usefixtures("fresh_registry")
def test_a_user_adds_an_operator_in_one_line() -> None:
    register(Operator("sine", 1, numpy=np.sin, torch="torch.sin"))
    register(Operator("hypot", 2, numpy=np.hypot, torch=torch.hypot))
    expression = parse("hypot(sine(x),x)")
    assert Expression.from_slug("hypot.sine.x.x") == expression
    x = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(expression(x), np.hypot(np.sin(x), x))
    np.testing.assert_allclose(expression(torch.tensor(x)).numpy(), expression(x))


def max_of(*arguments: np.ndarray) -> np.ndarray:
    return np.max(arguments, axis=0)


@pytest.mark.usefixtures("fresh_registry")
def test_an_operator_belongs_to_the_module_that_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = "from actsearch import Operator, register\nimport numpy as np\n"
    one = 'register(Operator("{}", 1, numpy=np.sin, torch="torch.sin"))\n'
    help = "def add(name):\n    register(Operator(name, 1, numpy=np.sin, torch='torch.sin'))\n"
    (tmp_path / "of_helper.py").write_text(take + help + one.format("own"))
    (tmp_path / "of_first.py").write_text("import of_helper\nof_helper.add('first')\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("of_first")
    assert operators.modules_of(["first", "relu"]) == ["of_first"]
    assert operators.modules_of(["own"]) == ["of_helper"]
    assert operators.modules_of(["relu", "mul"]) == []
    assert parse("mul(first(x),own(x))").operators == {"mul", "first", "own"}
    space = SearchSpace(["binary(unary(x),own(x))"], ["first(x)"], unary=["tanh"], binary=["add"])
    assert space.operators == {"add", "tanh", "own", "first"}


@pytest.mark.usefixtures("fresh_registry")
@pytest.mark.parametrize(
    ("name", "arity", "message"),
    [
        ("relu", 1, "'relu' is taken"),
        ("x", 1, "reserved"),
        ("unary", 1, "reserved"),
        ("literature", 1, "reserved"),
        ("", 1, "not allowed"),
        ("Sine", 1, "not allowed"),
        ("a.b", 1, "not allowed"),
        ("a-b", 1, "not allowed"),
        ("sine\n", 1, "not allowed"),
        ("2sine", 1, "not allowed"),
        (7, 1, "not allowed"),
        ("sine", 0, "arity 0"),
        ("sine", -1, "arity -1"),
        ("sine", True, "arity True"),
        ("sine", 1.0, "arity 1.0"),
        ("sine", "1", "arity '1'"),
        ("sum_n3", 1, "reads as 'sum_n' with 3 arguments"),
        ("max_n12", None, "reads as 'max_n' with 12 arguments"),
        ("bessel_i", None, None),
    ],
)
def test_bad_registrations_are_refused(name: str, arity: int | None, message: str | None) -> None:
    operator = Operator(name, arity, numpy=np.sin if arity else max_of, torch="torch.sin")
    if message is None:
        register(operator)
        return
    with pytest.raises(OperatorError, match=message):
        register(operator)


@pytest.mark.usefixtures("fresh_registry")
def test_ambiguity_is_refused_in_either_order() -> None:
    register(Operator("mean2", 1, numpy=np.sin, torch="torch.sin"))
    with pytest.raises(OperatorError, match="'mean2' reads as 'mean' with 2 arguments"):
        register(Operator("mean", None, numpy=np.sin, torch="torch.sin"))
    register(Operator("mean", 1, numpy=np.sin, torch="torch.sin"))  # unary: not ambiguous


@pytest.mark.usefixtures("fresh_registry")
def test_bad_implementations_are_refused() -> None:
    with pytest.raises(OperatorError, match="numpy must be callable"):
        register(Operator("sine", 1, numpy="numpy.sin", torch="torch.sin"))  # type: ignore[arg-type]
    for bad in ("sin", "torch.", "torch sin", None):
        with pytest.raises(OperatorError, match="dotted name"):
            register(Operator("sine", 1, numpy=np.sin, torch=bad))  # type: ignore[arg-type]
    for missing in ("torch.no_such_function", "no_such_module.sin", "torch.nn", "torch.e.f"):
        with pytest.raises(OperatorError, match=f"there is no function '{missing}'"):
            _ = Operator("sine", 1, numpy=np.sin, torch=missing).torch_function


def test_an_unknown_operator_is_named_with_what_is_close() -> None:
    with pytest.raises(OperatorError, match=r"'sigmod' \(did you mean 'sigmoid'\?\); allowed: abs"):
        get_operator("sigmod")


def test_neither_torch_nor_pandas_is_imported() -> None:
    code = (
        "import sys, actsearch.functions.spaces, actsearch.functions.operators as o; "
        "assert not {'torch', 'pandas'} & set(sys.modules); "
        "o.get_operator('softplus').torch_function; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
