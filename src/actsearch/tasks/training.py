"""One trial: a network with one activation function, trained once for each seed, and evaluated.

Seeds. A run's seed draws the initial weights; the order of the examples, and whatever the network
draws while it trains (dropout), come from a second seed derived from it (:func:`order_seed`). All
functions of a task thus start from the same weights and see the same batches.

Reproducibility. On a CPU of one kind the same trial gives the same bits, with the number of threads
that the task asks for (:func:`actsearch.tasks.network.run_settings`).
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from actsearch.config import Recipe, Task
from actsearch.functions.expressions import Expression
from actsearch.tasks.data import Dataset, Part
from actsearch.tasks.network import build_network, choose_device, run_settings

EVALUATION_BATCH = 256
_WARM_UP = 0.3
# Reading a loss makes the CPU wait for the GPU; on a CPU it costs a microsecond.
_STEPS_BETWEEN_GPU_CHECKS = 50


def order_seed(seed: int) -> int:
    """Seed of the order of examples in the run of ``seed``; unrelated to the weights' stream."""
    return int(np.random.SeedSequence((seed, 1)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def run_trial(
    task: Task,
    dataset: Dataset,
    expression: Expression,
    *,
    seeds: Sequence[int] | None = None,
    fit_on: Sequence[Part] = ("train",),
    evaluate_on: Sequence[Part] = ("train", "validation"),
    device: str | torch.device | None = None,
) -> tuple[dict[str, Any], float]:
    """Train and evaluate ``expression`` on ``task`` once for each seed.

    A run ends as diverged when a loss or an output is not finite. It then counts with the accuracy
    of chance, 1 / n_classes, and has no loss.

    Args:
        task: network, recipe and seeds.
        dataset: the task's data; a part that is neither in ``fit_on`` nor in ``evaluate_on`` is not
            touched.
        expression: the activation function.
        seeds: one run each; ``task.seeds`` when left out.
        fit_on: parts the weights are fitted on, together.
        evaluate_on: parts to measure accuracy and cross-entropy (nats, without smoothing) on.
        device: where to train; when left out, a GPU if the task asks for one and there is one.

    Returns:
        The trial as plain data that depends on the arguments alone, and the seconds it took. It
        holds ``function``, ``slug``, ``status`` (completed, partial, diverged), the names of the
        modules ``replaced``, ``parameters`` (number of them), ``examples`` (number in each
        part evaluated on), ``runs``, and the medians over runs.
    """
    started = time.perf_counter()
    device = choose_device(task) if device is None else torch.device(device)
    runs = []
    replaced: list[str] = []
    parameters = 0
    with run_settings(task, device):
        fitted = _to(device, dataset.parts(fit_on))
        evaluated = {part: _to(device, dataset.part(part)) for part in evaluate_on}
        for seed in task.seeds if seeds is None else seeds:
            model, replaced = build_network(task, dataset, expression, seed)
            parameters = sum(parameter.numel() for parameter in model.parameters())
            runs.append(
                _run(model.to(device), task.recipe, fitted, evaluated, seed, dataset.n_classes)
            )
    content = {
        "function": expression.name,
        "slug": expression.slug,
        "status": _status(runs),
        "replaced": replaced,
        "parameters": parameters,
        "examples": {part: len(y) for part, (_, y) in evaluated.items()},
        "runs": runs,
    }
    return content | _medians(runs, evaluate_on), time.perf_counter() - started


def run_final_trial(
    task: Task, dataset: Dataset, expression: Expression
) -> tuple[dict[str, Any], float]:
    """The trial of the final comparison: the only one that reads the test part.

    Fitted on training and validation data together, with the seeds of ``task.final``.

    Returns:
        As of :func:`run_trial`, with the numbers of the test part alone.

    Raises:
        ValueError: when the task has no final comparison.
    """
    if task.final is None:
        raise ValueError("the task has no section 'final'")
    return run_trial(
        task,
        dataset,
        expression,
        seeds=task.final.seeds,
        fit_on=("train", "validation"),
        evaluate_on=("test",),
    )


def _run(
    model: nn.Module,
    recipe: Recipe,
    fitted: tuple[Tensor, Tensor],
    evaluated: dict[Part, tuple[Tensor, Tensor]],
    seed: int,
    n_classes: int,
) -> dict[str, Any]:
    """One training and its evaluation, as the trial lists it."""
    epochs = fit(model, recipe, *fitted, seed=seed)
    results: dict[Part, tuple[float, float]] = {}
    if epochs == recipe.epochs:
        results = {part: evaluate(model, x, y) for part, (x, y) in evaluated.items()}
    completed = bool(results) and all(math.isfinite(loss) for _, loss in results.values())
    run: dict[str, Any] = {
        "seed": seed,
        "status": "completed" if completed else "diverged",
        "epochs": epochs,
    }
    for part in evaluated:
        accuracy, loss = results[part] if completed else (1 / n_classes, None)
        run |= {f"{part}_accuracy": accuracy, f"{part}_loss": loss}
    return run


def fit(model: nn.Module, recipe: Recipe, x: Tensor, y: Tensor, *, seed: int) -> int:
    """Train ``model`` in place, until the end of the recipe or a loss that is not finite.

    The global generator is seeded, for the order of the examples and the network's own draws.

    Args:
        model: on the device of ``x``.
        recipe: how to train.
        x: images (N, C, H, W).
        y: labels (N,) int64.
        seed: seed of the run, see :func:`order_seed`.

    Returns:
        The number of finished epochs: fewer than the recipe's when the run diverged.
    """
    optimizer = _optimizer(model, recipe)
    parameters = list(model.parameters())
    n_steps = recipe.epochs * math.ceil(len(x) / recipe.batch_size)
    check_every = 1 if x.device.type == "cpu" else _STEPS_BETWEEN_GPU_CHECKS
    torch.manual_seed(order_seed(seed))
    model.train()
    step = 0
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(x)).to(x.device)
        for start in range(0, len(x), recipe.batch_size):
            batch = order[start : start + recipe.batch_size]
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, step, n_steps)
            loss = functional.cross_entropy(
                model(x[batch]), y[batch], label_smoothing=recipe.label_smoothing
            )
            step += 1
            if step % check_every == 0 and not math.isfinite(loss.item()):
                return epoch
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            if recipe.gradient_clip is not None:
                nn.utils.clip_grad_norm_(parameters, recipe.gradient_clip)
            optimizer.step()
    return recipe.epochs


def learning_rate(recipe: Recipe, step: int, n_steps: int) -> float:
    """Learning rate of step ``step`` (from 0) of ``n_steps``."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    place = (step + 1) / (n_steps + 1)  # neither the first nor the last step has a rate of 0
    if recipe.schedule == "one-cycle":
        if place < _WARM_UP:
            return recipe.learning_rate * place / _WARM_UP
        place = (place - _WARM_UP) / (1 - _WARM_UP)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * place))


def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Accuracy and mean cross-entropy (nats) of ``model`` on images ``x`` (N, C, H, W).

    The cross-entropy is nan when an output is not finite.
    """
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=x.device)
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    with torch.inference_mode():
        for start in range(0, len(x), EVALUATION_BATCH):
            labels = y[start : start + EVALUATION_BATCH]
            # In double precision huge but finite outputs have a finite loss.
            logits = model(x[start : start + EVALUATION_BATCH]).double()
            correct += (logits.argmax(dim=1) == labels).sum()
            loss = functional.cross_entropy(logits, labels, reduction="sum")
            total += torch.where(logits.isfinite().all(), loss, math.nan)
    return correct.item() / len(x), total.item() / len(x)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer, with weight decay on weight matrices and kernels alone."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        matrix = name.endswith("weight") and parameter.ndim >= 2
        (decayed if matrix else plain).append(parameter)
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


def _to(device: torch.device, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return pair[0].to(device), pair[1].to(device)


def _status(runs: list[dict[str, Any]]) -> str:
    states = {run["status"] for run in runs}
    return states.pop() if len(states) == 1 else "partial"


def _medians(runs: list[dict[str, Any]], parts: Sequence[Part]) -> dict[str, float | None]:
    """Median accuracy over all runs, and median loss over those that have one."""
    medians: dict[str, float | None] = {}
    for part in parts:
        losses = [run[f"{part}_loss"] for run in runs if run[f"{part}_loss"] is not None]
        medians[f"{part}_accuracy"] = statistics.median(run[f"{part}_accuracy"] for run in runs)
        medians[f"{part}_loss"] = statistics.median(losses) if losses else None
    return medians
