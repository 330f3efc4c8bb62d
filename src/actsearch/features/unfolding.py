"""Second moments of the patches that a convolution meets, as one product of all patches.

That takes more arithmetic and memory than ``patches`` needs on a CPU, but few calls, which is what
takes time on a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from actsearch.features.products import Moments, gram

_BYTES = 2**30  # float64 patches held at a time


def unfolded_sum(
    x: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Moments:
    """Sum up the patches of padded images (N, C, H, W), and their products.

    Returns:
        Moments whose order within k is (row, column, channel).
    """
    channels, places = x.shape[1] // groups, kernel[0] * kernel[1]
    size = channels * places
    products = x.new_zeros((groups, size, size), dtype=torch.float64)
    sums = x.new_zeros((groups, size), dtype=torch.float64)
    n = 0
    bytes_each = 8 * groups * size * (x.shape[2] // stride[0] + 1) * (x.shape[3] // stride[1] + 1)
    for part in torch.split(x, max(1, _BYTES // bytes_each)):
        patches = F.unfold(part, kernel, dilation, 0, stride).double()
        by_place = patches.view(len(part), groups, channels, places, -1).permute(1, 0, 4, 3, 2)
        rows = by_place.reshape(groups, -1, size)
        products += gram(rows)
        sums += rows.sum(1)
        n += rows.shape[1]
    return Moments(products, sums, n)
