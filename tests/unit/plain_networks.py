"""Networks that call activations as plain functions, and the same with modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from actsearch.functions.plain_calls import PlainCalls, find_plain_calls

FUNCTION = "mul(sigmoid(x),erf(x))"
CLASSES = 4


def images(n: int = 3) -> Tensor:
    return torch.randn(n, 2, 6, 6, generator=torch.Generator().manual_seed(5))


class Block(nn.Module):
    """A convolution, a norm, and ``act``, a module or a plain function."""

    def __init__(self, inputs: int, outputs: int, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


class Net(nn.Module):
    """Blocks, the second one twice, and an activation of the network's own before its head."""

    def __init__(self, act: Callable[[], Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(2, 4, act()), Block(4, 4, act())])
        self.act = act()
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for block in (*self.blocks, self.blocks[1]):
            x = block(x)
        return self.head(self.act(x.mean((2, 3))))


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        return build()


def net(act: Callable[[Tensor], Tensor]) -> nn.Module:
    """The network with a plain function."""
    return seeded(lambda: Net(lambda: act))


def net_of_modules() -> nn.Module:
    return seeded(lambda: Net(nn.ReLU))


def plain(model: nn.Module, x: Tensor | None = None) -> PlainCalls:
    return find_plain_calls(model, images() if x is None else x)


def results(model: nn.Module, x: Tensor) -> tuple[Tensor, list[Any]]:
    """Outputs, and gradients of what they are summed to in some way."""
    for parameter in model.parameters():
        parameter.grad = None
    y = model(x)
    (y.float() * torch.linspace(1, 2, y.numel()).view(y.shape)).sum().backward()
    return y.detach(), [parameter.grad for parameter in model.parameters()]


def assert_equal(one: nn.Module, other: nn.Module, x: Tensor | None = None) -> None:
    """Outputs and gradients are the same bits."""
    x = images() if x is None else x
    torch.testing.assert_close(results(one, x), results(other, x), rtol=0, atol=0, equal_nan=True)
