"""Fisher spectra of many functions in the network of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsearch.features.fisher import fisher_spectrum
from actsearch.features.layers import calibrate_batch_norm, fisher_layers
from actsearch.features.spectra import pack_spectra
from actsearch.tasks.examples import together
from actsearch.tasks.network import build_network, choose_device, run_settings

if TYPE_CHECKING:
    from actsearch import config
    from actsearch.functions.expressions import Expression
    from actsearch.tasks.data import Dataset


def fisher_features(
    task: config.Task,
    dataset: Dataset,
    expressions: Sequence[Expression],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, NDArray[Any]]:
    """Spectra of a part of a space on a task, packed (``pack_spectra``).

    All functions meet the same initial weights (seed ``task.fisher.seed``) and the same
    ``task.fisher.examples`` training examples, drawn by that seed. Statistics of batch norm are
    those of these examples, for each function its own. Networks run where and under the settings
    that they are trained with (``choose_device``, ``run_settings``).

    Args:
        task: network, and how to compute (``task.fisher``).
        dataset: only its part ``train`` is read.
        expressions: the functions.
        progress: called after every function with the number done and of all.

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
    spectra = []
    passed_over: list[str] = []
    with run_settings(task, device):
        x, y = together(chosen.to(device))
        for count, expression in enumerate(expressions, start=1):
            model, _ = build_network(task, dataset, expression, settings.seed)
            model.to(device)
            passed_over = fisher_layers(model).passed_over
            calibrate_batch_norm(model, x)
            labels = y if settings.kind == "empirical" else None
            generator = torch.Generator().manual_seed(settings.seed)
            spectra.append(fisher_spectrum(model, x, labels, settings.kind, generator))
            if progress:
                progress(count, len(expressions))
    return pack_spectra([expression.name for expression in expressions], spectra, passed_over)
