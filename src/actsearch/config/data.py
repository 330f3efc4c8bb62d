"""Sections: data sets."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, NonNegativeInt, PositiveInt, model_validator

from actsearch.config.base import Model, named_source

BUILT_IN_DATA = ("digits",)
TORCHVISION_DATA: dict[str, tuple[int, int | None, int]] = {
    "CIFAR10": (3, 32, 10),
    "CIFAR100": (3, 32, 100),
    "MNIST": (1, 28, 10),
    "FashionMNIST": (1, 28, 10),
    "SVHN": (3, 32, 10),
    "Imagenette": (3, None, 10),
    "ImageNet": (3, None, 1000),
}
"""Data sets of torchvision that can be named: channels, side in pixels (None: any), classes."""
OF_FILES = ("torchvision:Imagenette", "torchvision:ImageNet", "folder:")
"""Sources that are images of any size, a file each."""


def _source(name: str) -> str:
    kind, _, rest = name.partition(":")
    if kind == "torchvision" and rest not in TORCHVISION_DATA:
        raise ValueError(f"unknown {name!r}; allowed: torchvision:{{{','.join(TORCHVISION_DATA)}}}")
    forms = "torchvision:NAME, folder:PATH, npz:PATH, package.module:function"
    return named_source(name, BUILT_IN_DATA, forms)


class Split(Model):
    """How many examples go where. Stratified by class, drawn by ``seed``."""

    train: PositiveInt
    """Examples the weights are fitted on."""
    validation: PositiveInt
    """Examples that benchmark tables, surrogates and searches see."""
    test: PositiveInt
    """Examples that only the final comparison reads, once."""
    seed: NonNegativeInt = 0
    """Seed of the draw."""


class Data(Model):
    """One data set and its split."""

    source: Annotated[str, AfterValidator(_source)]
    """``digits``, ``torchvision:NAME``, ``folder:PATH`` (a folder of images for each class, at the
    top or under ``train`` and ``val`` or ``test``), ``npz:PATH`` (arrays ``x`` and ``y``) or
    ``package.module:function``."""
    split: Split
    """Sizes of the three parts. Where the source has a test part of its own, ``test`` is drawn from
    that one, and the others from the rest."""
    image_size: PositiveInt | None = None
    """Side in pixels of the square that networks see; of sources that are image files alone."""
    in_memory: bool = True
    """Keep all images as one tensor on the device that trains; otherwise image files are decoded
    when they are needed."""

    @model_validator(mode="after")
    def _sized(self) -> Data:
        of_files = self.source.startswith(OF_FILES)
        if of_files and self.image_size is None:
            raise ValueError(f"source {self.source!r} is image files of any size: give image_size")
        if not of_files and self.image_size is not None:
            raise ValueError(f"image_size goes with image files, not with {self.source!r}")
        if not of_files and not self.in_memory:
            raise ValueError(f"in_memory: false goes with image files, not with {self.source!r}")
        return self
