"""Networks with found functions as ONNX by torch's own exporter, which lacks Bessel functions.

    torch.onnx.export(network, (example,), "network.onnx", dynamo=True,
                      custom_translation_table=actsearch.onnx_translations())

All other built-in operators are exported without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actsearch.functions.series import series


def onnx_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What torch's exporter makes of the Bessel functions: the polynomials of `series`.

    Their relative error is below 5e-7 in float32. It takes onnxscript, as the exporter does.

    Returns:
        The argument ``custom_translation_table`` of ``torch.onnx.export``.
    """
    import torch

    special: Any = torch.ops.aten
    return {special.special_i0e.default: _i0e, special.special_i1e.default: _i1e}


def _series(op: Any, name: str, a: Any) -> Any:
    return series(name)(a, op.Div, op.Sqrt)


def _i0e(x: Any) -> Any:
    from onnxscript import opset18 as op

    return _series(op, "i0e", op.Abs(x))


def _i1e(x: Any) -> Any:
    from onnxscript import opset18 as op

    a = op.Abs(x)
    part = op.Mul(op.Div(x, op.Add(a, 1.0)), _series(op, "i1e_part", a))
    return op.Where(op.IsInf(x), 0.0, part)
