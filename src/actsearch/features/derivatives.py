"""Backward passes through activation functions by their derivative, taken once.

The exact Fisher of C classes needs C - 1 backward passes through one graph. An activation acts on
each number alone, so that its part in every one of them is a product with the same f'(x): worked
out once, it spares C - 2 walks through the function's own graph, and what that graph keeps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.utils.hooks import RemovableHandle

from actsearch.functions.activation import every_activation


def keep_derivatives(model: nn.Module) -> list[RemovableHandle]:
    """Have every ``Activation`` keep f'(x) in place of its graph.

    Gradients are those of the graph up to the order of their factors, that is to rounding.

    Returns:
        Handles; removing them ends it.
    """
    return [
        activation.register_forward_hook(_replace_graph) for activation in every_activation(model)
    ]


def _replace_graph(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
    if not args or output is args[0] or not output.requires_grad:
        return output
    (x,) = args
    (derivative,) = torch.autograd.grad(output, x, torch.ones_like(output))
    result: Tensor = _Scaled.apply(x, output.detach(), derivative)
    return result


class _Scaled(Function):
    """``value`` as a function of x with the derivative given."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor, derivative: Tensor) -> Tensor:
        ctx.save_for_backward(derivative)
        ctx.mark_dirty(value)  # the tensor itself becomes the output, which may be changed in place
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        (derivative,) = ctx.saved_tensors
        return gradients[0] * derivative, None, None
