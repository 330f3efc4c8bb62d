"""Sources that are made here, by their makers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actsearch.config import Data
from actsearch.data.made import extrapolation, mnist1d
from actsearch.data.sources.places import made_options
from actsearch.data.user_arrays import Named

_MAKERS: dict[str, Callable[..., Named]] = {
    "mnist1d": mnist1d.make,
    "extrapolation": extrapolation.make,
}


def made_arrays(data: Data) -> Named:
    """The arrays of a source that is made here, its three parts by themselves.

    Args:
        data: the source, its options, and the sizes of its parts.

    Returns:
        ``x_train``, ``y_train``, ``x_validation``, ``y_validation``, ``x_test`` and ``y_test``, of
        exactly the sizes of the split.
    """
    made = data.made
    assert made is not None, f"{data.source} is not made here"
    options: dict[str, Any] = made_options(made)
    split = data.split
    sizes = {"train": split.train, "validation": split.validation, "test": split.test}
    return _MAKERS[data.source](sizes, **options)
