"""One image file to red, green and blue in 8 bits each, whatever it holds; and what it holds."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from actsearch.data.sources.kinds import CUT, FRACTION, SLACK, WHOLE, Fact, Levels, Range

EIGHT_BITS = (
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "HSV",
)
"""Modes of PIL, all of whose values RGB can hold."""
WHOLE_NUMBERS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
FRACTIONS = ("F",)
_ALLOWED = ", ".join((*EIGHT_BITS, *WHOLE_NUMBERS, *FRACTIONS))
_KIND_OF_PAGE = 254
"""TIFF's NewSubfileType, whose lowest bit is set for a smaller copy of another page."""
_BITS, _PHOTOMETRIC, _SAMPLES = 258, 262, 339
"""TIFF's BitsPerSample, PhotometricInterpretation and SampleFormat."""
_ZERO_IS_WHITE, _SIGNED = 0, 2
BACKGROUND = (255, 255, 255, 255)
"""What lies behind transparent pixels: white."""


def look_at(content: bytes) -> str:
    """What an image file holds, by its header; of more than 8 bits, by its pixels.

    Args:
        content: of the file.

    Returns:
        A fact as text, see :class:`actsearch.data.sources.kinds.Fact`.

    Raises:
        ValueError: when it is no image, holds several, or is of a mode that cannot become RGB.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            return _fact(image).text()
    except Exception as error:  # readers of damaged files raise whatever they stumble on
        told = "not an image of a known format" if "BytesIO" in str(error) else error
        raise ValueError(f"not an image that can be read ({told})") from error


def _fact(image: Image.Image) -> Fact:
    _refuse_unusable(image)
    cut = _is_cut(image)  # before EXIF is read, which may decode the image and forget how
    # PIL would decode a whole PNG in search of EXIF behind its pixels.
    by_header = image.format != "PNG" or any("exif" in str(key).lower() for key in image.info)
    turned = by_header and _orientation(image) != 1
    fact = Fact(image.mode, turned=turned, alpha=image.has_transparency_data)
    if image.mode in (*WHOLE_NUMBERS, *FRACTIONS):
        depth = FRACTION if image.mode in FRACTIONS else WHOLE
        values = _values(image)
        return fact._replace(depth=depth, lowest=float(values.min()), highest=float(values.max()))
    if cut:
        ends = np.array(image.getextrema())
        return fact._replace(depth=CUT, lowest=float(ends.min()), highest=float(ends[:3].max()))
    return fact


def _is_cut(image: Image.Image) -> bool:
    """Whether PIL reads the upper 8 bits of 16 alone, as what it asks of its decoder tells."""
    tiles = getattr(image, "tile", ())
    # A PPM's decoder is told the value that is white.
    many = image.format == "PPM" and any(
        value > 255 for tile in tiles for value in tile.args[1:] if isinstance(value, int)
    )
    is_colour = image.mode not in (*WHOLE_NUMBERS, *FRACTIONS)
    return (many and is_colour) or any(";16" in str(tile.args) for tile in tiles)


def _orientation(image: Image.Image) -> int:
    """How EXIF says that the pixels lie, from 1 to 8."""
    return int(image.getexif().get(Base.Orientation, 1))


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image that is turned as its EXIF says.

    Returns:
        Both, in pixels.

    Raises:
        ValueError: when it holds several images, or is of a mode that cannot become RGB.
    """
    _refuse_unusable(image)
    width, height = image.size
    # PIL turns TIFFs itself, and tells the size that they will have.
    swapped = image.format != "TIFF" and _orientation(image) >= 5
    return (height, width) if swapped else (width, height)


def _refuse_unusable(image: Image.Image) -> None:
    """Raise ValueError for several images in a file, and for a mode that cannot become RGB."""
    # An MPO is a JPEG of a camera with a preview behind it.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        n_images = _full_images(image)
        if n_images != 1:
            raise ValueError(f"it holds {n_images} images; allowed: one")
    if image.mode not in (*EIGHT_BITS, *WHOLE_NUMBERS, *FRACTIONS):
        raise ValueError(f"its mode is {image.mode}; allowed: {_ALLOWED}")
    if image.format == "TIFF" and (problem := _misread(image)):
        raise ValueError(f"a TIFF {problem}, which cannot be read rightly: save it otherwise")


def _misread(image: Image.Image) -> str:
    """What PIL takes no notice of in a TIFF; empty where it reads all."""
    tags = getattr(image, "tag_v2", {})
    bits, *_ = tags.get(_BITS, (1,))
    signed = _SIGNED in tags.get(_SAMPLES, ())
    if signed and bits <= 8:
        return f"of signed numbers of {bits} bits"
    if bits == 32 and image.mode == "I" and not signed:
        return "of unsigned numbers of 32 bits"
    if bits > 8 and tags.get(_PHOTOMETRIC) == _ZERO_IS_WHITE:
        return f"of {bits} bits in which 0 is white"
    return ""


def _full_images(image: Image.Image) -> int:
    """Number of images in a file; pages of a TIFF behind the first may be small copies of it."""
    n_images = int(getattr(image, "n_frames", 2))
    if image.format != "TIFF":
        return n_images
    copies = 0
    for page in range(1, n_images):
        image.seek(page)
        copies += int(getattr(image, "tag_v2", {}).get(_KIND_OF_PAGE, 0)) & 1
    image.seek(0)
    return n_images - copies


def upright_rgb(image: Image.Image, levels: Levels) -> Image.Image:
    """An image that was opened as RGB, turned as its EXIF says.

    Returns:
        A new image, of mode RGB.

    Raises:
        ValueError: for a value outside of ``levels``.
    """
    image.load()
    if image.mode in (*WHOLE_NUMBERS, *FRACTIONS):
        limits = levels.fractions if image.mode in FRACTIONS else levels.whole
        values = _values(image)
        grey = _bytes(values, limits)
        if isinstance(key := image.info.get("transparency"), int):
            grey[values == key] = BACKGROUND[0]
        found = Image.fromarray(grey).convert("RGB")
    elif image.has_transparency_data:
        above = image.convert("RGBA")
        found = Image.alpha_composite(Image.new("RGBA", above.size, BACKGROUND), above)
        found = found.convert("RGB")
    else:
        found = image.convert("RGB")
    orientation = _orientation(image)  # of a TIFF none is left
    return found if orientation == 1 else ImageOps.exif_transpose(_noted(found, orientation))


def _noted(image: Image.Image, orientation: int) -> Image.Image:
    image.getexif()[Base.Orientation] = orientation
    return image


def _values(image: Image.Image) -> NDArray[np.float64]:
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"its mode is {image.mode}, and it holds values that are not finite")
    return values


def _bytes(values: NDArray[np.float64], limits: Range) -> NDArray[np.uint8]:
    low, high = limits
    slack = SLACK * (high - low)
    if values.min() < low - slack or values.max() > high + slack:
        raise ValueError(
            f"values from {values.min():g} to {values.max():g}; allowed: {low:g} to {high:g}"
        )
    return np.rint((values - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
