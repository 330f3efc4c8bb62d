"""One image file to one square of bytes.

PIL decodes, torch resizes: it does so faster than PIL. Of a JPEG that is at least twice as large as
wanted, libjpeg decodes a half, a quarter or an eighth of the size at once. (The decoder of
torchvision is faster still for small images, but deprecated.) Measured: docs/data.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from actsearch.data.augmentation import ASPECTS, TRIES
from actsearch.data.pixels import upright_rgb, upright_size
from actsearch.data.sources.kinds import FULL, Levels
from actsearch.data.sources.places import SHORTER_SIDE, DataError

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


def middle(width: int, height: int) -> Box:
    """The middle square of an image, of 224/256 of its shorter side.

    Resized to S pixels, it is what comes of resizing the shorter side to S * 256 / 224 and cropping
    S x S pixels in the centre (Krizhevsky et al. 2012), with one resampling of fewer pixels.

    Returns:
        Left, top, right and bottom, in pixels and fractions of them.
    """
    side = min(width, height) / SHORTER_SIDE
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def random_box(
    width: int, height: int, share: tuple[float, float], draw: np.random.Generator
) -> Box:
    """A random part: its share of the area uniform, its aspect ratio log-uniform from 3/4 to 4/3.

    Szegedy et al. 2015, section 6. After ten boxes that do not fit, the largest in the middle whose
    aspect ratio is allowed.

    Returns:
        Left, top, right and bottom, in pixels.
    """
    for _ in range(TRIES):
        area = width * height * draw.uniform(*share)
        ratio = math.exp(draw.uniform(math.log(ASPECTS[0]), math.log(ASPECTS[1])))
        across, down = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if across <= width and down <= height:
            left, top = draw.uniform(0, width - across), draw.uniform(0, height - down)
            return left, top, left + across, top + down
    across, down = min(width, height * ASPECTS[1]), min(height, width / ASPECTS[0])
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down


def read_square(
    path: str | Path,
    size: int,
    choose: Callable[[int, int], Box] = middle,
    levels: Levels = FULL,
) -> Tensor:
    """A part of an image file as a square.

    Greyscale, palettes and CMYK become RGB; what is transparent lies on white; the image is turned
    as its EXIF says. Of more than 8 bits ``levels`` become black and white, and a value outside is
    an error. Resampling is bilinear with antialiasing.

    Args:
        path: of a file that PIL can read, with one image.
        size: pixels of a side.
        choose: the part, by the image's width and height.
        levels: of images with more than 8 bits.

    Returns:
        RGB, (3, size, size) uint8.

    Raises:
        DataError: naming the file, when it cannot be read.
    """
    try:
        with Image.open(path) as image:
            width, height = upright_size(image)
            box = choose(width, height)
            shrinks = min(box[2] - box[0], box[3] - box[1]) / size
            cut = _cut(image, box, (width, height), shrinks, levels)
    except Exception as error:  # readers of damaged files raise whatever they stumble on
        raise DataError(f"{path}: not an image that can be read ({error})") from error
    pixels = torch.from_numpy(np.array(cut)).permute(2, 0, 1)[None]
    shape = (size, size)
    resized = functional.interpolate(pixels, shape, mode="bilinear", antialias=True)
    return resized[0].contiguous()


def _cut(
    image: Image.Image, box: Box, size: tuple[int, int], shrinks: float, levels: Levels
) -> Image.Image:
    """The pixels of ``box`` as RGB; fewer of them where they are to shrink twofold or more."""
    if image.format == "JPEG" and shrinks >= 2:
        image.draft("RGB", (int(image.width / shrinks), int(image.height / shrinks)))
    whole = upright_rgb(image, levels)
    across, down = whole.width / size[0], whole.height / size[1]
    left, right = _whole(box[0] * across, box[2] * across, whole.width)
    top, bottom = _whole(box[1] * down, box[3] * down, whole.height)
    return whole.crop((left, top, right, bottom))


def _whole(start: float, end: float, limit: int) -> tuple[int, int]:
    """Whole pixels of a stretch, at least one."""
    first = min(round(start), limit - 1)
    return first, max(min(round(end), limit), first + 1)
