"""What an experiment takes of a space: its distinct functions, or a sample of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from actsearch import config
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import digest
from actsearch.functions.expressions import Expression
from actsearch.functions.schemas import SpaceError
from actsearch.functions.spaces import SearchSpace

ENUMERATED_SELECTION = 20_000
"""Spaces of at most so many names are enumerated whole before a sample is drawn."""
BARREN_DRAWS = 20_000
"""After so many draws in a row that add no function, a sample is given up."""
_DRAWS_AT_ONCE = 256


def select(space: config.Space) -> list[Expression]:
    """The distinct functions of a configured space, or its sample of them.

    Included functions come first (of equal ones the first), are never left out as non-finite, and
    count towards the sample. A sample is drawn uniformly without replacement by ``space.seed``:
    from the distinct functions if the space has at most `ENUMERATED_SELECTION` names, else from the
    names, dropping functions equal to one drawn before (so that functions with many names are
    likelier; nothing is enumerated), until `BARREN_DRAWS` draws in a row add none. In both cases a
    larger sample of the same seed contains the smaller.

    Returns:
        Included functions in their order, then the others: in the space's order, or as drawn from a
        large space.

    Raises:
        SpaceError: for a bad space, one too large to list, or a sample larger than what it holds
            or draws can find.
    """
    whole = SearchSpace.from_config(space)
    if space.sample is not None and not enumerated(space, whole):
        return _draw(whole, space.sample, space.seed, space.finite_only)
    return [whole[index] for index in choose(space, whole, enumerate_space(whole))]


def enumerated(space: config.Space, whole: SearchSpace) -> bool:
    """Whether `select` enumerates a configured space, rather than drawing from its names."""
    return space.sample is None or whole.size <= ENUMERATED_SELECTION


def known_size(name: str, space: config.Space) -> int | None:
    """How many functions `select` takes of the space called ``name``, without listing it.

    Returns:
        The number; None where only enumerating the space, which is small, can tell.

    Raises:
        SpaceError: when the space is too large to list, or a sample larger than it.
    """
    whole = SearchSpace.from_config(space)
    if whole.size <= ENUMERATED_SELECTION:
        return None
    if space.sample is None:
        raise SpaceError(
            f"space {name!r} has {whole.size} names, too many to list; give it a sample, "
            f"or at most {ENUMERATED_SELECTION} names"
        )
    if space.sample > whole.size:
        raise SpaceError(f"space {name!r}: sample {space.sample} of only {whole.size} names")
    return space.sample


def choose(space: config.Space, whole: SearchSpace, listed: Enumeration) -> list[int]:
    """What `select` takes of a space that was enumerated.

    Returns:
        Indices in ``whole``, in `select`'s order.

    Raises:
        SpaceError: when nothing is finite, or the sample does not fit.
    """
    chosen = listed.representative
    if space.finite_only:
        included = np.arange(whole.size) < len(whole.include)
        chosen = chosen & (listed.finite | included)
    indices: list[int] = np.flatnonzero(chosen).tolist()
    if not indices:
        raise SpaceError("finite_only: no function of the space is finite on every sample")
    if space.sample is not None:
        n_included = sum(index < len(whole.include) for index in indices)
        _check_sample(space.sample, n_included, len(indices))
        others = indices[n_included:]
        random.Random(space.seed).shuffle(others)
        indices = indices[:n_included] + sorted(others[: space.sample - n_included])
    return indices


def _draw(space: SearchSpace, sample: int, seed: int, finite_only: bool) -> list[Expression]:
    """Names at random until ``sample`` distinct functions are found; the included ones first."""
    chosen: list[Expression] = []
    seen: tuple[set[int], set[int]] = (set(), set())

    def add(expressions: Sequence[Expression], any_value: bool) -> None:
        digests = digest(expressions)
        for expression, keys, finite in zip(
            expressions, digests.grids.T.tolist(), digests.finite, strict=True
        ):
            known = any(key in grid for key, grid in zip(keys, seen, strict=True))
            for key, grid in zip(keys, seen, strict=True):
                grid.add(key)
            if not known and (finite or any_value):
                chosen.append(expression)

    if space.include:
        add(space.include, any_value=True)
    n_included = len(chosen)
    _check_sample(sample, n_included, sample)
    draws = _permutation(space.size - len(space.include), seed)
    barren = 0
    while len(chosen) < sample:
        batch = [space[len(space.include) + index] for index in islice(draws, _DRAWS_AT_ONCE)]
        if not batch:
            _check_sample(sample, n_included, len(chosen))
        found = len(chosen)
        add(batch, any_value=not finite_only)
        barren = barren + len(batch) if len(chosen) == found else 0
        if barren >= BARREN_DRAWS:
            raise SpaceError(
                f"sample: {sample} functions asked for, but only {found} distinct ones were found; "
                f"the last {barren:,} draws added none"
            )
    return chosen[:sample]


def _permutation(n: int, seed: int) -> Iterator[int]:
    """0 to n - 1 in random order, by a Fisher-Yates shuffle that stores only what it has moved."""
    rng = random.Random(seed)
    moved: dict[int, int] = {}
    for end in range(n - 1, -1, -1):
        pick = rng.randrange(end + 1)
        yield moved.get(pick, pick)
        moved[pick] = moved.pop(end, end)


def _check_sample(sample: int, n_included: int, available: int) -> None:
    if sample < n_included:
        raise SpaceError(f"sample: {sample} is fewer than the {n_included} included functions")
    if sample > available:
        raise SpaceError(f"sample: {sample} functions asked for, but the space holds {available}")
