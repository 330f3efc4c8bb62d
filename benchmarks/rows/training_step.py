"""A step of training, beside a hand-written loop with the same optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import yaml
from torch import nn

from actsearch.config import Recipe, Task
from actsearch.data.dataset import DataShape
from actsearch.data.examples import MemoryExamples, together
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.networks.cost import count_work
from actsearch.networks.devices import run_settings
from actsearch.training.fitting import fit
from actsearch.training.outcomes import Classes
from benchmarks.functions import TYPICAL
from benchmarks.limits import Limits
from benchmarks.machine import ROOT
from benchmarks.measuring import Row, Setting, compare
from benchmarks.textbook.training import train

UNDER = 1.05
STEPS = {"all-cnn-c": 2, "digits-resnet": 12}
USUAL_STEPS = 40
SHAPES = {
    "mnist1d": DataShape((1, 40), 10, "signals"),
    "digits": DataShape((1, 8, 8), 10),
    "cifar10": DataShape((3, 32, 32), 10),
}


def tasks() -> dict[str, tuple[Task, DataShape]]:
    """All-CNN-C with the paper's recipe in float32, and the default experiment's tasks."""
    found = {}
    for file, names in (("config/paper.yaml", ["act-bench-cnn"]), ("config.yaml", None)):
        whole = yaml.safe_load((ROOT / file).read_text())["tasks"]
        for name in names or whole:
            given: dict[str, Any] = whole[name]
            recipe = given["recipe"] | {"augmentation": {}, "precision": "float32"}
            recipe |= {"channels_last": False, "compile": "none", "batch_size": 64}
            task = Task(data="none", model=given["model"], recipe=Recipe(**recipe))
            found[name] = task, SHAPES[given["data"]]
    return found


def optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's, as one writes it by hand."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), recipe.learning_rate, recipe.momentum, nesterov=True,
            weight_decay=recipe.weight_decay, fused=True,
        )  # fmt: skip
    return torch.optim.AdamW(
        model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )


def rows(setting: Setting) -> Iterator[Row]:
    """One thread: its own seconds depend least on what else the machine does."""
    one = Setting(setting.device, setting.tiny, 1, setting.ends)
    for name, (task, shape) in tasks().items():
        yield row(name, task, shape, one)


def require_whole(epochs: int, recipe: Recipe) -> None:
    """RuntimeError for a training that ended early, which would be timed as all of it."""
    if epochs != recipe.epochs:
        raise RuntimeError("the training diverged, so its time is that of fewer steps")


def row(name: str, task: Task, shape: DataShape, setting: Setting) -> Row:
    """Ours over the loop, in CPU seconds."""
    steps = 2 if setting.tiny else STEPS.get(task.model, USUAL_STEPS)
    size = 4 if setting.tiny else task.recipe.batch_size
    recipe = task.recipe.model_copy(
        update={"epochs": 1, "schedule": "constant", "milestones": (), "batch_size": size}
    )
    generator = torch.Generator().manual_seed(0)
    n = steps * size
    inputs = torch.randn(n, *shape.input_shape, generator=generator)
    examples = MemoryExamples(inputs, torch.arange(n) % shape.n_outputs)
    ours, other = (build_network(task, shape, parse(TYPICAL), 0)[0] for _ in range(2))
    by_hand = optimizer(other, recipe)
    x, y = together(examples)
    with run_settings(task, setting.device):
        found = compare(
            f"training step, {task.model} ({name})",
            lambda: require_whole(
                fit(ours, recipe, examples, Classes(shape.n_outputs), seed=0), recipe
            ),
            lambda: train(other, by_hand, x, y, size, recipe.gradient_clip),
            "a hand-written loop",
            setting.turns(9),
            ratio_of="times as long",
            clock="cpu",
        )
    assert found.ours is not None and found.textbook is not None and found.ratio is not None
    found.ours /= steps
    found.textbook /= steps
    for way in ("cpu_seconds_ours", "cpu_seconds_textbook"):
        found.more[way] /= steps
    found.goal, found.met = f"under {UNDER:g}", found.ratio < UNDER
    flops = 3 * count_work(task, shape).forward_flops * size
    found.limit = flops / Limits.flops(setting, torch.float32)
    found.limit_is = "the network's operations at the rate of float32 products"
    found.more |= {"threads": 1, "batch": size, "steps_a_turn": steps}
    return found
