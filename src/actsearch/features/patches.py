"""Second moments of the patches that a convolution meets, without a matrix of all patches.

A patch holds the image at each place of the kernel, so that a block of the moments is a product of
the image with itself, a displacement apart. Many blocks share their products. There are two ways to
share them, and the one with fewer multiplications is taken:

- *displaced*, for stride 1: places of the kernel that are as far apart share one product of the
  whole image, from which what lies outside of either's window is taken off again: 13 products for
  a kernel of 3 x 3, in place of 45;
- *strips*: patches are unfolded along the width only, and rows of the kernel that are as far apart
  share the products of image rows: 3 in place of 6, of strips thrice as high.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BUFFER_BYTES = 64 * 2**20  # float64 images or strips held at a time; more go in chunks of examples
_CALL = 5e5  # multiplications that a product costs besides its own: those of 20 microseconds
_GRAM_BLOCK = 96  # rows of a symmetric product taken at once; fewer run slower than they spare


class Axis(NamedTuple):
    """How a kernel moves along the height or width of images."""

    size: int
    """Of the image."""
    near: int
    """Zeros before it."""
    far: int
    """Zeros after it."""
    kernel: int
    stride: int
    dilation: int

    @property
    def reach(self) -> int:
        """From the kernel's first place to its last."""
        return self.dilation * (self.kernel - 1)

    @property
    def padded(self) -> int:
        """Length with the zeros."""
        return self.near + self.size + self.far

    @property
    def steps(self) -> int:
        """Positions of the kernel."""
        return (self.padded - self.reach - 1) // self.stride + 1

    def window(self, place: int) -> range:
        """Where the image meets a place of the kernel, for stride 1."""
        first = place * self.dilation - self.near
        return range(max(first, 0), min(first + self.steps, self.size))

    def outside(self, place: int, other: int) -> tuple[int, ...]:
        """Where the image meets only by its displaced self what ``place`` and ``other`` do not."""
        window, shift = self.window(place), (other - place) * self.dilation
        return tuple(i for i in range(self.size) if i not in window and 0 <= i + shift < self.size)


class Moments(NamedTuple):
    """Sums over all patches."""

    products: Tensor
    """(groups, k, k) float64."""
    sums: Tensor
    """(groups, k) float64."""
    n: int
    """Number of patches."""


def patch_sum(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Moments:
    """Sum up the patches that a convolution meets, and their products.

    Args:
        layer: whose kernel, stride, padding, dilation and groups are read.
        x: images (N, C, H, W), or of a 1-d convolution (N, C, W).

    Returns:
        Moments whose order within k is that of the weight tensor (channel, row, column).
    """
    if isinstance(layer, nn.Conv1d):
        x = x[:, :, None]
    sides, kernel, stride, dilation = _geometry(layer)
    if layer.padding_mode != "zeros":
        x = F.pad(x, sides, layer.padding_mode)
        sides = [0, 0, 0, 0]
    left, right, top, bottom = sides
    axes = (
        Axis(x.shape[2], top, bottom, kernel[0], stride[0], dilation[0]),
        Axis(x.shape[3], left, right, kernel[1], stride[1], dilation[1]),
    )
    channels = x.shape[1] // layer.groups
    way = _Displaced if _displaced_costs_less(axes, channels, len(x)) else _Strips
    found = way(x, axes, layer.groups)
    for part in chunks(x, way.bytes_per_example(x, axes)):
        found.add(part)
    return found.moments(len(x))


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


def gram(rows: Tensor) -> Tensor:
    """``rows @ rows.mT`` of (groups, k, n): the blocks on and above the diagonal, then mirrored."""
    size = rows.shape[1]
    if size < 2 * _GRAM_BLOCK:
        return _product(rows, rows)
    result = rows.new_empty((rows.shape[0], size, size))
    for start in range(0, size, _GRAM_BLOCK):
        end = min(start + _GRAM_BLOCK, size)
        result[:, start:end, start:] = _product(rows[:, start:end], rows[:, start:])
        result[:, end:, start:end] = result[:, start:end, end:].mT
    return result


def _product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right.mT`` of (groups, k, n); one group is faster as matrices than as a batch."""
    if len(left) == 1:
        return (left[0] @ right[0].mT)[None]
    return left @ right.mT


def chunks(x: Tensor, bytes_per_row: int) -> Iterator[Tensor]:
    """``x`` in parts of rows that take some 64 MB."""
    return iter(torch.split(x, max(1, _BUFFER_BYTES // bytes_per_row)))


_Axes = tuple[Axis, Axis]
_Pair = tuple[tuple[int, int], tuple[int, int]]


def _pairs(axes: _Axes) -> list[_Pair]:
    """Places of the kernel, each with itself and each later one."""
    places = product(range(axes[0].kernel), range(axes[1].kernel))
    return list(combinations_with_replacement(places, 2))


class _Term(NamedTuple):
    """A product of parts of the image with those a displacement on."""

    rows: tuple[int, ...] | None
    columns: tuple[int, ...] | None
    """All where None."""
    shift: tuple[int, int]
    """Rows and columns."""


def _terms(axes: _Axes, pair: _Pair) -> dict[_Term, int]:
    """What adds up to a block of the moments, with signs.

    The window of a place is all but some rows and some columns: the whole, less these rows, less
    these columns, and what both hold again.

    Returns:
        The sign of each product.
    """
    first, second = pair
    shift = tuple(axis.dilation * (b - a) for axis, a, b in zip(axes, first, second, strict=True))
    rows, columns = (axis.outside(a, b) for axis, a, b in zip(axes, first, second, strict=True))
    terms = {_Term(None, None, (shift[0], shift[1])): 1}
    if rows:
        terms[_Term(rows, None, (shift[0], shift[1]))] = -1
    if columns:
        terms[_Term(None, columns, (shift[0], shift[1]))] = -1
    if rows and columns:
        terms[_Term(rows, columns, (shift[0], shift[1]))] = 1
    return terms


def _numbers(term: _Term, axes: _Axes) -> int:
    """Numbers of one image that a term sums over."""
    sizes = []
    for axis, chosen, shift in zip(axes, (term.rows, term.columns), term.shift, strict=True):
        sizes.append(axis.size - abs(shift) if chosen is None else len(chosen))
    return sizes[0] * sizes[1]


def _displaced_costs_less(axes: _Axes, channels: int, examples: int) -> bool:
    """Whether products of displaced images take fewer multiplications than those of strips."""
    if any(axis.stride > 1 for axis in axes):
        return False
    high, wide = axes
    symmetric = 0.5 if channels >= 2 * _GRAM_BLOCK else 1.0
    each = examples * channels**2
    terms = {term for pair in _pairs(axes) for term in _terms(axes, pair)}
    numbers = sum((symmetric if t == _WHOLE else 1) * _numbers(t, axes) for t in terms)
    rows = [high.padded - distance * high.dilation for distance in range(high.kernel)]
    unfolded = wide.kernel**2 * wide.steps * (sum(rows) - (1 - symmetric) * rows[0])
    return each * numbers + _CALL * len(terms) < each * unfolded + _CALL * sum(rows)


_WHOLE = _Term(None, None, (0, 0))


class _Displaced:
    """Products of whole images with themselves, displaced; what lies outside is taken off."""

    def __init__(self, x: Tensor, axes: _Axes, groups: int) -> None:
        self.axes, self.groups, self.channels = axes, groups, x.shape[1] // groups
        self.terms = {pair: _terms(axes, pair) for pair in _pairs(axes)}
        shape = (groups, self.channels, self.channels)
        # In order, for the same bits on every run.
        needed = dict.fromkeys(term for terms in self.terms.values() for term in terms)
        self.products = {term: x.new_zeros(shape, dtype=torch.float64) for term in needed}
        sizes = [axis.size for axis in axes]
        self.image = x.new_zeros((groups, self.channels, *sizes), dtype=torch.float64)

    @staticmethod
    def bytes_per_example(x: Tensor, axes: _Axes) -> int:
        """Of an image with the zeros that stand between images."""
        return 8 * x.shape[1] * (axes[0].size + axes[0].reach) * (axes[1].size + axes[1].reach)

    def add(self, x: Tensor) -> None:
        """Take in images (N, C, H, W)."""
        high, wide = self.axes
        # Zeros between rows and between images: displaced along the flat axis, no row meets another
        # image's, or the next but one.
        grid = x.new_zeros(
            (x.shape[1], len(x), high.size + high.reach, wide.size + wide.reach),
            dtype=torch.float64,
        )
        grid[:, :, : high.size, : wide.size] = x.transpose(0, 1)
        images = grid.view(self.groups, self.channels, *grid.shape[1:])
        flat = images.flatten(2)
        self.image += images[..., : high.size, : wide.size].sum(2)
        for term, found in self.products.items():
            if term == _WHOLE:
                found += gram(flat)
                continue
            if term.rows is None and term.columns is None:
                apart = term.shift[0] * grid.shape[-1] + term.shift[1]
                found += _product(flat[..., : flat.shape[-1] - apart], flat[..., apart:])
                continue
            near, far = (self._part(images, term, at) for at in (0, 1))
            found += _product(near, far)

    def _part(self, images: Tensor, term: _Term, at: int) -> Tensor:
        """The chosen rows and columns of images, or those a displacement on: (groups, k, n)."""
        for axis, some, shift, dim in zip(
            self.axes, (term.rows, term.columns), term.shift, (-2, -1), strict=True
        ):
            chosen = some or range(max(0, -shift), axis.size - max(0, shift))
            if chosen[-1] - chosen[0] == len(chosen) - 1:
                images = images.narrow(dim, chosen[0] + at * shift, len(chosen))
            else:
                places = torch.tensor(chosen, device=images.device) + at * shift
                images = images.index_select(dim, places)
        return images.flatten(2)

    def moments(self, n: int) -> Moments:
        """Of all ``n`` images that were taken in."""
        high, wide = self.axes
        shape = (high.kernel, wide.kernel)
        blocks = self.image.new_empty((*shape, *shape, self.groups, self.channels, self.channels))
        for (first, second), terms in self.terms.items():
            block = blocks[(*first, *second)]
            block.zero_()
            for term, sign in terms.items():
                block.add_(self.products[term], alpha=sign)
            if first != second:
                blocks[(*second, *first)] = block.mT
        size = self.channels * high.kernel * wide.kernel
        sums = self.image.new_empty((self.groups, self.channels, *shape))
        for row, column in product(*map(range, shape)):
            down, across = high.window(row), wide.window(column)
            window = self.image[..., down.start : down.stop, across.start : across.stop]
            sums[..., row, column] = window.sum((-2, -1))
        ordered = blocks.permute(4, 5, 0, 1, 6, 2, 3).reshape(self.groups, size, size)
        return Moments(ordered, sums.view(self.groups, size), n * high.steps * wide.steps)


class _Strips:
    """Products of patches that are unfolded along the width, for rows of the kernel apart."""

    def __init__(self, x: Tensor, axes: _Axes, groups: int) -> None:
        high, wide = axes
        self.axes, self.groups, self.channels = axes, groups, x.shape[1] // groups
        self.width = self.channels * wide.kernel
        self.products = x.new_zeros(
            (high.kernel, high.kernel, groups, self.width, self.width), dtype=torch.float64
        )
        self.sums = x.new_zeros((high.kernel, groups, self.width), dtype=torch.float64)

    @staticmethod
    def bytes_per_example(x: Tensor, axes: _Axes) -> int:
        """Of the strips of an image."""
        return 8 * x.shape[1] * axes[0].padded * axes[1].kernel * axes[1].steps

    def add(self, x: Tensor) -> None:
        """Take in images (N, C, H, W)."""
        high = self.axes[0]
        strips = self._unfold(x).view(high.padded, self.groups, self.width, -1)
        row_sums = strips.sum(-1)
        last = (high.steps - 1) * high.stride
        for place in range(high.kernel):
            start = place * high.dilation
            self.sums[place] += row_sums[start : start + last + 1 : high.stride].sum(0)
        for distance in range(high.kernel):
            for row in range(high.padded - distance * high.dilation):
                # places of the kernel that meet this row at some position
                meets = [
                    place
                    for place in range(high.kernel - distance)
                    if (row - place * high.dilation) % high.stride == 0
                    and 0 <= row - place * high.dilation <= last
                ]
                if meets:
                    other = strips[row + distance * high.dilation]
                    found = _product(strips[row], other) if distance else gram(other)
                    for place in meets:
                        self.products[place, place + distance] += found

    def _unfold(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to float64 (padded H, C, kernel, N, steps)."""
        high, wide = self.axes
        x = F.pad(x, (wide.near, wide.far, high.near, high.far))
        examples, channels, height, _ = x.shape
        shape = (height, channels, wide.kernel, examples, wide.steps)
        strips = x.new_empty(shape, dtype=torch.float64)
        for place in range(wide.kernel):
            start = place * wide.dilation
            window = x[..., start : start + (wide.steps - 1) * wide.stride + 1 : wide.stride]
            strips[:, :, place] = window.permute(2, 1, 0, 3)
        return strips

    def moments(self, n: int) -> Moments:
        """Of all ``n`` images that were taken in."""
        high, wide = self.axes
        for row in range(high.kernel):
            for earlier in range(row):
                self.products[row, earlier] = self.products[earlier, row].mT
        size = high.kernel * self.width
        pair = (self.channels, wide.kernel)
        split = self.products.view(high.kernel, high.kernel, self.groups, *pair, *pair)
        ordered = split.permute(2, 3, 0, 4, 5, 1, 6).reshape(self.groups, size, size)
        sums = self.sums.view(high.kernel, self.groups, *pair).permute(1, 2, 0, 3)
        return Moments(ordered, sums.reshape(self.groups, size), n * high.steps * wide.steps)
