"""When two functions are the same: their outputs on fixed samples, compared up to rounding noise.

Every output value is put in a cell of width 2^-26 = 1.5e-8 (`CELL_BITS`), absolute below 1 and
relative above (exactly: of 1 + |value|), so that neither the noise of a sum near 0 nor that of a
product near 1e300 counts. All NaN are alike, infinities of a sign are, and -0 is 0.

Cells alone would split a function in two whenever a value lies at the edge of a cell and one
rounding step carries it over. So there are two grids, shifted against each other, and functions are
the same when all their values share cells in either grid (joined transitively). That is safe on
both sides. Equal functions are missed only if some value straddles an edge in one grid and another
in the other: the values that many functions share (0, 1, 1/2) lie far from the edges of both grids,
for all others the odds are about (1000 * 1e-16 * 2^26)^2 a pair, 5e-11. Different functions are
joined only if all their values lie within a cell of each other, or if 64-bit digests collide: 1e-7
for a million functions.

The width is finer than what float32 training can tell apart (1.2e-7) and far coarser than float64
noise. It hardly matters: the three-node space has 2,791 distinct functions for every width from
2^-10 to 2^-40; the four-node space 386,940 at 2^-20, 387,055 at 2^-26 and 387,131 at 2^-33. Those
that come and go are truly different and nearly equal, such as erf and tanh of something large; from
2^-40 on noise counts too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from actsearch.functions.expressions import Expression, parse

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

N_SAMPLES = 1000
SAMPLE_SEED = 0
SAMPLE_LIMIT = 5.0
CELL_BITS = 26
"""Cells are 2**-26 = 1.5e-8 wide."""
GRID_SHIFTS = (0.5, 0.88)
"""Where round values lie in their cell, in cells, for each grid: far from the edges 0 and 1."""

_FUNCTIONS_AT_ONCE = 256
_ONE = np.float64(1).view(np.int64)
_INFINITE = np.int64(1 << 62)
_NAN = np.int64(3 << 61)
_MIX = np.int64(-7046029254386353131)
_UNUSED_BITS = 52 - CELL_BITS
_FIRST_SHIFT, _SECOND_SHIFT = (np.int64(part * 2**_UNUSED_BITS) for part in GRID_SHIFTS)
_WEIGHTS = np.random.RandomState(1).randint(-(2**63), 2**63 - 1, N_SAMPLES, dtype=np.int64) | 1


def normal_samples() -> Floats:
    """The fixed inputs, shape (1000,): draws from N(0, 1), clipped to [-5, 5]."""
    draws = np.random.RandomState(SAMPLE_SEED).normal(size=N_SAMPLES)
    return np.clip(draws, -SAMPLE_LIMIT, SAMPLE_LIMIT)


def outputs(expressions: Iterable[Expression]) -> Floats:
    """Outputs on the normal samples, shape (n, 1000), float64; NaN and inf where they are."""
    x = normal_samples()
    functions = tuple(expressions)
    values = np.empty((len(functions), N_SAMPLES))
    for row, function in zip(values, functions, strict=True):
        row[:] = function(x)
    return values


@dataclass(frozen=True)
class Digests:
    """What is kept of functions' outputs.

    Attributes:
        grids: Digest of the cells in each grid, shape (2, n), int64.
        finite: Whether all values are finite, shape (n,), bool.
    """

    grids: Integers
    finite: npt.NDArray[np.bool_]

    @classmethod
    def empty(cls, n: int) -> Digests:
        """Places for the digests of ``n`` functions, to be written."""
        return cls(np.empty((len(GRID_SHIFTS), n), dtype=np.int64), np.empty(n, dtype=bool))

    @classmethod
    def of(cls, values: Floats, cell_bits: int = CELL_BITS) -> Digests:
        """Digest outputs of shape (n, 1000)."""
        found = cls.empty(len(values))
        write_digests(values, found.grids, found.finite, cell_bits)
        return found

    @classmethod
    def join(cls, parts: Sequence[Digests]) -> Digests:
        """Parts end to end."""
        return cls(
            np.concatenate([part.grids for part in parts], axis=1),
            np.concatenate([part.finite for part in parts]),
        )


def write_digests(
    values: Floats, grids: Integers, finite: npt.NDArray[np.bool_], cell_bits: int = CELL_BITS
) -> None:
    """Digest outputs of shape (n, 1000) into ``grids``, shape (2, n), and ``finite``, (n,)."""
    np.all(np.isfinite(values), axis=1, out=finite)
    # The bits of a float >= 1 count its representable values: linear in each octave, so
    # logarithmic on the whole. 1 + |value| makes that absolute near 0.
    magnitude = np.abs(values)
    magnitude += 1
    code = magnitude.view(np.int64)
    code -= _ONE
    sign = values.view(np.int64) >> 63
    code ^= sign
    code -= sign
    if not finite.all():
        np.putmask(code, np.isnan(values), _NAN)
    shift = 52 - cell_bits
    for grid, fraction in zip(grids, GRID_SHIFTS, strict=True):
        cells = code + np.int64(fraction * 2**shift)
        cells >>= shift
        cells *= _MIX
        cells ^= cells >> 32
        grid[:] = cells @ _WEIGHTS


@functools.cache
def compiled_writer() -> Callable[[Floats, Integers, npt.NDArray[np.bool_]], None]:
    """``write_digests`` compiled: six times as fast, in one pass over the values.

    Getting it takes a second, and two the first time on a machine, so it is for 100,000 functions
    and more. Other threads go on meanwhile.

    Returns:
        A function of the outputs, which are contiguous, and of the places to write to.
    """
    import numba

    signature = "void(float64[:, ::1], int64[:, :], boolean[:])"
    try:
        return numba.njit(signature, nogil=True, cache=True)(_write_digests)
    except RuntimeError:  # no folder to keep it in that can be written
        return numba.njit(signature, nogil=True)(_write_digests)


def _write_digests(values: Floats, grids: Integers, finite: npt.NDArray[np.bool_]) -> None:
    """See ``write_digests``; the same value by value, as compilers want it."""
    for row in range(len(values)):
        bits = values[row].view(np.int64)
        codes = (np.abs(values[row]) + 1.0).view(np.int64) - _ONE
        first = second = np.int64(0)
        largest = np.int64(0)
        for column in range(len(codes)):
            code, sign, weight = codes[column], bits[column] >> 63, _WEIGHTS[column]
            largest = max(largest, code)
            code = _NAN if code > _INFINITE else (code ^ sign) - sign
            cell = ((code + _FIRST_SHIFT) >> _UNUSED_BITS) * _MIX
            first += (cell ^ (cell >> 32)) * weight
            cell = ((code + _SECOND_SHIFT) >> _UNUSED_BITS) * _MIX
            second += (cell ^ (cell >> 32)) * weight
        grids[0, row], grids[1, row] = first, second
        finite[row] = largest < _INFINITE


def digest(expressions: Sequence[Expression]) -> Digests:
    """Digests of one or more functions, whose outputs are held for a few at a time only."""
    starts = range(0, len(expressions), _FUNCTIONS_AT_ONCE)
    blocks = (expressions[start : start + _FUNCTIONS_AT_ONCE] for start in starts)
    return Digests.join([Digests.of(outputs(block)) for block in blocks])


def group(grids: Integers) -> npt.NDArray[np.int64]:
    """Tell equal functions from different ones by their digests, shape (2, n).

    Functions that share a digest in either grid are in one class, transitively.

    Returns:
        Class of every function, shape (n,), int64, numbered by first appearance.
    """
    first, second = (np.unique(grid, return_inverse=True)[1] for grid in grids)
    parent = np.arange(int(first.max(initial=-1)) + 1)

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    # Classes of the first grid that meet in a class of the second are joined. Few do.
    pairs = second * len(parent)
    pairs += first
    pairs.sort()
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    meet = np.flatnonzero(np.diff(pairs // len(parent)) == 0)
    for left, right in (pairs[[meet, meet + 1]] % len(parent)).T.tolist():
        roots = sorted((find(left), find(right)))
        parent[roots[1]] = roots[0]
    moved = np.flatnonzero(parent != np.arange(len(parent)))
    parent[moved] = [find(node) for node in moved.tolist()]
    return _by_first_appearance(parent[first])


def classes(names: Sequence[str]) -> list[int]:
    """Class of each of the functions called ``names``, which may repeat."""
    distinct = {name: number for number, name in enumerate(dict.fromkeys(names))}
    listed = list(distinct)
    if not listed:
        return []
    starts = range(0, len(listed), _FUNCTIONS_AT_ONCE)
    blocks = (listed[start : start + _FUNCTIONS_AT_ONCE] for start in starts)
    found = group(Digests.join([digest(list(map(parse, block))) for block in blocks]).grids)
    return [int(found[distinct[name]]) for name in names]


def _by_first_appearance(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same partition, its classes numbered 0, 1, ... in the order they first appear.

    Labels are below their number. Nothing is sorted: of many functions that takes long.

    Returns:
        Class of each label, shape (n,), int64.
    """
    n = len(labels)
    first = np.full(n, n)
    first[labels[::-1]] = np.arange(n)[::-1]  # what is written last stays
    begins = np.zeros(n, dtype=bool)
    begins[first[first < n]] = True
    rank = np.cumsum(begins) - 1
    return np.asarray(rank[first[labels]])
