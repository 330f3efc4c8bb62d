"""Random flips and crops, against each image changed by itself and against torchvision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from actsearch.config import Augmentation
from actsearch.data.augmentation import draw_changes, resized_boxes
from actsearch.data.examples import MemoryExamples

SHAPE = (40, 3, 9, 7)
SEED = 5
MEAN, DEVIATION = torch.tensor([90.0, 100.0, 110.0]), torch.tensor([50.0, 60.0, 70.0])
KINDS: list[dict[str, Any]] = [
    {"flip": True},
    {"pad_crop": 3},
    {"flip": True, "pad_crop": 9},
    {"flip": True, "resized_crop": (0.1, 1.0)},
]


def images(dtype: torch.dtype = torch.uint8) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, SHAPE, generator=generator, dtype=torch.uint8).to(dtype)


def examples(pixels: Tensor | None = None) -> MemoryExamples:
    pixels = images() if pixels is None else pixels
    return MemoryExamples(pixels, torch.arange(len(pixels)) % 4, MEAN, DEVIATION)


def epoch(
    data: MemoryExamples, augmentation: Augmentation, *sizes: int, seed: int = SEED
) -> Tensor:
    rows = torch.arange(len(data)).split(list(sizes) or [len(data)])
    return torch.cat([x for x, _ in data.batches(rows, augmentation, seed)])


def one_by_one(augmentation: Augmentation) -> Tensor:
    """Every image padded, cut out and turned by itself."""
    changes = draw_changes(augmentation, SHAPE, SEED)
    assert changes is not None
    scaled = (images().float() - MEAN[:, None, None]) / DEVIATION[:, None, None]
    pad = augmentation.pad_crop
    out = []
    for image, box, mirrored in zip(scaled, changes.boxes.tolist(), changes.mirrored, strict=True):
        top, left, height, width = box
        padded = functional.pad(image, (pad, pad, pad, pad))
        cut = padded[:, top + pad : top + pad + height, left + pad : left + pad + width]
        if augmentation.resized_crop:
            cut = functional.interpolate(cut[None], SHAPE[2:], mode="bilinear", antialias=True)[0]
        out.append(cut.flip(2) if mirrored else cut)
    return torch.stack(out)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_hold_what_is_made_of_each_image_alone(kind: dict[str, Any]) -> None:
    augmentation = Augmentation(**kind)
    got = epoch(examples(), augmentation, 16, 16, 8)
    assert got.dtype == torch.float32 and got.is_contiguous()
    exact = augmentation.resized_crop is None
    torch.testing.assert_close(
        got, one_by_one(augmentation), atol=0 if exact else 1e-5, rtol=0 if exact else 1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_gets_what_seed_and_number_say(kind: dict[str, Any]) -> None:
    augmentation, data = Augmentation(**kind), examples()
    whole = epoch(data, augmentation)
    assert torch.equal(epoch(data, augmentation, 7, 1, 32), whole)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(3)  # of no account
    [(mixed, labels)] = data.batches([order], augmentation, SEED)
    assert torch.equal(mixed, whole[order]) and torch.equal(labels, data.targets[order])
    [(alone, _)] = data.batches([torch.tensor([11])], augmentation, SEED)
    assert torch.equal(alone[0], whole[11])
    assert not torch.equal(epoch(data, augmentation, seed=SEED + 1), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_and_floats_give_the_same(kind: dict[str, Any]) -> None:
    augmentation = Augmentation(**kind)
    floats = epoch(examples(images(torch.float32)), augmentation)
    assert torch.equal(epoch(examples(), augmentation), floats)


def test_without_augmentation_images_are_only_scaled() -> None:
    expected = (images().float() - MEAN[:, None, None]) / DEVIATION[:, None, None]
    assert torch.equal(epoch(examples(), Augmentation()), expected)
    assert draw_changes(Augmentation(), SHAPE, SEED) is None
    plain = MemoryExamples(images(), torch.zeros(SHAPE[0], dtype=torch.int64))
    assert torch.equal(epoch(plain, Augmentation(), 30, 10), images().float())
    assert not list(plain.batches([]))


def test_neighbours_share_memory_and_others_are_copied() -> None:
    data = examples()
    part = data.subset(torch.arange(10, 30))
    assert part.inputs.data_ptr() == data.inputs[10].data_ptr()
    for rows in (torch.tensor([3, 2, 1]), torch.tensor([4, 4]), torch.arange(0)):
        assert torch.equal(data.subset(rows).inputs, data.inputs[rows])
        assert torch.equal(data.subset(rows).targets, data.targets[rows])


def test_half_are_mirrored_and_places_are_uniform() -> None:
    n = 20_000
    changes = draw_changes(Augmentation(flip=True, pad_crop=4), (n, 1, 32, 32), SEED)
    assert changes is not None
    assert changes.mirrored.float().mean().item() == pytest.approx(0.5, abs=0.015)
    for corner in changes.boxes.T[:2]:
        counts = np.bincount(corner.numpy() + 4)
        assert len(counts) == 9
        np.testing.assert_allclose(counts / n, 1 / 9, atol=0.01)
    both = np.corrcoef(changes.boxes.T[:2].numpy())[0, 1]
    assert abs(both) < 0.03


@pytest.mark.parametrize("size", [(32, 32), (24, 48), (60, 20)])
@pytest.mark.parametrize("shares", [(0.08, 1.0), (0.9, 1.0), (1.0, 1.0)])
def test_crops_are_distributed_as_torchvisions(
    size: tuple[int, int], shares: tuple[float, float]
) -> None:
    n = 1500
    boxes = resized_boxes(shares, n, *size, torch.Generator().manual_seed(0)).numpy()
    crop = v2.RandomResizedCrop(size, scale=shares)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        image = [torch.zeros(1, *size)]
        theirs = [tuple(crop.make_params(image).values()) for _ in range(n)]
    for column, other in zip(boxes.T, np.array(theirs).T, strict=True):
        assert ks_2samp(column, other).pvalue > 1e-3
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= size).all()


def test_a_box_that_never_fits_is_the_largest_in_the_middle() -> None:
    boxes = resized_boxes((1.0, 1.0), 3, 10, 100, torch.Generator())
    assert boxes.tolist() == [[0, 43, 10, 13]] * 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_gives_the_same_images(kind: dict[str, Any]) -> None:
    augmentation = Augmentation(**kind)
    got = epoch(examples().to(torch.device("cuda")), augmentation, 16, 24)
    assert got.is_cuda
    torch.testing.assert_close(got.cpu(), epoch(examples(), augmentation), atol=1e-5, rtol=1e-5)
