"""What a training job does, done in short: its recipe on the smallest batches that will occur."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import nn

from actsearch.config import Recipe, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.networks.building import build_network
from actsearch.networks.by_name import ModelError
from actsearch.networks.devices import run_settings
from actsearch.rehearsal.images import FUNCTION, images, in_words, reason, stand_ins
from actsearch.training.batches import batch_sizes, evaluation_sizes, share_sizes
from actsearch.training.checkpoints import Checkpoint
from actsearch.training.distributed import group_of_one
from actsearch.training.fitting import evaluate, fit


def rehearse_training(
    task: Task,
    data: Dataset | DataShape,
    fitted: Sequence[int],
    measured: Sequence[int],
    device: torch.device | None = None,
) -> None:
    """Train and measure by the task's recipe on made-up images, for two steps of each kind.

    In the recipe's precision, layout and augmentation, as one of several processes where the task
    has several, with a checkpoint. A network that is compiled as a whole is captured, and run
    without a compiler.

    Args:
        task: the task.
        data: its data, or what of them shapes a network.
        fitted: numbers of examples that trainings of the task are fitted on.
        measured: numbers of examples in the parts that they are measured on.
        device: where; the CPU when left out.

    Raises:
        ModelError: when one of them fails, with the batch that it failed on.
    """
    device = device or torch.device("cpu")
    processes, recipe = task.resources.processes, task.recipe
    shares = {
        share
        for n in fitted
        for batch in batch_sizes(n, recipe.batch_size, processes)
        for share in share_sizes(batch, processes)
        if share
    }
    batches = {size for n in measured for size in evaluation_sizes(n)}
    with run_settings(task, device), group_of_one() if processes > 1 else nullcontext():
        model, _ = build_network(task, data, FUNCTION, task.seeds[0])
        model.to(device)
        for few, size in stand_ins(shares).items():
            _try(task, _Steps(model, recipe, data), few, size, "trained on")
        if recipe.compile == "network":
            _try(
                task,
                _Captured(model, recipe, data),
                *min(stand_ins(shares).items()),
                "compiled for",
            )
        for few, size in stand_ins(batches).items():
            _try(task, _Measuring(model, recipe, data), few, size, "evaluated on")


def _try(task: Task, work: _Work, few: int, size: int, what: str) -> None:
    """Do ``work`` on a small batch in place of one of ``size``, or on that if this fails."""
    for tried in (few, size):
        try:
            work(tried)
        except Exception as error:
            if tried != size:
                continue
            raise ModelError(
                f"model {task.model!r} cannot be {what} {in_words(size)}, which this task will "
                f"meet{_switches(task.recipe)}: {reason(error)}"
            ) from error
        return


def _switches(recipe: Recipe) -> str:
    """What of a recipe may be the cause."""
    said = [
        f"precision: {recipe.precision}" if recipe.precision != "float32" else "",
        "channels_last: true" if recipe.channels_last else "",
    ]
    return f", with {' and '.join(filter(None, said))}" if any(said) else ""


class _Work:
    """Something that is done with a network on batches of any size."""

    def __init__(self, model: nn.Module, recipe: Recipe, data: Dataset | DataShape) -> None:
        self.model, self.data = model, data
        epochs = {"epochs": 1, "warmup_epochs": min(recipe.warmup_epochs, 1)}
        self.recipe = recipe.model_copy(update=epochs | {"compile": "none"})
        self.device = next(model.parameters()).device

    def __call__(self, size: int) -> None:
        raise NotImplementedError


class _Steps(_Work):
    """Two steps, and a checkpoint that is gone on from."""

    def __call__(self, size: int) -> None:
        recipe = self.recipe.model_copy(update={"batch_size": size})
        examples = images(self.data, 2 * size, self.device)
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):  # the second finds all epochs finished
                checkpoint = Checkpoint(Path(folder) / "checkpoint", {}, 0)
                checkpoint.open(self.device)
                fit(self.model, recipe, examples, seed=0, checkpoint=checkpoint)


class _Captured(_Work):
    """A step of the network as the compiler sees it."""

    def __call__(self, size: int) -> None:
        torch.compiler.reset()
        try:
            captured = torch.compile(self.model, dynamic=False, backend="eager")
            x = images(self.data, size, self.device).images
            captured(x).sum().backward()
        finally:
            torch.compiler.reset()


class _Measuring(_Work):
    """An evaluation."""

    def __call__(self, size: int) -> None:
        evaluate(self.model, images(self.data, size, self.device), self.recipe)
