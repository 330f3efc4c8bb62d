"""One of two processes that train together; what it sees goes into a file. See test_distributed."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from actsearch.config import Recipe, Resources, Task
from actsearch.config.data import IGNORED
from actsearch.data.examples import MemoryExamples
from actsearch.functions.replacing import replace_activations
from actsearch.training.distributed import (
    broadcast,
    gather,
    is_main,
    join_buffers,
    process_group,
    processes,
    rank,
    replicate,
    share,
    total,
)
from actsearch.training.fitting import _seed_generators, evaluate, fit
from actsearch.training.outcomes import Classes, Positions

CLASSES = 3
OUTCOME = Classes(CLASSES)
STEP = {"schedule": "step", "milestones": (0.5,)}


class Cut(nn.Module):
    """A function whose author cut the graph: nothing before it gets a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Spy(nn.Module):
    """Remembers what it was given; a loss of NaN at one process's call number ``bomb``."""

    def __init__(self, model: nn.Module, bomb: int = 0) -> None:
        super().__init__()
        self.model = model
        self.bomb = bomb
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().flatten(1)[:, 0].clone())
        out: Tensor = self.model(x)
        return out * math.nan if len(self.seen) == self.bomb and rank() == 1 else out


def data(n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 1, 2, 2, generator=generator)
    return x, (2 * x.sum(dim=(1, 2, 3))).long().clamp(0, CLASSES - 1)


def network(function: nn.Module | None = None) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        layers = nn.Linear(4, 8), function or nn.Tanh(), nn.Linear(8, CLASSES)
        return nn.Sequential(nn.Flatten(), *layers)


def recipe(**changes: Any) -> Recipe:
    values = {"optimizer": "sgd", "learning_rate": 0.2, "epochs": 3, "batch_size": 7}
    return Recipe(**(values | {"weight_decay": 0.1, "gradient_clip": 0.5} | changes))


def flat(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def gradients() -> list[Tensor]:
    """Gradients of a batch of 7, which two processes share as 4 and 3."""
    model = network()
    x, y = data(7)
    copy = replicate(model)  # has to outlive the backward pass
    loss = functional.cross_entropy(copy(share(x)), share(y))
    (loss * (len(share(x)) * processes() / len(x))).backward()
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


def fitted(function: nn.Module | str | None = None, **changes: Any) -> dict[str, Any]:
    model = network(None if isinstance(function, str) else function)
    if isinstance(function, str):
        replace_activations(model, function)
    epochs = fit(model, recipe(**changes), MemoryExamples(*data(46)), OUTCOME, seed=3)
    missing = [parameter.grad is None for parameter in model.parameters()]
    return {"epochs": epochs, "weights": flat(model), "missing": missing}


def at_positions(n: int) -> MemoryExamples:
    """Examples of two positions with a class each; of most nothing counts, unevenly."""
    x, y = data(n)
    classes = torch.stack([y, (y + 1) % CLASSES], dim=1)
    classes[torch.arange(n) % 5 < 3] = IGNORED
    classes[::4, 0] = IGNORED
    return MemoryExamples(x[:, 0], classes)


def fitted_at_positions() -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, CLASSES))
    start, outcome = flat(model), Positions(CLASSES)
    epochs = fit(model, recipe(batch_size=6), at_positions(46), outcome, seed=3)
    score = tuple(evaluate(model, at_positions(600), outcome))
    return {"epochs": epochs, "weights": flat(model), "start": start, "score": score}


def looks() -> dict[str, Any]:
    """All that is compared, with one process or with several."""
    torch.set_num_threads(1)
    spy, bomb = Spy(network()), Spy(network(), bomb=10)
    fit(spy, recipe(epochs=2), MemoryExamples(*data(15)), OUTCOME, seed=3)
    bombed = fit(bomb, recipe(epochs=9), MemoryExamples(*data(15)), OUTCOME, seed=3)
    return {
        "gradients": gradients(),
        "trained": fitted(),
        "adamw": fitted(optimizer="adamw", batch_size=16),
        "cut": fitted(Cut()),
        "changed": fitted(augmentation={"flip": True, "pad_crop": 1}, warmup_epochs=1, **STEP),
        "one": fitted("one(x)"),
        "positions": fitted_at_positions(),
        "seen": spy.seen,
        "bombed": bombed,
        "calls": len(bomb.seen),
        "evaluated": tuple(evaluate(network(), MemoryExamples(*data(600)), OUTCOME)),
    }


def shared() -> dict[str, Any]:
    """What only several processes have."""
    _seed_generators(3)
    noise = torch.rand(3)
    norm = nn.BatchNorm1d(2)
    with torch.no_grad():
        norm.running_mean.fill_(rank())  # type: ignore[union-attr, operator]
        norm.num_batches_tracked.fill_(5 + rank())  # type: ignore[union-attr, operator]
    join_buffers(norm)
    return {
        "processes": processes(),
        "main": is_main(),
        "noise": noise,
        "buffers": dict(norm.named_buffers()),
        "total": total(torch.tensor([1.0, rank()])),
        "broadcast": broadcast({"from": rank()}),
        "gather": gather(10 * rank()),
    }


def main(folder: Path) -> None:
    task = Task(data="d", model="digits-cnn", recipe=recipe(), resources=Resources(processes=2))
    with process_group(task):
        torch.save(looks() | shared(), folder / f"{rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
