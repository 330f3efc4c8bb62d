"""Networks that recompute activations in the backward pass (checkpointing), run without it.

Spectra take gradients with respect to what layers return, several times through one graph.
Reentrant checkpointing has no graph to go through, and neither kind meets the hooks again that the
first pass had. Checkpointing saves memory and changes no number; here ``fisher.examples_at_once``
saves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from actsearch.functions.recomputation import Recomputation, recomputing


class _Direct:
    """In place of the autograd function of reentrant checkpointing."""

    @staticmethod
    def apply(function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        return function(*args)


def _nothing_around(*_: Any, **__: Any) -> Iterator[None]:
    """In place of what is done before and after a call by the other kind."""
    yield


def without_recomputation() -> AbstractContextManager[None]:
    """Have ``torch.utils.checkpoint`` call functions directly for a while."""
    return recomputing(Recomputation(_Direct, _nothing_around))
