"""A space listed, with the different functions told from the equal.

Two functions are the same when their float64 outputs on 1,000 standard-normal samples are, up to
rounding (`actsearch.functions.equivalence`). Of equal functions one stands for all: the first
included one if there is any, else the shortest name, and of those the first in the space.

Outputs are streamed, and each sub-expression is evaluated once.
The functions of a schema share their parts: the 531,441 chains of four unary operators have 19,683
distinct beginnings at most, and far fewer with different outputs. So a table is kept of the
distinct outputs (bit by bit) of each sub-schema, an operator is applied to tables block by block,
and of the whole schema only digests are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from actsearch.functions.equivalence import Digests, Floats, digest, group, normal_samples
from actsearch.functions.operators import Operator
from actsearch.functions.schemas import Schema, SpaceError
from actsearch.functions.spaces import SearchSpace

MAX_ENUMERATED = 10_000_000
"""Most names that are ever enumerated."""
MAX_ROWS = 100_000
"""Most distinct sub-expressions kept in memory, 8 kB each."""
BLOCK = 32
"""Functions evaluated at once: their outputs fit a core's cache."""


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
    8 kB each (at most `MAX_ROWS` a sub-expression's shape).

    Args:
        space: At most `MAX_ENUMERATED` names.
        progress: Called now and then with the number of functions done and of all.

    Returns:
        The space's names in order, and which of them are distinct and finite.

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


@dataclass(frozen=True)
class _Table:
    """Outputs of all functions of a sub-schema, ``values[index]``: shapes (rows, 1000), (n,)."""

    values: Floats
    index: npt.NDArray[np.intp]


Node = tuple[tuple[Operator, ...], int]


class Enumerator:
    """Evaluates schemas; sub-schemas that several share are evaluated once."""

    def __init__(self) -> None:
        samples = normal_samples()[None]
        self._tables: dict[tuple[Node, ...], _Table] = {
            (((), 0),): _Table(samples, np.zeros(1, dtype=np.intp))
        }

    def digests(self, schema: Schema, progress: Callable[[int], None]) -> Digests:
        """Digests of all functions of ``schema`` in order.

        Args:
            schema: What to evaluate.
            progress: Called with the number of functions done.

        Returns:
            Digests of the ``schema.size`` functions.

        Raises:
            SpaceError: when a sub-schema has more than `MAX_ROWS` different outputs.
        """
        (operators, count), arguments = self._split(schema)
        if not count:
            progress(1)
            return Digests.of(arguments[0].values)
        shape = [len(operators), *(len(table.values) for table in arguments)]
        parts = []
        step = schema.size / np.prod(shape, dtype=float)
        done = 0.0
        for block in _apply(operators, [table.values for table in arguments]):
            parts.append(Digests.of(block))
            done += step * len(block)
            progress(round(done))
        joined = Digests.join(parts)
        return Digests(
            np.array([_spread(grid, shape, arguments) for grid in joined.grids]),
            _spread(joined.finite, shape, arguments),
        )

    def _split(self, schema: Schema) -> tuple[Node, list[_Table]]:
        """The root, and the tables of its arguments (the leaf's own if it is one)."""
        stack: list[tuple[tuple[Node, ...], _Table]] = []
        for position in range(len(schema.nodes) - 1, -1, -1):
            node = schema.nodes[position]
            operators, count = node
            arguments = [stack.pop() for _ in range(count)]
            tables = [table for _, table in arguments]
            if position == 0 and count:
                return node, tables
            key = (node, *itertools.chain.from_iterable(nodes for nodes, _ in arguments))
            if key not in self._tables:
                self._tables[key] = _build(operators, tables, schema.text)
            stack.append((key, self._tables[key]))
        return schema.nodes[0], [stack.pop()[1]]


def _apply(operators: Sequence[Operator], arguments: Sequence[Floats]) -> Iterator[Floats]:
    """Outputs of every operator on every combination of rows, in order, in blocks of (k, 1000)."""
    last = arguments[-1]
    for operator in operators:
        for rows in itertools.product(*arguments[:-1]):
            for start in range(0, len(last), BLOCK):
                block = last[start : start + BLOCK]
                fixed = [np.broadcast_to(row, block.shape) for row in rows]
                with np.errstate(all="ignore"):
                    values = operator.numpy(*fixed, block)
                yield np.ascontiguousarray(values, dtype=np.float64)


def _build(operators: Sequence[Operator], arguments: Sequence[_Table], text: str) -> _Table:
    shape = [len(operators), *(len(table.values) for table in arguments)]
    seen: dict[bytes, int] = {}
    kept: list[Floats] = []
    index: list[int] = []
    for block in _apply(operators, [table.values for table in arguments]):
        for row in block:
            key = row.tobytes()
            if key not in seen:
                seen[key] = len(kept)
                kept.append(row.copy())
                if len(kept) > MAX_ROWS:
                    raise SpaceError(
                        f"schema {text!r} is too large to enumerate: a part of it has more than "
                        f"{MAX_ROWS:,} different outputs; draw a sample"
                    )
            index.append(seen[key])
    return _Table(np.array(kept), _spread(np.array(index), shape, arguments))


def _spread(
    values: npt.NDArray[Any], shape: Sequence[int], arguments: Sequence[_Table]
) -> npt.NDArray[Any]:
    """From one value a combination of distinct rows to one a function."""
    values = values.reshape(shape)
    for axis, table in enumerate(arguments, start=1):
        values = values.take(table.index, axis=axis)
    return values.ravel()
