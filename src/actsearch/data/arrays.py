"""Sources that are arrays: digits, ``.npz`` files, functions of the user's."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from actsearch.config import Split
from actsearch.config.data import MOST_TOKENS, Arrays
from actsearch.data.dataset import (
    PARTS,
    Dataset,
    DataShape,
    Part,
    Units,
    numbered_parts,
    split_rows,
)
from actsearch.data.examples import MemoryExamples
from actsearch.data.scaling import Scaling, refuse_far, scaled, scaling_by
from actsearch.data.sources.headers import array_headers, check_parts, headers_of, named_parts
from actsearch.data.sources.layouts import Layout
from actsearch.data.sources.parts import OwnParts
from actsearch.data.sources.places import DataError
from actsearch.data.targets import (
    Numbered,
    refuse_not_finite,
    refuse_uncounted,
    standardized,
    targets_of,
    unseen_notes,
)
from actsearch.data.user_arrays import Named, call

NOTHING_SAID = Arrays()
"""Of arrays whose ranks and dtypes tell what they are."""


class Checked(NamedTuple):
    """Arrays that networks can be trained on.

    Attributes:
        x: examples (N, ...) of all parts, channels first, not scaled.
        targets: theirs.
        shape: what they are.
        own: where the rows of parts that are given begin.
        notes: what is to be said of all this, in sentences.
    """

    x: NDArray[Any]
    targets: Numbered
    shape: DataShape
    own: OwnParts | None
    notes: tuple[str, ...]


def check_values(arrays: Named, said: Arrays) -> Checked:
    """Arrays as examples with targets, if all of their values can be used.

    Args:
        arrays: examples and targets, see :func:`actsearch.data.sources.layouts.layout_of`.
        said: what is said of them.

    Returns:
        The examples of all parts, one after the other.

    Raises:
        DataError: for arrays that do not fit, and values that cannot be used; it names the array.
    """
    held = check_parts(headers_of(arrays), said)
    layout = held.layout
    examples, labels = ({names[k]: arrays[names[k]] for names in held.pairs} for k in (0, 1))
    refuse_not_finite(examples)
    n_tokens, notes = 0, tuple[str, ...]()
    if layout.inputs == "tokens":
        n_tokens = _vocabulary(examples, said)
        notes = unseen_notes({name: np.unique(x) for name, x in examples.items()}, "tokens")
    targets = targets_of(labels, layout.targets, said)
    x = _joined([_channels_first(x, layout, said) for x in examples.values()])
    shape = DataShape(layout.example, targets.n_outputs, layout.inputs, layout.targets, n_tokens)
    return Checked(x, targets, shape, held.own_parts, (*notes, *targets.notes))


def split_arrays(arrays: Named, split: Split, said: Arrays = NOTHING_SAID) -> Dataset:
    """Cut arrays into parts of exactly the sizes asked for, and scale them.

    Bytes stay bytes in memory. Where arrays of parts are given, each is drawn from its own.

    Args:
        arrays: examples and targets, see :func:`actsearch.data.sources.layouts.layout_of`.
        split: sizes, which may add up to less than there is, and the seed.
        said: what is said of them.

    Returns:
        The three parts; channels, features and numbers to be predicted are scaled by mean and
        deviation of the training part.

    Raises:
        DataError: for arrays that do not fit, values that cannot be used, a constant training part,
            or sizes above what there is.
    """
    found = check_values(arrays, said)
    own, notes = found.own, found.notes
    if own:
        notes = (_parts_in_words(own), *notes)
    dataset = dataset_of(found.x, found.targets.values, found.shape, split, own, notes)
    return replace(dataset, own_validation=bool(own and own.validation))


def _parts_in_words(own: OwnParts) -> str:
    if own.validation:
        return "train, validation and test are parts as they are given"
    return "train and test are parts as they are given; validation is drawn from train"


def shape_of(arrays: Named, split: Split, said: Arrays = NOTHING_SAID) -> DataShape:
    """What :func:`split_arrays` would return the shape of, and refuse, without a copy of examples.

    Args:
        arrays: examples and targets.
        split: sizes and seed.
        said: what is said of them.

    Returns:
        What of them shapes a network.

    Raises:
        DataError: as there.
    """
    found = check_values(arrays, said)
    _drawn(found.x, found.targets.values, found.shape, split, found.own)
    return found.shape


class _Drawn(NamedTuple):
    """The rows of each part, and what is made of them without a copy of examples."""

    rows: dict[Part, NDArray[np.int64]]
    targets: NDArray[Any]
    """Of all parts, one after the other."""
    units: Units | None
    scaling: Scaling | None
    """None of tokens."""


def _drawn(
    x: NDArray[Any], targets: NDArray[Any], shape: DataShape, split: Split, own: OwnParts | None
) -> _Drawn:
    """Draw the parts; raises DataError, as :func:`dataset_of`, where they cannot be used."""
    rows = split_rows(targets, split, own)
    taken, units, scaling = targets[np.concatenate([rows[name] for name in PARTS])], None, None
    if shape.targets == "numbers":
        taken, units = standardized(targets, rows)
    if shape.targets == "positions":
        refuse_uncounted(targets, rows)
    if shape.inputs != "tokens":
        scaling = scaling_by(x, rows["train"], shape.inputs)
        refuse_far(x, rows, scaling)
    return _Drawn(rows, taken, units, scaling)


def dataset_of(
    x: NDArray[Any],
    targets: NDArray[Any],
    shape: DataShape,
    split: Split,
    own: OwnParts | None = None,
    notes: tuple[str, ...] = (),
) -> Dataset:
    """Examples (N, ...) with their targets, split and scaled.

    Bytes are scaled when they are handed out, to a quarter of the memory; other numbers at once;
    tokens never. For the source's ``own`` parts see :func:`split_rows`.

    Args:
        x: examples, channels first.
        targets: (N,) or (N, ...) int64 classes, or (N, d) float64 numbers.
        shape: what they are.
        split: sizes and seed.
        own: the source's own parts.
        notes: what is to be said of them.

    Returns:
        The three parts.

    Raises:
        DataError: for sizes above what there is, and for a constant training part.
    """
    drawn = _drawn(x, targets, shape, split, own)
    used = np.concatenate([drawn.rows[name] for name in PARTS])
    rows = numbered_parts({name: len(drawn.rows[name]) for name in PARTS})
    y, units, scaling = torch.from_numpy(drawn.targets), drawn.units, drawn.scaling
    if scaling is None:
        examples = MemoryExamples(torch.from_numpy(x[used].astype(np.int64)), y)
        return Dataset(examples, rows, shape, notes, units)
    if x.dtype == np.uint8:
        moments = (scaling.mean, scaling.deviation)
        at = (torch.from_numpy(moment.astype(np.float32)) for moment in moments)
        examples = MemoryExamples(torch.from_numpy(np.ascontiguousarray(x[used])), y, *at)
    else:
        examples = MemoryExamples(torch.from_numpy(scaled(x, used, scaling)), y)
    return Dataset(examples, rows, shape, (*notes, *scaling.notes), units)


def _channels_first(x: NDArray[Any], layout: Layout, said: Arrays) -> NDArray[Any]:
    """Examples (N, ...) with an axis of channels, where they have channels, before all others."""
    if said.channels_last:
        return np.moveaxis(x, -1, 1)
    return x if x.shape[1:] == layout.example else x[:, None]


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Parts one after the other; one alone is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _vocabulary(arrays: Named, said: Arrays) -> int:
    """Number of different tokens."""
    n = said.vocabulary or 1 + max(int(x.max()) for x in arrays.values())
    for name, x in arrays.items():
        lowest, highest = int(x.min()), int(x.max())
        if lowest >= 0 and highest >= MOST_TOKENS:
            raise DataError(
                f"{name} holds tokens {lowest} to {highest}; allowed: 0 to {MOST_TOKENS - 1} (the "
                f"largest vocabulary is {MOST_TOKENS}): number those that occur from 0"
            )
        if lowest < 0 or highest >= n:
            allowed = f"0 to {n - 1} (vocabulary: {n})" if said.vocabulary else "0 and more"
            other = "" if said.inputs else "; if they are numbers, say inputs: features of the data"
            raise DataError(f"{name} holds tokens {lowest} to {highest}; allowed: {allowed}{other}")
    return n


def read_arrays(source: str) -> Named:
    """The arrays of ``digits``, ``npz:PATH`` or ``package.module:function``, by name."""
    if source == "digits":
        return _digits()
    if source.startswith("npz:"):
        path = Path(source.removeprefix("npz:"))
        names = [name for pair in named_parts(array_headers(path)).values() for name in pair]
        return dict(zip(names, _npz(path, names), strict=True))
    return call(source)


def _digits() -> Named:
    """1,797 handwritten digits of 8 x 8 pixels, 0 to 16 (UCI test set, in scikit-learn)."""
    # By path: importing scikit-learn takes a second, and every training job would spend it.
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError("the digits are part of scikit-learn, which is not installed")
    table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    return {"x": table[:, :-1].reshape(-1, 8, 8), "y": table[:, -1].astype(np.int64)}


def _npz(path: Path, names: Sequence[str]) -> tuple[NDArray[Any], ...]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(arrays[name] for name in names)
    except Exception as error:  # zip, header and pickle errors share no base class
        objects = "Object arrays" in str(error)
        reason = "it holds Python objects; allowed: numbers, strings" if objects else error
        raise DataError(f"{path} is not an .npz file that can be read: {reason}") from error
