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

import torch
from torch import Tensor, nn

from actsearch.features.patches import patch_sum
from actsearch.features.products import Moments, gram

Layer = nn.Linear | nn.Conv1d | nn.Conv2d


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
        (groups, k, k) float64. For a convolution the order within k is (row, column, channel); with
        a bias the first entry is the constant 1.
    """
    if isinstance(layer, nn.Linear):
        return _with_bias(layer, _linear_sum(x))
    return _with_bias(layer, patch_sum(layer, batched(layer, x)))


def gradient_sum(layer: Layer, gradient: Tensor) -> Tensor:
    """Sum over examples and positions of g g^T, (groups, k, k) float64; g as the layer's output."""
    if isinstance(layer, nn.Linear):
        return gram(gradient.reshape(1, -1, gradient.shape[-1]))
    values = batched(layer, gradient)
    images = values[:, :, None] if isinstance(layer, nn.Conv1d) else values
    rows = images.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    return gram(rows.reshape(-1, layer.groups, rows.shape[-1] // layer.groups).transpose(0, 1))


def _linear_sum(x: Tensor) -> Moments:
    """Moments of tokens (..., k)."""
    rows = x.reshape(-1, x.shape[-1])
    sums = rows.sum(0, dtype=torch.float64)
    return Moments(gram(rows[None]), sums[None], len(rows))


def _with_bias(layer: Layer, moments: Moments) -> Tensor:
    products = moments.products
    if layer.bias is None:
        return products
    groups, size, _ = products.shape
    full = products.new_empty((groups, size + 1, size + 1))
    full[:, 0, 0] = moments.n
    full[:, 0, 1:] = full[:, 1:, 0] = moments.sums
    full[:, 1:, 1:] = products
    return full
