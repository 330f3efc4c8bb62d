"""Residual networks for CIFAR (He et al. 2016, section 4.2), with batch norm."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from actsearch.networks.by_name import ModelError
from actsearch.networks.options import check_whole


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut without weights: strided, channels zero-padded.

    The shortcut is option A of the paper. The channels it lacks come last.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, outputs, stride)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.act1 = nn.ReLU()
        self.conv2 = _convolution(outputs, outputs, 1)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.act2 = nn.ReLU()
        self.stride = stride
        self.new_channels = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, outputs, H / stride, W / stride) of features (N, inputs, H, W)."""
        branch = self.act1(self.norm1(self.conv1(x)))
        branch = self.norm2(self.conv2(branch))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.new_channels:
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels))
        out: Tensor = self.act2(branch + shortcut)
        return out


class CifarResNet(nn.Module):
    """A stem, three stages of n blocks each, global average pooling and a linear layer.

    The stages have ``width``, twice and four times as many channels, the later two begin with
    stride 2. Depth is the number of layers with weights, 6n + 2: the paper has 20, 32, 44, 56, 110.

    Convolutions have no biases (a norm follows) and He normal weights over the outputs, as in the
    original; the linear layer keeps the framework's uniform initialisation.

    Raises:
        ModelError: when ``depth`` is not 6n + 2 with a positive n.
        ValueError: when ``width`` is no whole number above 0.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_classes: int,
        depth: int = 56,
        width: int = 16,
    ) -> None:
        super().__init__()
        check_whole(width=width)
        if not isinstance(depth, int) or depth < 8 or depth % 6 != 2:
            raise ModelError(
                f"a residual network for CIFAR cannot have depth {depth!r}; allowed: 6n + 2 (8, "
                "14, 20, ..., 56, ...)"
            )
        blocks_per_stage = (depth - 2) // 6
        self.stem = _convolution(image_shape[0], width, 1)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU()
        blocks: list[Block] = []
        inputs = width
        for stage in range(3):
            outputs = width * 2**stage
            for place in range(blocks_per_stage):
                blocks.append(Block(inputs, outputs, stride=2 if stage and not place else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of images (N, C, H, W)."""
        features: Tensor = self.blocks(self.act(self.norm(self.stem(x))))
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
