"""What a training job does, done in short: its recipe on the smallest batches that will occur."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from actsearch.config import FAULTS, Recipe, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.examples import MemoryExamples
from actsearch.networks.building import build_network
from actsearch.networks.by_name import ModelError
from actsearch.networks.devices import run_settings
from actsearch.rehearsal.examples import FUNCTION, in_words, made_up, reason, stand_ins
from actsearch.training.batches import batch_sizes, evaluation_sizes, share_sizes
from actsearch.training.checkpoints import Checkpoint
from actsearch.training.distributed import group_of_one
from actsearch.training.fitting import evaluate, fit
from actsearch.training.outcomes import outcome_of

_FEW = 2
_FLOPS = 3e10
"""That batches of their full size may take: a second or two of one core."""


def rehearse_training(
    task: Task,
    data: Dataset | DataShape,
    fitted: Sequence[int],
    measured: Sequence[int],
    device: torch.device | None = None,
) -> None:
    """Train and measure by the task's recipe on made-up examples, for two steps of each kind.

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
    work = _Work(task, data, device)
    with run_settings(task, device), group_of_one() if processes > 1 else nullcontext():
        small = stand_ins(shares)
        smallest = min(small.items())
        for few, size in small.items():
            _try(task, work.two_steps, few, size, "trained on")
        _try(task, work.stop_and_go_on, *smallest, "trained on")
        # Batches as they will be, where that takes no time.
        most = _FLOPS / max(work.flops(), 1)
        if 3 * (max(shares) + sum(shares)) <= most:
            work.all_sizes(sorted(shares, reverse=True))
        if recipe.compile == "network":
            _try(task, work.capture, *smallest, "compiled for")
        for few, size in stand_ins(batches).items():
            _try(task, work.measure, few, size, "evaluated on")
        for size in sorted(batches):
            if size <= most:
                _try(task, work.measure, size, size, "evaluated on")


def _try(task: Task, work: Callable[[int], None], few: int, size: int, what: str) -> None:
    """Do ``work`` on a small batch in place of one of ``size``, or on that if this fails."""
    for tried in (few, size):
        try:
            work(tried)
        except FAULTS as error:
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
    """What is done with a task's network, on batches of any size."""

    def __init__(self, task: Task, data: Dataset | DataShape, device: torch.device) -> None:
        self._task, self._data, self._device = task, data, device
        self._outcome = outcome_of(data.shape)
        self._model = self._new()

    def flops(self) -> float:
        """Floating-point operations of a forward pass, an example; infinite where it fails."""
        try:
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                self._model.eval()(self._examples(_FEW).inputs)
        except Exception:  # an evaluation says it
            return math.inf
        return float(counter.get_total_flops()) / _FEW

    def two_steps(self, size: int) -> None:
        """Two steps of training."""
        fit(self._new(), self._recipe(size), self._examples(2 * size), self._outcome, seed=0)

    def all_sizes(self, sizes: Sequence[int]) -> None:
        """Steps on batches of these sizes, the largest twice: one may leave something behind."""
        model = self._new()
        try:
            for size in (sizes[0], *sizes):
                fit(model, self._recipe(size), self._examples(size), self._outcome, seed=0)
        except FAULTS as error:
            listed = " and ".join(map(str, sizes))
            raise ModelError(
                f"model {self._task.model!r} cannot be trained on batches of {listed} examples "
                f"after each other, which this task will meet: {reason(error)}"
            ) from error

    def stop_and_go_on(self, size: int) -> None:
        """Two epochs, twice, and once stopped after the first; on a CPU all give the same bits.

        Raises:
            ModelError: when they do not, or the checkpoint does not fit a network built anew.
        """
        recipe = self._recipe(size, epochs=2)
        ends = [self._trained(recipe, size) for _ in range(2)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint"
            with contextlib.suppress(_StoppedError):
                self._trained(recipe, size, _Stopping(path, {}, 0))
            resumed = self._trained(recipe, size, Checkpoint(path, {}, 0))
        if self._device.type != "cpu":
            return
        where = f"model {self._task.model!r}"
        if not _are_same(*ends):
            raise ModelError(
                f"{where} does not give the same weights when it is trained again: what it draws "
                "must come from torch's own generator, and nothing may stay from one training to "
                "the next"
            )
        if not _are_same(ends[0], resumed):
            raise ModelError(
                f"{where} keeps state that is neither a parameter nor a buffer, so that a training "
                "that was stopped would not continue as it was: register it as a buffer"
            )

    def capture(self, size: int) -> None:
        """A step of the network as the compiler sees it."""
        torch.compiler.reset()
        try:
            captured = torch.compile(self._model, dynamic=False, backend="eager")
            captured(self._examples(size).inputs).sum().backward()
        finally:
            torch.compiler.reset()

    def measure(self, size: int) -> None:
        """An evaluation."""
        evaluate(self._model, self._examples(size), self._outcome, self._task.recipe)

    def _trained(
        self, recipe: Recipe, size: int, checkpoint: Checkpoint | None = None
    ) -> dict[str, Tensor]:
        if checkpoint:
            checkpoint.open(self._device)
        model = self._new()
        fit(model, recipe, self._examples(size), self._outcome, seed=0, checkpoint=checkpoint)
        return dict(model.state_dict())

    def _recipe(self, size: int, epochs: int = 1) -> Recipe:
        recipe = self._task.recipe
        warmup = min(recipe.warmup_epochs, epochs)
        changes = {"epochs": epochs, "warmup_epochs": warmup, "batch_size": size}
        return recipe.model_copy(update=changes | {"compile": "none"})

    def _examples(self, n: int) -> MemoryExamples:
        torch.manual_seed(0)
        return made_up(self._data, n, self._device)

    def _new(self) -> nn.Module:
        model, _ = build_network(self._task, self._data, FUNCTION, self._task.seeds[0])
        return model.to(self._device)


class _StoppedError(Exception):
    """A training was stopped on purpose."""


class _Stopping(Checkpoint):
    """A checkpoint after which a training is stopped."""

    def after_epoch(self, epochs: int, *arguments: Any) -> None:
        """Write the file, and stop; the last epoch is let end."""
        super().after_epoch(epochs, *arguments)
        if epochs == 1:
            raise _StoppedError


def _are_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether weights and buffers are the same bits; values that are not finite are alike."""
    return one.keys() == other.keys() and all(
        torch.equal(torch.nan_to_num(value), torch.nan_to_num(other[name]))
        for name, value in one.items()
        if isinstance(value, Tensor)
    )
