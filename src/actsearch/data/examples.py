"""Examples with targets, given out in batches on the device that trains.

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
    """Examples with their targets, numbered from 0."""

    @property
    def targets(self) -> Tensor:
        """Classes (N,) or, at positions, (N, ...) int64; numbers (N, d) float32; on the CPU."""
        ...

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of an example as the network sees it."""
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
        """Examples (B, ...) and targets (B, ...) for each of ``rows``.

        Examples are float32 and scaled, or int64 where they are tokens.

        Args:
            rows: the examples of each batch, (B,) int64 on the CPU.
            augmentation: random changes of images; what one gets depends on ``seed`` and its number
                alone, whatever the batches, processes and devices.
            seed: of the epoch.
        """
        ...


@dataclass(frozen=True)
class MemoryExamples:
    """Examples that are one tensor.

    Attributes:
        inputs: (N, ...): float32, or uint8 as in the files; tokens int64.
        targets: (N, ...) on the CPU, see :class:`Examples`.
        mean: (C,) taken off what is handed out, if given ...
        deviation: ... and (C,) that it is divided by.
    """

    inputs: Tensor
    targets: Tensor
    mean: Tensor | None = None
    deviation: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where the examples are."""
        return self.inputs.device

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of an example."""
        return tuple(self.inputs.shape[1:])

    def subset(self, rows: Tensor) -> MemoryExamples:
        """The examples ``rows`` (n,) int64, in that order; neighbours share their memory."""
        start = int(rows[0]) if len(rows) else 0
        if torch.equal(rows, torch.arange(start, start + len(rows))):
            inputs = self.inputs[start : start + len(rows)]
        else:
            inputs = self.inputs[rows.to(self.inputs.device)]
        return MemoryExamples(inputs, self.targets[rows], self.mean, self.deviation)

    def to(self, device: torch.device) -> MemoryExamples:
        """The same examples on ``device``; the targets stay where they are."""
        return MemoryExamples(self.inputs.to(device), self.targets, self.mean, self.deviation)

    def batches(
        self, rows: Sequence[Tensor], augmentation: Augmentation | None = None, seed: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See :meth:`Examples.batches`; after the first batch nothing more goes to the device."""
        if not rows:
            return
        device, scale = self.device, self._scale()
        targets = self.targets.to(device)
        changes = None
        if augmentation and (drawn := draw_changes(augmentation, self.inputs.shape, seed)):
            changes = drawn.to(device)
        order = torch.cat(list(rows)).to(device)
        for chosen in torch.split(order, [len(batch) for batch in rows]):
            if changes is None:
                inputs = scale(self.inputs[chosen])
            else:
                inputs = changed(self.inputs, chosen, changes[chosen], scale)
            yield inputs, targets[chosen]

    def _scale(self) -> Callable[[Tensor], Tensor]:
        """From examples as they are kept to those that are handed out."""
        if self.inputs.dtype == torch.int64:
            return lambda tokens: tokens
        if self.mean is None or self.deviation is None:
            return Tensor.float
        shape = (-1, *[1] * (self.inputs.dim() - 2))
        mean, deviation = (v.to(self.device).view(shape) for v in (self.mean, self.deviation))
        return lambda inputs: (inputs.float() - mean) / deviation


def together(examples: Examples) -> tuple[Tensor, Tensor]:
    """All examples, as they are handed out, and their targets, on their device."""
    [batch] = examples.batches([torch.arange(len(examples))])
    return batch
