"""Images a second from files to the batches that a GPU takes, and what decides it.

    python -m benchmarks.loading [--images N]

JPEGs of 500 x 375 pixels and about 100 KB, like ImageNet's, and some of 1600 x 1200, are made in a
temporary folder. First the ways to decode one: a random crop of 8 to 100% of the area, resized to
224 pixels and mirrored, in one process, in turn, by the CPU seconds that it uses, which others on
the machine change little. Then the whole loader without, with 1 and with 2 workers, by the clock
and by the CPU seconds of all its processes.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.io import ImageReadMode, decode_jpeg

from actsearch.config import Augmentation
from actsearch.data.decoding import random_box, read_square
from actsearch.data.image_files import ImageFileExamples, ImageFiles

SIZE = 224
SHARE = (0.08, 1.0)
RESNET50 = 2_500
"""Images a second that a GPU trains ResNet-50 on, in mixed precision."""
REPEATS = 5
Way = Callable[[Path, np.random.Generator], Tensor]


def make_images(folder: Path, n: int, width: int, height: int) -> list[Path]:
    """JPEGs with structure on many scales, and grain."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(n):
        image = np.zeros((height, width, 3))
        for cells in (3, 6, 12, 25, 50, 100):
            small = Image.fromarray(rng.integers(0, 256, (cells, cells * 4 // 3, 3), np.uint8))
            layer = small.resize((width, height), Image.Resampling.BICUBIC)
            image += np.asarray(layer, dtype=float) / cells**0.5
        image *= 255 / image.max()
        image += rng.normal(scale=14, size=(height, width, 1))
        path = folder / f"{width}-{number}.jpg"
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path, quality=92)
        paths.append(path)
    return paths


def ours(path: Path, draw: np.random.Generator) -> Tensor:
    """PIL, a fraction of the size where that does, resized by torch."""
    return read_square(path, SIZE, lambda w, h: random_box(w, h, SHARE, draw)).flip(-1)


def plain(path: Path, draw: np.random.Generator) -> Tensor:
    """PIL for all of it."""
    with Image.open(path) as image:
        box = random_box(*image.size, SHARE, draw)
        cut = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box)
    return torch.from_numpy(np.array(cut)).permute(2, 0, 1).flip(-1).contiguous()


def plain_draft(path: Path, draw: np.random.Generator) -> Tensor:
    """PIL for all of it, a fraction of the size where that does."""
    with Image.open(path) as image:
        width, height = image.size
        box = random_box(width, height, SHARE, draw)
        shrinks = min(box[2] - box[0], box[3] - box[1]) / SIZE
        image.draft("RGB", (int(width / max(shrinks, 1)), int(height / max(shrinks, 1))))
        across, down = image.width / width, image.height / height
        scaled = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
        cut = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=scaled)
    return torch.from_numpy(np.array(cut)).permute(2, 0, 1).flip(-1).contiguous()


def torchvision_io(path: Path, draw: np.random.Generator) -> Tensor:
    """torchvision.io.decode_jpeg, resized by torch."""
    coded = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    pixels = decode_jpeg(coded, mode=ImageReadMode.RGB)
    left, top, right, bottom = map(int, random_box(pixels.shape[2], pixels.shape[1], SHARE, draw))
    cut = pixels[None, :, top:bottom, left:right]
    return interpolate(cut, (SIZE, SIZE), mode="bilinear", antialias=True)[0].flip(-1)


def decoding_only(path: Path, draw: np.random.Generator) -> Tensor:
    """What no way can avoid: libjpeg-turbo, by PIL."""
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        image.load()
    return torch.empty(0)


WAYS: dict[str, Way] = {
    "PIL": plain,
    "PIL with draft mode": plain_draft,
    "PIL with draft mode, torch resizes (ours)": ours,
    "torchvision.io.decode_jpeg, torch resizes": torchvision_io,
    "decoding alone": decoding_only,
}


def cpu_rates(paths: Sequence[Path]) -> dict[str, float]:
    """Images a CPU second of each way."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(REPEATS):
        for name, way in WAYS.items():
            draw = np.random.default_rng(1)
            started = time.process_time()
            for path in paths:
                way(path, draw)
            seconds[name].append(time.process_time() - started)
    return {name: len(paths) / statistics.median(times) for name, times in seconds.items()}


TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds: the finest step of `cpu_seconds`, within which a few images may be read."""


def cpu_seconds() -> float:
    """CPU seconds of this process and its workers so far, in steps of ``TICK``."""
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


def loader_rates(
    folder: Path,
    paths: Sequence[Path],
    batch: int = 128,
    workers: Sequence[int] = (0, 1, 2),
    repeats: int = REPEATS,
) -> dict[int, tuple[float, float]]:
    """Images by the second and by the CPU second that the loader gives out, by workers."""
    augmentation = Augmentation(flip=True, resized_crop=SHARE)
    n = len(paths)
    names, unit = [path.name for path in paths], torch.ones(3)
    labels = torch.zeros(n, dtype=torch.int64)
    loaders = {
        count: ImageFileExamples(
            ImageFiles(folder, names, SIZE, count), torch.arange(n), labels, unit, unit
        )
        for count in workers
    }
    rates: dict[int, list[tuple[float, float]]] = {count: [] for count in loaders}
    for seed in range(-1, repeats):
        for count, examples in loaders.items():
            rows = torch.split(torch.randperm(n), batch)
            started, used = time.perf_counter(), cpu_seconds()
            for _ in examples.batches(rows, augmentation, max(seed, 0)):
                pass
            if seed >= 0:  # the first round starts the processes
                spent = time.perf_counter() - started, cpu_seconds() - used
                rates[count].append((n / spent[0], n / max(spent[1], TICK)))
    return {
        count: (
            statistics.median(clock for clock, _ in found),
            statistics.median(cpu for _, cpu in found),
        )
        for count, found in rates.items()
    }


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=384, help="images of 500 x 375 pixels")
    n = parser.parse_args().images
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.set_num_threads(1)
    out = Console(width=120)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        usual, large = make_images(folder, n, 500, 375), make_images(folder, n // 12, 1600, 1200)
        size = statistics.mean(path.stat().st_size for path in usual) / 1024
        usual_rates, large_rates = cpu_rates(usual[: n // 4]), cpu_rates(large)
        table = Table("way", f"500 x 375, {size:.0f} KB: images/s", "ratio", "1600 x 1200", "ratio")
        for way, rate in usual_rates.items():
            other = large_rates[way]
            table.add_row(
                way,
                f"{rate:.0f}",
                f"{rate / usual_rates['PIL']:.2f}",
                f"{other:.0f}",
                f"{other / large_rates['PIL']:.2f}",
            )
        out.print(table)
        rates = loader_rates(folder, usual)
    table = Table(
        "workers", "images/s by the clock", "ratio to none", "images a CPU second", "ratio"
    )
    for workers, (clock, cpu) in rates.items():
        ratios = f"{clock / rates[0][0]:.2f}", f"{cpu / rates[0][1]:.2f}"
        table.add_row(str(workers), f"{clock:.0f}", ratios[0], f"{cpu:.0f}", ratios[1])
    out.print(table)
    whole = rates[max(rates)][1]
    out.print(f"ResNet-50 at {RESNET50} images/s needs {RESNET50 / whole:.1f} such cores a GPU")


if __name__ == "__main__":
    main()
