"""A function as a model of ONNX, and the proof that it computes the same as torch."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsearch.functions.equivalence import normal_samples
from actsearch.functions.expressions import Expression
from actsearch.functions.formulas import plain_formula
from actsearch.functions.trees import NotationError, fold, without_form

NEEDED = ("onnx", "onnxscript", "onnxruntime")
"""Packages that it takes, which pip installs with ``actsearch[onnx]``."""
POINTS, LIMIT = 4001, 10.0
APPROXIMATED = {"bessel_i0e": 5e-7, "bessel_i1e": 5e-7, "erfc": 1e-5, "gelu": 1e-5}
"""Operators that are polynomials in ONNX, and a bound of their relative error in float32.

Measured with ONNX Runtime beside ``scipy.special``: 3.7e-7 for the Bessel functions and all x, and
6.2e-6 for the others from -9 to 9, where they nearly vanish; their absolute error is below 4e-7.
"""
TOLERANCE = 1e-5
"""Largest difference to torch that goes without a warning."""


def require_onnx() -> None:
    """Refuse to begin without what makes and runs models.

    Raises:
        NotationError: with the command that installs what is missing.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise NotationError(
            f"ONNX needs {', '.join(NEEDED[:-1])} and {NEEDED[-1]}; not installed here: "
            f"{', '.join(missing)}; install with: pip install {' '.join(NEEDED)}"
        )


def refuse_own(expression: Expression) -> None:
    """Refuse a function with operators that have no form in ONNX.

    Raises:
        NotationError: naming them.
    """
    if own := without_form(expression):
        raise NotationError(
            f"{expression.name} cannot be written as ONNX: it has own operators "
            f"({', '.join(own)}), which have no form there; allowed: built-in operators"
        )


def onnx_bytes(expression: Expression, dimensions: int = 1) -> bytes:
    """A function as a file of ONNX: float32 in, the same shape out.

    The same function gives the same bytes with the same version of onnx. Operators that ONNX lacks
    are polynomials (`actsearch.functions.series`), with the errors of `APPROXIMATED`.

    Args:
        expression: the function, of built-in operators.
        dimensions: of its input, each of any size: 4 for images (examples, channels, rows,
            columns). ONNX has no models of any number.

    Returns:
        The model, input ``x`` and output ``y``, of opset 17.

    Raises:
        NotationError: when an operator has no form in ONNX, or onnx is not installed.
    """
    require_onnx()
    refuse_own(expression)
    from onnx import checker

    from actsearch.functions.onnx_operators import OPERATORS
    from actsearch.functions.onnx_values import Graph

    graph = Graph()
    result = fold(expression, graph.x, lambda name, arguments: OPERATORS[name](*arguments))
    properties = {"name": expression.name, "formula": plain_formula(expression)}
    model = graph.model(result, expression.slug[:100], dimensions, properties)
    checker.check_model(model)
    whole: bytes = model.SerializeToString(deterministic=True)
    return whole


@dataclass(frozen=True)
class Agreement:
    """How far ONNX Runtime and torch agree on a function in float32.

    Differences are absolute where values are below 1, and relative above.

    Attributes:
        points: how many numbers were tried, from -10 to 10.
        difference: largest difference between both.
        torch_error: largest difference of torch in float32 to torch in float64: what rounding does
            to this function in any library.
        apart: how many values are NaN or infinite in one of them, and not the same in the other.
    """

    points: int
    difference: float
    torch_error: float
    apart: int

    @property
    def good(self) -> bool:
        """Whether they differ by no more than rounding explains."""
        return self.apart == 0 and self.difference <= max(TOLERANCE, 10 * self.torch_error)


def agreement(model: bytes, expression: Expression) -> Agreement:
    """Run a model in ONNX Runtime, on the processor, and compare it with torch.

    Args:
        model: as `onnx_bytes` returns it.
        expression: the function it is of.

    Returns:
        How far they agree.
    """
    import torch

    x = np.concatenate([np.linspace(-LIMIT, LIMIT, POINTS), normal_samples()]).astype(np.float32)
    given = run(model, x)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        single = expression(torch.from_numpy(x)).numpy()
        double = expression(torch.from_numpy(x).double()).numpy()
    both = np.isfinite(given) & np.isfinite(single)
    same = both | (given == single) | (np.isnan(given) & np.isnan(single))
    known = np.isfinite(single) & np.isfinite(double)
    return Agreement(
        len(x),
        _largest(given[both], single[both]),
        _largest(single[known], double[known]),
        int((~same).sum()),
    )


def run(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ONNX Runtime computes of a model for ``x``, any shape, float32; the same shape."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    return np.asarray(found, dtype=np.float32)


def _largest(values: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    values, reference = values.astype(np.float64), reference.astype(np.float64)
    sizes = np.abs(values - reference) / np.maximum(1.0, np.abs(reference))
    return float(sizes.max()) if len(sizes) else 0.0
