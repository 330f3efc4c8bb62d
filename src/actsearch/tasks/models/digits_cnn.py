"""All-CNN-C (Springenberg et al. 2015) in small: convolutions alone, without batch norm."""

from __future__ import annotations

from torch import Tensor, nn


class DigitsCNN(nn.Module):
    """Convolutions with biases, an activation after every one, global average pooling.

    As in All-CNN-C, stride-2 convolutions stand in place of pooling, padding is 'same', and 1x1
    convolutions end the network, the last one's activation being averaged into the logits.

    Weights are He normal (He et al. 2015): without batch norm the variance has to survive every
    layer by itself, and the gain of a rectifier is right or nearly so for most functions. Biases
    are zero.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_classes: int, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(image_shape[0], width),
            *_convolution(width, width, stride=2),
            *_convolution(width, 2 * width),
            *_convolution(2 * width, 2 * width, stride=2),
            *_convolution(2 * width, 2 * width, kernel=1),
            *_convolution(2 * width, n_classes, kernel=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of images (N, C, H, W)."""
        features: Tensor = self.layers(x)
        return features.mean(dim=(2, 3))


def _convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1
) -> tuple[nn.Module, nn.Module]:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer, nn.ReLU()
