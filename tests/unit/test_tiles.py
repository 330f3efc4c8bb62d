"""Large tensors in tiles: the bits of the operators forward, their gradients backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from actsearch.functions import operators, tiles
from actsearch.functions.activation import Activation
from actsearch.functions.derivatives import BINARY, NARY, UNARY
from actsearch.functions.expressions import Expression
from actsearch.functions.gradients import DEEPEST
from actsearch.functions.operators import Operator, register
from actsearch.functions.spaces import SearchSpace
from actsearch.functions.threads import threads

BESSEL = "bessel_i0e(x)"
INFINITY = float("inf")
# Zeros of both signs, kinks, ties, what over- and underflows.
SPECIAL = (0.0, -0.0, 2.5, -2.5, 1.0, -1.0, 3.0, -3.0, 6.0, 1e-30, -1e-30, 88.0, -88.0, 20.0, -20.0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of a few numbers, for tensors of any size, whether that pays or not."""
    monkeypatch.setattr(tiles, "TILE", 64)
    monkeypatch.setattr(tiles, "LEAST", 1)


def activation(name: str, normalize: bool = False) -> Activation:
    function = Activation(name, normalize)
    assert function._rule is not None
    function._rule = function._rule._replace(pays=True)
    return function


def plain(name: str, normalize: bool = False) -> Activation:
    function = Activation(name, normalize)
    function._rule = None
    return function


def inputs(seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    normal = torch.randn(185, generator=torch.Generator().manual_seed(seed)) * 2
    return torch.cat([normal, torch.tensor(SPECIAL)]).to(dtype)


def is_in_tiles(y: Tensor) -> bool:
    return y.grad_fn is not None and "InTiles" in y.grad_fn.name()


def backward(function: Activation, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    x = x.detach().requires_grad_()
    y = function(x)
    (gradient,) = torch.autograd.grad(y, x, g)
    return y.detach(), gradient


def check(name: str, normalize: bool = False) -> None:
    """Values of the operators, gradients as near the exact ones as autograd's."""
    x = inputs()
    g = torch.randn(len(x), generator=torch.Generator().manual_seed(1))
    assert is_in_tiles(activation(name, normalize)(x.clone().requires_grad_()))
    y, found = backward(activation(name, normalize), x, g)
    expected, own = backward(plain(name, normalize), x, g)
    _, exact = backward(plain(name, normalize), x.double(), g.double())
    torch.testing.assert_close(y, expected, rtol=0, atol=0, equal_nan=True)
    far = (found.double() - exact).abs()
    near = 20 * (own.double() - exact).abs() + 3e-6 * (1 + exact.abs())
    same = (found == own) | (found.isnan() & own.isnan())
    # where torch's own float32 gradient is infinite or none, there is nothing to agree with
    lost = ~torch.isfinite(own) | ~torch.isfinite(exact)
    wrong = ~((far <= near) | same | lost)
    assert not wrong.any(), [*zip(x[wrong], found[wrong], own[wrong], exact[wrong], strict=True)]


@pytest.mark.parametrize("name", [name for name in UNARY if name != "identity"])
def test_every_operator_of_one_argument(name: str) -> None:
    check(f"{name}(x)")
    check(f"{name}(tanh(x))")


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("left", ["zero", "exp", "relu", "sinh"])
@pytest.mark.parametrize("right", ["one", "erf", "identity", "cosh"])
def test_every_operator_of_two_arguments(name: str, left: str, right: str) -> None:
    check(f"{name}({left}(x),{right}(x))")
    check(f"{name}({right}(x),{left}(x))")


@pytest.mark.parametrize("name", NARY)
def test_every_operator_of_many_arguments(name: str) -> None:
    check(f"{name}(erf(x),x,relu(x),tanh(x))")


@settings(max_examples=60)
@given(st.integers(0, len(SearchSpace.named("four-node")) - 1))
def test_functions_of_the_four_node_space(index: int) -> None:
    expression = SearchSpace.named("four-node")[index]
    if "pow" in expression.operators:
        assert Activation(expression)._rule is None
        return
    # Ties of i0e with one hang on its last bit.
    if "bessel_i0e" not in expression.operators:
        check(expression.name)


def test_what_is_masked_stays_masked() -> None:
    # 1 / relu(x) is infinite below 0; autograd's gradient is 0 there, a product of slopes NaN.
    check("min(reciprocal(relu(x)),one(x))")
    x = torch.tensor([-1.0, -2.0, 0.5], requires_grad=True)
    activation("min(reciprocal(relu(x)),one(x))")(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "name",
    [
        "min(reciprocal(min(relu(x),exp(x))),one(x))",
        "max(negative(reciprocal(max(exp(x),relu(x)))),one(x))",
    ],
)
def test_what_is_masked_stays_masked_where_gradients_are_infinite(name: str) -> None:
    check(name)


def test_hooks_of_the_input_are_called_once() -> None:
    for function in (activation("mul(sigmoid(x),tanh(x))"), plain("mul(sigmoid(x),tanh(x))")):
        x = inputs().requires_grad_()
        middle = x * 1
        middle.retain_grad()
        middle.register_hook(lambda g: 2 * g)
        function(middle).sum().backward(create_graph=True)
        assert x.grad is not None and middle.grad is not None
        once = torch.autograd.functional.jacobian(
            lambda v: plain("mul(sigmoid(x),tanh(x))")(v).sum(), inputs()
        )
        torch.testing.assert_close(x.grad, 2 * once, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(middle.grad, 2 * once, rtol=1e-5, atol=1e-6)


def test_batches_of_gradients() -> None:
    found = []
    for function in (activation("mul(sigmoid(x),tanh(x))"), plain("mul(sigmoid(x),tanh(x))")):
        x = inputs().requires_grad_()
        gradients = torch.stack([torch.ones(len(x)), inputs(1)])
        found += torch.autograd.grad(function(x), x, gradients, is_grads_batched=True)
    torch.testing.assert_close(*found)


def test_an_input_that_was_saved_in_another_order() -> None:
    function, x = activation("mul(sigmoid(x),tanh(x))"), inputs().reshape(10, 20).requires_grad_()
    _, expected = backward(plain("mul(sigmoid(x),tanh(x))"), x, torch.ones_like(x))
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: tensor.t().contiguous(), lambda tensor: tensor.t()
    ):
        y = function(x)
    (found,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(found, expected)


def test_dispatch_modes_see_the_operators() -> None:
    seen: set[str] = set()

    class Log(TorchDispatchMode):
        def __torch_dispatch__(self, f: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.add(str(f))
            return f(*args, **(kwargs or {}))

    with threads(2), Log():
        activation("max(sinh(x),swish(x))")(inputs().requires_grad_())
    assert "aten.sinh.default" in seen


@pytest.mark.parametrize("name", ["negative(sinh(x))", "identity(sinh(x))"])
def test_a_value_that_nothing_reads_is_not_computed_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(x: Tensor) -> Tensor:
        raise AssertionError("computed again")

    monkeypatch.setitem(UNARY, "sinh", UNARY["sinh"]._replace(value=never))
    backward(activation(name), inputs(), torch.ones(200))


def test_many_arguments_are_many_levels() -> None:
    name = f"max_n({','.join(['x'] * 1200)})"
    assert Activation(name)._rule is None
    assert Activation(f"max_n({','.join(['x'] * DEEPEST)})")._rule is not None
    x = inputs().requires_grad_()
    Activation(name)(x).sum().backward()


def test_what_i0e_is_made_of_agrees_with_scipy() -> None:
    from scipy import special

    x = torch.cat([torch.linspace(-60, 60, 20_001), torch.tensor([0.0, 1e-9, 1e30])])
    value = UNARY["bessel_i0e"].value
    assert value is not None
    exact = torch.tensor(special.i0e(x.double().numpy()))
    torch.testing.assert_close(value(x).double(), exact, rtol=5e-7, atol=0)


@pytest.mark.parametrize("normalize", [False, True])
def test_normalized(normalize: bool) -> None:
    check("mul(sigmoid(x),erf(x))", normalize)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype: torch.dtype) -> None:
    name = "max(sinh(x),swish(x))"
    x = inputs()[:185].to(dtype)
    g = torch.ones_like(x)
    assert is_in_tiles(activation(name)(x.clone().requires_grad_()))
    y, found = backward(activation(name), x, g)
    expected, own = backward(plain(name), x, g)
    assert y.dtype == found.dtype == dtype
    assert torch.equal(y, expected)
    torch.testing.assert_close(found, own, rtol=2 * torch.finfo(dtype).eps, atol=0)


def test_any_number_of_threads_gives_the_same_bits() -> None:
    x, name = inputs(), "mul(bessel_i1e(x),exp(x))"
    found = []
    for number in (1, 2, 3, 1):
        with threads(number):
            found.append(backward(activation(name), x, torch.ones_like(x)))
            assert torch.get_num_threads() == number
    for y, gradient in found[1:]:
        assert torch.equal(y, found[0][0])
        assert torch.equal(gradient, found[0][1])


def test_denormals_are_flushed_on_all_threads_or_none() -> None:
    name = "mul(identity(x),one(x))"
    x = torch.full((200,), 1e-40)
    for flush, expected in ((True, 0.0), (False, 1e-40)):
        torch.set_flush_denormal(flush)
        try:
            with threads(2):
                y, _ = backward(activation(name), x, torch.ones_like(x))
        finally:
            torch.set_flush_denormal(False)
        torch.testing.assert_close(y, torch.full((200,), expected), rtol=0, atol=0)


def test_layouts_are_kept() -> None:
    x = inputs()[:192].reshape(2, 4, 4, 6)
    for given_x in (x.to(memory_format=torch.channels_last), x, x.transpose(1, 2)):
        leaf = given_x.detach().requires_grad_()
        y = activation("mul(tanh(x),x)")(leaf)
        assert y.stride() == plain("mul(tanh(x),x)")(leaf).stride()
        assert is_in_tiles(y) == (given_x.stride() != x.transpose(1, 2).stride())
        # a gradient that is laid out in another way, as that of a sum is
        (found,) = torch.autograd.grad(y.sum(), leaf)
        (own,) = torch.autograd.grad(plain("mul(tanh(x),x)")(leaf).sum(), leaf)
        torch.testing.assert_close(found, own)


def test_the_input_alone_is_kept() -> None:
    kept: list[Tensor] = []
    x = inputs().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        activation("max(arcsinh(tanh(x)),swish(x))")(x)
    assert [t.data_ptr() for t in kept] == [x.data_ptr()]


def test_second_derivatives_are_those_of_the_operators() -> None:
    name = "mul(sigmoid(x),erf(x))"
    found = []
    for function in (activation(name), plain(name)):
        x = inputs().requires_grad_()
        (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x)
        found.append(second)
    torch.testing.assert_close(*found)


def test_transformations_see_the_operators() -> None:
    function, own = activation("mul(tanh(x),erf(x))"), plain("mul(tanh(x),erf(x))")
    x = inputs()[:185]
    slopes = torch.func.vmap(torch.func.grad(function))
    torch.testing.assert_close(slopes(x), torch.func.vmap(torch.func.grad(own))(x))
    _, moved = torch.func.jvp(function, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(moved, slopes(x))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x.clone().requires_grad_(), torch.ones_like(x))
        moved = torch.autograd.forward_ad.unpack_dual(function(dual)).tangent
    torch.testing.assert_close(moved, slopes(x))
    leaf = x.clone().requires_grad_()
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(leaf), own(leaf))


def test_it_is_for_large_tensors_that_want_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    function, x = activation("mul(tanh(x),x)"), inputs()
    assert function(x).grad_fn is None
    with torch.no_grad():
        assert function(x.clone().requires_grad_()).grad_fn is None
    assert not is_in_tiles(function(x.double().requires_grad_()))
    monkeypatch.setattr(tiles, "LEAST", len(x) + 1)
    assert not is_in_tiles(function(x.clone().requires_grad_()))


def test_users_operators_are_left_to_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    register(Operator("sine", 1, numpy=np.sin, torch="torch.sin"))
    assert Activation("mul(sine(x),x)")._rule is None


def test_a_tree_of_any_depth_has_a_gradient() -> None:
    for depth in (DEEPEST, DEEPEST + 1, 2000):
        function = Activation(Expression(["tanh"] * depth + ["x"]))
        assert (function._rule is None) == (depth > DEEPEST)
        x = inputs().requires_grad_()
        function(x).sum().backward()
        assert x.grad is not None


def test_a_function_that_autograd_does_faster_is_left_to_it() -> None:
    assert Activation("mul(softplus(x),log_sigmoid(x))")._rule.pays is False  # type: ignore[union-attr]
    assert Activation("max(arcsinh(tanh(x)),swish(x))")._rule.pays  # type: ignore[union-attr]
    assert not is_in_tiles(Activation("mul(softplus(x),log_sigmoid(x))")(inputs().requires_grad_()))
