"""All functions of a schema evaluated, each sub-expression once.

The functions of a schema share their parts: the 531,441 chains of four unary operators have 19,683
distinct beginnings at most, and far fewer with different outputs. So a table is kept of the
distinct outputs (bit by bit) of each sub-schema, an operator is applied to tables block by block,
and of the whole schema only digests are kept.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from actsearch.functions.built_in_operators import Fold
from actsearch.functions.equivalence import (
    N_SAMPLES,
    Digests,
    Floats,
    compiled_writer,
    normal_samples,
    write_digests,
)
from actsearch.functions.operators import Operator
from actsearch.functions.schemas import Schema, SpaceError

MAX_ROWS = 100_000
"""Most distinct sub-expressions kept in memory, 8 kB each."""
BLOCK = 32
"""Functions evaluated at once: their outputs fit a core's cache."""
MANY = 100_000
"""Functions from which on several threads and compiled digests save more than they cost."""
_MOST_THREADS = 4  # more would wait for each other between calls of NumPy
_MOST_PAIRS = 20_000
_COMMUTATIVE = frozenset({np.add, np.multiply, np.maximum, np.minimum})


@dataclass(frozen=True, eq=False)
class _Table:
    """Outputs of all functions of a sub-schema, ``values[index]``: shapes (rows, 1000), (n,)."""

    values: Floats
    index: npt.NDArray[np.intp]


Function: TypeAlias = Callable[..., Any]
Node: TypeAlias = tuple[tuple[Operator, ...], int]


class Evaluator:
    """Evaluates schemas; sub-schemas that several share are evaluated once.

    Args:
        n_functions: How many are evaluated in all. Where they are many, several threads share the
            work and digests are compiled, which changes no result.
    """

    def __init__(self, n_functions: int) -> None:
        samples = normal_samples()[None]
        self._tables: dict[tuple[Node, ...], _Table] = {
            (((), 0),): _Table(samples, np.zeros(1, dtype=np.intp))
        }
        self._known: dict[tuple[Function, _Table, _Table], Digests] = {}
        many = n_functions >= MANY
        self._write = compiled_writer() if many else write_digests
        self._threads = min(n_cores(), _MOST_THREADS) if many else 1

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
        parts: list[Digests] = []
        with ThreadPoolExecutor(self._threads) as pool:
            for part in pool.map(lambda operator: self._apply(operator, arguments), operators):
                parts.append(part)
                progress(len(parts) * (schema.size // len(operators)))
        return Digests.join(parts)

    def _apply(self, operator: Operator, arguments: Sequence[_Table]) -> Digests:
        """Digests of an operator on all combinations of arguments."""
        function: Function = operator.numpy
        if isinstance(function, Fold):
            # f(f(a, b), c): different pairs have the same f(a, b)
            while len(arguments) > 2 and _combinations(arguments[:2]) <= _MOST_PAIRS:
                arguments = [_build([function.function], arguments[:2], ""), *arguments[2:]]
            if len(arguments) == 2:
                function = function.function
        if function in _COMMUTATIVE and len(arguments) == 2:
            found = self._commuted(function, *arguments)
        else:
            found = self._digests(function, [table.values for table in arguments])
        shape = [len(table.values) for table in arguments]
        return Digests(
            np.array([_spread(grid, shape, arguments) for grid in found.grids]),
            _spread(found.finite, shape, arguments),
        )

    def _commuted(self, function: Function, first: _Table, second: _Table) -> Digests:
        """Digests of ``function(a, b)``, which is ``function(b, a)`` but for the sign of a zero."""
        n, m = len(first.values), len(second.values)
        if first is second:
            found = Digests.empty(n * n)
            for row in range(n):
                some = self._digests(function, [first.values[row, None], first.values[row:]])
                for whole, part in ((found.grids, some.grids), (found.finite, some.finite)):
                    square = whole.reshape(-1, n, n)
                    square[:, row, row:] = square[:, row:, row] = part
            return found
        mirrored = self._known.get((function, second, first))
        if mirrored is None:
            found = self._digests(function, [first.values, second.values])
            self._known[function, first, second] = found
            return found
        return Digests(
            mirrored.grids.reshape(-1, m, n).swapaxes(1, 2).reshape(-1, n * m),
            mirrored.finite.reshape(m, n).T.ravel(),
        )

    def _digests(self, function: Function, arguments: Sequence[Floats]) -> Digests:
        found = Digests.empty(math.prod(map(len, arguments)))
        done = 0
        for block in _outputs(function, arguments):
            places = slice(done, done + len(block))
            self._write(block, found.grids[:, places], found.finite[places])
            done += len(block)
        return found

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
                functions = [operator.numpy for operator in operators]
                self._tables[key] = _build(functions, tables, schema.text)
            stack.append((key, self._tables[key]))
        return schema.nodes[0], [stack.pop()[1]]


def _outputs(function: Function, arguments: Sequence[Floats]) -> Iterator[Floats]:
    """Of a function on every combination of rows, in order, in blocks of (k, 1000)."""
    last = arguments[-1]
    for rows in itertools.product(*arguments[:-1]):
        for start in range(0, len(last), BLOCK):
            block = last[start : start + BLOCK]
            fixed = [np.broadcast_to(row, block.shape) for row in rows]
            with np.errstate(all="ignore"):
                values = function(*fixed, block)
            yield np.ascontiguousarray(values, dtype=np.float64)


def _build(functions: Sequence[Function], arguments: Sequence[_Table], text: str) -> _Table:
    """The different outputs of functions on all combinations of arguments."""
    shape = [len(functions), *(len(table.values) for table in arguments)]
    # Memory that is not written to is not taken.
    kept = np.empty((min(math.prod(shape), MAX_ROWS), N_SAMPLES))
    seen: dict[int, int] = {}
    index: list[int] = []
    for function in functions:
        for block in _outputs(function, [table.values for table in arguments]):
            for row in block:
                content = row.tobytes()
                key = hash(content)
                while key in seen and kept[seen[key]].tobytes() != content:
                    key += 1
                if key not in seen:
                    if len(seen) == MAX_ROWS:
                        raise SpaceError(
                            f"schema {text!r} is too large to enumerate: a part of it has more "
                            f"than {MAX_ROWS:,} different outputs; draw a sample"
                        )
                    kept[len(seen)] = row
                    seen[key] = len(seen)
                index.append(seen[key])
    return _Table(kept[: len(seen)], _spread(np.array(index), shape, arguments))


def n_cores() -> int:
    """Cores that this process may use; all where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _combinations(arguments: Sequence[_Table]) -> int:
    return math.prod(len(table.values) for table in arguments)


def _spread(
    values: npt.NDArray[Any], shape: Sequence[int], arguments: Sequence[_Table]
) -> npt.NDArray[Any]:
    """From one value a combination of distinct rows to one a function."""
    values = values.reshape(shape)
    for axis, table in enumerate(arguments, start=len(shape) - len(arguments)):
        values = values.take(table.index, axis=axis)
    return values.ravel()
