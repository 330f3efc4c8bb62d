"""Times of passes: on a CPU those of a clock, on a GPU those of its kernels alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from actsearch.networks.pass_times import CpuTimer, GpuTimer, Turn


class Gpu:
    """A GPU that does one thing after another, and a CPU that takes its time to ask for them."""

    def __init__(self, product: float) -> None:
        self.cpu = 0.0
        self.free = 0.0
        self.products = 0
        self._product = product

    def do(self, asking: float, computing: float) -> None:
        self.cpu += asking
        self.free = max(self.free, self.cpu) + computing

    def mm(self, one: Tensor, other: Tensor) -> None:
        self.products += 1
        self.do(0.0, self._product)

    def synchronize(self, device: Any = None) -> None:
        self.cpu = max(self.cpu, self.free)

    def event(self, enable_timing: bool) -> Event:
        assert enable_timing
        return Event(self)


class Event:
    """A mark in what the GPU is asked for."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self.reached = float("nan")

    def record(self) -> None:
        self.reached = max(self._gpu.free, self._gpu.cpu)

    def query(self) -> bool:
        return self._gpu.cpu >= self.reached

    def synchronize(self) -> None:
        self._gpu.cpu = max(self._gpu.cpu, self.reached)

    def elapsed_time(self, end: Event) -> float:
        return 1000 * (end.reached - self.reached)


class Passes(torch.autograd.Function):
    """The identity, which tells when it is called."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, told: Callable[[str], None]) -> Tensor:
        told("forward")
        ctx.told = told
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        ctx.told("backward")
        return gradient, None


@pytest.fixture
def x() -> Tensor:
    return torch.ones(2, requires_grad=True)


def timer_on(gpu: Gpu, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> GpuTimer:
    monkeypatch.setattr(torch.cuda, "Event", gpu.event)
    monkeypatch.setattr(torch.cuda, "synchronize", gpu.synchronize)
    monkeypatch.setattr(torch, "mm", gpu.mm)
    monkeypatch.setattr(GpuTimer, "WIDTH", 2)
    return GpuTimer(x, torch.ones(2))


@pytest.mark.parametrize("asking", [0.0, 1.0, 7.0])
def test_a_gpu_is_never_timed_while_it_waits(
    asking: float, x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Gpu(product=2.0)
    timer = timer_on(gpu, x, monkeypatch)
    seconds = {"forward": 0.25, "backward": 0.5}

    def function(x: Tensor) -> Tensor:
        return Passes.apply(x, lambda part: gpu.do(asking, seconds[part]))  # type: ignore[no-any-return]

    for _ in range(3):
        assert timer.turn(function) == pytest.approx(Turn(0.25, 0.5))
    before = gpu.products
    timer.turn(function)
    # As much work as it takes, found once: more than what asking for five calls takes.
    assert 2.0 * (gpu.products - before) / 2 > 5 * asking
    assert (gpu.products - before) / 2 <= max(1, 2 * 5 * asking)


def test_it_does_not_look_for_work_for_ever(x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Gpu(product=0.0)
    timer = timer_on(gpu, x, monkeypatch)
    turn = timer.turn(lambda x: Passes.apply(x, lambda part: gpu.do(1.0, 0.5)))
    assert turn.forward == pytest.approx((5 * 1.0 + 0.5) / 5)
    assert gpu.products <= 4 * GpuTimer.MOST_PRODUCTS


def test_a_cpu_is_timed_by_its_clock(x: Tensor) -> None:
    now = [0.0]

    def work(part: str) -> None:
        now[0] += {"forward": 3.0, "backward": 4.0}[part]

    timer = CpuTimer(x, torch.ones(2), lambda: now[0])
    turn = timer.turn(lambda x: Passes.apply(x, work))
    assert turn == (3.0, 4.0) and turn.both == 7.0
    assert timer.turn(torch.ones_like) == (0.0, 0.0)  # a constant
