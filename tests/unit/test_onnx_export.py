"""Functions as models of ONNX: what ONNX Runtime computes is what torch computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from actsearch import Activation, onnx_translations
from actsearch.functions import onnx_export, operators
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.onnx_export import APPROXIMATED, agreement, onnx_bytes, run
from actsearch.functions.onnx_operators import OPERATORS
from actsearch.functions.operators import BINARY, EXTRA_UNARY, NARY, UNARY, Operator, register
from actsearch.functions.series import series
from actsearch.functions.trees import NotationError

ALONE = [f"{name}(x)" for name in (*UNARY, *EXTRA_UNARY)]
TOGETHER = [f"{name}(sinh(x),cos(x))" for name in BINARY]
SEVERAL = [f"{name}(sinh(x),cos(x),bessel_i1e(x))" for name in NARY]
FAR = np.array(
    [np.inf, -np.inf, np.nan, 0.0, 1e-30, -1e-4, 1e-4, 60.0, -60.0, 1e30, -1e30], dtype=np.float32
)
HALF = np.concatenate([np.linspace(0, 20, 40_001), np.geomspace(20, 1e30, 4_001)])


@pytest.mark.parametrize(
    "name, function",
    [
        ("i0e", special.i0e),
        (
            "i1e_part",
            lambda a: np.where(a > 0, special.i1e(a) * (1 + a) / np.maximum(a, 1e-300), 0.5),
        ),
        ("erfcx", special.erfcx),
    ],
)
def test_series_are_as_good_as_they_say(name: str, function: np.ufunc) -> None:
    known = series(name)
    a = HALF.astype(np.float32)
    expected = function(a.astype(np.float64))
    found = known(a)
    assert found.dtype == np.float32
    assert np.abs(found / expected - 1).max() < 5e-7
    assert np.abs(known(HALF) / function(HALF) - 1).max() < 2e-7  # what the degree allows


@pytest.mark.parametrize(
    "name, function, farthest",
    [
        ("bessel_i0e", special.i0e, 1e6),
        ("bessel_i1e", special.i1e, 1e6),
        ("erfc", special.erfc, 9.0),
        ("gelu", lambda x: x * special.ndtr(x), 9.0),
    ],
)
def test_polynomials_err_by_no_more_than_they_say(
    name: str, function: np.ufunc, farthest: float
) -> None:
    half = np.concatenate([np.linspace(0.001, 9, 9001), np.geomspace(9, max(farthest, 9.1), 500)])
    half = half[half <= farthest]
    x = np.concatenate([-half, half]).astype(np.float32)
    found, expected = run(onnx_bytes(parse(f"{name}(x)")), x), function(x.astype(np.float64))
    assert np.abs(found / expected - 1).max() < APPROXIMATED[name]
    assert np.abs(found - expected).max() < 4e-7


def test_every_built_in_operator_has_a_form() -> None:
    assert set(OPERATORS) == {*UNARY, *EXTRA_UNARY, *BINARY, *NARY}


@pytest.mark.parametrize("name", [*ALONE, *TOGETHER, *SEVERAL])
def test_operators_agree_with_torch(name: str) -> None:
    function = parse(name)
    found = agreement(onnx_bytes(function), function)
    assert found.good
    assert found.difference < 1.5e-6
    assert found.apart == 0
    assert found.points == 5001


@pytest.mark.parametrize("name", ALONE)
def test_far_and_undefined_arguments_are_as_in_torch(name: str) -> None:
    x = FAR[1:] if name == "gelu(x)" else FAR  # torch's vectors give NaN for inf there, x alone inf
    found = run(onnx_bytes(parse(name)), x)
    with np.errstate(all="ignore"):
        expected = parse(name)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-15)


@given(
    st.recursive(
        st.just("x"),
        lambda parts: st.one_of(
            st.builds("{}({})".format, st.sampled_from(sorted(UNARY)), parts),
            st.builds(
                "{}({},{})".format, st.sampled_from(["add", "mul", "max", "sub"]), parts, parts
            ),
        ),
        max_leaves=4,
    )
)
@settings(max_examples=40)
def test_any_function_agrees_with_torch(name: str) -> None:
    function = parse(name)
    found = agreement(onnx_bytes(function), function)
    # Where rounding is blown up, as by a pole, both are as wrong as float32 is.
    assert found.difference <= max(1e-5, 100 * found.torch_error) or found.torch_error > 1e-3


def test_shapes_are_kept_and_bytes_are_the_same() -> None:
    function = parse("mul(bessel_i0e(x),bessel_i0e(x))")
    model = onnx_bytes(function, 3)
    assert run(model, np.zeros((2, 3, 4), dtype=np.float32)).shape == (2, 3, 4)
    assert model == onnx_bytes(function, 3)
    # What a function has twice is computed once.
    assert len(model) < len(onnx_bytes(parse("bessel_i0e(x)"), 3)) + 300


@pytest.mark.slow
def test_networks_with_bessel_functions_are_exported_by_torch(tmp_path: Path) -> None:
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 5),
        Activation("div(square(x),bessel_i1e(x))"),
        Activation("bessel_i0e(x)"),
    )
    network.eval()
    example = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        verbose=False,
        custom_translation_table=onnx_translations(),
    )
    assert program is not None
    program.save(tmp_path / "network.onnx")
    found = run((tmp_path / "network.onnx").read_bytes(), example.numpy())
    np.testing.assert_allclose(found, network(example).detach().numpy(), rtol=3e-6)


def test_a_model_that_is_wrong_is_reported() -> None:
    other = agreement(onnx_bytes(parse("tanh(x)")), parse("softsign(x)"))
    assert not other.good and other.difference > 0.1
    pole = agreement(onnx_bytes(parse("relu(x)")), parse("reciprocal(x)"))
    assert not pole.good and pole.apart == 1


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Expression:
    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    monkeypatch.setattr(operators, "_modules", dict(operators._modules))
    register(Operator("triple", 1, numpy=lambda x: 3 * x, torch="torch.neg"))
    return parse("add(triple(x),relu(x))")


def test_own_operators_are_refused_by_name(own: Expression) -> None:
    with pytest.raises(NotationError, match=r"own operators \(triple\)"):
        onnx_bytes(own)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "NEEDED", ("onnx", "no_such_runtime"))
    with pytest.raises(
        NotationError, match="onnx and no_such_runtime; not installed here: no_such_runtime"
    ):
        onnx_bytes(parse("relu(x)"))
