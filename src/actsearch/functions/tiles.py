"""Functions of large tensors in tiles that stay in a core's cache, and their backward pass.

As it stands, each operator of a function reads and writes whole tensors, which autograd keeps for
the backward pass. In tiles, numbers in between stay in cache; kept is the input alone, from which
the backward pass computes the derivative (see ``gradients``). The forward pass has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from actsearch.functions.gradients import GradientRule
from actsearch.functions.threads import each_on_a_core

TILE = 2**16
"""Numbers of a tile, of which several are in use at once, in a megabyte of cache. Torch takes what
is left after many times 64 numbers one by one, with other last bits; so what is left is the same in
tiles as in the whole tensor on one thread."""
LEAST = 2**18
"""Numbers of the smallest tensor that is taken in tiles: for smaller ones starting them costs more
than they spare."""
_HALF = (torch.float16, torch.bfloat16)


def in_tiles(x: Tensor, evaluate: Callable[[Tensor], Tensor], rule: GradientRule) -> Tensor | None:
    """``evaluate`` of ``x``, where that is worth taking in tiles.

    Args:
        x: Of any shape.
        evaluate: An elementwise function of float32 numbers.
        rule: Its derivative.

    Returns:
        What ``evaluate`` would return for ``x``, to the bit and rounded to the dtype of ``x``; or
        None for what is no large tensor of float32 or half precision on the CPU, for numbers that
        lie apart in memory, and within transformations that have to see the operators (compiling,
        exporting, ``torch.func``, forward mode).
    """
    if (
        torch.compiler.is_compiling()
        or x.numel() < LEAST
        or not (x.requires_grad and torch.is_grad_enabled())
        or type(x) is not Tensor
        or x.device.type != "cpu"
        or x.dtype not in (torch.float32, *_HALF)
        or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch._C._functorch.peek_interpreter_stack() is not None
        or forward_ad.unpack_dual(x).tangent is not None  # type: ignore[no-untyped-call]
        or not _is_dense(x)
    ):
        return None
    result: Tensor = _InTiles.apply(x, evaluate, rule)
    return result


def _is_dense(x: Tensor) -> bool:
    """Whether the numbers fill a stretch of memory, in whatever order."""
    return x.is_contiguous() or (
        x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    )


class _InTiles(Function):
    """An elementwise function that keeps its input alone."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, evaluate: Callable[[Tensor], Tensor], rule: GradientRule
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.evaluate, ctx.rule = evaluate, rule
        y = torch.empty_like(x)

        def work(x: Tensor, y: Tensor) -> None:
            y.copy_(evaluate(x.float()))

        _each_tile(work, x, y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        if torch.is_grad_enabled():  # to be differentiated again: by the operators themselves
            y = ctx.evaluate(x.float()).to(x.dtype)
            (whole,) = torch.autograd.grad(y, x, gradient, create_graph=True)
            return whole, None, None
        result = torch.empty_like(x)
        if gradient.stride() != result.stride():
            gradient = torch.empty_like(x).copy_(gradient)
        of_input = ctx.rule.gradient

        def work(x: Tensor, gradient: Tensor, result: Tensor) -> None:
            found = of_input(x.float(), gradient.float())
            if found is None:
                result.zero_()
            else:
                result.copy_(found)

        _each_tile(work, x, gradient, result)
        return result, None, None


def _each_tile(work: Callable[..., None], *tensors: Tensor) -> None:
    """``work`` on tiles of tensors of one layout, on as many cores as torch would use.

    By threads of our own: torch's would wait for each other after every operator of every tile.
    """
    tiles = list(zip(*(torch.split(_flat(t), TILE) for t in tensors), strict=True))
    number = torch.get_num_threads()

    def run(share: Sequence[tuple[Tensor, ...]]) -> None:
        with torch.no_grad():
            for tile in share:
                work(*tile)

    each_on_a_core(run, [tiles[first::number] for first in range(number)])


def _flat(tensor: Tensor) -> Tensor:
    """Its numbers in the order of memory."""
    return tensor.as_strided((tensor.numel(),), (1,))
