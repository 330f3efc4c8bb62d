"""All-CNN-C (Springenberg et al. 2015): convolutions alone, without batch norm."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class AllConvolutional(nn.Module):
    """Convolutions with biases, an activation after every one, global average pooling.

    Padding is 'same', stride-2 convolutions stand in place of pooling, and the activations of the
    last layer are averaged into the logits.

    Weights are He normal (He et al. 2015): without batch norm the variance has to survive every
    layer by itself, and the gain of a rectifier is right or nearly so for most functions. Biases
    are zero.

    Args:
        channels: of the images.
        layout: outputs, side of the kernel and stride of every convolution.
    """

    def __init__(self, channels: int, layout: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for outputs, kernel, stride in layout:
            layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            layers += [layer, nn.ReLU()]
            inputs = outputs
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of images (N, C, H, W)."""
        features: Tensor = self.layers(x)
        return features.mean(dim=(2, 3))


class AllCNNC(AllConvolutional):
    """Nine convolutions, the model All-CNN-C of table 1 of the paper.

    Without the paper's dropout, which belongs to its training of 350 epochs.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_classes: int) -> None:
        layout = [
            *((96, 3, 1), (96, 3, 1), (96, 3, 2)),
            *((192, 3, 1), (192, 3, 1), (192, 3, 2)),
            *((192, 3, 1), (192, 1, 1), (n_classes, 1, 1)),
        ]
        super().__init__(image_shape[0], layout)
