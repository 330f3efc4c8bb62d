"""Functions written as files that need nothing but torch."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from test_activation import BESSEL, EVERY_BINARY, EVERY_NARY, EVERYTHING
from test_expressions import trees
from torch import Tensor, nn

from actsearch.functions import operators
from actsearch.functions.activation import Activation
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.formulas import plain_formula
from actsearch.functions.operators import EXTRA_UNARY, UNARY, Operator, read_token, register
from actsearch.functions.standalone import WIDTH, module_source

POINTS = [-float("inf"), -1e4, -7.3, -2.5, -1.0, -0.4, -0.0, 0.0, 1e-3, 0.7, 2.5, 6.1, 90.0, 1e4]
X = torch.tensor([*POINTS, float("inf"), float("nan")], dtype=torch.float64)


def source_of(expression: Expression) -> str:
    source, missing = module_source(expression, "Found", ["A function."], [expression.name])
    assert not missing
    return source


def module_of(expression: Expression) -> nn.Module:
    source = source_of(expression)
    assert "actsearch" not in source
    namespace: dict[str, Any] = {"__name__": "standalone"}
    exec(compile(source, "standalone.py", "exec"), namespace)
    module: nn.Module = namespace["Found"]()
    return module


def same(one: Tensor, two: Tensor) -> bool:
    """Bit by bit; one NaN is like another."""
    bits = {8: torch.int64, 4: torch.int32, 2: torch.int16}[one.element_size()]
    plain = [values.masked_fill(values.isnan(), torch.nan).view(bits) for values in (one, two)]
    return one.dtype == two.dtype and torch.equal(*plain)


def added_up(function: nn.Module, x: Tensor) -> tuple[Tensor, int]:
    """Absolute values of all numbers that are added up to the gradient at x, and how many."""
    x = x.clone().requires_grad_()
    y = function(x).sum()
    size, terms = torch.zeros_like(x), 0
    waiting, seen = [y.grad_fn], set()

    def note(node: Any, places: list[int]) -> None:
        def hook(inputs: tuple[Tensor, ...], _: Any) -> None:
            nonlocal size, terms
            for place in places:
                if inputs[place] is not None:
                    size, terms = size + inputs[place].abs(), terms + 1

        node.register_hook(hook)

    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        following = [n for n, _ in node.next_functions]
        places = [i for i, n in enumerate(following) if getattr(n, "variable", None) is x]
        if places:
            note(node, places)
        waiting += following
    y.backward()
    return size, terms


@settings(max_examples=150)
@given(trees())
def test_values_and_gradients_are_those_of_the_activation(expression: Expression) -> None:
    ours, theirs = Activation(expression), module_of(expression)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        assert same(theirs(X.to(dtype)), ours(X.to(dtype))), dtype
    gradients = []
    for function in (ours, theirs):
        x = X.clone().requires_grad_()
        function(x).sum().backward()
        assert x.grad is not None
        gradients.append(x.grad)
    # Both add up the same numbers, perhaps in another order. Some operators use x more than once.
    size, terms = added_up(ours, X)
    finite = size.isfinite()
    error = (gradients[1] - gradients[0]).abs()[finite]
    assert (error <= terms * 2.3e-16 * size[finite]).all()


@settings(max_examples=60)
@given(trees())
def test_formulas_mean_the_function(expression: Expression) -> None:
    named = {name: operators.get_operator(name).torch_function for name in operators._registry}
    named |= {"max": lambda *a: named["max_n"](*a), "min": lambda *a: named["min_n"](*a), "x": X}
    value = eval(plain_formula(expression), {}, named)
    assert same(value, Activation(expression)(X))


@pytest.mark.parametrize("name", [*UNARY, *EXTRA_UNARY])
def test_every_operator_is_written(name: str) -> None:
    for text in (f"{name}(x)", f"{name}(add(x,abs(x)))", f"square({name}({name}(x)))"):
        assert same(module_of(parse(text))(X), Activation(text)(X))


def test_it_reads_like_written_by_hand() -> None:
    source = source_of(parse("prod_n(sigmoid(x),negative(x),max(elu(x),x))"))
    assert source == (
        '"""A function."""\n\n'
        "from __future__ import annotations\n\n"
        "import torch\n"
        "import torch.nn.functional as F\n"
        "from torch import Tensor, nn\n\n\n"
        "class Found(nn.Module):\n"
        '    """prod_n(sigmoid(x),negative(x),max(elu(x),x))"""\n\n'
        "    def forward(self, x: Tensor) -> Tensor:\n"
        '        """Any shape and floating-point dtype in, the same out; half rounds once."""\n'
        "        if x.dtype == torch.float16 or x.dtype == torch.bfloat16:\n"
        "            return self.evaluate(x.float()).to(x.dtype)\n"
        "        return self.evaluate(x)\n\n"
        "    def evaluate(self, x: Tensor) -> Tensor:\n"
        '        """The function in the dtype of x."""\n'
        "        return torch.sigmoid(x) * -x * torch.maximum(F.elu(x), x)\n"
    )


@pytest.mark.parametrize(
    "name, expected",
    [
        ("sub(x,sub(x,x))", "x - (x - x)"),
        ("sub(sub(x,x),x)", "x - x - x"),
        ("div(x,mul(x,x))", "x / (x * x)"),
        ("mul(add(x,x),x)", "(x + x) * x"),
        ("negative(negative(x))", "-(-x)"),
        ("negative(mul(x,x))", "-(x * x)"),
        ("sum_n(x,sum_n(x,x),identity(x))", "x + (x + x) + x"),
        ("max_n(x,abs(x),exp(x))", "max(x, abs(x), exp(x))"),
        ("x", "x"),
    ],
)
def test_brackets_stand_where_they_count(name: str, expected: str) -> None:
    assert plain_formula(parse(name)) == expected


def test_what_is_wide_or_deep_becomes_variables() -> None:
    deep = Expression(["tanh", "add", "x"] * 400 + ["x"])
    wide = parse(f"sum_n({','.join(['pow(abs(x),tanh(x))'] * 60)})")
    for expression in (deep, wide):
        source = source_of(expression)
        code = source[source.index("forward") :]
        assert max(map(len, code.splitlines())) <= WIDTH
        assert same(module_of(expression)(X), Activation(expression)(X))


def test_it_works_where_an_activation_does() -> None:
    x = torch.linspace(-3.1, 3.3, 30).reshape(5, 6)
    module = module_of(parse(EVERYTHING))
    assert not module.state_dict()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), module(x), equal_nan=True)
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (x,), dynamic_shapes=({0: batch},))
    torch.testing.assert_close(program.module()(x[:3]), module(x[:3]), equal_nan=True)
    small = module_of(parse("sum_n(mul(sigmoid(x),erf(x)),one(x),max(x,zero(x)))"))
    torch.testing.assert_close(torch.func.vmap(small)(x), small(x))


def test_it_exports_to_onnx() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    x = torch.linspace(0, 3.3, 30).reshape(5, 6)
    unary = [f"{name}(x)" for name in UNARY + EXTRA_UNARY if name not in BESSEL]
    module = module_of(parse(f"sum_n({','.join(unary)},{EVERY_BINARY},{EVERY_NARY})"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module.eval(), (x,), dynamo=True, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (values,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(values, module(x), rtol=1e-4, atol=1e-4)


def test_it_runs_where_actsearch_cannot_be_imported(tmp_path: Path) -> None:
    expression = parse("sum_n(elish(x),zero(x),hard_sigmoid(x),bessel_i1e(x))")
    (tmp_path / "found.py").write_text(source_of(expression))
    program = (
        "import sys\n"
        "for name in ('actsearch', 'numpy', 'scipy', 'pandas'): sys.modules[name] = None\n"
        "import torch, found\n"
        "print(found.Found()(torch.tensor([-1.5, 0.25], dtype=torch.float64)).tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "OMP_NUM_THREADS": "1"},
    )
    x = torch.tensor([-1.5, 0.25], dtype=torch.float64)
    assert done.stdout.strip() == str(Activation(expression)(x).tolist())


# Operators of the user's

OWN = '''
import math
import os.path
from functools import reduce
from math import pi as PI

import numpy as np
import torch
import torch.nn.functional as fn
from torch import Tensor, sigmoid as gate

SLOPE = 0.25
LIMITS = (-1.0, math.inf)
TABLE = np.ones(3)


def _shared(x: Tensor, slope: float = SLOPE) -> Tensor:
    # Leaky.
    return torch.where(x > 0, x, slope * x)


def leaky(x: "Tensor | np.ndarray") -> Tensor:
    """A slope below 0, an end above."""
    low, high = LIMITS
    return _shared(x).clamp(low, high) + PI * abs(0)


def gated(x):
    return fn.elu(x) * gate(x) + reduce(torch.add, [x.square() for _ in range(2)])


def softplus(x):
    return fn.softplus(x, beta=2)


def table(x):
    return x * TABLE[0]


def closure():
    slope = 0.3
    def inner(x):
        return slope * x
    return inner


def counted(x):
    global SLOPE
    SLOPE = 2
    return x


def decorate(function):
    return function


@decorate
def decorated(x):
    return x


inner = closure()
lambda_ = lambda x: 2 * x
F = 3


def takes_f(x):
    return x * F
'''
OWN += "\n\ndef deep(x):\n    return x" + 1500 * " + 1" + "\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "own_operators.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    read_token.cache_clear()
    yield importlib.import_module("own_operators")
    del sys.modules["own_operators"]
    read_token.cache_clear()


def use(name: str, function: Callable[..., Tensor] | str) -> Expression:
    register(Operator(name, 1, numpy=np.sign, torch=function))
    return parse(f"add({name}(softplus(x)),elu(x))")


@pytest.mark.parametrize(
    "function, call",
    [
        ("torch.sin", "torch.sin("),
        (torch.sin, "torch.sin("),
        (nn.functional.hardswish, "F.hardswish("),
        (torch.Tensor.sinc, "torch.Tensor.sinc("),
        ("torch.special.erfcx", "torch.special.erfcx("),
    ],
)
def test_torchs_own_functions_are_called_by_name(
    own: ModuleType, function: Callable[..., Tensor] | str, call: str
) -> None:
    expression = use("mine", function)
    assert call in source_of(expression)
    assert same(module_of(expression)(X), Activation(expression)(X))


@pytest.mark.parametrize("name", ["leaky", "gated"])
@pytest.mark.parametrize("dotted", [True, False])
def test_functions_of_the_users_come_along(own: ModuleType, name: str, dotted: bool) -> None:
    expression = use("mine", f"own_operators.{name}" if dotted else getattr(own, name))
    source = source_of(expression)
    assert ("# Leaky." in source) == (name == "leaky")
    assert "own_operators" not in source
    assert same(module_of(expression)(X), Activation(expression)(X))


@pytest.mark.parametrize(
    "name, reason",
    [
        ("table", "it needs TABLE, a ndarray"),
        ("inner", "it uses variables of the function it was made in"),
        ("lambda_", "it is a lambda, not written with def"),
        ("counted", "it changes the global SLOPE"),
        ("decorated", "it has decorators"),
        ("deep", "its source is nested too deeply"),
        ("softplus", "'softplus' means two things"),
        ("takes_f", "'F' means two things"),
    ],
)
def test_what_cannot_come_along_is_told_and_raises(own: ModuleType, name: str, reason: str) -> None:
    expression = use("mine", getattr(own, name))
    source, (told,) = module_source(expression, "Found", ["A function."], ["Mine."])
    start = "the torch function of the operator 'mine' cannot be copied: "
    assert told.startswith(f"{start}{reason}; it can where it is written with def")
    assert max(map(len, source.splitlines())) <= WIDTH
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    with pytest.raises(NotImplementedError, match="the operator 'mine' is to be written here"):
        namespace["Found"]()(X)
