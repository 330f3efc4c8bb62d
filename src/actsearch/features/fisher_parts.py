"""Fisher spectra of many functions in the network of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsearch.data.examples import together
from actsearch.features.fisher import fisher_spectrum
from actsearch.features.layers import calibrate_batch_norm, fisher_layers
from actsearch.features.passed_over import FisherLayers
from actsearch.features.spectra import pack_spectra
from actsearch.features.unfinished import UnfinishedPart
from actsearch.functions.expressions import parse
from actsearch.networks.building import build_network
from actsearch.networks.devices import choose_device, run_settings

if TYPE_CHECKING:
    from actsearch import config
    from actsearch.data.dataset import Dataset, DataShape
    from actsearch.functions.expressions import Expression

_ANY = parse("tanh(x)")


def fisher_features(
    task: config.Task,
    dataset: Dataset,
    expressions: Sequence[Expression],
    progress: Callable[[int, int], None] | None = None,
    unfinished: UnfinishedPart | None = None,
) -> dict[str, NDArray[Any]]:
    """Spectra of a part of a space on a task.

    All functions meet the same initial weights (seed ``task.fisher.seed``) and the same
    ``task.fisher.examples`` training examples, drawn by that seed. Statistics of batch norm are
    those of these examples, for each function its own. Networks run where and under the settings
    that they are trained with (``choose_device``, ``run_settings``).

    Args:
        task: network, and how to compute (``task.fisher``).
        dataset: only its part ``train`` is read.
        expressions: the functions.
        progress: called after every function with the number done and of all.
        unfinished: where a part that was stopped goes on from; the caller removes it.

    Returns:
        The arrays of ``pack_spectra``.

    Raises:
        ValueError: when fewer training examples exist than asked for.
    """
    settings = task.fisher
    device = choose_device(task)
    train = dataset.part("train")
    n = len(train)
    if settings.examples > n:
        raise ValueError(
            f"fisher.examples is {settings.examples}, but only {n} train examples exist"
        )
    draw = np.random.default_rng(settings.seed).choice(n, settings.examples, replace=False)
    chosen = train.subset(torch.from_numpy(np.sort(draw)))
    names = [expression.name for expression in expressions]
    spectra = unfinished.take_over(names) if unfinished else []
    try:
        with run_settings(task, device):
            x, y = together(chosen.to(device))
            layers = task_layers(task, dataset, x)
            for expression in expressions[len(spectra) :]:
                model, _ = build_network(task, dataset, expression, settings.seed)
                model.to(device)
                calibrate_batch_norm(model, x)
                generator = torch.Generator().manual_seed(settings.seed)
                spectra.append(
                    fisher_spectrum(
                        model,
                        x,
                        y,
                        settings.kind,
                        generator,
                        settings.examples_at_once,
                        layers.covered,
                        dataset.shape.targets,
                    )
                )
                if unfinished:
                    unfinished.keep(spectra)
                if progress:
                    progress(len(spectra), len(names))
    except BaseException:
        if unfinished:
            unfinished.keep(spectra, now=True)
        raise
    return pack_spectra(names, spectra, layers.passed_over)


def task_layers(task: config.Task, data: Dataset | DataShape, x: Tensor) -> FisherLayers:
    """Which layers of a task's network have a Fisher block, whatever the function put in.

    Args:
        task: network and seed of its weights.
        data: whose shape the network takes.
        x: at least one example, on the device to run on.

    Returns:
        The layers, found with one function in place of the activations.
    """
    model, _ = build_network(task, data, _ANY, task.fisher.seed)
    return fisher_layers(model.to(x.device), x)
