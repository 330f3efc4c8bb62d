"""Networks that a rehearsal passes, and networks that it finds something wrong with."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

CLASSES = 4


def sound() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 4),
    )


def norm_first() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4)
    )


class View(nn.Module):
    """Wants its images with channels first in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()
        self.head = nn.Linear(256, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv(x)).view(len(x), -1))


class Squeezing(nn.Module):
    """Loses the axis of examples where there is one of them."""

    def __init__(self, always: bool = True) -> None:
        super().__init__()
        self.act, self.head = nn.ReLU(), nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(x).mean((2, 3), keepdim=True).squeeze())


class Recomputing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = sound()[:2], nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = checkpoint(self.body, self.stem(x), use_reentrant=True)
        return self.head(x.mean((2, 3)))


class Counting(View):
    """Keeps a number that no checkpoint holds."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        return super().forward(x) / (1 + self.calls)


class Random(View):
    """Draws from a generator that no seed of a run sets."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * random.random()


class Growing(View):
    """Makes a parameter when it is first called."""

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "scale"):
            self.scale = nn.Parameter(torch.ones(()))
        return super().forward(x) * self.scale


class Following(View):
    """Adds what it returned for the batch before."""

    last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        last, self.last = self.last, y.detach()
        return y if last is None else y + 0 * last


class Complex(View):
    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Parameter(torch.ones(2, dtype=torch.cfloat))


class WithoutDerivative(nn.Module):
    """Finite, with a gradient that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.other = sound(), nn.Linear(3, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + (0 * self.other(x.mean((2, 3)))).sqrt()


class Remembering(nn.Module):
    """Carries a state from batch to batch with its graph."""

    def __init__(self) -> None:
        super().__init__()
        self.act, self.head, self.state = nn.ReLU(), nn.Linear(3, CLASSES), torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.act(x).mean((2, 3)))
        self.state = 0.9 * self.state + y.mean()
        return y + self.state


class Spare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.spare = sound(), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class Ghost(nn.Module):
    """Batch norm over eights of a batch."""

    def __init__(self, chunk: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.first, self.norm, self.act = nn.Linear(192, 6), nn.BatchNorm1d(6), nn.ReLU()
        self.head, self.chunk = nn.Linear(6, CLASSES), chunk

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x.flatten(1))
        if self.training:
            x = torch.cat([self.norm(part) for part in self.chunk(x)])
        return self.head(self.act(x))


class Experts(nn.Module):
    """Each image goes to one of several layers."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(192, 6) for _ in range(3))
        self.act, self.head = nn.ReLU(), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        chosen = x[:, :3].argmax(1)
        parts = torch.zeros(len(x), 6)
        for k, expert in enumerate(self.experts):
            if (chosen == k).any():
                parts[chosen == k] = expert(x[chosen == k])
        return self.head(self.act(parts))


class Discarding(nn.Module):
    """Relies on modules that work in place, and drops what they return."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.conv, self.act, self.head = nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.Linear(4, CLASSES)
        self.drop, self.other, self.what = nn.Dropout(0.1, inplace=True), nn.ReLU(), what

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.act(x)
        x = x if self.what == "act" else self.other(y)
        self.drop(x) if self.what == "drop" else None
        return self.head(x.mean((2, 3)))
