"""All kinds of jobs of a task rehearsed, by the numbers of examples that they will have."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from actsearch.config import VALIDATION_IS_OPEN, Split, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.networks.by_name import ModelError
from actsearch.rehearsal.network import EXAMPLES, NetworkCheck, check_network
from actsearch.rehearsal.spectra import FisherCheck, rehearse_spectra
from actsearch.rehearsal.training import rehearse_training
from actsearch.training.batches import batch_sizes, share_sizes
from actsearch.training.trial import parts_of

_MOST = 256
"""Examples of a batch that a network is looked at with."""


@dataclass(frozen=True)
class Rehearsal:
    """What was found.

    Attributes:
        network: What the network is made of.
        fisher: What its Fisher spectra are made of; None where the task has none.
    """

    network: NetworkCheck
    fisher: FisherCheck | None


def fitted_and_measured(task: Task, split: Split, *, final: bool) -> tuple[list[int], list[int]]:
    """Numbers of examples that trainings are fitted on, and that they are measured on.

    Args:
        task: the task.
        split: of its data.
        final: whether those of the last comparison are meant.

    Returns:
        Both.
    """
    fitted, measured = parts_of(task, final=final)
    return [sum(getattr(split, part) for part in fitted)], [getattr(split, p) for p in measured]


def rehearse(task: Task, data: Dataset | DataShape, split: Split) -> Rehearsal:
    """Do in short what every job of a task will do, on the CPU.

    Args:
        task: the task.
        data: its data, or what of them shapes a network.
        split: numbers of examples in its parts.

    Returns:
        What was found.

    Raises:
        ModelError: when a job would fail, needs more memory than it asks for, or would be fitted on
            a validation part of the user's without that being said.
        ValueError: when nothing was replaced.
    """
    own_validation = isinstance(data, Dataset) and data.own_validation
    if own_validation and task.final and task.final.leaves_validation_open:
        raise ModelError(f"final: {VALIDATION_IS_OPEN}")
    task = _on_one_thread(task)
    network = _network(task, data, split)
    for final in (False, True):
        if task.final is not None if final else task.has_trainings:
            rehearse_training(task, data, *fitted_and_measured(task, split, final=final))
    for number, stage in enumerate(task.final.stages if task.final else ()):
        if stage.recipe:
            staged = task.in_stage(number)
            rehearse_training(staged, data, *fitted_and_measured(staged, split, final=False))
    fisher = rehearse_spectra(task, data) if task.has_spectra else None
    return Rehearsal(network, fisher)


def _network(task: Task, data: Dataset | DataShape, split: Split) -> NetworkCheck:
    """The network looked at with two examples, or with a batch of the task's where these fail."""
    try:
        return check_network(task, data)
    except ModelError:
        [n], _ = fitted_and_measured(task, split, final=False)
        batch = batch_sizes(n, task.recipe.batch_size, task.resources.processes)[0]
        share = share_sizes(batch, task.resources.processes)[-1]
        if not EXAMPLES < share <= _MOST:
            raise
        with contextlib.suppress(ModelError):
            return check_network(task, data, n=share)
        raise


def _on_one_thread(task: Task) -> Task:
    """The task with one thread: more than there are cores would wait for each other."""
    resources = task.resources.model_copy(update={"threads": 1})
    return task.model_copy(update={"resources": resources})
