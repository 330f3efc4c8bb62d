"""Targets of examples: classes numbered, numbers brought to mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actsearch.config.data import IGNORED, MOST_TOKENS, Arrays, Targets
from actsearch.data.dataset import PARTS, Part, Units
from actsearch.data.scaling import ALLOWED, CONSTANT, FARTHEST, first_unusable
from actsearch.data.sources.layouts import WHOLE_KINDS
from actsearch.data.sources.names import alike, few, same_name
from actsearch.data.sources.places import DataError
from actsearch.data.user_arrays import Named

_EXAMPLES_A_CLASS = 5
"""With fewer on the average, whole numbers may be meant as numbers."""
_MANY_CLASSES = 20
"""With fewer, whole numbers are classes without a question."""


class Numbered(NamedTuple):
    """Targets as they are trained on.

    Attributes:
        values: (N,) or (N, ...) int64 classes from 0, those that do not count ``IGNORED``; or
            (N, d) float64 numbers.
        n_outputs: classes, or numbers d.
        notes: what people should know of them, in sentences.
    """

    values: NDArray[Any]
    n_outputs: int
    notes: tuple[str, ...] = ()


def targets_of(arrays: Named, targets: Targets, said: Arrays) -> Numbered:
    """Targets of all parts as they are trained on.

    Args:
        arrays: those of each part by name, that of the training part first.
        targets: what they are.
        said: what the configuration says.

    Returns:
        The targets of all parts, one after the other.

    Raises:
        DataError: for values that cannot be used, naming the array.
    """
    if targets == "numbers":
        return _numbers(arrays, said)
    if targets == "positions":
        return _positions(arrays, said)
    return _classes(arrays, said)


def refuse_not_finite(arrays: Named) -> None:
    """Raise DataError for values that are not finite, naming array, number and the first place."""
    for name, values in arrays.items():
        finite = np.isfinite(values)
        if not finite.all():
            place = tuple(int(i) for i in np.argwhere(~finite)[0])
            n = int(finite.size - finite.sum())
            many = "a value that is" if n == 1 else f"{n:,} values that are"
            raise DataError(
                f"{name} holds {many} not finite{', the first' if n > 1 else ''}: "
                f"{values[place]} at {list(place)}"
            )


def _numbers(arrays: Named, said: Arrays) -> Numbered:
    refuse_not_finite(arrays)
    values = np.concatenate([y.astype(np.float64) for y in arrays.values()])
    if values.ndim == 1:
        values = values[:, None]
    one_hot = values.shape[1] > 1 and ((values == 0) | (values == 1)).all()
    if said.targets is None and one_hot and (values.sum(axis=1) == 1).all():
        first, n = next(iter(arrays)), values.shape[1]
        raise DataError(
            f"{first} holds a single 1 and else 0 in each row, as {n} classes do: store their "
            f"numbers, {first}.argmax(axis=1), or say targets: numbers of the data"
        )
    return Numbered(values, values.shape[1], _like_classes(values, said))


def _like_classes(values: NDArray[np.float64], said: Arrays) -> tuple[str, ...]:
    """What is to be said of real numbers that may be classes."""
    if said.targets is not None or values.shape[1] > 1 or (values % 1).any():
        return ()
    found = np.unique(values)
    if len(found) > _MANY_CLASSES:
        return ()
    return (
        f"targets are real numbers, and take {len(found)} whole values: if they are classes, store "
        "them as whole numbers; if not, targets: numbers of the data says so",
    )


def _positions(arrays: Named, said: Arrays) -> Numbered:
    ignored = IGNORED if said.ignore is None else said.ignore
    found: dict[str, NDArray[np.int64]] = {}
    for name, y in arrays.items():
        counted = y[y != ignored]
        if not counted.size:
            raise DataError(f"{name} holds no class but {ignored}, which does not count")
        lowest, highest = int(counted.min()), int(counted.max())
        if lowest < 0:
            raise DataError(
                f"{name} holds {lowest}, but classes at positions are whole numbers from 0; "
                f"the one that does not count is {ignored} (ignore of the data says which)"
            )
        if highest >= MOST_TOKENS:
            raise DataError(
                f"{name} holds the class {highest}; allowed at positions: 0 to {MOST_TOKENS - 1}, "
                f"and {ignored}, which does not count (ignore of the data says which)"
            )
        found[name] = np.unique(counted).astype(np.int64)
    highest = max(int(classes[-1]) for classes in found.values())
    if highest == 0:
        raise DataError(f"{next(iter(arrays))} holds one class alone: two are needed")
    values = np.concatenate([y.astype(np.int64) for y in arrays.values()])
    values[np.concatenate([y == ignored for y in arrays.values()])] = IGNORED
    return Numbered(values, highest + 1, unseen_notes(found, "classes"))


def unseen_notes(found: Named, of: str) -> tuple[str, ...]:
    """What is to be said of tokens, or of classes at positions, that training never meets.

    They are no fault: tokens may be rare.

    Args:
        found: different ones of each part by the array's name, the training part first.
        of: what they are.

    Returns:
        A sentence a part that has some.
    """
    return tuple(
        f"{len(new)} of the {len(found[name])} {of} in {name} do not occur in {first}"
        for first, name, new in _unseen(found)
    )


def _unseen(arrays: Named) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Names of the training part's array and of each that holds other classes, and these."""
    (first, known), *others = arrays.items()
    for name, y in others:
        new = np.setdiff1d(y, known)
        if len(new):
            yield first, name, new


def _classes(arrays: Named, said: Arrays) -> Numbered:
    """Classes in sorted order, numbered from 0."""
    first = next(iter(arrays))
    classes, values = np.unique(np.concatenate([*arrays.values()]), return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"{first} must hold at least two classes, got {len(classes)}")
    if classes.dtype.kind == "U" and (same := same_name(map(str, classes))):
        raise DataError(
            f"{first} holds {same[0]!r} in two Unicode forms (NFC and NFD), which would be two "
            "classes"
        )
    rare = len(classes) > _MANY_CLASSES and len(values) < _EXAMPLES_A_CLASS * len(classes)
    if rare and classes.dtype.kind in WHOLE_KINDS and said.targets is None:
        raise DataError(
            f"{first} holds {len(classes)} different whole numbers in {len(values)} examples: say "
            "targets: numbers of the data if they are to be predicted as numbers, and targets: "
            "classes if each is a class"
        )
    for _, name, new in _unseen(arrays):
        raise DataError(
            f"{name} holds the class {new[0].item()!r}, of which {first} has no example"
        )
    notes = tuple(
        f"labels that differ only in case, blanks or width: {few(group)}"
        for group in alike(map(str, classes) if classes.dtype.kind == "U" else ())
    )
    return Numbered(values.reshape(-1).astype(np.int64), len(classes), notes)


def refuse_uncounted(values: NDArray[np.int64], chosen: Mapping[Part, NDArray[np.int64]]) -> None:
    """Refuse classes at positions of which none counts in a part that was drawn.

    Args:
        values: (N, ...), see :class:`Numbered`.
        chosen: rows of each part.

    Raises:
        DataError: naming the part.
    """
    for part, rows in chosen.items():
        if (values[rows] == IGNORED).all():
            raise DataError(
                f"the {part} part as drawn, {len(rows)} examples, has no position that counts: "
                "another size or seed of the split draws others"
            )


def standardized(
    values: NDArray[np.float64], chosen: Mapping[Part, NDArray[np.int64]]
) -> tuple[NDArray[np.float32], Units]:
    """Numbers of all parts with mean 0 and deviation 1 over the training part.

    Args:
        values: (N, d).
        chosen: rows of each part.

    Returns:
        (n, d) float32, part after part, and their units.

    Raises:
        DataError: where a column is constant over a part, but for rounding: R2 is not defined
            there; where numbers are too large or too small to be scaled.
    """
    with np.errstate(all="ignore"):  # what overflows is refused
        for part, rows in chosen.items():
            _refuse_constant(values[rows], part)
        train = values[chosen["train"]]
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        at = first_unusable(mean, deviation)
        if at is not None:
            raise DataError(
                f"{_column(values, at)} targets of the train part have mean {mean[at]:g} and "
                f"deviation {deviation[at]:g}: allowed are {ALLOWED}"
            )
        for part, rows in chosen.items():
            far = (np.abs(values[rows] - mean) / deviation).max(axis=0)
            if (far > FARTHEST).any():
                at = int(far.argmax())
                raise DataError(
                    f"{_column(values, at)} targets of the {part} part lie up to {far[at]:g} "
                    f"deviations of the train part from its mean: allowed are {FARTHEST:g}"
                )
    used = np.concatenate([chosen[name] for name in PARTS])
    units = Units(tuple(mean.tolist()), tuple(deviation.tolist()))
    return ((values[used] - mean) / deviation).astype(np.float32), units


def _refuse_constant(values: NDArray[np.float64], part: Part) -> None:
    """Refuse a column that is constant over a part, but for rounding."""
    extent = np.ptp(values, axis=0)
    constant = np.flatnonzero(extent <= CONSTANT * np.abs(values).max(axis=0))
    if len(constant):
        at = int(constant[0])
        rounding = " but for rounding" if extent[at] else ""
        raise DataError(
            f"{_column(values, at)} targets of the {part} part are all {values[0, at]:g}"
            f"{rounding}: there is nothing to tell apart"
        )


def _column(values: NDArray[np.float64], at: int) -> str:
    n = values.shape[1]
    return f"column {at + 1} of {n} of the" if n > 1 else "the"
