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
        notes: what people should know of the images, in sentences.
    """

    examples: Examples
    rows: Mapping[Part, Tensor]
    n_classes: int
    notes: tuple[str, ...] = ()

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


class OwnParts(NamedTuple):
    """Where the rows of a source's own parts begin; its own train part comes first."""

    train: int
    """Rows of the train part."""
    validation: int = 0
    """Rows of the validation part, which follow; 0 where it has none. The rest is the test part."""


def split_rows(
    labels: NDArray[np.int64], split: Split, own: OwnParts | None = None
) -> dict[Part, NDArray[np.int64]]:
    """Draw stratified parts of exactly the sizes asked for.

    Args:
        labels: (N,) int64.
        split: sizes, which may add up to less than N, and the seed.
        own: the source's own parts, if it has some. The test part is drawn from its own, and the
            others from the rest; where there is a validation part too, each is drawn from its own.

    Returns:
        Rows (n,) int64 of each part.

    Raises:
        DataError: for sizes above what there is.
    """
    n_train, n_validation = own or (len(labels), 0)
    before = n_train + n_validation
    try:
        check_split(
            split,
            n_train,
            None if own is None else len(labels) - before,
            "the source",
            n_validation or None,
        )
    except ValueError as error:
        raise DataError(str(error)) from None

    def order(start: int, end: int) -> NDArray[np.int64]:
        return start + _stratified_order(labels[start:end], split.seed)

    if own is not None and n_validation:
        return {
            "test": order(before, len(labels))[: split.test],
            "validation": order(n_train, before)[: split.validation],
            "train": order(0, n_train)[: split.train],
        }
    rest = order(0, n_train)
    if own is None:
        # The test part comes first, so that it hangs on its own size and the seed alone.
        test, rest = rest[: split.test], rest[split.test :]
    else:
        test = order(n_train, len(labels))[: split.test]
    return {
        "test": test,
        "validation": rest[: split.validation],
        "train": rest[split.validation : split.validation + split.train],
    }


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
