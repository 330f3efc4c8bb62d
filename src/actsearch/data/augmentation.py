"""Random changes of training images: for each a flip and a crop, drawn for a whole epoch at once.

The CPU draws a table with a row for every example from the seed of the epoch. Batches, processes
and devices look up rows by the example's number, so none of them makes a difference. A crop is a
box of whole pixels; what of it lies outside the image is padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from actsearch.config import Augmentation

ASPECTS = (3 / 4, 4 / 3)
"""Lowest and highest aspect ratio, width by height, of random boxes."""
TRIES = 10
"""Draws of a box until the largest is taken."""


@dataclass(frozen=True)
class Changes:
    """What happens to N images.

    Attributes:
        boxes: top, left, height and width of what is kept of each, in pixels, (N, 4) int64.
        mirrored: whether it is then mirrored left to right, (N,) bool.
        padded: whether boxes may reach beyond the image.
        resized: whether boxes differ in size from the image.
    """

    boxes: Tensor
    mirrored: Tensor
    padded: bool
    resized: bool

    def to(self, device: torch.device) -> Changes:
        """The same on ``device``."""
        return replace(self, boxes=self.boxes.to(device), mirrored=self.mirrored.to(device))

    def __getitem__(self, rows: Tensor) -> Changes:
        return replace(self, boxes=self.boxes[rows], mirrored=self.mirrored[rows])


def draw_changes(augmentation: Augmentation, shape: Sequence[int], seed: int) -> Changes | None:
    """Changes of images of ``shape`` (N, C, H, W) in the epoch of ``seed``.

    Returns:
        The changes, on the CPU; None where the augmentation changes nothing.
    """
    if augmentation == Augmentation():
        return None
    n, _, height, width = shape
    generator = torch.Generator().manual_seed(seed)
    flips = torch.rand(n, generator=generator) < 0.5
    pad = augmentation.pad_crop
    if augmentation.resized_crop:
        boxes = resized_boxes(augmentation.resized_crop, n, height, width, generator)
    else:
        corners = torch.randint(-pad, pad + 1, (n, 2), generator=generator)
        boxes = torch.cat([corners, torch.tensor([[height, width]]).expand(n, 2)], dim=1)
    mirrored = flips if augmentation.flip else torch.zeros_like(flips)
    return Changes(boxes, mirrored, pad > 0, augmentation.resized_crop is not None)


def resized_boxes(
    shares: tuple[float, float], n: int, height: int, width: int, generator: torch.Generator
) -> Tensor:
    """Boxes with a random share of the area of an image, aspect ratio and place.

    Shares are uniform, aspect ratios uniform in their logarithm from 3/4 to 4/3, and places uniform
    over all that fit. A box that does not fit is drawn again; after ten tries the largest in the
    middle of an allowed aspect ratio is taken. The distribution is that of torchvision's
    RandomResizedCrop, after Szegedy et al. 2015 ("Going deeper with convolutions", section 6).

    Returns:
        Top, left, height and width in pixels, (n, 4) int64.
    """
    boxes = _central_box(height, width).expand(n, 4)
    settled = torch.zeros(n, dtype=torch.bool)
    lowest, highest = (math.log(aspect) for aspect in ASPECTS)
    for _ in range(TRIES):
        share, aspect, top, left = torch.rand(4, n, generator=generator, dtype=torch.float64)
        area = height * width * (shares[0] + (shares[1] - shares[0]) * share)
        ratio = torch.exp(lowest + (highest - lowest) * aspect)
        heights, widths = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
        fits = (heights >= 1) & (heights <= height) & (widths >= 1) & (widths <= width)
        tops, lefts = top * (height - heights + 1), left * (width - widths + 1)
        drawn = torch.stack([tops.floor(), lefts.floor(), heights, widths], dim=1).long()
        boxes = torch.where((fits & ~settled)[:, None], drawn, boxes)
        settled |= fits
    return boxes


def _central_box(height: int, width: int) -> Tensor:
    narrowest, broadest = ASPECTS
    h, w = height, width
    if w / h < narrowest:
        h = round(w / narrowest)
    elif w / h > broadest:
        w = round(h * broadest)
    return torch.tensor([[(height - h) // 2, (width - w) // 2, h, w]])


def changed(
    images: Tensor, rows: Tensor, changes: Changes, scale: Callable[[Tensor], Tensor]
) -> Tensor:
    """The images ``rows``, changed and scaled.

    Padding is zero after scaling, that is the mean of the channel, as in fb.resnet.torch. Resizing
    is bilinear with pixel centres at halves and edges repeated, as in
    ``torch.nn.functional.interpolate``; a box is never larger than the image, so there is nothing
    to smooth first.

    Args:
        images: (N, C, H, W), of any real dtype.
        rows: (B,) int64, on the device of the images.
        changes: of these B images, on the same device.
        scale: from pixels as they are stored to float32.

    Returns:
        (B, C, H, W) float32, on the device of the images.
    """
    height, width = images.shape[2:]
    top, left, heights, widths = changes.boxes.T[:, :, None]
    y, x = (torch.arange(size, device=images.device)[None] for size in (height, width))
    x = torch.where(changes.mirrored[:, None], width - 1 - x, x)
    if changes.resized:
        return scale(
            _resized(images, rows, _Line(y, top, heights, height), _Line(x, left, widths, width))
        )
    y, x = y + top, x + left
    pixels = scale(_pixels(images, rows, y.clamp(0, height - 1), x.clamp(0, width - 1)))
    if not changes.padded:
        return pixels
    inside_y, inside_x = (y >= 0) & (y < height), (x >= 0) & (x < width)
    return pixels.where(inside_y[:, None, :, None] & inside_x[:, None, None, :], 0.0)


class _Line:
    """Where output pixels of one axis come from: between ``low`` and ``high``, (B, size) int64."""

    def __init__(self, place: Tensor, start: Tensor, length: Tensor, size: int) -> None:
        source = (place.float() + 0.5) * length / size - 0.5
        source = torch.minimum(source.clamp(min=0), (length - 1).float())
        self.low = source.long()
        self.share = source - self.low  # of high
        self.high = torch.minimum(self.low + 1, length - 1) + start
        self.low += start


def _resized(images: Tensor, rows: Tensor, y: _Line, x: _Line) -> Tensor:
    def across(lines: Tensor) -> Tensor:
        left = _pixels(images, rows, lines, x.low).float()
        right = _pixels(images, rows, lines, x.high).float()
        return left.lerp(right, x.share[:, None, None, :])

    return across(y.low).lerp(across(y.high), y.share[:, None, :, None])


def _pixels(images: Tensor, rows: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The images ``rows`` at lines ``y`` (B, H) and columns ``x`` (B, W).

    One gather, which is deterministic and copies no whole images first.

    Returns:
        Pixels (B, C, H, W), of the dtype of the images.
    """
    channels = torch.arange(images.shape[1], device=images.device)[None, :, None, None]
    return images[rows[:, None, None, None], channels, y[:, None, :, None], x[:, None, None, :]]
