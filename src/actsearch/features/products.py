"""Products of tall matrices with each other: sums over rows of outer products, in float64."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_BLOCK = 96  # columns of a product taken at once; fewer run slower than they spare
_GPU_ROWS = 2**18
ROWS = 2048  # rows taken at once: what stays in a core's cache


class Moments(NamedTuple):
    """Sums over all rows, which are patches or tokens."""

    products: Tensor
    """(groups, k, k) float64."""
    sums: Tensor
    """(groups, k) float64."""
    n: int
    """Number of rows."""


def calls_cost_most(values: Tensor) -> bool:
    """Whether starting a product takes longer than a small product does: on a GPU."""
    return values.is_cuda


def add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add ``left.mT @ right`` of (groups, rows, k) each to ``total`` (groups, k, k)."""
    if len(total) == 1:  # faster as matrices than as a batch
        total[0].addmm_(left[0].mT, right[0])
    else:
        total.baddbmm_(left.mT, right)


def blocks(columns: int) -> list[tuple[int, int]]:
    """Columns in blocks, of which a symmetric product needs those on and above the diagonal."""
    if columns < 2 * _BLOCK:
        return [(0, columns)]
    return [(at, min(at + _BLOCK, columns)) for at in range(0, columns, _BLOCK)]


def mirrored(upper: Tensor) -> Tensor:
    """The symmetric matrices (groups, k, k) whose blocks on and above the diagonal are given."""
    for start, end in blocks(upper.shape[-1]):
        upper[:, end:, start:end] = upper[:, start:end, end:].mT
    return upper


def gram(rows: Tensor) -> Tensor:
    """Sum over rows of x x^T: (groups, n, k), of any dtype and strides, to (groups, k, k)."""
    groups, _, k = rows.shape
    products = rows.new_zeros((groups, k, k), dtype=torch.float64)
    if calls_cost_most(rows):
        for part in torch.split(rows, _GPU_ROWS, dim=1):
            part = part.double()
            add_product(products, part, part)
        return products
    for part in torch.split(rows, ROWS, dim=1):
        part = part.double()
        for start, end in blocks(k):
            add_product(products[:, start:end, start:], part[..., start:end], part[..., start:])
    return mirrored(products)
