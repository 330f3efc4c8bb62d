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
"""Numbers of a tile, of which several are in use at once, in a megabyte of cache. Torch computes
the remainder of a vector by scalar code, which rounds differently. A tile is a multiple of 64, so
only the last one has a remainder: that of the whole tensor on one thread."""
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
        What ``evaluate`` would return for ``x`` on one thread, to the bit and rounded to the dtype
        of ``x``. ``x`` itself is kept for the backward pass, so it must not be changed in place
        before that. None where no gradient is wanted, for what is no large tensor of float32 or
        half precision on the CPU, for numbers that are not in the order of memory, and within
        transformations that have to see the operators (compiling, exporting, ``torch.func``,
        forward mode).
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
        or torch._C._len_torch_dispatch_stack()  # modes see this thread's operators alone
        or forward_ad.unpack_dual(x).tangent is not None  # type: ignore[no-untyped-call]
        or not _is_dense(x)
    ):
        return None
    result: Tensor = _InTiles.apply(x, evaluate, rule)
    return result


def _is_dense(x: Tensor) -> bool:
    """Whether the numbers fill a stretch of memory, in their order or with channels last."""
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
        again = torch.is_grad_enabled()  # it is to be differentiated
        if again or _is_batch(gradient):
            return _by_operators(x, gradient, ctx.evaluate, again), None, None
        if not _is_dense(x):  # whoever saved it gives it back in another order
            x = x.contiguous()
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


def _is_batch(tensor: Tensor) -> bool:
    """Whether it stands for several, of ``torch.vmap`` or of autograd's ``is_grads_batched``."""
    functorch = torch._C._functorch
    return functorch.is_batchedtensor(tensor) or functorch.is_legacy_batchedtensor(tensor)


def _by_operators(
    x: Tensor, gradient: Tensor, evaluate: Callable[[Tensor], Tensor], again: bool
) -> Tensor:
    """The gradient of x as autograd has it; ``again`` says whether it is to be differentiated."""
    with torch.enable_grad():
        # Hooks of x itself are called with what is returned, so not here too.
        alias = x.view_as(x) if again else x.detach().requires_grad_()
        y = evaluate(alias.float()).to(x.dtype)
    (whole,) = torch.autograd.grad(y, alias, gradient, create_graph=again)
    return whole


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
