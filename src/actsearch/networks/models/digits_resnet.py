"""A residual network of the CIFAR form (He et al. 2016) in small, with batch norm."""

from __future__ import annotations

from actsearch.networks.models.cifar_resnet import CifarResNet


class DigitsResNet(CifarResNet):
    """One block a stage: eight layers with weights."""

    def __init__(self, image_shape: tuple[int, int, int], n_classes: int, width: int = 8) -> None:
        super().__init__(image_shape, n_classes, depth=8, width=width)
