"""Examples and the rows of each part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsearch.config import Split
from actsearch.config.data import Inputs, Targets, check_split
from actsearch.data.examples import Examples
from actsearch.data.sources.layouts import UNITS
from actsearch.data.sources.parts import OwnParts
from actsearch.data.sources.places import DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)


class DataShape(NamedTuple):
    """What of a data set shapes a network."""

    input_shape: tuple[int, ...]
    """Of an example: of images channels, height and width."""
    n_outputs: int
    """Classes, or numbers that are predicted."""
    inputs: Inputs = "images"
    targets: Targets = "classes"
    n_tokens: int = 0
    """Different tokens; 0 where examples are none."""

    @property
    def shape(self) -> DataShape:
        """This, as of a data set."""
        return self

    @property
    def dtype(self) -> torch.dtype:
        """Of examples that a network is given."""
        return torch.int64 if self.inputs == "tokens" else torch.float32

    @property
    def positions(self) -> tuple[int, ...]:
        """Shape of an example without its channels."""
        return self.input_shape if self.inputs == "tokens" else self.input_shape[1:]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of a network's outputs for one example."""
        at = self.positions if self.targets == "positions" else ()
        return (*at, self.n_outputs)

    @property
    def in_words(self) -> str:
        """Its examples, such as ``images, 3 channels of 32 x 32 pixels``."""
        channels, sizes = self.input_shape[0], " x ".join(map(str, self.positions))
        if self.inputs == "features":
            return _counted(channels, "feature")
        if self.inputs == "tokens":
            return f"{_counted(channels, 'token')}, of {self.n_tokens:,} different ones"
        return f"{self.inputs}, {_counted(channels, 'channel')} of {sizes} {UNITS[self.inputs]}"

    @property
    def targets_in_words(self) -> str:
        """What is learned of them, such as ``10 classes``."""
        if self.targets == "positions":
            return f"a class of {self.n_outputs:,} at each position"
        if self.targets == "numbers":
            return f"{_counted(self.n_outputs, 'number')} to predict"
        return f"{self.n_outputs:,} classes"


def _counted(n: int, name: str) -> str:
    return f"{n:,} {name}" if n == 1 else f"{n:,} {name}s"


class Units(NamedTuple):
    """Units of numbers that are predicted: an original one is ``deviation * number + mean``."""

    mean: tuple[float, ...]
    """(d,) of the training part."""
    deviation: tuple[float, ...]
    """(d,)"""


@dataclass(frozen=True)
class Dataset:
    """Examples and targets in three parts.

    Attributes:
        examples: all of them. Classes are numbered from 0 to n_outputs - 1, those of positions that
            do not count are ``IGNORED``; numbers have mean 0 and deviation 1 over the training
            part.
        rows: the numbers (n,) int64 of each part's examples.
        shape: what of them shapes a network; its classes are those of the source, whichever of them
            were drawn.
        notes: what people should know of the data, in sentences.
        units: of numbers that are predicted.
        own_validation: whether the user's arrays give the validation part by itself.
    """

    examples: Examples
    rows: Mapping[Part, Tensor]
    shape: DataShape
    notes: tuple[str, ...] = ()
    units: Units | None = None
    own_validation: bool = False

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
    targets: NDArray[Any], split: Split, own: OwnParts | None = None
) -> dict[Part, NDArray[np.int64]]:
    """Draw parts of exactly the sizes asked for; stratified, where targets are a class each.

    Args:
        targets: (N, ...); a class each where they are (N,) int64.
        split: sizes, which may add up to less than N, and the seed.
        own: the source's own parts, if it has some. The test part is drawn from its own, and the
            others from the rest; where there is a validation part too, each is drawn from its own.

    Returns:
        Rows (n,) int64 of each part.

    Raises:
        DataError: for sizes above what there is.
    """
    n_train, n_validation = own or (len(targets), 0)
    before = n_train + n_validation
    try:
        check_split(
            split,
            n_train,
            None if own is None else len(targets) - before,
            "the source",
            n_validation or None,
        )
    except ValueError as error:
        raise DataError(str(error)) from None

    is_class = targets.ndim == 1 and targets.dtype.kind == "i"

    def order(start: int, end: int) -> NDArray[np.int64]:
        if is_class:
            return start + _stratified_order(targets[start:end], split.seed)
        return start + np.random.default_rng(split.seed).permutation(end - start)

    if own is not None and n_validation:
        return {
            "test": order(before, len(targets))[: split.test],
            "validation": order(n_train, before)[: split.validation],
            "train": order(0, n_train)[: split.train],
        }
    rest = order(0, n_train)
    if own is None:
        # The test part comes first, so that it hangs on its own size and the seed alone.
        test, rest = rest[: split.test], rest[split.test :]
    else:
        test = order(n_train, len(targets))[: split.test]
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
