"""Names and classes of functions, for the tests of spaces."""

from __future__ import annotations

import numpy as np

from actsearch.functions.equivalence import Digests, group, outputs
from actsearch.functions.expressions import Expression, parse


def names(expressions: list[Expression]) -> list[str]:
    return [expression.name for expression in expressions]


def classes(*functions: str) -> list[int]:
    return list(group(Digests.of(outputs(map(parse, functions))).grids).tolist())


def as_sets(class_of: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(class_of == c).tolist()) for c in np.unique(class_of)}
