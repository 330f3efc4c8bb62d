"""Functions as torch modules.

An `Activation` has no parameters and keeps shape and dtype. It works under ``torch.compile`` with
``fullgraph=True``, ``torch.export``, ``torch.func``, and in ONNX export with ``dynamo=True`` except
for ``bessel_i0e`` and ``bessel_i1e``, for which ONNX has no operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from actsearch.functions.call_scopes import with_plain_calls
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.gradients import gradient_rule
from actsearch.functions.operators import LEAF, read_token
from actsearch.functions.tiles import in_tiles

QUADRATURE_LIMIT = 16.0
QUADRATURE_PANEL = 0.5
QUADRATURE_NODES = 128
QUADRATURE_TOLERANCE = 1e-3
"""Most that a moment may change with the nodes or owe to the outermost panels, relatively."""


class Activation(nn.Module):
    """An activation function as a module without parameters.

    Args:
        expression: The function or its name.
        normalize: Shift and scale the output to mean 0 and variance 1 for inputs from N(0, 1).

    Raises:
        ExpressionError: when the name is none.
        ValueError: with ``normalize``, when mean or variance cannot be told (see `normal_moments`)
            or the variance is 0.
    """

    def __init__(self, expression: str | Expression, normalize: bool = False) -> None:
        super().__init__()
        self.expression = expression if isinstance(expression, Expression) else parse(expression)
        self.normalize = normalize
        self.mean, self.std = normal_moments(self.expression) if normalize else (0.0, 1.0)
        self._prepare()

    def _prepare(self) -> None:
        """What is made of the expression."""
        self._program = _compile(self.expression)
        self._rule = gradient_rule(self.expression, self.std)

    def forward(self, x: Tensor) -> Tensor:
        """f(x), elementwise.

        For its gradient ``x`` itself may be kept, so ``x`` must not be changed in place before the
        backward pass.

        Of half precision (float16, bfloat16) only the result is: the function is computed in
        float32 and rounded once, as when it is compiled into one kernel.

        Returns:
            Shape and dtype of ``x``, which may be any of floating point.
        """
        if self._rule is not None and self._rule.pays:
            y = in_tiles(x, self._evaluate, self._rule)
            if y is not None:
                return y
        if x.dtype in (torch.float16, torch.bfloat16):
            return self._evaluate(x.float()).to(x.dtype)
        return self._evaluate(x)

    def _evaluate(self, x: Tensor) -> Tensor:
        stack: list[Tensor] = []
        for function, count in self._program:
            if function is None:
                stack.append(x)
            else:
                stack.append(function(*[stack.pop() for _ in range(count)]))
        y = stack.pop()
        return (y - self.mean) / self.std if self.normalize else y

    def extra_repr(self) -> str:
        """The function's name."""
        return self.expression.name + (", normalize=True" if self.normalize else "")

    def __getstate__(self) -> dict[str, Any]:
        made = ("_program", "_rule")
        return {key: value for key, value in self.__dict__.items() if key not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._prepare()


def every_activation(model: nn.Module) -> list[Activation]:
    """The activations in a network, each once, those that calls of plain functions go to too."""
    return [m for m in dict.fromkeys(with_plain_calls(model).values()) if isinstance(m, Activation)]


def _compile(expression: Expression) -> tuple[tuple[Callable[..., Tensor] | None, int], ...]:
    """Torch function (None: push x) and argument count of every step of a stack machine."""
    program: list[tuple[Callable[..., Tensor] | None, int]] = []
    for token in reversed(expression.tokens):
        if token == LEAF:
            program.append((None, 0))
        else:
            operator, count = read_token(token)
            program.append((operator.torch_function, count))
    return tuple(program)


def normal_moments(expression: Expression) -> tuple[float, float]:
    """Mean and standard deviation of f(x) for x from N(0, 1).

    By composite Gauss-Legendre quadrature on [-16, 16] in panels of 0.5, so that the kinks of the
    operators (0, +-2.5) lie on panel edges. A moment that changes with the number of nodes, as at a
    pole, or that has mass in the last panels, is refused: the integral may exist, but its value is
    not known.

    Returns:
        The mean, and the deviation, which is above 0; both finite.

    Raises:
        ValueError: naming the function and what was found, when mean or variance is not finite or
            not determined by ``|x| <= 16``, or when the variance is 0.
    """
    coarse, fine = (
        _moments(expression, nodes) for nodes in (QUADRATURE_NODES, 2 * QUADRATURE_NODES)
    )
    mean, variance, tail = fine
    scale = abs(mean) + np.sqrt(variance)
    told = np.isfinite((*coarse, *fine)).all()
    if told:
        change = max(abs(mean - coarse[0]), abs(np.sqrt(variance) - np.sqrt(coarse[1])))
        told = change <= QUADRATURE_TOLERANCE * scale and tail <= QUADRATURE_TOLERANCE * scale**2
    if not told:
        raise ValueError(
            f"cannot normalize {expression.name}: its mean ({mean:.4g}) or variance "
            f"({variance:.4g}) is not finite, or not determined by |x| <= {QUADRATURE_LIMIT:g}"
        )
    if np.sqrt(variance) <= 1e-12 * scale:
        raise ValueError(f"cannot normalize {expression.name}: its variance is 0")
    return float(mean), float(np.sqrt(variance))


def _moments(expression: Expression, nodes: int) -> tuple[float, float, float]:
    """Mean, variance, and the part of the second moment that comes from the outermost panels."""
    edges = np.arange(-QUADRATURE_LIMIT, QUADRATURE_LIMIT, QUADRATURE_PANEL)
    points, weights = np.polynomial.legendre.leggauss(nodes)
    half = QUADRATURE_PANEL / 2
    x = (edges[:, None] + half * (points + 1)).ravel()
    density = np.tile(half * weights, len(edges)) * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    with np.errstate(all="ignore"):
        y = expression(x)
        mean = float(density @ y)
        variance = float(density @ (y - mean) ** 2)
        outer = np.abs(x) > QUADRATURE_LIMIT - QUADRATURE_PANEL
        tail = float(density[outer] @ y[outer] ** 2)
    return mean, variance, tail
