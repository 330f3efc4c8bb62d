"""Recipes, tasks and a toy problem for the tests of training."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from actsearch.config import Recipe, Task

NETWORKS = ("digits-cnn", "digits-resnet", "digits-vit")


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "epochs": 2,
        "batch_size": 50,
    }
    return Recipe(**(values | changes))


def task(model: str = "digits-resnet", *, seeds: tuple[int, ...] = (0,), **changes: Any) -> Task:
    return Task(data="digits", model=model, recipe=recipe(**changes), seeds=seeds)


def task_of_network(
    monkeypatch: pytest.MonkeyPatch, network: Callable[[], nn.Module], **values: Any
) -> Task:
    """A task whose network is made by the given function, as one of the user's."""
    module = types.ModuleType("users_lab")
    module.build = lambda image_shape, n_classes: network()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "users_lab", module)
    values = {"fisher": {"examples": 8}, "benchmark": {"space": "few"}} | values
    return Task.model_validate({"data": "any", "model": "users_lab:build", **values})


def toy(n: int = 64) -> tuple[nn.Module, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 1, 2, 2, generator=generator)
    y = (x.sum(dim=(1, 2, 3)) > 0).long()
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-0.1, 0.1, 8).view(2, 4))
        layer.bias.zero_()
    return nn.Sequential(nn.Flatten(), layer), x, y
