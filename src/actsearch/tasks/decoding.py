"""One image file to one square of bytes.

Two decoders stand behind one function: libjpeg-turbo through torchvision for JPEG, which is faster
than through PIL, and PIL for all other files, and for JPEG that is at least twice as large as
wanted, as libjpeg then decodes at a half, a quarter or an eighth of the size. Both give the same
pixels where they decode at full size. Measured: docs/data.md.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision.io import ImageReadMode, decode_jpeg

from actsearch.tasks.sources.places import SHORTER_SIDE, DataError

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""
_ASPECT = (3 / 4, 4 / 3)
_ATTEMPTS = 10


def middle(width: int, height: int) -> Box:
    """The middle square of an image, of 224/256 of its shorter side.

    Resized to S pixels, it is what comes of resizing the shorter side to S * 256 / 224 and cropping
    S x S pixels in the centre (Krizhevsky et al. 2012), with one resampling of fewer pixels.
    """
    side = min(width, height) / SHORTER_SIDE
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def random_box(
    width: int, height: int, share: tuple[float, float], draw: np.random.Generator
) -> Box:
    """A random box: its share of the area uniform, its aspect ratio log-uniform from 3/4 to 4/3.

    Szegedy et al. 2015, section 6. After ten boxes that do not fit, the largest in the middle whose
    aspect ratio is allowed.
    """
    for _ in range(_ATTEMPTS):
        area = width * height * draw.uniform(*share)
        ratio = math.exp(draw.uniform(math.log(_ASPECT[0]), math.log(_ASPECT[1])))
        across, down = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if across <= width and down <= height:
            left, top = draw.uniform(0, width - across), draw.uniform(0, height - down)
            return left, top, left + across, top + down
    across, down = min(width, height * _ASPECT[1]), min(height, width / _ASPECT[0])
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down


def read_square(path: str | Path, size: int, choose: Callable[[int, int], Box] = middle) -> Tensor:
    """A part of an image file, (3, size, size) uint8 RGB.

    Greyscale, palettes and CMYK become RGB; an alpha channel is dropped, and of 16 bits the upper 8
    are kept. Resampling is bilinear with antialiasing.

    Args:
        path: of a file that PIL can read.
        size: pixels of a side.
        choose: the part, by the image's width and height.

    Raises:
        DataError: naming the file, when it cannot be read.
    """
    try:
        content = Path(path).read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            box = choose(width, height)
            pixels = _pixels(image, content, min(box[2] - box[0], box[3] - box[1]) / size)
    except Exception as error:  # readers of damaged files raise whatever they stumble on
        raise DataError(f"{path}: not an image that can be read ({error})") from error
    down, across = pixels.shape[1] / height, pixels.shape[2] / width
    left, right = _whole(box[0] * across, box[2] * across, pixels.shape[2])
    top, bottom = _whole(box[1] * down, box[3] * down, pixels.shape[1])
    cut = pixels[None, :, top:bottom, left:right]
    shape = (size, size)
    return functional.interpolate(cut, shape, mode="bilinear", antialias=True)[0].contiguous()


def _whole(start: float, end: float, limit: int) -> tuple[int, int]:
    """Whole pixels of a stretch, at least one."""
    first = min(round(start), limit - 1)
    return first, max(min(round(end), limit), first + 1)


def _pixels(image: Image.Image, content: bytes, shrinks: float) -> Tensor:
    """All pixels (3, H, W) uint8; at a fraction of the size where they shrink twofold or more."""
    if image.format == "JPEG" and image.mode in ("RGB", "L"):
        if shrinks < 2:
            coded = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            pixels: Tensor = decode_jpeg(coded, mode=ImageReadMode.RGB)
            return pixels
        image.draft("RGB", (int(image.width / shrinks), int(image.height / shrinks)))
    return torch.from_numpy(np.array(_rgb(image))).permute(2, 0, 1)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits, which PIL would cut off at 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
