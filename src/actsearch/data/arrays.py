"""Sources that are arrays: digits, ``.npz`` files, functions of the user's."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsearch.config import Split
from actsearch.config.data import Arrays
from actsearch.data.dataset import (
    PARTS,
    Dataset,
    DataShape,
    OwnParts,
    numbered_parts,
    split_rows,
)
from actsearch.data.examples import MemoryExamples
from actsearch.data.scaling import scaled, scaling_by
from actsearch.data.sources.headers import (
    Held,
    array_headers,
    check_arrays,
    check_parts,
    named_parts,
)
from actsearch.data.sources.layouts import Array
from actsearch.data.sources.places import DataError
from actsearch.data.targets import standardized, targets_of
from actsearch.data.user_arrays import call

Named = Mapping[str, NDArray[Any]]
"""Arrays by name: ``x`` and ``y``, or such for each part (``named_parts``)."""


def split_arrays(arrays: Named, split: Split, said: Arrays = Arrays()) -> Dataset:  # noqa: B008
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
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    held = check_parts({name: Array(a.shape, a.dtype.str) for name, a in arrays.items()}, said)
    inputs = held.layout.inputs
    x = np.concatenate([_examples(arrays[name], name, held, said) for name, _ in held.pairs])
    targets = targets_of({name: arrays[name] for _, name in held.pairs}, held.layout.targets, said)
    n_tokens = _vocabulary(x, said) if inputs == "tokens" else 0
    shape = DataShape(held.layout.example, targets.n_outputs, inputs, held.layout.targets, n_tokens)
    return dataset_of(x, targets.values, shape, split, held.own_parts, targets.notes)


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
    chosen = split_rows(targets, split, own)
    used = np.concatenate([chosen[name] for name in PARTS])
    rows = numbered_parts({name: len(chosen[name]) for name in PARTS})
    taken, units = targets[used], None
    if shape.targets == "numbers":
        taken, units = standardized(targets, chosen)
    y = torch.from_numpy(taken)
    if shape.inputs == "tokens":
        examples = MemoryExamples(torch.from_numpy(x[used].astype(np.int64)), y)
        return Dataset(examples, rows, shape, notes)
    scaling = scaling_by(x, chosen["train"], shape.inputs)
    if x.dtype == np.uint8:
        moments = (scaling.mean, scaling.deviation)
        at = (torch.from_numpy(moment.astype(np.float32)) for moment in moments)
        examples = MemoryExamples(torch.from_numpy(np.ascontiguousarray(x[used])), y, *at)
    else:
        examples = MemoryExamples(torch.from_numpy(scaled(x, used, scaling)), y)
    return Dataset(examples, rows, shape, (*notes, *scaling.notes), units)


def _examples(x: NDArray[Any], name: str, held: Held, said: Arrays) -> NDArray[Any]:
    """Examples with channels first, all finite."""
    if not np.isfinite(x).all():
        raise DataError(f"{name} holds values that are not finite")
    if said.channels_last:
        x = np.moveaxis(x, -1, 1)
    return x.reshape(len(x), *held.layout.example)  # adds the axis of a single channel alone


def _vocabulary(x: NDArray[Any], said: Arrays) -> int:
    """Number of different tokens."""
    lowest, highest = int(x.min()), int(x.max())
    allowed = highest + 1 if said.vocabulary is None else said.vocabulary
    if lowest < 0 or highest >= allowed:
        raise DataError(
            f"tokens must lie from 0 to {allowed - 1}, got {lowest} to {highest}"
            + (" (vocabulary says how many there are)" if said.vocabulary else "")
        )
    return allowed


def npz_shape(path: Path, said: Arrays = Arrays()) -> DataShape:  # noqa: B008
    """What an ``.npz`` file holds; of its arrays only targets are read, and tokens.

    Returns:
        What of it shapes a network.

    Raises:
        DataError: when it lacks an array, or they cannot be used.
    """
    held = check_arrays(path, said)
    layout = held.layout
    ys = [name for _, name in held.pairs]
    targets = targets_of(dict(zip(ys, _npz(path, ys), strict=True)), layout.targets, said)
    n_tokens = said.vocabulary or 0
    if layout.inputs == "tokens" and not n_tokens:
        n_tokens = max(int(x.max()) for x in _npz(path, [name for name, _ in held.pairs])) + 1
    return DataShape(layout.example, targets.n_outputs, layout.inputs, layout.targets, n_tokens)


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
    except FileNotFoundError:
        raise DataError(f"no data file at {path}") from None
    except Exception as error:  # zip, header and pickle errors share no base class
        objects = "Object arrays" in str(error)
        reason = "it holds Python objects; allowed: numbers, strings" if objects else error
        raise DataError(f"{path} is not an .npz file that can be read: {reason}") from error
