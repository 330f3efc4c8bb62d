"""Channels and features brought to mean 0 and deviation 1, by the training part alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actsearch.config.data import Inputs
from actsearch.data.dataset import Part
from actsearch.data.sources.layouts import UNITS
from actsearch.data.sources.places import DataError

_EXAMPLES_AT_ONCE = 1024
CONSTANT = 1e-12
"""A relative deviation that rounding alone gives."""
_SMALLEST, _LARGEST = 1e-100, 1e100
"""Deviations whose squares float64 holds with all digits."""
ALLOWED = f"deviations of {_SMALLEST:g} to {_LARGEST:g}"
"""In words."""
FARTHEST = 1e18
"""Deviations from the mean: float32 holds the squares of so many."""
_LISTED = 3
"""Constant channels or features that are named."""


class Scaling(NamedTuple):
    """What is taken off each of C channels or features, and what it is divided by."""

    mean: NDArray[np.float64]
    """(C,)"""
    deviation: NDArray[np.float64]
    """(C,); infinite for a constant channel, which so becomes 0 in all parts."""
    constant: NDArray[np.bool_]
    """(C,), whether a channel is constant over the training part."""
    inputs: Inputs = "images"

    @property
    def notes(self) -> tuple[str, ...]:
        """Which channels are constant, in sentences."""
        name = _channel(self.inputs)
        n, rows = len(self.mean), np.flatnonzero(self.constant)
        if len(rows) > _LISTED:
            some = ", ".join(str(number + 1) for number in rows[:_LISTED])
            return (
                f"{len(rows)} of {n} {name}s are constant over the training part ({some}, ...): "
                "they become 0",
            )
        return tuple(
            f"{name} {number + 1} of {n} is constant over the training part "
            f"({self.mean[number]:g}): it becomes 0"
            for number in rows
        )


def blocks(rows: NDArray[np.int64]) -> Iterator[slice]:
    """Slices of ``rows``: a whole part in float64 would take eight times the memory of bytes."""
    for start in range(0, len(rows), _EXAMPLES_AT_ONCE):
        yield slice(start, start + _EXAMPLES_AT_ONCE)


def scaling_by(x: NDArray[Any], rows: NDArray[np.int64], inputs: Inputs = "images") -> Scaling:
    """The scaling of examples (N, C, ...) by the examples ``rows`` of their training part.

    Args:
        x: the examples; of features (N, F) each is a channel of its own.
        rows: those of the training part, (n,) int64.
        inputs: what they are.

    Returns:
        Mean and deviation of each channel.

    Raises:
        DataError: when the training part is constant, or n times the same: nothing can be learned;
            and when its numbers are too large or too small to be scaled.
    """
    with np.errstate(all="ignore"):  # what overflows is refused
        mean, deviation = _moments(x, rows)
        constant = deviation <= CONSTANT * np.abs(mean)
    # Squares of tiny numbers are 0, as those of a constant 0 are.
    tiny = np.flatnonzero((deviation < _SMALLEST) & (np.abs(mean) < _SMALLEST))
    lost = np.zeros_like(constant)
    for block in blocks(rows) if len(tiny) else ():
        some = np.moveaxis(x[rows[block]][:, tiny], 1, 0)
        lost[tiny] |= (some.reshape(len(tiny), -1) != 0).any(axis=1)
    at = first_unusable(mean, np.where(constant & ~lost & np.isfinite(deviation), 1, deviation))
    if at is not None:
        raise DataError(
            f"{_channel(inputs)} {at + 1} of {len(mean)} has mean {mean[at]:g} and deviation "
            f"{deviation[at]:g} over the training part: allowed are {ALLOWED}"
        )
    examples = "rows" if inputs == "features" else inputs
    if constant.all():
        values = ", ".join(f"{value:g}" for value in mean[:4])
        raise DataError(
            f"the training part is constant: all {UNITS[inputs]} of its {len(rows)} {examples} "
            f"are {values}"
        )
    if len(rows) > 1 and _all_same(x, rows):
        raise DataError(f"the training part is {len(rows)} times the same {examples[:-1]}")
    return Scaling(mean, np.where(constant, np.inf, deviation), constant, inputs)


def first_unusable(mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> int | None:
    """The first channel or number whose mean and deviation, both (C,), are not ``ALLOWED``."""
    usable = np.isfinite(mean) & (deviation >= _SMALLEST) & (deviation <= _LARGEST)
    return None if usable.all() else int(np.flatnonzero(~usable)[0])


def refuse_far(x: NDArray[Any], chosen: Mapping[Part, NDArray[np.int64]], scaling: Scaling) -> None:
    """Refuse examples that lie so far from those of the training part that float32 ends.

    Args:
        x: the examples, (N, C, ...).
        chosen: rows of each part.
        scaling: by the training part.

    Raises:
        DataError: naming the part and the channel.
    """
    if x.dtype == np.uint8:
        return
    axes = (0, *range(2, x.ndim))
    for part, rows in chosen.items():
        for block in blocks(rows):
            some = x[rows[block]]
            with np.errstate(all="ignore"):
                above = some.max(axis=axes).astype(np.float64) - scaling.mean
                below = scaling.mean - some.min(axis=axes).astype(np.float64)
                far = np.maximum(above, below) / scaling.deviation
            if (far > FARTHEST).any():
                at = int(far.argmax())
                raise DataError(
                    f"{_channel(scaling.inputs)} {at + 1} of {len(far)} of the {part} part lies up "
                    f"to {far[at]:g} deviations of the training part from its mean: allowed are "
                    f"{FARTHEST:g}"
                )


def _channel(inputs: Inputs) -> str:
    return "feature" if inputs == "features" else "channel"


def _moments(
    x: NDArray[Any], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel over the examples ``rows``: both (C,)."""
    axes = (0, *range(2, x.ndim))
    count = len(rows) * math.prod(x.shape[2:])
    total = np.zeros((1, x.shape[1], *[1] * (x.ndim - 2)))
    for block in blocks(rows):
        total += x[rows[block]].sum(axis=axes, keepdims=True, dtype=np.float64)
    mean = total / count
    squares = np.zeros_like(mean)
    for block in blocks(rows):
        squares += np.square(x[rows[block]] - mean).sum(axis=axes, keepdims=True)
    return mean.ravel(), np.sqrt(squares / count).ravel()


def _all_same(x: NDArray[Any], rows: NDArray[np.int64]) -> bool:
    return all((x[rows[block]] == x[rows[0]]).all() for block in blocks(rows))


def scaled(x: NDArray[Any], rows: NDArray[np.int64], scaling: Scaling) -> NDArray[np.float32]:
    """The examples ``rows`` with the mean taken off, over the deviation: (n, C, ...)."""
    shape = (-1, *[1] * (x.ndim - 2))
    mean, deviation = scaling.mean.reshape(shape), scaling.deviation.reshape(shape)
    found = np.empty((len(rows), *x.shape[1:]), dtype=np.float32)
    for block in blocks(rows):
        found[block] = (x[rows[block]] - mean) / deviation
    return found
