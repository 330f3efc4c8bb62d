"""Examples that are image files, decoded when they are needed by processes beside this one.

What an example becomes depends on the seed and its number alone: neither on the number of processes
nor on batches. Bytes go to the device that trains, and are scaled there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from actsearch.config import Augmentation
from actsearch.data.decoding import middle, random_box, read_square
from actsearch.data.sources.contents import Guard
from actsearch.data.sources.kinds import FULL, Levels
from actsearch.data.sources.places import DataError

_IMAGES_AT_ONCE = 64
"""Images that a process decodes before it hands them over: a batch is shared by several."""
_HANDOVERS_AHEAD = 4


class Request(NamedTuple):
    """Images to decode together."""

    files: NDArray[np.int64]
    """Their numbers among all files."""
    numbers: NDArray[np.int64]
    """Numbers of the examples, which random changes hang on ..."""
    augmentation: Augmentation | None = None
    seed: int = 0
    """... and the seed of the epoch."""
    padding: tuple[int, ...] = (0, 0, 0)
    """Bytes of what lies outside an image that was shifted."""


class _Decoder(TorchDataset[Any]):
    """Decodes requests, in whichever process."""

    def __init__(
        self, root: Path, paths: Sequence[str], size: int, levels: Levels, guard: Guard | None
    ) -> None:
        self._root = root
        self._levels = levels
        self._guard = guard
        # One block of bytes: a list of strings would be copied into every process as it is read.
        self._paths = np.array([os.fsencode(path) for path in paths], dtype=np.bytes_)
        self._size = size

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, request: Request) -> Tensor | str:
        """Images (n, 3, size, size) uint8, or what is wrong: an exception would lose its text."""
        images = torch.empty((len(request.files), 3, self._size, self._size), dtype=torch.uint8)
        try:
            for at, (file, number) in enumerate(zip(request.files, request.numbers, strict=True)):
                images[at] = self._image(int(file), int(number), request)
        except DataError as error:
            return str(error)
        return images

    def _image(self, file: int, number: int, request: Request) -> Tensor:
        path = self._root / os.fsdecode(self._paths[file])
        image = self._drawn(path, number, request)
        if self._guard:  # after the reading: what was read is what stands
            self._guard.check(file, path)
        return image

    def _drawn(self, path: Path, number: int, request: Request) -> Tensor:
        changes = request.augmentation
        if changes is None:
            return read_square(path, self._size, middle, self._levels)
        draw = np.random.default_rng((request.seed, number))
        flipped = changes.flip and draw.random() < 0.5
        share = changes.resized_crop
        if share is None:
            image = read_square(path, self._size, middle, self._levels)
            if changes.pad_crop:
                image = _shifted(image, changes.pad_crop, request.padding, draw)
        else:
            image = read_square(
                path, self._size, lambda w, h: random_box(w, h, share, draw), self._levels
            )
        return image.flip(-1) if flipped else image


def _shifted(
    image: Tensor, pad: int, padding: tuple[int, ...], draw: np.random.Generator
) -> Tensor:
    """A crop of the old size from the image with ``pad`` further pixels on every side."""
    height, width = image.shape[1:]
    fill = torch.tensor(padding, dtype=torch.uint8).view(3, 1, 1)
    wide = fill.repeat(1, height + 2 * pad, width + 2 * pad)
    wide[:, pad : pad + height, pad : pad + width] = image
    top, left = draw.integers(0, 2 * pad, 2, endpoint=True)
    return wide[:, top : top + height, left : left + width]


class _Plan(Sampler[Request]):
    """Gives the loader the requests of the moment."""

    requests: Iterable[Request] = ()

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests)


class ImageFiles:
    """Image files and the processes that decode them, which live as long as this object.

    Attributes:
        size: pixels of a side of the square that is cut out of them.
        workers: number of processes; with none, files are decoded in this one.
        levels: values that become black and white, of images with more than 8 bits.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        size: int,
        workers: int = 0,
        levels: Levels = FULL,
        guard: Guard | None = None,
    ) -> None:
        """Take the files by their paths relative to ``root``.

        Args:
            root: the folder.
            paths: the files.
            size: pixels of a side.
            workers: number of processes.
            levels: of images with more than 8 bits.
            guard: refuses files that change while they are in use.
        """
        self.size = size
        self.workers = workers
        self.levels = levels
        self._decoder = _Decoder(root, paths, size, levels, guard)
        self._plan = _Plan()
        self._loaders: dict[bool, DataLoader[Any]] = {}
        self._reading = False

    def __len__(self) -> int:
        return len(self._decoder)

    def rest(self) -> None:
        """End the processes; others are started when there is something to read."""
        self._loaders.clear()

    def read(self, requests: Iterable[Request], pinned: bool = False) -> Iterator[Tensor]:
        """Decode images, some way ahead of their use.

        Args:
            requests: what to decode.
            pinned: in memory from which a GPU copies without waiting.

        Yields:
            Images (n, 3, size, size) uint8 of each request, in order.

        Raises:
            DataError: naming the first file that cannot be read.
        """
        for images in self._decoded(requests, pinned):
            if isinstance(images, str):
                raise DataError(images)
            yield images

    def _decoded(self, requests: Iterable[Request], pinned: bool) -> Iterator[Tensor | str]:
        if not self.workers:
            yield from map(self._decoder.__getitem__, requests)
        elif self._reading:  # two readers at a time: the second has processes of its own
            plan = _Plan()
            plan.requests = requests
            yield from self._loader(plan, pinned, persistent=False)
        else:
            if pinned not in self._loaders:
                self._loaders[pinned] = self._loader(self._plan, pinned, persistent=True)
            self._reading, self._plan.requests = True, requests
            try:
                yield from self._loaders[pinned]
            finally:
                self._reading = False

    def _loader(self, plan: _Plan, pinned: bool, persistent: bool) -> DataLoader[Any]:
        return DataLoader(
            self._decoder,
            batch_size=None,
            sampler=plan,
            num_workers=self.workers,
            pin_memory=pinned,
            prefetch_factor=_HANDOVERS_AHEAD,
            persistent_workers=persistent,
            # Else the loader would draw from the global generator, which orders the examples.
            generator=torch.Generator(),
        )


@dataclass(frozen=True)
class ImageFileExamples:
    """Examples whose images are files.

    Attributes:
        files: all files of the source.
        rows: (N,) int64, the file of each example.
        targets: classes (N,) int64 on the CPU.
        mean: (3,) float32, taken off an image that is handed out, ...
        deviation: ... and (3,) that it is divided by.
        device: where batches are given out.
    """

    files: ImageFiles
    rows: Tensor
    targets: Tensor
    mean: Tensor
    deviation: Tensor
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return 3, self.files.size, self.files.size

    def subset(self, rows: Tensor) -> ImageFileExamples:
        """The examples ``rows`` (n,) int64, in that order."""
        return replace(self, rows=self.rows[rows], targets=self.targets[rows])

    def to(self, device: torch.device) -> ImageFileExamples:
        """The same examples, given out on ``device``."""
        return replace(self, device=torch.device(device))

    def batches(
        self, rows: Sequence[Tensor], augmentation: Augmentation | None = None, seed: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """See :meth:`Examples.batches`."""
        changed = None if augmentation in (None, Augmentation()) else augmentation
        shape = (1, -1, 1, 1)
        mean = self.mean.to(self.device).view(shape)
        deviation = self.deviation.to(self.device).view(shape)
        # The byte next to the mean, which is scaled to about zero.
        padding = tuple(self.mean.round().clamp(0, 255).int().tolist())
        requests = (
            Request(self.rows[part].numpy(), part.numpy(), changed, seed, padding)
            for batch in rows
            for part in torch.split(batch, _IMAGES_AT_ONCE)
        )
        pinned = self.device.type == "cuda"
        with contextlib.closing(self.files.read(requests, pinned)) as images:  # type: ignore[type-var]
            for batch in rows:
                parts = [
                    next(images).to(self.device, non_blocking=True)
                    for _ in torch.split(batch, _IMAGES_AT_ONCE)
                ]
                classes = self.targets[batch].to(self.device)
                yield (torch.cat(parts).float() - mean) / deviation, classes
