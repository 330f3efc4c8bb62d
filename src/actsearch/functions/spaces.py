"""Search spaces: what can be searched, listed, with the different functions told from the equal.

A space is its ``include`` functions, then its schemas in order (`actsearch.functions.schemas`).
Nothing is listed until it is asked for. A name that two schemas give, or that is included too,
counts for each.

Two functions are the same when their float64 outputs on 1,000 standard-normal samples are, up to
rounding (`actsearch.functions.equivalence`). Of equal functions one stands for all: the first
included one if there is any, else the shortest name, and of those the first in the space.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from actsearch import config
from actsearch.functions.enumeration import Enumerator
from actsearch.functions.equivalence import Digests, digest, group
from actsearch.functions.equivalence import normal_samples as normal_samples
from actsearch.functions.equivalence import outputs as outputs
from actsearch.functions.expressions import Expression, ExpressionError, parse
from actsearch.functions.operators import (
    BASELINES,
    BINARY,
    NARY,
    UNARY,
    OperatorError,
    get_operator,
)
from actsearch.functions.schemas import (
    ARITIES,
    BINARY_PLACEHOLDER,
    NARY_PLACEHOLDER,
    UNARY_PLACEHOLDER,
    Schema,
)
from actsearch.functions.schemas import SpaceError as SpaceError

BUILT_IN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "three-node": (("binary(unary(x),unary(x))",), ()),
    "four-node": (
        (
            "unary(unary(unary(unary(x))))",
            "unary(binary(unary(x),unary(x)))",
            "binary(unary(unary(x)),unary(x))",
            "binary(unary(x),unary(unary(x)))",
            "n-ary(unary(x),unary(x),unary(x))",
        ),
        BASELINES,
    ),
}
"""Schemas and included functions of the spaces of Bingham and Miikkulainen (2023), by name."""

BASELINES_WORD = "baselines"
ENUMERATED_SELECTION = 20_000
"""Spaces of at most so many names are enumerated whole before a sample is drawn."""
MAX_ENUMERATED = 10_000_000
"""Most names that are ever enumerated."""
BARREN_DRAWS = 20_000
"""After so many draws in a row that add no function, a sample is given up."""
_DRAWS_AT_ONCE = 256


class SearchSpace:
    """Functions by number.

    Args:
        schemas: Shapes such as ``binary(unary(x),unary(x))``, or names of built-in spaces, which
            stand for their schemas and included functions.
        include: Functions by name, numbered first; ``baselines`` stands for the eight.
        unary: Operators that fill the placeholder; the 27 of Act-Bench when left out.
        binary: The same; the 7 when left out.
        nary: The same; the 4 when left out.

    Attributes:
        include: The included functions.
        schemas: The schemas, read.
        size: Number of names; ``len()`` is the same, but cannot exceed 2^63 - 1.

    Raises:
        SpaceError: for a bad schema, function or operator, and when nothing is in the space.
    """

    def __init__(
        self,
        schemas: Iterable[str],
        include: Iterable[str] = (),
        unary: Iterable[str] | None = None,
        binary: Iterable[str] | None = None,
        nary: Iterable[str] | None = None,
    ) -> None:
        operators = {
            UNARY_PLACEHOLDER: _checked(UNARY_PLACEHOLDER, UNARY if unary is None else unary),
            BINARY_PLACEHOLDER: _checked(BINARY_PLACEHOLDER, BINARY if binary is None else binary),
            NARY_PLACEHOLDER: _checked(NARY_PLACEHOLDER, NARY if nary is None else nary),
        }
        texts: list[str] = []
        names: list[str] = []
        for text in _strings("schemas", schemas):
            built_in, included = BUILT_IN.get(text.strip(), ((text,), ()))
            texts += built_in
            names += included
        for name in _strings("include", include):
            names += BASELINES if name == BASELINES_WORD else (name,)
        try:
            self.include = tuple(dict.fromkeys(parse(name) for name in names))
        except ExpressionError as error:
            raise SpaceError(f"include: {error}") from None
        self.schemas = tuple(Schema(text, operators) for text in dict.fromkeys(texts))
        self.size = len(self.include) + sum(schema.size for schema in self.schemas)
        if not self.size:
            raise SpaceError("the space is empty: give schemas, include, or both")

    @classmethod
    def named(cls, name: str) -> SearchSpace:
        """A built-in space, ``three-node`` (5,103 names) or ``four-node`` (1,023,524).

        Raises:
            SpaceError: for another name.
        """
        if name not in BUILT_IN:
            raise SpaceError(f"unknown space {name!r}; built in: {', '.join(BUILT_IN)}")
        return cls((name,))

    @classmethod
    def from_config(cls, space: config.Space) -> SearchSpace:
        """The space of a configuration, before any sampling."""
        return cls(space.schemas, space.include, space.unary, space.binary, space.nary)

    def __len__(self) -> int:
        return self.size

    @property
    def operators(self) -> frozenset[str]:
        """Names of the operators that its functions are made of."""
        filling = (op for schema in self.schemas for choice, _ in schema.nodes for op in choice)
        included = (name for function in self.include for name in function.operators)
        return frozenset({*(operator.name for operator in filling), *included})

    def __getitem__(self, index: int) -> Expression:
        position = index + self.size if index < 0 else index
        if not 0 <= position < self.size:
            raise IndexError(f"index {index} of a space of {self.size} functions")
        if position < len(self.include):
            return self.include[position]
        position -= len(self.include)
        for schema in self.schemas:
            if position < schema.size:
                break
            position -= schema.size
        return schema.expression(position)

    def __iter__(self) -> Iterator[Expression]:
        return (self[index] for index in range(self.size))

    def names(self) -> list[str]:
        """All names in order; much faster than one by one."""
        listed = [expression.name for expression in self.include]
        for schema in self.schemas:
            listed += schema.names()
        return listed

    def slugs(self) -> list[str]:
        """All slugs in order; much faster than one by one."""
        listed = [expression.slug for expression in self.include]
        for schema in self.schemas:
            listed += schema.slugs()
        return listed


@dataclass(frozen=True)
class Enumeration:
    """A space listed, in its order.

    Attributes:
        names: Names, n of them.
        class_of: Equivalence class, shape (n,), int64, numbered by first appearance.
        representative: Whether the function stands for its class, shape (n,), bool.
        finite: Whether it is finite on every sample, shape (n,), bool.
    """

    names: list[str]
    class_of: npt.NDArray[np.int64]
    representative: npt.NDArray[np.bool_]
    finite: npt.NDArray[np.bool_]


def enumerate_space(
    space: SearchSpace, progress: Callable[[int, int], None] | None = None
) -> Enumeration:
    """List a space and find its distinct functions.

    Memory is bounded: about 250 bytes a name, and the different outputs of shared sub-expressions,
    8 kB each (at most `actsearch.functions.enumeration.MAX_ROWS` a sub-expression's shape).

    Args:
        space: At most `MAX_ENUMERATED` names.
        progress: Called now and then with the number of functions done and of all.

    Raises:
        SpaceError: when the space is too large.
    """
    if space.size > MAX_ENUMERATED:
        raise SpaceError(
            f"a space of {space.size:,} names is too large to enumerate "
            f"(at most {MAX_ENUMERATED:,}); draw a sample"
        )
    done = len(space.include)

    def report(n: int) -> None:
        if progress:
            progress(done + n, space.size)

    parts = [digest(space.include)] if space.include else []
    enumerator = Enumerator()
    for schema in space.schemas:
        parts.append(enumerator.digests(schema, report))
        done += schema.size
    digests = Digests.join(parts)
    names = space.names()
    class_of = group(digests.grids)
    lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names))
    lengths[: len(space.include)] = 0  # included functions come before any other
    order = np.lexsort((lengths, class_of))  # stable: ties stay in the space's order
    first = np.diff(class_of[order], prepend=-1) != 0
    representative = np.zeros(len(names), dtype=bool)
    representative[order[first]] = True
    return Enumeration(names, class_of, representative, digests.finite)


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
    """How many functions `select` takes of the space called ``name``; None where it must tell.

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
    """Indices in ``whole``, once enumerated, of what `select` takes, in its order.

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


def _checked(kind: str, names: Iterable[str]) -> tuple[str, ...]:
    """Operator names for a placeholder, each known, of its arity, and given once."""
    listed = _strings(kind, names)
    for name in listed:
        try:
            arity = get_operator(name).arity
        except OperatorError as error:
            raise SpaceError(f"{kind}: {error}") from None
        if arity != ARITIES[kind]:
            raise SpaceError(
                f"{kind}: {name!r} takes {arity or '2 or more'} arguments, so it is not {kind}"
            )
        if listed.count(name) > 1:
            raise SpaceError(f"{kind}: {name!r} is given twice")
    return listed


def _strings(what: str, texts: Iterable[str]) -> tuple[str, ...]:
    listed = (texts,) if isinstance(texts, str) else tuple(texts)
    for text in listed:
        if not isinstance(text, str):
            raise SpaceError(f"{what}: expected strings, got {text!r}")
    return listed
