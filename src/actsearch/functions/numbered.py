"""Functions of a space by number: their outputs, some at a time, without a name for each.

What an `actsearch.functions.enumeration.Enumeration` finds out are numbers. The outputs of a
million functions are gigabytes, so they are made in parts, used, and let go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from actsearch.functions.equivalence import N_SAMPLES, Floats, normal_samples
from actsearch.functions.equivalence import outputs as outputs_of
from actsearch.functions.schemas import Schema
from actsearch.functions.spaces import SearchSpace

AT_ONCE = 1024
"""Functions of a part: 8 MB of outputs."""

Numbers = npt.NDArray[np.int64]


def outputs_in_parts(
    space: SearchSpace, numbers: Numbers, at_once: int = AT_ONCE
) -> Iterator[tuple[slice, Floats]]:
    """Outputs of functions on the normal samples, some at a time.

    Within a part each sub-expression is evaluated once, so numbers that rise are fastest:
    neighbours in a schema differ in their last operators.

    Args:
        space: The space.
        numbers: Shape (n,), of functions of the space, in any order.
        at_once: Most functions of a part.

    Yields:
        Which of ``numbers`` the part holds, and their outputs, shape (k, 1000), float64; NaN and
        inf where they are. Up to the last bit they are those of the functions by themselves.

    Raises:
        IndexError: when the space has no function of some number.
    """
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < space.size:
        raise IndexError(f"numbers are from 0 to {space.size - 1}")
    starts = np.cumsum([len(space.include), *(schema.size for schema in space.schemas)])
    for first in range(0, len(numbers), at_once):
        places = slice(first, first + at_once)
        chosen = numbers[places]
        values = np.empty((len(chosen), N_SAMPLES))
        included = chosen < starts[0]
        values[included] = outputs_of([space.include[i] for i in chosen[included].tolist()])
        for schema, start in zip(space.schemas, starts[:-1], strict=True):
            mine = (start <= chosen) & (chosen < start + schema.size)
            if mine.any():
                values[mine] = _Nodes(schema).outputs(chosen[mine] - start)
        yield places, values


class _Nodes:
    """A schema as a tree: where the arguments of each node are, and how many functions it has."""

    def __init__(self, schema: Schema) -> None:
        self.nodes = schema.nodes
        self.arguments: list[list[int]] = [[] for _ in schema.nodes]
        self.sizes = [1] * len(schema.nodes)
        stack: list[int] = []
        for place in range(len(schema.nodes) - 1, -1, -1):
            operators, count = schema.nodes[place]
            self.arguments[place] = [stack.pop() for _ in range(count)]
            below = math.prod(self.sizes[argument] for argument in self.arguments[place])
            self.sizes[place] = (len(operators) or 1) * below
            stack.append(place)

    def outputs(self, numbers: Numbers, root: int = 0) -> Floats:
        """Outputs of functions of the sub-schema at ``root`` by number, shape (k, 1000)."""
        operators, count = self.nodes[root]
        if not count:
            return np.broadcast_to(normal_samples(), (len(numbers), N_SAMPLES))
        # The last argument is the fastest of the digits, and the operator the slowest.
        columns: list[Floats] = []
        rest = numbers
        for argument in reversed(self.arguments[root]):
            rest, digits = np.divmod(rest, self.sizes[argument])
            distinct, place = np.unique(digits, return_inverse=True)
            columns.insert(0, self.outputs(distinct, argument)[place])
        values = np.empty((len(numbers), N_SAMPLES))
        with np.errstate(all="ignore"):
            for digit in np.unique(rest):
                rows = rest == digit
                values[rows] = operators[digit].numpy(*(column[rows] for column in columns))
        return values
