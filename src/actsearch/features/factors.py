"""Kronecker factors of one layer: input and gradient second moments, in float64.

Conventions of K-FAC for linear layers (Martens & Grosse 2015) and convolutions (Grosse & Martens
2016). For N examples and T positions each,

    A = (1 / N) sum over examples and positions of a a^T,
    G = (1 / (N T)) sum over examples and positions of g g^T,

where a is the layer's input at a position (for a convolution the patch under the kernel), with a
leading 1 where the layer has a bias, and g the gradient of the example's own negative
log-likelihood with respect to the layer's output there. This module returns the sums; ``fisher``
divides.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Layer = nn.Linear | nn.Conv1d | nn.Conv2d

_BUFFER_BYTES = 64 * 2**20  # float64 patches held at a time; larger inputs go in chunks of examples
_GRAM_BLOCK = 96  # rows of a symmetric product taken at once; fewer run slower than they spare


def factor_shapes(layer: Layer) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Shapes (groups, k, k) of the layer's input factor and gradient factor."""
    groups = 1 if isinstance(layer, nn.Linear) else layer.groups
    fan_in = layer.weight[0].numel() + (layer.bias is not None)
    fan_out = layer.weight.shape[0] // groups
    return (groups, fan_in, fan_in), (groups, fan_out, fan_out)


def positions(layer: Layer, output: Tensor) -> int:
    """Number of rows a weight matrix is applied to: examples times positions."""
    return output.numel() // layer.weight.shape[0]


def batched(layer: Layer, values: Tensor) -> Tensor:
    """``values``, a layer's input or output, with the axis of examples that torch lets one omit."""
    alone = not isinstance(layer, nn.Linear) and values.dim() < layer.weight.dim()
    return values[None] if alone else values


def input_sum(layer: Layer, x: Tensor) -> Tensor:
    """Sum over examples and positions of a a^T.

    Args:
        layer: the layer.
        x: its input, (..., features) for a linear layer, (N, channels, [height,] width) for a
            convolution, with or without the first axis.

    Returns:
        (groups, k, k) float64. For a convolution the order within k is that of the weight tensor
        (channel, row, column); with a bias the first entry is the constant 1.
    """
    if isinstance(layer, nn.Linear):
        return _with_bias(layer, *_linear_sum(x))
    x = batched(layer, x)
    if isinstance(layer, nn.Conv1d):
        return _with_bias(layer, *_patch_sum(x[..., None], *_geometry(layer), layer.groups))
    return _with_bias(layer, *_patch_sum(x, *_geometry(layer), layer.groups))


def gradient_sum(layer: Layer, gradient: Tensor) -> Tensor:
    """Sum over examples and positions of g g^T, (groups, k, k) float64; g as the layer's output."""
    if isinstance(layer, nn.Linear):
        flat = gradient.reshape(-1, gradient.shape[-1]).double()
        return _gram(flat.mT[None])
    by_channel = batched(layer, gradient).flatten(2).transpose(0, 1)  # (channels, N, T)
    rows = by_channel.new_empty(by_channel.shape, dtype=torch.float64).copy_(by_channel)
    return _gram(rows.view(layer.groups, -1, rows[0].numel()))


def _gram(rows: Tensor) -> Tensor:
    """``rows @ rows.mT`` of (groups, k, n): the blocks on and above the diagonal, then mirrored."""
    size = rows.shape[1]
    if size < 2 * _GRAM_BLOCK:
        return rows @ rows.mT
    product = rows.new_empty((rows.shape[0], size, size))
    for start in range(0, size, _GRAM_BLOCK):
        end = min(start + _GRAM_BLOCK, size)
        product[:, start:end, start:] = rows[:, start:end] @ rows[:, start:].mT
        product[:, end:, start:end] = product[:, start:end, end:].mT
    return product


def _linear_sum(x: Tensor) -> tuple[Tensor, Tensor, int]:
    """Second moments (1, k, k), sums (1, k) and number of rows of tokens (..., k)."""
    rows = x.reshape(-1, x.shape[-1])
    moments = rows.new_zeros((rows.shape[1], rows.shape[1]), dtype=torch.float64)
    sums = rows.new_zeros(rows.shape[1], dtype=torch.float64)
    for part in _chunks(rows, 8 * rows.shape[1]):
        part = part.double()
        moments += _gram(part.mT[None])[0]
        sums += part.sum(0)
    return moments[None], sums[None], rows.shape[0]


_Geometry = tuple[tuple[list[int], str], tuple[int, int], tuple[int, int], tuple[int, int]]


def _geometry(layer: nn.Conv1d | nn.Conv2d) -> _Geometry:
    """(padding as for F.pad, mode), kernel, stride and dilation, a 1-d one as (length, 1)."""
    one_d = isinstance(layer, nn.Conv1d)
    kernel, stride, dilation = (
        (pair[0], 1 if one_d else pair[1])
        for pair in (layer.kernel_size, layer.stride, layer.dilation)
    )
    sides: list[int] = [0, 0] if one_d else []
    for axis in reversed(range(len(layer.kernel_size))):
        if layer.padding == "same":  # an odd remainder goes to the far side
            total = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
            near, far = total // 2, total - total // 2
        else:
            near = far = 0 if isinstance(layer.padding, str) else layer.padding[axis]
        sides += [near, far]
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return (sides, mode), kernel, stride, dilation


def _patch_sum(
    x: Tensor,
    padding: tuple[list[int], str],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> tuple[Tensor, Tensor, int]:
    """Sum up the patches of images (N, C, H, W) and their products.

    Patches are unfolded along the width only. The block of A between kernel rows i and j sums
    products of image rows a distance j - i apart, so blocks with the same distance share them: a
    kernel of h rows needs h products an image row, not h^2, and no full patch matrix.

    Returns:
        Second moments (groups, k, k), sums (groups, k), and the number of patches.
    """
    pad, mode = padding
    channels = x.shape[1] // groups
    width = channels * kernel[1]
    moments = x.new_zeros((kernel[0], kernel[0], groups, width, width), dtype=torch.float64)
    sums = x.new_zeros((kernel[0], groups, width), dtype=torch.float64)
    height = x.shape[2] + pad[2] + pad[3]
    columns = (x.shape[3] + pad[0] + pad[1] - dilation[1] * (kernel[1] - 1) - 1) // stride[1] + 1
    steps = (height - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1
    for part in _chunks(x, 8 * height * groups * width * columns):
        strips = _unfold_width(F.pad(part, pad, mode), kernel[1], stride[1], dilation[1], columns)
        strips = strips.view(height, groups, width, -1)
        row_sums = strips.sum(-1)
        for i in range(kernel[0]):
            start = i * dilation[0]
            sums[i] += row_sums[start : start + (steps - 1) * stride[0] + 1 : stride[0]].sum(0)
        for distance in range(kernel[0]):
            for row in range(height - distance * dilation[0]):
                # kernel rows i that meet this image row at some output position
                meets = [
                    i
                    for i in range(kernel[0] - distance)
                    if (row - i * dilation[0]) % stride[0] == 0
                    and 0 <= row - i * dilation[0] <= (steps - 1) * stride[0]
                ]
                if meets:
                    other = strips[row + distance * dilation[0]]
                    product = strips[row] @ other.mT if distance else _gram(other)
                    for i in meets:
                        moments[i, i + distance] += product
    for i in range(kernel[0]):
        for j in range(i):
            moments[i, j] = moments[j, i].mT
    size = kernel[0] * width
    split = (kernel[0], kernel[0], groups, channels, kernel[1], channels, kernel[1])
    ordered = moments.view(split).permute(2, 3, 0, 4, 5, 1, 6).reshape(groups, size, size)
    ordered_sums = sums.view(kernel[0], groups, channels, kernel[1]).permute(1, 2, 0, 3)
    return ordered, ordered_sums.reshape(groups, size), x.shape[0] * steps * columns


def _unfold_width(x: Tensor, kernel: int, stride: int, dilation: int, columns: int) -> Tensor:
    """(N, C, H, W) to float64 (H, C, kernel, N, columns)."""
    examples, channels, height, _ = x.shape
    strips = x.new_empty((height, channels, kernel, examples, columns), dtype=torch.float64)
    for offset in range(kernel):
        start = offset * dilation
        window = x[..., start : start + (columns - 1) * stride + 1 : stride]
        strips[:, :, offset] = window.permute(2, 1, 0, 3)
    return strips


def _with_bias(layer: Layer, moments: Tensor, sums: Tensor, count: int) -> Tensor:
    if layer.bias is None:
        return moments
    groups, size, _ = moments.shape
    full = moments.new_empty((groups, size + 1, size + 1))
    full[:, 0, 0] = count
    full[:, 0, 1:] = full[:, 1:, 0] = sums
    full[:, 1:, 1:] = moments
    return full


def _chunks(x: Tensor, bytes_per_row: int) -> Iterator[Tensor]:
    return iter(torch.split(x, max(1, _BUFFER_BYTES // bytes_per_row)))
