"""Whatever PIL can read becomes RGB by a stated rule, or is refused by name."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from actsearch.config import Data
from actsearch.data.decoding import read_square
from actsearch.data.pixels import EIGHT_BITS, look_at
from actsearch.data.sources.kinds import Levels, kinds_of, levels_of, notes_of, parse_fact
from actsearch.data.sources.places import DataError

SPLIT = {"train": 4, "validation": 2, "test": 2}


def entry(**options: Any) -> Data:
    values = {"source": "folder:pets", "image_size": 8, "split": SPLIT, **options}
    return Data.model_validate(values)


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def levels(data: Data, *paths: Path) -> Levels:
    facts = [look_at(path.read_bytes()) for path in paths]
    return levels_of(data, kinds_of(map(str, paths), facts))


def grey(path: Path, found: Levels) -> float:
    square = read_square(path, 8, levels=found).float()
    assert (square == square[:1]).all()
    return float(square.mean())


def flat(value: float, dtype: Any) -> np.ndarray:
    return np.full((20, 20), value, dtype)


WHITE = {  # dtype and ending, darkest and brightest value, what becomes white
    "fractions": (np.float32, "tif", 0.2, 0.8, 1.0),
    "16 bits": (np.uint16, "png", 300, 60_000, 65_535),
    "16-bit TIFF": (np.uint16, "tif", 300, 60_000, 65_535),
    "14 bits": (np.uint16, "png", 0, 16_000, 16_383),
    "12 bits": (np.uint16, "tif", 100, 4_000, 4_095),
    "10 bits": (np.uint16, "png", 10, 1_000, 1_023),
    "8 bits in 16": (np.uint16, "png", 10, 250, 255),
    "32 bits": (np.int32, "tif", 1_000, 50_000, 65_535),
    "12 bits in 32": (np.int32, "tif", 10, 4_000, 4_095),
}


def tiff(pixels: np.ndarray, sample: int, photometric: int) -> bytes:
    """A TIFF of one strip, as its specification has it (TIFF 6.0, section 2)."""
    bits = 8 * pixels.itemsize
    height, width = pixels.shape
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8)]
    entries += [(277, 1), (278, height), (279, pixels.nbytes), (339, sample)]
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    at = struct.pack("<I", 8 + len(data))
    return b"II*\0" + at + data + struct.pack("<H", len(entries)) + tags + bytes(4)


@pytest.mark.parametrize(
    ("dtype", "sample", "photometric", "told"),
    [
        (np.uint8, 1, 1, None),
        (np.uint8, 1, 0, None),
        (np.int8, 2, 1, "signed numbers of 8 bits"),
        (np.uint16, 1, 1, None),
        (np.uint16, 1, 0, "16 bits in which 0 is white"),
        (np.int32, 2, 1, None),
        (np.uint32, 1, 1, "unsigned numbers of 32 bits"),
        (np.float32, 3, 1, None),
    ],
)
def test_tiffs_are_read_as_they_say_or_refused(
    dtype: Any, sample: int, photometric: int, told: str | None, tmp_path: Path
) -> None:
    top = 1.0 if dtype is np.float32 else 100
    pixels = np.zeros((8, 8), dtype)
    pixels[:, 4:] = top
    (tmp_path / "a.tif").write_bytes(tiff(pixels, sample, photometric))
    if told:
        with pytest.raises(ValueError, match=f"a TIFF of {told}, which cannot be read rightly"):
            look_at((tmp_path / "a.tif").read_bytes())
        return
    found = levels(entry(pixel_range=(0, top)), tmp_path / "a.tif")
    square = read_square(tmp_path / "a.tif", 8, levels=found).float()[0]
    white = 100 if dtype is np.uint8 else 255
    wanted = np.where(pixels > 0, white, 0)
    assert np.array_equal(square, 255 - wanted if photometric == 0 else wanted)


@pytest.mark.parametrize(("kind", "maximum"), [("P6", 65_535), ("P3", 65_535), ("P6", 1_023)])
def test_a_ppm_of_many_bits_and_small_counts_is_refused(
    kind: str, maximum: int, tmp_path: Path
) -> None:
    head = f"{kind} 4 4 {maximum}\n".encode()
    counts = np.full(48, 200, ">u2")
    body = counts.tobytes() if kind == "P6" else b" ".join(b"%d" % count for count in counts)
    (tmp_path / "a.ppm").write_bytes(head + body)
    with pytest.raises(DataError, match=r"a\.ppm: an image of 16 bits a colour"):
        levels(entry(), tmp_path / "a.ppm")


@pytest.mark.parametrize("case", WHITE)
def test_many_bits_are_scaled_by_one_range_for_all(case: str, tmp_path: Path) -> None:
    dtype, ending, dark, bright, white = WHITE[case]
    paths = [
        save(tmp_path / f"{name}.{ending}", flat(value, dtype))
        for name, value in (("dark", dark), ("bright", bright))
    ]
    found = levels(entry(), *paths)
    for path, value in zip(paths, (dark, bright), strict=True):
        assert grey(path, found) == pytest.approx(value / white * 255, abs=0.51)
    facts = [look_at(path.read_bytes()) for path in paths]
    [note] = notes_of(entry(), kinds_of(map(str, paths), facts))
    assert note.startswith("2 images of ") and f"{white:g} white" in note


REFUSED = {
    "fractions above 1": (np.float32, 0.0, 200.0, r"b\.tif: .*mode F .*200; allowed: 0 to 1\. Or"),
    "negative fractions": (np.float32, -1.0, 1.0, r"a\.tif: .*mode F .*-1; allowed: 0 to 1"),
    "negative counts": (np.int32, -5, 3_000, r"a\.tif: .*mode I .*-5; allowed: 0 to 4095"),
    "more than 16 bits": (np.int32, 0, 1_000_000, r"b\.tif: .*1e\+06; allowed: 0 to 65535"),
    "close together": (np.uint16, 30_000, 30_100, r"values from 30000 to 30100.*pixel_range"),
    "dim fractions": (np.float32, 0.0, 0.001, r"values from 0 to 0\.001.*pixel_range: \[LOW"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_values_without_a_rule_are_refused_by_name(case: str, tmp_path: Path) -> None:
    dtype, dark, bright, message = REFUSED[case]
    paths = [save(tmp_path / f"{n}.tif", flat(v, dtype)) for n, v in (("a", dark), ("b", bright))]
    with pytest.raises(DataError, match=message):
        levels(entry(), *paths)
    given = entry(pixel_range=[dark, bright])
    found = levels(given, *paths)
    assert [grey(path, found) for path in paths] == [0, 255]
    with pytest.raises(DataError, match="as pixel_range says"):
        levels(entry(pixel_range=[dark, (dark + bright) / 2]), *paths)


def test_a_value_outside_is_never_cut_off(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", flat(0.9, np.float32))
    with pytest.raises(DataError, match=r"a\.tif: .*values from 0\.9 to 0\.9; allowed: 0 to 0\.5"):
        read_square(path, 8, levels=Levels(fractions=(0, 0.5)))


def test_numbers_that_are_not_finite_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", flat(np.nan, np.float32))
    with pytest.raises(ValueError, match="not finite"):
        look_at(path.read_bytes())


def _deep_png(path: Path, value: int, text: bytes | None = None) -> Path:
    """A PNG with 16 bits for each colour, which PIL cannot write; and with a text of EXIF."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = b"".join(b"\0" + struct.pack(">3H", value, value, value) * 20 for _ in range(20))
    header = struct.pack(">IIBBBBB", 20, 20, 16, 2, 0, 0, 0)
    notes = () if text is None else (chunk(b"tEXt", b"Raw profile type exif\0" + text),)
    pixels = (chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    chunks = (chunk(b"IHDR", header), *notes, *pixels)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def test_colours_of_16_bits_are_read_or_refused(tmp_path: Path) -> None:
    full = _deep_png(tmp_path / "full.png", 60_000)
    small = _deep_png(tmp_path / "small.png", 4_000)
    assert grey(full, levels(entry(), full, small)) == 60_000 >> 8
    with pytest.raises(DataError, match=r"small\.png: an image of 16 bits a colour .*upper"):
        levels(entry(), small)
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    text = b"\nexif\n      34\n" + exif.tobytes().hex().encode() + b"\n"
    noted = _deep_png(tmp_path / "noted.png", 4_000, text)
    assert parse_fact(look_at(noted.read_bytes())).turned
    with pytest.raises(DataError, match=r"noted\.png: an image of 16 bits a colour .*upper"):
        levels(entry(), noted)


@pytest.mark.parametrize("mode", [*EIGHT_BITS, "I", "I;16", "I;16B", "F", "LAB"])
def test_no_mode_of_pil_becomes_black_in_silence(mode: str, tmp_path: Path) -> None:
    """Two halves that differ stay two halves, in whichever format PIL writes the mode."""
    if mode in ("I", "I;16", "I;16B", "F"):
        values = np.repeat([[0.1, 0.9]], 20, 0).repeat(10, 1) * (1 if mode == "F" else 65_535)
        dtype = {"F": np.float32, "I": np.int32, "I;16": np.uint16, "I;16B": ">u2"}[mode]
        image = Image.fromarray(values.astype(dtype))
    else:
        plain = Image.new("RGB", (20, 20), (20, 20, 20))
        plain.paste((230, 230, 230), (10, 0, 20, 20))
        try:
            between = {"La": "LA", "RGBa": "RGBA", "PA": "P", "LAB": "RGB"}.get(mode, mode)
            image = plain.convert(between).convert(mode) if mode != "LAB" else _lab(plain)
        except ValueError:
            pytest.skip(f"PIL makes no image of mode {mode}")
    written = 0
    deep = ("png", "tif", "pgm")  # PIL cuts off what it writes to others
    plain_ones = ("png", "tif", "jpg", "webp", "gif", "tga", "jp2", "bmp", "pgm")
    for ending in deep if mode[0] in "IF" else plain_ones:
        path = tmp_path / f"image.{ending}"
        try:
            image.save(path)
        except (OSError, ValueError, KeyError, SystemError):
            continue
        try:
            fact = parse_fact(look_at(path.read_bytes()))
        except ValueError as error:
            assert f"its mode is {mode}; allowed: 1, L" in str(error)
            with pytest.raises(DataError, match="allowed: 1, L, LA"):
                read_square(path, 8)
            written += 1
            continue
        square = read_square(path, 8, lambda w, h: (0, 0, w, h), levels(entry(), path)).float()
        dark, bright = square[:, :, :3].mean(), square[:, :, 5:].mean()
        assert bright - dark > 120, (ending, fact)
        written += 1
    assert written or mode in ("La", "PA", "HSV", "RGBX")


def _lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    change = ImageCms.buildTransform(*profiles, "RGB", "LAB")
    return ImageCms.applyTransform(image, change)


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_several_images_in_a_file_are_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    frames = [Image.new("RGB", (20, 20), (value, 0, 0)) for value in (10, 100, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="it holds 3 images; allowed: one"):
        look_at(path.read_bytes())
    with pytest.raises(DataError, match=rf"a\.{ending}: .*it holds 3 images"):
        read_square(path, 8)


@pytest.mark.parametrize(("kind", "refused"), [(1, False), (0, True), (2, True)])
def test_the_small_copy_in_a_tiff_is_passed_over(kind: int, refused: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    first, copy = (Image.new("RGB", (size, size), (size, 0, 0)) for size in (200, 10))
    copy.encoderinfo = {"tiffinfo": {254: kind}}
    first.save(path, save_all=True, append_images=[copy])
    if refused:
        with pytest.raises(ValueError, match="it holds 2 images; allowed: one"):
            look_at(path.read_bytes())
        return
    look_at(path.read_bytes())
    assert read_square(path, 8)[0].eq(200).all()


def test_the_preview_behind_a_photograph_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    first, preview = (Image.new("RGB", (20, 20), (value, 0, 0)) for value in (200, 10))
    first.save(path, format="MPO", save_all=True, append_images=[preview])
    look_at(path.read_bytes())
    assert read_square(path, 8)[0].float().mean() == pytest.approx(200, abs=3)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_their_exif_says(
    ending: str, orientation: int, tmp_path: Path
) -> None:
    upright = Image.new("RGB", (64, 32), (0, 0, 0))
    upright.paste((255, 255, 255), (0, 0, 32, 16))  # white at the top left
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    path = tmp_path / f"a.{ending}"
    options = {"compression": "tiff_lzw"} if ending == "tif" else {"quality": 95}
    stored.save(path, exif=exif, **options)
    assert parse_fact(look_at(path.read_bytes())).turned == (orientation != 1)
    sizes = []

    def left(width: int, height: int) -> tuple[float, float, float, float]:
        sizes.append((width, height))
        return 0, 0, 32, 32

    square = read_square(path, 8, left).float()
    assert sizes == [(64, 32)]
    assert square[:, :3].mean() > 200 and square[:, 5:].mean() < 50


def test_what_is_transparent_lies_on_white_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(path)
    assert (read_square(path, 8) == 255).all()
    keyed = tmp_path / "b.png"
    Image.new("RGB", (20, 20), (9, 8, 7)).save(keyed, transparency=(9, 8, 7))
    assert (read_square(keyed, 8) == 255).all()
    facts = [look_at(p.read_bytes()) for p in (path, keyed)]
    assert notes_of(entry(), kinds_of("ab", facts)) == [
        "2 images have an alpha channel or a transparent colour: on white"
    ]


@pytest.mark.parametrize("value", [[1, 0], [0, 0], [0], [0, float("inf")]])
def test_a_range_that_is_none_is_refused(value: list[float]) -> None:
    with pytest.raises(ValueError, match="pixel_range"):
        entry(pixel_range=value)
    with pytest.raises(ValueError, match="pixel_range goes with image files"):
        Data.model_validate({"source": "digits", "split": SPLIT, "pixel_range": [0, 1]})
