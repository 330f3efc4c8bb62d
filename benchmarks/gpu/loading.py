"""Images a second that reach a network: from memory on the device, and from files by workers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from actsearch.config import Augmentation
from benchmarks.gpu.training import EXAMPLES
from benchmarks.made import images
from benchmarks.measuring import Row, Setting, in_turn, ratios, wait

BATCH = 128
CHANGES = {
    "flip and padded crops": Augmentation(flip=True, pad_crop=4),
    "flip and resized crops": Augmentation(flip=True, resized_crop=(0.08, 1.0)),
}


def rows(setting: Setting) -> Iterator[Row]:
    """From memory, and from JPEG files."""
    yield from from_memory(setting)
    yield from from_files(setting)


def from_memory(setting: Setting) -> Iterator[Row]:
    """Batches of 32 x 32 pixels, with and without changes of images."""
    n = 64 if setting.tiny else EXAMPLES
    examples = images(n, setting.device)
    order = torch.split(torch.randperm(n), BATCH)

    def epoch(kind: Augmentation | None) -> None:
        for _ in examples.batches(order, kind, 0):
            pass

    works = {"none": lambda: epoch(None)} | {
        name: (lambda kind=kind: epoch(kind)) for name, kind in CHANGES.items()
    }
    times = in_turn(works, setting.turns(3), setting.device)
    for name, spent in times.items():
        row = Row(
            f"images from memory, changes: {name}",
            n / spent.median,
            n / times["none"].median,
            "no changes",
            ratio_of="times as many",
            unit="images/s",
        )
        row.ratio, row.spread = ratios(times["none"].wall, spent.wall)
        yield row


def from_files(setting: Setting) -> Iterator[Row]:
    """JPEGs of 500 x 375 pixels, decoded, cropped and resized to 224 by workers on the CPU."""
    from benchmarks.loading import RESNET50, loader_rates, make_images

    workers = [0, 1] if setting.tiny else [0, 1, 4, min(setting.threads, 16)]
    with tempfile.TemporaryDirectory() as name:
        paths = make_images(Path(name), 4 if setting.tiny else 512, 500, 375)
        many = {0: 1, 1: 1, 4: 3}
        alone = 0.0
        for count in dict.fromkeys(workers):
            repeated = paths * (1 if setting.tiny else many.get(count, 8))
            [(clock, cpu)] = loader_rates(
                Path(name), repeated, workers=(count,), repeats=setting.turns(2)
            ).values()
            wait(setting.device)
            alone = alone or clock
            yield Row(
                f"images from files, workers {count}",
                clock,
                alone,
                "no workers",
                clock / alone,
                "times as many",
                unit="images/s",
                limit=float(RESNET50),
                limit_is="what ResNet-50 takes on a GPU in mixed precision",
                more={"images_a_cpu_second": cpu},
            )
