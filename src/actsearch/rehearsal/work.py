"""What a task's network costs, counted before any job; torch is imported to count it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from actsearch.config import Config, ConfigError, Task, describe_fault
from actsearch.networks.work import Work


@dataclass(frozen=True)
class Known:
    """What is known of a task's network before any job."""

    work: Work | None = None
    """What it costs; None on a CPU, of which it says nothing."""
    memory: int | None = None
    """Bytes of the factors of a function's Fisher spectra, where the task has some."""
    passes: int = 1
    """Backward passes of these."""


def counted(config: Config, task: Task) -> Known:
    """Build the task's network, and run it once.

    Returns:
        What it costs.

    Raises:
        DataError: while the data are not there to tell their shape.
        ConfigError: with the network that stumbles.
    """
    from actsearch.data.loading import data_shape
    from actsearch.features.outcomes import backward_passes
    from actsearch.networks.cost import count_work
    from actsearch.rehearsal.spectra import fisher_bytes

    # The data are asked once: a function of the user's is called for it.
    shape = data_shape(config.data[task.data], config.data_folder)
    with _naming(task):
        return Known(
            count_work(task, shape) if task.resources.gpu else None,
            fisher_bytes(task, shape) if task.has_spectra else None,
            backward_passes(shape.targets, task.fisher.kind, shape.output_shape),
        )


@contextlib.contextmanager
def _naming(task: Task) -> Iterator[None]:
    """Name the network that stumbles."""
    from actsearch.networks.by_name import ModelError

    try:
        yield
    except ModelError as error:
        raise ConfigError(str(error)) from None
    except Exception as error:  # networks stumble over examples in their own ways
        raise ConfigError(f"model {task.model!r}: {describe_fault(error)}") from None
