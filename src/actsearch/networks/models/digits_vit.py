"""A vision transformer (Dosovitskiy et al. 2021) in small."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from actsearch.networks.models.attention import Block, glorot_linear
from actsearch.networks.options import check_whole

PATCH = 2
"""Side of a patch, in pixels."""


class DigitsViT(nn.Module):
    """A convolution, patches of 2 x 2 pixels, learned positions, pre-norm blocks, the mean token.

    The convolution before the patches (Xiao et al. 2021; MobileViT has many more) makes the network
    learn from a few hundred small images, and gives the activation function a part in more than the
    perceptrons, which the shortcuts can bypass.

    Convolutions are He normal, all else is Glorot uniform as in the original; biases are zero and
    positions N(0, 0.02^2).

    Raises:
        ValueError: when height or width is not a multiple of 2, or an option is no size.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_classes: int,
        channels: int = 16,
        width: int = 32,
        depth: int = 1,
        heads: int = 4,
    ) -> None:
        super().__init__()
        check_whole(channels=channels, width=width, depth=depth, heads=heads)
        inputs, height, breadth = image_shape
        if height % PATCH or breadth % PATCH:
            raise ValueError(
                f"digits-vit needs a height and width that are multiples of {PATCH}, "
                f"got {height} x {breadth}"
            )
        self.stem = _convolution(inputs, channels, 3, padding=1)
        self.act = nn.GELU()
        self.embed = _convolution(channels, width, PATCH, stride=PATCH)
        tokens = (height // PATCH) * (breadth // PATCH)
        self.position = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(*(Block(width, heads, 2 * width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = glorot_linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of images (N, C, H, W)."""
        patches = self.embed(self.act(self.stem(x)))
        tokens = patches.flatten(2).transpose(1, 2) + self.position
        logits: Tensor = self.head(self.norm(self.blocks(tokens)).mean(dim=1))
        return logits


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0
) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer
