"""Labelled images, given out in batches on the device that trains.

A data set of any size is one of two kinds: a tensor in memory (this module), or files that are
decoded when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from actsearch.config import Augmentation
from actsearch.data.augmentation import changed, draw_changes


class Examples(Protocol):
    """Images with labels, numbered from 0."""

    @property
    def labels(self) -> Tensor:
        """Labels (N,) int64, on the CPU."""
        ...

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width that the network sees."""
        ...

    @property
    def device(self) -> torch.device:
        """Where batches are given out."""
        ...

    def __len__(self) -> int: ...

    def subset(self, rows: Tensor) -> Self:
        """The examples ``rows`` (n,) int64, in that order."""
        ...

    def to(self, device: torch.device) -> Self:
        """The same examples, given out on ``device``."""
        ...

    def batches(
        self, rows: Sequence[Tensor], augmentation: Augmentation | None = None, seed: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images (B, C, H, W) float32, scaled, and labels (B,) int64 for each of ``rows``.

        Args:
            rows: the examples of each batch, (B,) int64 on the CPU.
            augmentation: random changes; what an example gets depends on ``seed`` and its number
                alone, whatever the batches, processes and devices.
            seed: of the epoch.
        """
        ...


@dataclass(frozen=True)
class MemoryExamples:
    """Examples whose images are one tensor.

    Attributes:
        images: (N, C, H, W) float32, or uint8 as in the files.
        labels: (N,) int64 on the CPU.
        mean: (C,) taken off an image that is handed out, if given ...
        deviation: ... and (C,) that it is divided by.
    """

    images: Tensor
    labels: Tensor
    mean: Tensor | None = None
    deviation: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.images.device

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def subset(self, rows: Tensor) -> MemoryExamples:
        """The examples ``rows`` (n,) int64, in that order; neighbours share the images' memory."""
        start = int(rows[0]) if len(rows) else 0
        if torch.equal(rows, torch.arange(start, start + len(rows))):
            images = self.images[start : start + len(rows)]
        else:
            images = self.images[rows.to(self.images.device)]
        return MemoryExamples(images, self.labels[rows], self.mean, self.deviation)

    def to(self, device: torch.device) -> MemoryExamples:
        """The same examples with their images on ``device``."""
        return MemoryExamples(self.images.to(device), self.labels, self.mean, self.deviation)

    def batches(
        self, rows: Sequence[Tensor], augmentation: Augmentation | None = None, seed: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See :meth:`Examples.batches`; after the first batch nothing more goes to the device."""
        if not rows:
            return
        device, scale = self.device, self._scale()
        labels = self.labels.to(device)
        changes = None
        if augmentation and (drawn := draw_changes(augmentation, self.images.shape, seed)):
            changes = drawn.to(device)
        order = torch.cat(list(rows)).to(device)
        for chosen in torch.split(order, [len(batch) for batch in rows]):
            if changes is None:
                images = scale(self.images[chosen])
            else:
                images = changed(self.images, chosen, changes[chosen], scale)
            yield images, labels[chosen]

    def _scale(self) -> Callable[[Tensor], Tensor]:
        """From images as they are kept to scaled ones in float32."""
        if self.mean is None or self.deviation is None:
            return Tensor.float
        mean, deviation = (v.to(self.device)[:, None, None] for v in (self.mean, self.deviation))
        return lambda images: (images.float() - mean) / deviation


def together(examples: Examples) -> tuple[Tensor, Tensor]:
    """All images (N, C, H, W) float32, scaled, and labels (N,), on their device."""
    [batch] = examples.batches([torch.arange(len(examples))])
    return batch
