"""Seconds that a function's forward and backward pass take by themselves, on a CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


class Turn(NamedTuple):
    """Seconds of one function, forward and backward."""

    forward: float
    backward: float

    @property
    def both(self) -> float:
        """Forward and backward together."""
        return self.forward + self.backward


class Timer(Protocol):
    """Times a function on one tensor."""

    def turn(self, function: Function) -> Turn:
        """Call a function forward and backward; it must have been called before."""
        ...


def backward(y: Tensor, x: Tensor, gradient: Tensor) -> None:
    """The backward pass from ``y`` to ``x``; a constant has none."""
    if y.requires_grad:
        torch.autograd.grad(y, x, gradient)


class CpuTimer:
    """Times in seconds of the CPU that this process took: what others take is left out."""

    def __init__(
        self, x: Tensor, gradient: Tensor, clock: Callable[[], float] = time.process_time
    ) -> None:
        """Take the input, which requires a gradient, that of the output, and a clock in seconds."""
        self._x, self._gradient, self._clock = x, gradient, clock

    def turn(self, function: Function) -> Turn:
        """Call a function forward and backward."""
        started = self._clock()
        y = function(self._x)
        between = self._clock()
        backward(y, self._x, self._gradient)
        return Turn(between - started, self._clock() - between)


class GpuTimer:
    """Times in seconds of the GPU alone.

    Small kernels take less time than Python to call them, so the GPU would wait between them, and
    the wait be timed. So it is given a product of matrices to do while calls are queued. Whether it
    was still at that when all of them were is checked, and else it is given more.
    """

    CALLS = 5
    """Timed together: one is short for the GPU's clock."""
    WIDTH = 4096
    MOST_PRODUCTS = 256

    def __init__(self, x: Tensor, gradient: Tensor) -> None:
        """Take the input, which requires a gradient, and that of the output."""
        self._x, self._gradient = x, gradient
        self._matrix = torch.ones(self.WIDTH, self.WIDTH, device=x.device)
        self._products = 1

    def turn(self, function: Function) -> Turn:
        """Call a function forward and backward, a few times."""
        outputs: list[Tensor] = []

        def forwards() -> None:
            outputs[:] = [function(self._x) for _ in range(self.CALLS)]

        def backwards() -> None:
            for y in outputs:
                backward(y, self._x, self._gradient)

        return Turn(self._seconds(forwards), self._seconds(backwards, before=forwards))

    def _seconds(
        self, calls: Callable[[], None], before: Callable[[], None] = lambda: None
    ) -> float:
        """Seconds of one of ``CALLS`` calls, which ``before`` prepares."""
        start, end = _event(), _event()
        while True:
            before()
            torch.cuda.synchronize(self._x.device)
            for _ in range(self._products):
                torch.mm(self._matrix, self._matrix)
            start.record()
            calls()
            end.record()
            was_busy = not start.query()
            end.synchronize()
            if was_busy or self._products >= self.MOST_PRODUCTS:
                return float(start.elapsed_time(end)) / 1000 / self.CALLS
            self._products *= 2


def _event() -> Any:
    """A mark in what a GPU is asked for, which notes when it gets there; torch does not type it."""
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
