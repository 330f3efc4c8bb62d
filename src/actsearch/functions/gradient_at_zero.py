"""Whether a function and its derivative, as torch has it, are finite exactly at 0."""

from __future__ import annotations

import math

from actsearch.functions.at_zero import value_at_zero
from actsearch.functions.expressions import Expression


def problem_at_zero(expression: Expression) -> str | None:
    """What is not finite at x = 0, in words; the derivative is torch's, in float64.

    Returns:
        Such as ``undefined (NaN) at x = 0``; None where the function and its derivative are finite.
    """
    if not math.isfinite(value := value_at_zero(expression)):
        return "undefined (NaN) at x = 0" if math.isnan(value) else "infinite at x = 0"
    import torch

    from actsearch.functions.activation import Activation

    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    y = Activation(expression.name)(x).sum()
    slope = 0.0
    if y.requires_grad:
        y.backward()
        slope = float(x.grad[0]) if x.grad is not None else 0.0
    if math.isfinite(slope):
        return None
    kind = "NaN" if math.isnan(slope) else "infinite"
    return f"finite at x = 0, but its derivative there is {kind}"
