"""A space listed, with the different functions told from the equal.

Two functions are the same when their float64 outputs on 1,000 standard-normal samples are, up to
rounding (`actsearch.functions.equivalence`). Of equal functions one stands for all: the first
included one if there is any, else the shortest name, and of those the first in the space.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from actsearch.functions.equivalence import Digests, digest, group
from actsearch.functions.evaluation import Evaluator
from actsearch.functions.schemas import SpaceError
from actsearch.functions.spaces import SearchSpace

MAX_ENUMERATED = 10_000_000
"""Most names that are ever enumerated."""


@dataclass(frozen=True)
class Enumeration:
    """A space listed, in its order.

    Attributes:
        space: The space, n functions.
        class_of: Equivalence class, shape (n,), int64, numbered by first appearance.
        representative: Whether the function stands for its class, shape (n,), bool.
        finite: Whether it is finite on every sample, shape (n,), bool.
    """

    space: SearchSpace
    class_of: npt.NDArray[np.int64]
    representative: npt.NDArray[np.bool_]
    finite: npt.NDArray[np.bool_]

    @functools.cached_property
    def names(self) -> list[str]:
        """Names, n of them; made when asked for, they take the most memory."""
        return self.space.names()


def enumerate_space(
    space: SearchSpace, progress: Callable[[int, int], None] | None = None
) -> Enumeration:
    """List a space and find its distinct functions.

    Memory is bounded: about 100 bytes a name, and the different outputs of shared sub-expressions,
    8 kB each (at most `actsearch.functions.evaluation.MAX_ROWS` a sub-expression's shape).

    Args:
        space: At most `MAX_ENUMERATED` names.
        progress: Called now and then with the number of functions done and of all.

    Returns:
        Which of the space's functions are distinct and finite.

    Raises:
        SpaceError: when the space is too large.
    """
    if space.size > MAX_ENUMERATED:
        raise SpaceError(
            f"a space of {space.size:,} names is too large to enumerate "
            f"(at most {MAX_ENUMERATED:,}); draw a sample"
        )
    digests = _digests(space, progress)
    class_of = group(digests.grids)
    included = np.zeros(len(space.include), dtype=np.int64)  # they come before any other
    lengths = np.concatenate([included, *(schema.name_lengths() for schema in space.schemas)])
    order = np.lexsort((lengths, class_of))  # stable: ties stay in the space's order
    first = np.diff(class_of[order], prepend=-1) != 0
    representative = np.zeros(space.size, dtype=bool)
    representative[order[first]] = True
    return Enumeration(space, class_of, representative, digests.finite)


def _digests(space: SearchSpace, progress: Callable[[int, int], None] | None) -> Digests:
    """Of all functions in order; their outputs are let go."""
    done = len(space.include)

    def report(n: int) -> None:
        if progress:
            progress(done + n, space.size)

    parts = [digest(space.include)] if space.include else []
    evaluator = Evaluator(space.size)
    for schema in space.schemas:
        parts.append(evaluator.digests(schema, report))
        done += schema.size
    return Digests.join(parts)
