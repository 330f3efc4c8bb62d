from __future__ import annotations

import numpy as np
import pytest

from actsearch.features.outputs import transform_outputs
from actsearch.functions.equivalence import outputs
from actsearch.functions.expressions import parse


@pytest.mark.parametrize("transform", ["identity", "arcsinh"])
def test_rows_that_are_not_finite_are_missing_throughout(transform: str) -> None:
    values = np.ones((3, 1000))
    values[1, 17] = np.inf
    values[2, 3] = np.nan
    before = values.copy()
    transformed = transform_outputs(values, transform)  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.isnan(transformed).all(axis=1), [False, True, True])
    np.testing.assert_array_equal(np.isnan(transformed).any(axis=1), [False, True, True])
    np.testing.assert_array_equal(values, before)


def test_identity_keeps_values() -> None:
    values = np.random.default_rng(0).normal(size=(4, 1000)) * 1e10
    np.testing.assert_array_equal(transform_outputs(values, "identity"), values)


def test_arcsinh_keeps_order_and_tames_huge_values() -> None:
    values = np.array([[-1e300, -1.0, 0.0, 1e-9, 1e18]])
    [transformed] = transform_outputs(values, "arcsinh")
    assert (np.diff(transformed) > 0).all()
    assert transformed[2] == 0
    assert transformed[3] == pytest.approx(1e-9)
    assert np.abs(transformed).max() < 700


def test_huge_functions_do_not_rule_the_distance() -> None:
    """With raw outputs, functions among others are within 1e-10 of the largest distance."""
    values = outputs(map(parse, ["relu(x)", "tanh(x)", "exp(mul(cosh(x),square(x)))"]))
    assert values.max() > 1e18

    def ratio(rows: np.ndarray) -> float:
        return float(np.linalg.norm(rows[0] - rows[1]) / np.linalg.norm(rows[0] - rows[2]))

    assert ratio(values) < 1e-10
    assert ratio(transform_outputs(values, "arcsinh")) > 1e-3


def test_unknown_transform() -> None:
    with pytest.raises(ValueError, match="unknown transform 'log'; allowed: identity, arcsinh"):
        transform_outputs(np.ones((1, 1000)), "log")  # type: ignore[arg-type]
