"""How ``torch.utils.checkpoint`` calls a function again, exchanged for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch.utils import checkpoint


class Recomputation(NamedTuple):
    """What ``torch.utils.checkpoint.checkpoint`` relies on."""

    reentrant: Any
    """An autograd function; ``apply(function, preserve_rng_state, *args)`` is called."""
    with_hooks: Any
    """A generator; ``(function, args, kwargs, **settings)`` is called."""


def recomputation() -> Recomputation:
    """What is in use now."""
    return Recomputation(
        checkpoint.CheckpointFunction,
        checkpoint._checkpoint_without_reentrant_generator_impl,
    )


def use_recomputation(ways: Recomputation) -> None:
    """Have checkpointing go these ways from now on."""
    checkpoint.CheckpointFunction = ways.reentrant  # type: ignore[misc]
    checkpoint._checkpoint_without_reentrant_generator_impl = ways.with_hooks


@contextmanager
def recomputing(ways: Recomputation) -> Iterator[None]:
    """Have checkpointing go these ways for a while."""
    before = recomputation()
    try:
        use_recomputation(ways)
        yield
    finally:
        use_recomputation(before)
