"""Enumeration and proposals from their definitions, the way such code is usually written.

Nothing is shared between functions, and a search fits scikit-learn's regressor at each proposal.
Only the definitions are this project's: operators, samples, when values are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsRegressor

from actsearch.functions.operators import BINARY, NARY, UNARY, get_operator

Tree: TypeAlias = tuple[Any, ...]
"""An operator's name, then its arguments; an empty one is x."""
CELL = 2.0**-26
SHIFTS = (0.5, 0.88)


def three_node() -> Iterator[Tree]:
    """``binary(unary(x),unary(x))``."""
    for operator, left, right in itertools.product(BINARY, UNARY, UNARY):
        yield (operator, (left, ()), (right, ()))


def four_node() -> Iterator[Tree]:
    """The five shapes of four operators."""
    for a, b, c, d in itertools.product(UNARY, repeat=4):
        yield (a, (b, (c, (d, ()))))
    for a, o, b, c in itertools.product(UNARY, BINARY, UNARY, UNARY):
        yield (a, (o, (b, ()), (c, ())))
    for o, a, b, c in itertools.product(BINARY, UNARY, UNARY, UNARY):
        yield (o, (a, (b, ())), (c, ()))
    for o, a, b, c in itertools.product(BINARY, UNARY, UNARY, UNARY):
        yield (o, (a, ()), (b, (c, ())))
    for o, a, b, c in itertools.product(NARY, UNARY, UNARY, UNARY):
        yield (o, (a, ()), (b, ()), (c, ()))


def name(tree: Tree) -> str:
    """As Act-Bench writes it."""
    return f"{tree[0]}({','.join(map(name, tree[1:]))})" if tree else "x"


def evaluate(tree: Tree, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outputs of a function, from the leaves up."""
    if not tree:
        return x
    with np.errstate(all="ignore"):
        values = get_operator(tree[0]).numpy(*(evaluate(argument, x) for argument in tree[1:]))
    return np.asarray(values, dtype=np.float64)


def cells(values: NDArray[np.float64], shift: float) -> bytes:
    """Cells of outputs in a grid, ``CELL`` wide relative to the octave of 1 + abs(value)."""
    fraction, exponent = np.frexp(1 + np.abs(values))  # (1 + |value|) / 2**exponent, 0.5 to 1
    position = (exponent - 1) + (2 * fraction - 1)  # octaves, and how far in this one
    position = np.where(values < 0, -position, position)
    cell: NDArray[np.float64] = np.floor(position / CELL + shift) + 0.0  # -0 is 0
    cell[np.isnan(values)] = np.nan  # whatever its sign
    return cell.tobytes()


def distinct(trees: Iterable[Tree]) -> tuple[list[str], list[int]]:
    """Names, and the class of each, numbered by first appearance."""
    x = np.clip(np.random.RandomState(0).normal(size=1000), -5, 5)
    names: list[str] = []
    labels: list[int] = []
    groups: dict[tuple[int, bytes], int] = {}
    joined: dict[int, int] = {}
    for number, tree in enumerate(trees):
        names.append(name(tree))
        values = evaluate(tree, x)
        found = {_root(joined, groups.setdefault((g, cells(values, s)), number))
                 for g, s in enumerate(SHIFTS)}  # fmt: skip
        first = min(found)
        joined.update({other: first for other in found if other != first})
        labels.append(first)
    roots = [_root(joined, label) for label in labels]
    numbers = {root: position for position, root in enumerate(dict.fromkeys(roots))}
    return names, [numbers[root] for root in roots]


def _root(joined: dict[int, int], label: int) -> int:
    while label in joined:
        label = joined[label]
    return label


def propose(
    places: Mapping[str, tuple[float, float]], scores: Mapping[str, float], n: int
) -> list[tuple[str, float]]:
    """The ``n`` functions of the map that promise most, each with its prediction.

    ``places`` are coordinates of the map, ``scores`` those of the functions trained so far.
    """
    known = [function for function in places if function in scores]
    left = [function for function in places if function not in scores]
    regressor = KNeighborsRegressor(n_neighbors=3)
    regressor.fit(
        [places[function] for function in known], [scores[function] for function in known]
    )
    predictions = regressor.predict([places[function] for function in left]).tolist()
    pairs = zip(left, predictions, strict=True)
    return sorted(pairs, key=lambda pair: pair[1], reverse=True)[:n]
