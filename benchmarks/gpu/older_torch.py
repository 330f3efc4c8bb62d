"""Measuring with an older torch than actsearch asks for: 2.11 has been tried."""

from __future__ import annotations

from torch.utils import checkpoint

_NAME, _OLDER = (
    "_checkpoint_without_reentrant_generator_impl",
    "_checkpoint_without_reentrant_generator",
)


def fill_in() -> None:
    """Give torch the names that it lacks; no network that is measured calls them."""
    if not hasattr(checkpoint, _NAME):
        setattr(checkpoint, _NAME, getattr(checkpoint, _OLDER, None))
