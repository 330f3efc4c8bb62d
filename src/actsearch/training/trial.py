"""One trial: a network with one activation function, trained once for each seed, and evaluated.

Seeds. A run's seed draws the initial weights; the order of the examples, and whatever the network
draws while it trains (dropout), come from a second seed derived from it
(:func:`actsearch.training.fitting.order_seed`). All functions of a task thus start from the same
weights and see the same batches.

Reproducibility. On a CPU of one kind the same trial gives the same bits, with the number of threads
that the task asks for (:func:`actsearch.networks.devices.run_settings`), whatever the recipe's
precision, layout and compilation.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from actsearch.config import Recipe, Task
from actsearch.data.dataset import Dataset, Part, Units
from actsearch.data.examples import Examples
from actsearch.functions.expressions import Expression
from actsearch.networks.building import build_network
from actsearch.networks.devices import choose_device, run_settings
from actsearch.training.checkpoints import Checkpoint
from actsearch.training.compilation import forget_compiled
from actsearch.training.fitting import evaluate, fit
from actsearch.training.outcomes import Measured, Outcome, outcome_of

_FIT_ON: Sequence[Part] = ("train",)
_EVALUATE_ON: Sequence[Part] = ("train", "validation")


def parts_of(task: Task, *, final: bool) -> tuple[Sequence[Part], Sequence[Part]]:
    """Parts that the task's trainings are fitted on, together, and those that they are measured on.

    Args:
        task: the task.
        final: whether those of the last comparison are meant.

    Returns:
        Both.

    Raises:
        ValueError: when the task has no final comparison, and that is asked for.
    """
    if not final:
        return _FIT_ON, _EVALUATE_ON
    if task.final is None:
        raise ValueError("the task has no section 'final'")
    # Of examples that were not fitted, the score says something, and how far seeds part there.
    unseen = ("validation",) if task.final.fitted_on == ("train",) else ()
    return task.final.fitted_on, (*unseen, "test")


def run_trial(
    task: Task,
    dataset: Dataset,
    expression: Expression,
    *,
    seeds: Sequence[int] | None = None,
    fit_on: Sequence[Part] = _FIT_ON,
    evaluate_on: Sequence[Part] = _EVALUATE_ON,
    device: str | torch.device | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[dict[str, Any], float]:
    """Train and evaluate ``expression`` on ``task`` once for each seed.

    A run ends as diverged when a loss or an output is not finite. It then counts with the score of
    a network that knows nothing (:mod:`actsearch.training.outcomes`), and has no loss.

    Args:
        task: network, recipe and seeds.
        dataset: the task's data; a part that is neither in ``fit_on`` nor in ``evaluate_on`` is not
            touched.
        expression: the activation function.
        seeds: one run each; ``task.seeds`` when left out.
        fit_on: parts the weights are fitted on, together.
        evaluate_on: parts to measure score and loss (without smoothing) on.
        device: where to train; when left out, a GPU if the task asks for one and there is one.
        checkpoint: where a trial that was stopped goes on from; the caller removes it.

    Returns:
        The trial as plain data that depends on the arguments alone, and the seconds it took, those
        before it was stopped included. It holds ``function``, ``slug``, the name of its ``score``,
        ``status`` (completed, partial, diverged), the names of the modules ``replaced``,
        ``parameters`` (number of them), ``examples`` (number in each part evaluated on), ``runs``,
        and the medians over runs. Where numbers are predicted, a run also has ``PART_errors``: the
        root mean squared error of each, in its own units.
    """
    started = time.perf_counter()
    device = choose_device(task) if device is None else torch.device(device)
    if checkpoint:
        checkpoint.open(device)
    runs = checkpoint.runs if checkpoint else []
    outcome = outcome_of(dataset.shape)
    replaced: list[str] = []
    parameters = 0
    if task.recipe.compile != "none":
        forget_compiled()
    with run_settings(task, device, tf32=task.recipe.precision == "tf32"):
        fitted = dataset.parts(fit_on).to(device)
        evaluated = {part: dataset.part(part).to(device) for part in evaluate_on}
        for seed in (task.seeds if seeds is None else seeds)[len(runs) :]:
            model, replaced = build_network(task, dataset, expression, seed)
            parameters = sum(parameter.numel() for parameter in model.parameters())
            epochs = fit(
                model.to(device), task.recipe, fitted, outcome, seed=seed, checkpoint=checkpoint
            )
            runs.append(_run(model, task.recipe, epochs, evaluated, seed, outcome, dataset.units))
    content = {
        "function": expression.name,
        "slug": expression.slug,
        "score": outcome.score,
        "status": _status(runs),
        "replaced": replaced,
        "parameters": parameters,
        "examples": {part: len(examples) for part, examples in evaluated.items()},
        "runs": runs,
    }
    seconds = time.perf_counter() - started + (checkpoint.seconds if checkpoint else 0)
    return content | _medians(runs, evaluate_on), seconds


def on_its_device(task: Task, dataset: Dataset) -> Dataset:
    """``dataset`` where ``task`` trains: moved once for all trials of a job."""
    return replace(dataset, examples=dataset.examples.to(choose_device(task)))


def run_final_trial(
    task: Task, dataset: Dataset, expression: Expression, *, checkpoint: Checkpoint | None = None
) -> tuple[dict[str, Any], float]:
    """The trial of the final comparison: the only one that reads the test part.

    Fitted on the parts that ``task.final`` says, with its seeds.

    Returns:
        As of :func:`run_trial`, with the numbers of the test part, and those of the validation part
        where no function is fitted on it.

    Raises:
        ValueError: when the task has no final comparison.
    """
    fit_on, evaluate_on = parts_of(task, final=True)
    assert task.final
    return run_trial(
        task,
        dataset,
        expression,
        seeds=task.final.seeds,
        fit_on=fit_on,
        evaluate_on=evaluate_on,
        checkpoint=checkpoint,
    )


def _run(
    model: nn.Module,
    recipe: Recipe,
    epochs: int,
    evaluated: dict[Part, Examples],
    seed: int,
    outcome: Outcome,
    units: Units | None,
) -> dict[str, Any]:
    """The evaluation of a network trained for ``epochs``, as the trial lists it."""
    results: dict[Part, Measured] = {}
    if epochs == recipe.epochs:
        results = {
            part: evaluate(model, examples, outcome, recipe) for part, examples in evaluated.items()
        }
    completed = bool(results) and all(math.isfinite(found.loss) for found in results.values())
    run: dict[str, Any] = {
        "seed": seed,
        "status": "completed" if completed else "diverged",
        "epochs": epochs,
    }
    for part, examples in evaluated.items():
        found = results[part] if completed else None
        run[f"{part}_score"] = found.score if found else outcome.failed(examples.targets)
        run[f"{part}_loss"] = found.loss if found else None
        if found and units:
            errors = zip(found.squared_errors, units.deviation, strict=True)
            run[f"{part}_errors"] = [deviation * math.sqrt(error) for error, deviation in errors]
    return run


def _status(runs: list[dict[str, Any]]) -> str:
    states = {run["status"] for run in runs}
    return states.pop() if len(states) == 1 else "partial"


def _medians(runs: list[dict[str, Any]], parts: Sequence[Part]) -> dict[str, float | None]:
    """Median score over all runs, and median loss over those that have one."""
    medians: dict[str, float | None] = {}
    for part in parts:
        losses = [run[f"{part}_loss"] for run in runs if run[f"{part}_loss"] is not None]
        medians[f"{part}_score"] = statistics.median(run[f"{part}_score"] for run in runs)
        medians[f"{part}_loss"] = statistics.median(losses) if losses else None
    return medians
