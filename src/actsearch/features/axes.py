"""How a kernel moves along an axis of images, and which of its places are how far apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Axis(NamedTuple):
    """How a kernel moves along the height or width of images."""

    size: int
    """Of the image."""
    near: int
    """Zeros before it."""
    far: int
    """Zeros after it."""
    kernel: int
    stride: int
    dilation: int

    @property
    def steps(self) -> int:
        """Positions of the kernel."""
        reach = self.dilation * (self.kernel - 1)
        return (self.near + self.size + self.far - reach - 1) // self.stride + 1

    def meets(self, place: int) -> range:
        """Where in the image a place of the kernel lies, at those positions where it is inside."""
        first = place * self.dilation - self.near
        outside = max(0, -(first // self.stride))
        last = first + (self.steps - 1) * self.stride
        start = first + outside * self.stride
        return range(start, max(start, min(last + 1, self.size)), self.stride)

    def sorted_place(self, index: int) -> int:
        """Where an index stands when those a stride apart follow each other."""
        phase = index % self.stride
        return index // self.stride + sum(len(self.of_phase(p)) for p in range(phase))

    def of_phase(self, phase: int) -> range:
        """Indices a stride apart, from ``phase`` on."""
        return range(phase, self.size, self.stride)


class Lag(NamedTuple):
    """All places of a kernel that have another as far on."""

    places: int
    """How far on, in places of the kernel."""
    shift: int
    """The same in the image."""
    parts: dict[tuple[int, ...], list[int]]
    """Where in the image which of these places lie, with the others inside as well.

    Each index stands under one key. The indices of a key lie a stride apart.
    """


def lags(axis: Axis, both: bool = False) -> Iterator[Lag]:
    """The lags of a kernel from 0 on, or with ``both`` the negative ones before.

    Args:
        axis: of the image and the kernel.
        both: whether to go backwards too.

    Yields:
        Each lag that some pair of places has inside the image.
    """
    for distance in range(1 - axis.kernel if both else 0, axis.kernel):
        shift = distance * axis.dilation
        meets: dict[int, list[int]] = {}
        for place in range(max(0, -distance), axis.kernel - max(0, distance)):
            for index in axis.meets(place):
                if 0 <= index + shift < axis.size:
                    meets.setdefault(index, []).append(place)
        parts: dict[tuple[int, ...], list[int]] = {}
        for index in sorted(meets):
            parts.setdefault(tuple(meets[index]), []).append(index)
        if parts:
            yield Lag(distance, shift, parts)
