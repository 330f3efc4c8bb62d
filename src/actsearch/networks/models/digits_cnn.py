"""All-CNN-C (Springenberg et al. 2015) in small: convolutions alone, without batch norm."""

from __future__ import annotations

from actsearch.networks.models.all_cnn_c import AllConvolutional
from actsearch.networks.options import check_whole


class DigitsCNN(AllConvolutional):
    """Six convolutions: two of them with stride 2, the last two 1x1.

    Raises:
        ValueError: when ``width`` is no size.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_classes: int, width: int = 16) -> None:
        check_whole(width=width)
        layout = [
            *((width, 3, 1), (width, 3, 2)),
            *((2 * width, 3, 1), (2 * width, 3, 2)),
            *((2 * width, 1, 1), (n_classes, 1, 1)),
        ]
        super().__init__(image_shape[0], layout)
