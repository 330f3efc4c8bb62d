"""Compiling what a training runs: the activation function alone, or the whole network.

An expression is a chain of elementwise operations. Called one by one, each of them reads and
writes the whole tensor and keeps it for the backward pass (``functions.tiles`` does better for
large tensors on a CPU). Compiled, the function is one kernel forward and one backward, and only its
input is kept. It is compiled once per function, for tensors of any size. A whole network takes far
longer, again for every function.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from actsearch.functions.activation import Activation, every_activation
from actsearch.functions.call_scopes import compute_by

Compile = Literal["none", "activations", "network"]


class CompilerError(ValueError):
    """Nothing can be compiled on this machine."""


def check_compiler(device: torch.device) -> None:
    """Compile and run a trifle.

    Raises:
        CompilerError: with the reason, when that fails.
    """
    try:
        torch.compile(torch.erf, fullgraph=True)(torch.ones(8, device=device))
    except Exception as error:  # no compiler, no headers, no Triton: each has its own kind
        reason = str(error).strip().splitlines() or [repr(error)]
        raise CompilerError(
            f"recipe.compile: torch cannot compile for {device.type} here ({reason[0]}); give it a "
            "C++ compiler and the headers of Python, or set compile: none"
        ) from error


def forget_compiled() -> None:
    """Drop all that was compiled; torch stops compiling after a few functions otherwise."""
    _kernel.cache_clear()
    torch.compiler.reset()


@contextmanager
def compiled(model: nn.Module, what: Compile) -> Iterator[nn.Module]:
    """Compile ``model`` for training; it is as before when the block ends.

    Args:
        model: the network; names in its ``state_dict`` stay.
        what: its activations, all of it, or nothing. The network is compiled for the size of its
            first batch; others (the last of an epoch) run as they are, which costs less than
            another compilation.

    Yields:
        What to call instead of ``model``.
    """
    if what == "network":
        yield _AtFirstSize(model)
        return
    activations = every_activation(model)
    if what == "none" or not activations:
        yield model
        return
    try:
        for activation in activations:
            kernel = _kernel(activation.expression.name, activation.normalize)
            compute_by(activation, functools.partial(_in_order_of_memory, kernel))
        yield model
    finally:
        for activation in activations:
            compute_by(activation, None)


@functools.lru_cache(maxsize=8)
def _kernel(name: str, normalize: bool) -> Callable[[Tensor], Tensor]:
    """One compilation for all places of a function, all its sizes and all runs of a trial."""
    function = Activation(name, normalize)
    return torch.compile(function.forward, fullgraph=True, dynamic=True)


def _in_order_of_memory(kernel: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply an elementwise ``kernel`` to ``x`` as one line, whatever its shape and layout."""
    channels_last = x.ndim == 4 and not x.is_contiguous()
    x = x.permute(0, 2, 3, 1) if channels_last else x
    line: Tensor = _Line.apply(x)
    y = kernel(line).view(x.shape)
    return y.permute(0, 3, 1, 2) if channels_last else y


class _Line(torch.autograd.Function):
    """``x.reshape(-1)``, but no view: torch compiles anew for every rank of what a view is of."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        return x.reshape(-1).detach()  # no view, and still aware of changes in place

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.view(ctx.shape)


class _AtFirstSize(nn.Module):
    """A network, compiled for batches of the size of its first one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._compiled = [torch.compile(model, dynamic=False)]  # no submodule: it holds the model
        self._size: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the network for examples (B, ...)."""
        self._size = len(x) if self._size is None else self._size
        network = self._compiled[0] if len(x) == self._size else self.model
        out: Tensor = network(x)
        return out
