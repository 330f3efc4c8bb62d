"""What an experiment takes of a space: its distinct functions, or a sample of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from actsearch import config
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import digest
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.schemas import SpaceError
from actsearch.functions.spaces import SearchSpace

ENUMERATED_SELECTION = 20_000
"""Spaces of at most so many names are enumerated whole before a sample is drawn."""
BARREN_DRAWS = 20_000
"""After so many draws in a row that add no function, a sample is given up."""
_DRAWS_AT_ONCE = 256


def select(space: config.Space, baselines: Sequence[str] = BASELINES) -> list[Expression]:
    """The distinct functions of a configured space, or its sample of them.

    Included functions come first (of equal ones the first), are never left out as non-finite, and
    count towards the sample. A sample is drawn uniformly without replacement by ``space.seed``:
    from the distinct functions if the space has at most `ENUMERATED_SELECTION` names, else from the
    names, dropping functions equal to one drawn before (so that functions with many names are
    likelier; nothing is enumerated), until `BARREN_DRAWS` draws in a row add none. In both cases a
    larger sample of the same seed contains the smaller, and other baselines change a sample by
    themselves and by the few functions that give way to them.

    Args:
        space: The space.
        baselines: What ``baselines`` stands for in it, by name; the paper's eight when left out.

    Returns:
        Included functions in their order, then the others: in the space's order, or as drawn from a
        large space.

    Raises:
        SpaceError: for a bad space, one too large to list, or a sample larger than what it holds
            or draws can find.
    """
    whole = SearchSpace.from_config(space, baselines)
    if space.sample is not None and not enumerated(space, whole):
        return _draw(whole, space.sample, space.seed, space.finite_only)
    return [whole[index] for index in choose(space, whole, enumerate_space(whole))]


def enumerated(space: config.Space, whole: SearchSpace) -> bool:
    """Whether `select` enumerates a configured space, rather than drawing from its names."""
    return space.sample is None or whole.size <= ENUMERATED_SELECTION


def known_size(name: str, space: config.Space, baselines: Sequence[str] = BASELINES) -> int | None:
    """How many functions `select` takes of the space called ``name``, without listing it.

    Returns:
        The number; None where only enumerating the space, which is small, can tell.

    Raises:
        SpaceError: when the space is too large to list, or a sample larger than it.
    """
    whole = SearchSpace.from_config(space, baselines)
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
    included, others = _selectable(space, whole, listed)
    if not included and not others:
        raise SpaceError("finite_only: no function of the space is finite on every sample")
    if space.sample is not None:
        _check_sample(space.sample, len(included), len(included) + len(others))
        drawn = _drawing_order(space, whole, listed, others)
        others = sorted(drawn[: space.sample - len(included)])
    return included + others


def _selectable(
    space: config.Space, whole: SearchSpace, listed: Enumeration
) -> tuple[list[int], list[int]]:
    """Indices of the distinct functions that are included, and of the others."""
    chosen = listed.representative
    if space.finite_only:
        chosen = chosen & (listed.finite | (np.arange(whole.size) < len(whole.include)))
    indices: list[int] = np.flatnonzero(chosen).tolist()
    n_included = sum(index < len(whole.include) for index in indices)
    return indices[:n_included], indices[n_included:]


def _drawing_order(
    space: config.Space, whole: SearchSpace, listed: Enumeration, others: list[int]
) -> list[int]:
    """``others`` as a sample takes them: at random, by the space's seed.

    With other baselines than the paper's the order is that with the paper's, so that the sample is
    the same but for a few. What is a baseline now has no place in it, and what was one comes to a
    random place: each order is as likely as any other.

    Returns:
        The same indices.
    """
    rng = random.Random(space.seed)
    usable = [name for name in BASELINES if parse(name).operators.isdisjoint(space.exclude)]
    standard = SearchSpace.from_config(space, usable)
    if standard.include == whole.include:
        order = list(others)
        rng.shuffle(order)
        return order
    _, usual = _selectable(space, standard, enumerate_space(standard))
    rng.shuffle(usual)
    shift = len(whole.include) - len(standard.include)  # what follows them is the same
    of_class = {int(listed.class_of[index]): index for index in others}
    classes = [int(listed.class_of[index + shift]) for index in usual]
    order = list(dict.fromkeys(of_class[number] for number in classes if number in of_class))
    for index in sorted(set(others) - set(order)):
        order.insert(rng.randrange(len(order) + 1), index)
    return order


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
