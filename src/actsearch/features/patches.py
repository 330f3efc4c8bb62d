"""Second moments of the patches that a convolution meets, without a matrix of all patches.

A patch holds the image at each place of the kernel, so that a block of the moments is a product of
the image with itself, a displacement apart: the same displacement for many blocks, whose windows
differ at the borders alone. The image is cut where the windows begin and end, and each piece is
multiplied with what lies a displacement on once: 13 products for a kernel of 3 x 3, in place of 45.

Columns of the kernel can be unfolded instead, as channels of a wider image of which only rows are
displaced. That takes more multiplications, but few large ones: better with few channels.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from actsearch.features import products
from actsearch.features.axes import Axis, Lag, lags
from actsearch.features.cores import in_shares, on_all_cores
from actsearch.features.products import Moments, add_product, blocks, mirrored
from actsearch.features.unfolding import unfolded_sum

_BUFFER_BYTES = 24 * 2**20  # float64 images held at a time: malloc keeps no buffer over 32 MB
_FEW_ROWS = 128  # products of fewer rows are joined, although their rows must be copied
_CALL = 6e5  # multiplications that a product costs besides its own: those of 20 microseconds
_LOCKED = 2e5  # multiplications in the time that a call holds Python's lock
_COPY = 30  # those that a copied number costs
_THIN = 8  # a product of k channels takes its time as if they were this many more


def patch_sum(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Moments:
    """Sum up the patches that a convolution meets, and their products.

    Args:
        layer: whose kernel, stride, padding, dilation and groups are read.
        x: images (N, C, H, W), or of a 1-d convolution (N, C, W).

    Returns:
        Moments whose order within k is (row, column, channel).
    """
    if isinstance(layer, nn.Conv1d):
        x = x[:, :, None]
    sides, kernel, stride, dilation = _geometry(layer)
    if layer.padding_mode != "zeros":
        x = F.pad(x, sides, layer.padding_mode)
        sides = [0, 0, 0, 0]
    if products.calls_cost_most(x):
        return unfolded_sum(F.pad(x, sides), kernel, stride, dilation, layer.groups)
    left, right, top, bottom = sides
    high = Axis(x.shape[2], top, bottom, kernel[0], stride[0], dilation[0])
    wide = Axis(x.shape[3], left, right, kernel[1], stride[1], dilation[1])
    channels = x.shape[1] // layer.groups
    shape = (layer.groups, channels)
    if _displaced_costs_less(high, wide, *shape, len(x)):
        found, arrange = _Sums(high, wide, *shape, x), _sorted
        bytes_each = 8 * math.prod(x.shape[1:])
    else:
        unfolded = Axis(wide.steps, 0, 0, 1, 1, 1)
        found, arrange = _Sums(high, unfolded, shape[0], channels * wide.kernel, x), _unfolded
        bytes_each = 8 * x.shape[1] * x.shape[2] * wide.steps * wide.kernel
    x = x.contiguous(memory_format=torch.channels_last)  # the faster way to put them last
    for part in torch.split(x, max(1, _BUFFER_BYTES // bytes_each)):
        by_place = part.permute(2, 3, 0, 1)
        by_group = by_place.reshape(*by_place.shape[:3], *shape)  # H, W, N, groups, C
        found.add(arrange(by_group.permute(0, 3, 1, 2, 4), wide))
    return found.moments(len(x) * high.steps * wide.steps)


def _geometry(
    layer: nn.Conv1d | nn.Conv2d,
) -> tuple[list[int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Padding (left, right, top, bottom), kernel, stride and dilation; 1-d ones have one row."""
    one_d = isinstance(layer, nn.Conv1d)
    kernel, stride, dilation = (
        (1, pair[0]) if one_d else (pair[0], pair[1])
        for pair in (layer.kernel_size, layer.stride, layer.dilation)
    )
    sides: list[int] = []
    for axis in reversed(range(len(layer.kernel_size))):
        if layer.padding == "same":  # an odd remainder goes to the far side
            total = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
            near, far = total // 2, total - total // 2
        else:
            near = far = 0 if isinstance(layer.padding, str) else layer.padding[axis]
        sides += [near, far]
    return ([*sides, 0, 0] if one_d else sides), kernel, stride, dilation


def _sorted(x: Tensor, wide: Axis) -> Tensor:
    """(H, groups, W, N, C) to float64, those columns beside each other that are a stride apart."""
    image = torch.empty_like(x, dtype=torch.float64, memory_format=torch.contiguous_format)
    for phase in range(min(wide.stride, wide.size)):
        columns = wide.of_phase(phase)
        first = wide.sorted_place(phase)
        image[:, :, first : first + len(columns)] = x[:, :, phase :: wide.stride]
    return image


def _unfolded(x: Tensor, wide: Axis) -> Tensor:
    """(H, groups, W, N, C) to float64 (H, groups, steps, N, kernel times C)."""
    high, groups, _, examples, channels = x.shape
    shape = (high, groups, wide.steps, examples, wide.kernel, channels)
    strips = x.new_empty(shape, dtype=torch.float64)
    for place in range(wide.kernel):
        meets = wide.meets(place)
        first = (meets.start + wide.near - place * wide.dilation) // wide.stride
        end = first + len(meets)
        strips[:, :, :first, :, place] = 0
        strips[:, :, first:end, :, place] = x[:, :, meets.start : meets.stop : wide.stride]
        strips[:, :, end:, :, place] = 0
    return strips.flatten(4)


def _displaced_costs_less(
    high: Axis, wide: Axis, groups: int, channels: int, examples: int
) -> bool:
    """Whether displaced columns take less time than unfolded ones."""

    def cost(wide: Axis, channels: int) -> float:
        rows = [sum(map(len, lag.parts.values())) for lag in lags(high)]
        columns = [sum(map(len, lag.parts.values())) for lag in lags(wide, both=True)]
        each = examples * groups * (channels + _THIN) ** 2
        return sum(r * (each * c + _CALL) for r in rows for c in columns)

    copied = examples * groups * high.size * wide.steps * wide.kernel * channels
    unfolded = cost(Axis(wide.steps, 0, 0, 1, 1, 1), channels * wide.kernel) + _COPY * copied
    return cost(wide, channels) < unfolded


class _Piece(NamedTuple):
    """A piece of the image, multiplied with what lies a displacement on."""

    lags: tuple[Lag, Lag]
    """Of rows and columns."""
    places: tuple[tuple[int, ...], tuple[int, ...]]
    """Rows and columns of the kernel that meet the piece."""
    columns: tuple[int, int, int]
    """First and further first column, sorted, and how many."""
    total: Tensor
    """(groups, C, C): the sum of the products; if symmetric, its upper blocks."""

    @property
    def symmetric(self) -> bool:
        """Whether it is multiplied with itself."""
        return self.lags[0].places == self.lags[1].places == 0

    @property
    def rows(self) -> list[int]:
        """Of the image."""
        return self.lags[0].parts[self.places[0]]


class _Sums:
    """Sums over images, of which rows and columns are displaced."""

    def __init__(self, high: Axis, wide: Axis, groups: int, channels: int, like: Tensor) -> None:
        self.high, self.wide, self.groups, self.channels = high, wide, groups, channels
        self.image = like.new_zeros((high.size, groups, wide.size, channels), dtype=torch.float64)
        self.pieces = [
            _Piece(
                (row, column),
                (rows, columns),
                (wide.sorted_place(at[0]), wide.sorted_place(at[0] + column.shift), len(at)),
                self.image.new_zeros((groups, channels, channels)),
            )
            for row, column in product(lags(high), list(lags(wide, both=True)))
            if row.places or column.places >= 0  # the others are their transposes
            for rows in row.parts
            for columns, at in column.parts.items()
        ]

    def add(self, image: Tensor) -> None:
        """Take in images, float64 (H, groups, W, N, C)."""
        parts = [
            (piece, start, end, start if piece.symmetric else 0)
            for piece in self.pieces
            for start, end in blocks(self.channels)
        ]
        costs = [
            float(len(piece.rows) * piece.columns[2] * (end - start) * (self.channels - first))
            for piece, start, end, first in parts
        ]
        calls = max(1, sum(len(piece.rows) for piece, *_ in parts))
        # A call holds Python's lock at first: more threads than these would wait for each other.
        most = 1 + int(sum(costs) * image.shape[3] / calls / _LOCKED)
        shares = in_shares(costs, min(most, torch.get_num_threads()))
        on_all_cores(
            lambda share: _multiply(image, [parts[i] for i in share]),
            shares,
            [1.0] * len(shares),
            image.device,
        )
        self.image += image.sum(3)

    def moments(self, n: int) -> Moments:
        """Of all images, where the kernel had ``n`` positions."""
        shape = (self.groups, self.high.kernel, self.wide.kernel, self.channels)
        found = self.image.new_zeros((*shape, *shape[1:]))
        for piece in self.pieces:
            total = mirrored(piece.total) if piece.symmetric else piece.total
            down, across = (lag.places for lag in piece.lags)
            for row, column in product(*piece.places):
                other = (row + down, column + across)
                found[:, row, column, :, other[0], other[1]] += total
                if not piece.symmetric:
                    found[:, other[0], other[1], :, row, column] += total.mT
        sums = self.image.new_empty(shape)
        for row, column in product(range(shape[1]), range(shape[2])):
            rows, columns = self.high.meets(row), self.wide.meets(column)
            window = self.image[rows.start : rows.stop : rows.step]
            if columns:
                window = window.narrow(2, self.wide.sorted_place(columns[0]), len(columns))
            else:
                window = window[:, :, :0]
            sums[:, row, column] = window.sum((0, 2))
        return Moments(found.flatten(4).flatten(1, 3), sums.flatten(1), n)


def _multiply(image: Tensor, parts: list[tuple[_Piece, int, int, int]]) -> None:
    """Add up the products of pieces, of some channels (start, end) with those from ``first`` on.

    A row of the image meets all its pieces while it lies in the cache.
    """
    examples = image.shape[3]
    steps = defaultdict(list)
    for piece, start, end, first in parts:
        total = piece.total[:, start:end, first:]
        down = piece.lags[0].shift
        begin, further, n = piece.columns
        near = image[:, :, begin : begin + n, :, start:end].flatten(2, 3)
        far = image[:, :, further : further + n, :, first:].flatten(2, 3)
        if n * examples < _FEW_ROWS and len(piece.rows) > 1:
            sides = near[piece.rows], far[[row + down for row in piece.rows]]
            add_product(total, *(side.transpose(0, 1).flatten(1, 2) for side in sides))
            continue
        for row in piece.rows:
            steps[row].append((total, near, far, row + down))
    for row in sorted(steps):
        for total, near, far, other in steps[row]:
            add_product(total, near[row], far[other])
