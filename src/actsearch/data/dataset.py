"""Examples and the rows of each part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsearch.config import Split
from actsearch.config.data import check_split
from actsearch.data.examples import Examples
from actsearch.data.sources.places import DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)


class DataShape(NamedTuple):
    """What of a data set shapes a network."""

    image_shape: tuple[int, int, int]
    """Channels, height and width."""
    n_classes: int


@dataclass(frozen=True)
class Dataset:
    """Images and labels in three parts.

    Attributes:
        examples: all of them, with labels from 0 to n_classes - 1.
        rows: the numbers (n,) int64 of each part's examples.
        n_classes: number of classes of the source, whichever of them were drawn.
    """

    examples: Examples
    rows: Mapping[Part, Tensor]
    n_classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.examples.image_shape

    def part(self, name: Part) -> Examples:
        """The examples of one part."""
        return self.parts([name])

    def parts(self, names: Sequence[Part]) -> Examples:
        """Several parts, one after the other."""
        for name in names:
            if name not in PARTS:
                raise DataError(f"unknown part {name!r}; allowed: {', '.join(PARTS)}")
        return self.examples.subset(torch.cat([self.rows[name] for name in names]))


def split_rows(
    labels: NDArray[np.int64], split: Split, n_train: int | None = None
) -> dict[Part, NDArray[np.int64]]:
    """Draw stratified parts of exactly the sizes asked for.

    Args:
        labels: (N,) int64.
        split: sizes, which may add up to less than N, and the seed.
        n_train: rows from this one on are the source's own test part, if it has one: the test part
            is drawn from them, and the others from the rows before.

    Returns:
        Rows (n,) int64 of each part.

    Raises:
        DataError: for sizes above what there is.
    """
    own_test = None if n_train is None else len(labels) - n_train
    before = len(labels) if n_train is None else n_train
    try:
        check_split(split, before, own_test, "the source")
    except ValueError as error:
        raise DataError(str(error)) from None
    order = _stratified_order(labels[:before], split.seed)
    chosen: dict[Part, NDArray[np.int64]] = {}
    start = 0
    if n_train is None:
        # The test part comes first, so that it hangs on its own size and the seed alone.
        chosen["test"] = order[: split.test]
        start = split.test
    else:
        chosen["test"] = n_train + _stratified_order(labels[n_train:], split.seed)[: split.test]
    chosen["validation"] = order[start : start + split.validation]
    start += split.validation
    chosen["train"] = order[start : start + split.train]
    return chosen


def numbered_parts(sizes: Mapping[Part, int]) -> dict[Part, Tensor]:
    """Rows of parts that lie one after the other, in the order of PARTS."""
    rows: dict[Part, Tensor] = {}
    start = 0
    for name in PARTS:
        rows[name] = torch.arange(start, start + sizes[name])
        start += sizes[name]
    return rows


def _stratified_order(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """A random order of all examples in which every stretch holds the classes in proportion.

    The k-th of a class's n shuffled members is placed at (k + 1/2) / n; sorting by place spreads
    each class evenly, so a stretch of any length is stratified to within two examples a class.

    Returns:
        Rows (N,) int64.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    # Members of each class, in shuffled order: one sort, for data sets with a thousand classes.
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.empty(len(labels))
    places[by_class] = (rank + 0.5) / np.repeat(counts, counts)
    # Equal places of different classes keep their shuffled order: the sort is stable.
    return shuffled[np.argsort(places[shuffled], kind="stable")]
