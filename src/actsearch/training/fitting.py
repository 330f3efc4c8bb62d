"""Training a network by a recipe, and measuring it; by one process or by several together.

Several processes take equal shares of every batch, in the order that one process alone would take
it. Gradients and losses are those of the whole batch, whatever the shares, so a network without
batch norm and dropout learns the same up to rounding. Batch norm sees a process's share.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from actsearch.config import Recipe
from actsearch.data.examples import Examples
from actsearch.training.batches import batch_sizes, evaluation_sizes
from actsearch.training.checkpoints import Checkpoint
from actsearch.training.compilation import compiled
from actsearch.training.distributed import join_buffers, processes, rank, replicate, share, total
from actsearch.training.outcomes import Measured, Outcome

_WARM_UP = 0.3
# Reading a loss makes the CPU wait for the GPU; on a CPU it costs a microsecond.
_STEPS_BETWEEN_GPU_CHECKS = 50


def order_seed(seed: int) -> int:
    """Seed of the order of examples in the run of ``seed``; unrelated to the weights' stream."""
    return _derived(seed, 1)


def _derived(*entropy: int) -> int:
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def fit(
    model: nn.Module,
    recipe: Recipe,
    examples: Examples,
    outcome: Outcome,
    *,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> int:
    """Train ``model`` in place, until the end of the recipe or a loss that is not finite.

    The global generator is seeded, for the order of the examples and the network's own draws; these
    differ between processes.

    Args:
        model: on the device of the examples, the same in all processes.
        recipe: how to train.
        examples: to fit on; the whole data in every process.
        outcome: what the outputs are for.
        seed: seed of the run, see :func:`order_seed`.
        checkpoint: where to go on from, and what to write after an epoch.

    Returns:
        The number of finished epochs: fewer than the recipe's when the run diverged.
    """
    if recipe.channels_last:
        model.to(memory_format=torch.channels_last)
    optimizer = _optimizer(model, recipe)
    parameters = list(model.parameters())
    n = len(examples)
    sizes = batch_sizes(n, recipe.batch_size, processes())
    check_every = 1 if examples.device.type == "cpu" else _STEPS_BETWEEN_GPU_CHECKS
    generator = _seed_generators(seed)
    finished = checkpoint.restore(model, optimizer, generator) if checkpoint else 0
    step = finished * len(sizes)
    with compiled(model, recipe.compile) as called:
        network = replicate(called)
        network.train()
        for epoch in range(finished, recipe.epochs):
            order = torch.randperm(n, generator=generator)
            whole = torch.split(order, sizes)
            mine = [share(batch) for batch in whole]
            batches = examples.batches(mine, recipe.augmentation, _derived(seed, 3, epoch))
            for batch, part, (x, y) in zip(whole, mine, batches, strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(recipe, step, recipe.epochs * len(sizes))
                outputs = _outputs(network, x, recipe).float()
                loss = outcome.loss(outputs, y, recipe.label_smoothing)
                if part is not batch:
                    loss = loss * _weight(outcome, examples.targets, part, batch)
                step += 1
                if step % check_every == 0 and not _is_finite(loss):
                    return epoch
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                if recipe.gradient_clip is not None:
                    nn.utils.clip_grad_norm_(parameters, recipe.gradient_clip)
                optimizer.step()
            join_buffers(model)
            if checkpoint:
                checkpoint.after_epoch(epoch + 1, model, optimizer, generator)
    return recipe.epochs


def _weight(outcome: Outcome, targets: Tensor, part: Tensor, batch: Tensor) -> float:
    """What makes the mean over processes of their losses the mean over the batch."""
    return outcome.size(targets[part]) * processes() / outcome.size(targets[batch])


def _is_finite(loss: Tensor) -> bool:
    summed = loss if processes() == 1 else total(loss.detach().clone())
    return math.isfinite(summed.item())


def _seed_generators(seed: int) -> torch.Generator:
    """Seed the global generators for the network's draws; returns that of the examples' order."""
    if processes() == 1:
        torch.manual_seed(order_seed(seed))
        return torch.default_generator
    torch.manual_seed(_derived(seed, 2, rank()))
    return torch.Generator().manual_seed(order_seed(seed))


def _outputs(network: nn.Module, x: Tensor, recipe: Recipe | None) -> Tensor:
    """Outputs for examples ``x``, in the precision and the layout of ``recipe``."""
    if recipe and recipe.channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    if recipe is None or recipe.precision != "bfloat16":
        return cast(Tensor, network(x))
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        return cast(Tensor, network(x))


def learning_rate(recipe: Recipe, step: int, n_steps: int) -> float:
    """Learning rate of step ``step`` (from 0) of ``n_steps``; never 0."""
    warm_up = n_steps * recipe.warmup_epochs / recipe.epochs
    if step < warm_up:
        return recipe.learning_rate * (step + 1) / (warm_up + 1)
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "step":
        falls = sum(step >= round(share * n_steps) for share in recipe.milestones)
        return recipe.learning_rate * 0.1**falls
    # Neither the first nor the last step has a rate of 0.
    place = (step - warm_up + 1) / (n_steps - warm_up + 1)
    if recipe.schedule == "one-cycle":
        if place < _WARM_UP:
            return recipe.learning_rate * place / _WARM_UP
        place = (place - _WARM_UP) / (1 - _WARM_UP)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * place))


def evaluate(
    model: nn.Module, examples: Examples, outcome: Outcome, recipe: Recipe | None = None
) -> Measured:
    """Measure ``model`` on the device of the examples.

    Several processes take turns at the batches that one process alone would take.

    Args:
        model: on the device of the examples.
        examples: to measure on.
        outcome: what the outputs are for.
        recipe: precision and layout are those that it trains with; nothing is compiled.

    Returns:
        Score and loss.
    """
    model.eval()
    n = len(examples)
    mine = torch.split(torch.arange(n), evaluation_sizes(n))[rank() :: processes()]
    sums = torch.zeros(outcome.n_sums, dtype=torch.float64, device=examples.device)
    with torch.inference_mode():
        for x, y in examples.batches(mine):
            # In double precision huge but finite outputs have a finite loss.
            sums += outcome.sums(_outputs(model, x, recipe).double(), y)
    return outcome.measured(total(sums).cpu(), examples.targets)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer, with weight decay on what has two axes or more."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for parameter in model.parameters():
        (decayed if parameter.ndim >= 2 else plain).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            groups,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            fused=True,
        )
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
