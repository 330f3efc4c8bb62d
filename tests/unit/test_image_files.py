"""Image files: what is cut out of them, by whom, and what random changes hang on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import data_files
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional

from actsearch.config import Augmentation, Recipe, Task
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.decoding import middle, random_box, read_square
from actsearch.data.image_files import ImageFileExamples, ImageFiles
from actsearch.data.sources.places import DataError
from actsearch.functions.expressions import parse
from actsearch.training.trial import run_trial

CROP = Augmentation(flip=True, resized_crop=(0.2, 1.0))
SHIFT = Augmentation(flip=True, pad_crop=2)
SIZE = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(150):
        data_files.write_image(folder / f"{number}.jpg", 40 + number % 7, 30, seed=number)
    return folder


def examples(folder: Path, workers: int = 0) -> ImageFileExamples:
    n = len(list(folder.glob("*.jpg")))
    files = ImageFiles(folder, [f"{number}.jpg" for number in range(n)], SIZE, workers)
    moments = (torch.tensor([120.0, 110.0, 100.0]), torch.tensor([60.0, 50.0, 40.0]))
    return ImageFileExamples(files, torch.arange(n), torch.arange(n) % 3, *moments)


def batches(
    found: ImageFileExamples, sizes: tuple[int, ...], augmentation: Augmentation | None, seed: int
) -> Tensor:
    """All images, in batches of these sizes."""
    rows = torch.arange(len(found)).split(list(sizes))  # type: ignore[no-untyped-call]
    return torch.cat([x for x, _ in found.batches(rows, augmentation, seed)])


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (500, 375), (16, 16)])
def test_the_middle_is_that_of_resizing_and_cropping(shape: tuple[int, int]) -> None:
    size = 14
    width, height = shape
    left, top, right, bottom = middle(width, height)
    shrink = min(shape) / (size * 256 / 224)  # pixels of the file for one of the result
    assert right - left == pytest.approx(size * shrink) == pytest.approx(bottom - top)
    assert left + right == pytest.approx(width) and top + bottom == pytest.approx(height)


@pytest.mark.parametrize("width, height", [(64, 64), (512, 512), (100, 70)])
def test_pixels_are_close_to_those_of_torchvision(width: int, height: int, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    small = Image.fromarray(data_files.pixels(5, 5, 3))
    small.resize((width, height), Image.Resampling.BICUBIC).save(path)
    with Image.open(path) as image:
        shorter = functional.resize(
            image, [64], interpolation=functional.InterpolationMode.BILINEAR
        )
        expected = functional.pil_to_tensor(functional.center_crop(shorter, [56, 56]))
    found = read_square(path, 56)
    # A box of whole pixels, and one resampling in place of two roundings.
    assert (found.float() - expected.float()).abs().mean() < 3


@pytest.mark.parametrize("shrink", [2, 4])
def test_large_images_are_decoded_at_a_fraction(shrink: int, tmp_path: Path) -> None:
    side = int(56 * 256 / 224 * shrink)
    path, plain = tmp_path / "image.jpg", tmp_path / "image.png"
    image = Image.fromarray(data_files.pixels(6, 6, 3)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    image.save(path, quality=95)
    image.save(plain)
    found, whole = read_square(path, 56), read_square(plain, 56)
    assert (found.float() - whole.float()).abs().mean() < 3


def test_random_boxes_have_the_share_and_shape_promised() -> None:
    draw = np.random.default_rng(0)
    boxes = np.array([random_box(500, 375, (0.08, 1.0), draw) for _ in range(3000)])
    across, down = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert (boxes >= 0).all() and (boxes[:, 2] <= 500).all() and (boxes[:, 3] <= 375).all()
    share, ratio = across * down / (500 * 375), across / down
    assert share.min() >= 0.08 and share.max() <= 1
    assert ratio.min() >= 3 / 4 - 1e-9 and ratio.max() <= 4 / 3 + 1e-9
    # Shares up to a half always fit: they stay uniform.
    fits = share < 0.5
    assert np.quantile(share[fits], 0.5) == pytest.approx((0.08 + 0.5) / 2, abs=0.02)
    assert np.log(ratio[fits]).mean() == pytest.approx(0, abs=0.02)


def test_a_box_that_never_fits_is_the_largest_in_the_middle() -> None:
    box = random_box(400, 100, (1.0, 1.0), np.random.default_rng(0))
    assert box == pytest.approx((200 - 200 / 3, 0, 200 + 200 / 3, 100))


@pytest.mark.parametrize("augmentation", [None, CROP, SHIFT])
def test_no_bit_hangs_on_workers_and_batches(
    augmentation: Augmentation | None, folder: Path
) -> None:
    alone = batches(examples(folder), (150,), augmentation, seed=5)
    for workers, sizes in ((0, (7, 70, 73)), (1, (64, 64, 22)), (2, (100, 50)), (2, (1, 149))):
        found = batches(examples(folder, workers), sizes, augmentation, seed=5)
        assert torch.equal(found, alone)


def test_changes_hang_on_the_seed_and_the_number_of_the_example(folder: Path) -> None:
    few = examples(folder).subset(torch.arange(20))
    first, other = (batches(few, (20,), CROP, seed) for seed in (1, 2))
    assert not torch.equal(first, other)
    turned = [x for x, _ in few.batches([torch.arange(19, -1, -1)], CROP, 1)]
    assert torch.equal(turned[0].flip(0), first)
    share = few.batches([torch.arange(5, 9)], CROP, 1)
    assert torch.equal(next(share)[0], first[5:9])


def test_half_of_the_images_are_mirrored(folder: Path) -> None:
    found = examples(folder)
    plain = batches(found, (150,), None, 0)
    flipped = batches(found, (150,), Augmentation(flip=True), 0)
    same = (plain == flipped).flatten(1).all(1)
    assert torch.equal(flipped[~same], plain[~same].flip(-1))
    assert 50 < same.sum() < 100


def test_shifted_images_are_padded_with_the_mean(folder: Path) -> None:
    found = examples(folder)  # whose means are whole numbers
    plain = batches(found, (150,), None, 0)
    shifted = batches(found, (150,), Augmentation(pad_crop=2), 0)
    padded = torch.nn.functional.pad(plain, (2, 2, 2, 2))
    places = {(top, left) for top in range(5) for left in range(5)}
    seen = set()
    for image, wide in zip(shifted, padded, strict=True):
        fits = {
            (t, k)
            for t, k in places
            if torch.allclose(image, wide[:, t : t + SIZE, k : k + SIZE], atol=1e-5)
        }
        assert len(fits) == 1
        seen |= fits
    assert len(seen) > 20


def test_workers_live_on_between_epochs_and_after_one_that_was_left(folder: Path) -> None:
    found = examples(folder, workers=2)
    rows = torch.arange(150).split(50)  # type: ignore[no-untyped-call]
    expected = batches(examples(folder), (150,), CROP, 1)
    left = found.batches(rows, CROP, 1)
    next(left)
    # Another reader while the first has not come to its end, as in an evaluation within an epoch.
    assert torch.equal(batches(found.subset(torch.arange(9)), (9,), CROP, 1), expected[:9])
    assert torch.equal(next(left)[0], expected[50:100])
    left.close()  # a run that diverged
    for _ in range(2):
        assert torch.equal(batches(found, (50, 50, 50), CROP, 1), expected)
    assert len(found.files._loaders) == 1


def test_the_global_generator_is_left_alone(folder: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    batches(examples(folder, workers=1), (150,), CROP, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_batches_are_scaled_and_keep_their_labels(folder: Path) -> None:
    found = examples(folder)
    [(x, y)] = found.batches([torch.tensor([7, 3])])
    raw = torch.stack([read_square(folder / f"{number}.jpg", SIZE) for number in (7, 3)])
    expected = (raw.float() - found.mean.view(-1, 1, 1)) / found.deviation.view(-1, 1, 1)
    assert torch.equal(x, expected) and x.dtype == torch.float32
    assert y.tolist() == [1, 0] and y.dtype == torch.int64
    assert found.input_shape == (3, SIZE, SIZE)


def _modes(tmp_path: Path) -> Iterator[tuple[Path, Tensor]]:
    """Files of many kinds, each of one color, and the color they must have."""
    color = Image.new("RGB", (20, 20), (200, 120, 40))
    grey = Image.new("L", (20, 20), 90)
    cases = {
        "grey.jpg": (grey, (90, 90, 90)),
        "cmyk.jpg": (color.convert("CMYK"), (200, 120, 40)),
        "palette.png": (color.convert("P", palette=Image.Palette.ADAPTIVE), (200, 120, 40)),
        "alpha.png": (Image.new("RGBA", (20, 20), (200, 120, 40, 128)), (227, 187, 147)),
        "grey-alpha.png": (Image.new("LA", (20, 20), (90, 10)), (249, 249, 249)),
        "16-bit.png": (Image.fromarray(np.full((20, 20), 90 * 256 + 7, np.uint16)), (90, 90, 90)),
        "black-and-white.png": (Image.new("1", (20, 20), 1), (255, 255, 255)),
        "image.webp": (color, (200, 120, 40)),
        "image.bmp": (color, (200, 120, 40)),
        "image.tif": (color, (200, 120, 40)),
    }
    for name, (image, expected) in cases.items():
        image.save(tmp_path / name)
        yield tmp_path / name, torch.tensor(expected)


def test_files_of_any_kind_become_rgb(tmp_path: Path) -> None:
    for path, color in _modes(tmp_path):
        found = read_square(path, 8)
        assert found.shape == (3, 8, 8) and found.dtype == torch.uint8, path
        assert (found.int() - color.view(3, 1, 1)).abs().max() <= 4, path


def test_a_palette_with_transparency_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (20, 20), 0)
    image.putpalette([200, 120, 40, 0, 0, 0])
    image.save(tmp_path / "image.png", transparency=b"\x80\xff")
    assert read_square(tmp_path / "image.png", 4)[:, 0, 0].tolist() == [227, 187, 147]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_a_broken_file_is_one_error_that_names_it(
    workers: int, content: bytes | None, tmp_path: Path
) -> None:
    for number in range(3):
        data_files.write_image(tmp_path / f"{number}.jpg")
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[:300] if content is None else content)
    with pytest.raises(DataError, match=rf"^{tmp_path}/1\.jpg: not an image that can be read"):
        batches(examples(tmp_path, workers), (3,), CROP, 0)


def test_an_image_of_one_pixel_is_enlarged(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "dot.png")
    assert read_square(tmp_path / "dot.png", 4).flatten(1).unique(dim=1).flatten().tolist() == [
        9,
        8,
        7,
    ]


def test_a_network_learns_the_same_whoever_decodes(folder: Path) -> None:
    recipe = Recipe(optimizer="sgd", learning_rate=0.01, epochs=2, batch_size=16, augmentation=CROP)
    task = Task(data="images", model="digits-cnn", recipe=recipe)
    rows = {"train": torch.arange(48), "validation": torch.arange(48, 96)}
    trials = [
        run_trial(
            task,
            Dataset(examples(folder, workers), rows, DataShape((3, 16, 16), 3)),
            parse("tanh(x)"),
        )[0]  # type: ignore[arg-type]
        for workers in (0, 2)
    ]
    assert trials[0] == trials[1]
    assert trials[0]["status"] == "completed"
