"""Whether both sides of an operator agree: NumPy, which spaces are listed with, and torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from actsearch.config import describe_fault
from actsearch.functions.equivalence import normal_samples
from actsearch.functions.operators import Operator, OperatorError, counts_of

TOLERANCE = 1e-6
"""Most that the sides may differ by in float64: absolute below 1, relative above."""


def check_operator(operator: Operator) -> None:
    """Compare the sides of an operator on normal samples, in float64.

    Raises:
        OperatorError: when the torch side fails, does not keep shape or dtype (float32 too), has no
            gradient, or differs from the NumPy side; names the numbers.
    """
    for count in counts_of(operator):
        samples = [np.roll(normal_samples(), place) for place in range(count)]
        with np.errstate(all="ignore"):
            expected = np.asarray(operator.numpy(*samples))
        value = _torch_side(operator, samples, torch.float64).detach().numpy()
        _torch_side(operator, samples, torch.float32)
        near = np.abs(value - expected) <= TOLERANCE * np.maximum(1, np.abs(expected))
        same = near | (value == expected) | (np.isnan(value) & np.isnan(expected))
        if not same.all():
            worst = int(np.flatnonzero(~same)[0])
            at = ", ".join(f"{sample[worst]:.6g}" for sample in samples)
            raise OperatorError(
                f"operator {operator.name!r}: its sides differ on {np.sum(~same)} of {len(same)} "
                f"samples; at {at} NumPy gives {expected[worst]:.6g} and torch {value[worst]:.6g}"
            )


def _torch_side(
    operator: Operator, samples: list[npt.NDArray[np.float64]], dtype: torch.dtype
) -> torch.Tensor:
    """Value of the torch side, checked for everything but its numbers."""
    side = f"operator {operator.name!r}: the torch side"
    function = operator.torch_function
    arguments = [torch.tensor(sample, dtype=dtype, requires_grad=True) for sample in samples]
    try:
        value = function(*arguments)
    except Exception as error:
        raise OperatorError(
            f"{side} fails with {len(arguments)} tensor{'s' * (len(arguments) > 1)}: "
            f"{describe_fault(error)}"
        ) from error
    shape = tuple(np.shape(samples[0]))
    if not isinstance(value, torch.Tensor) or value.shape != shape or value.dtype != dtype:
        found = (
            f"{tuple(value.shape)} and {value.dtype}"
            if isinstance(value, torch.Tensor)
            else type(value).__name__
        )
        raise OperatorError(
            f"{side} must return a tensor of the shape and dtype it is given, {shape} and "
            f"{dtype}; it returned {found}"
        )
    if not value.requires_grad:
        raise OperatorError(
            f"{side} returns a tensor without a gradient: build it from torch functions of its "
            "arguments (a constant as well: 0 * x)"
        )
    return value
