"""How seconds and memory grow with the size of the work."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from actsearch.features.fisher import fisher_spectrum
from actsearch.functions.activation import Activation
from actsearch.functions.threads import threads
from benchmarks.functions import TYPICAL
from benchmarks.measuring import Row, Setting, Work, curve, seconds
from benchmarks.rows.fisher import Case, ways

SIZES = ("functions", "trials", "jobs")
"""What the sizes of measurements count, of which each has one."""
MANY = 100_000
GOALS = {"dry run": (60.0, 1500.0), "audit": (60.0, math.inf)}
"""CPU seconds and MB."""
BATCHES = (8, 16, 32, 64, 128, 256)
WIDTHS = (16, 32, 64, 128, 256)


def rows(setting: Setting) -> Iterator[Row]:
    """Of the Fisher spectra: with the batch, and with the width of a network."""
    with threads(setting.threads):
        yield growth("FIM, by batch", "examples", BATCHES, partial(by_batch, setting), setting)
        yield growth("FIM, by width", "channels", WIDTHS, partial(by_width, setting), setting)


def functions(setting: Setting) -> Iterator[Row]:
    """With the number of functions; takes long."""
    yield from curves("benchmarks.growth_functions")


def trials(setting: Setting) -> Iterator[Row]:
    """With the number of trials; takes long."""
    yield from curves("benchmarks.growth_trials")


def curves(module: str) -> list[Row]:
    """What ``rows()`` of a module found: a curve of seconds for each part and kind.

    Each is a dict of ``part``, maybe ``kind``, one of `SIZES`, ``seconds`` of CPU and ``memory`` in
    bytes.
    """
    return as_curves(importlib.import_module(module).rows())


def as_curves(found: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The same from what was found."""
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in found:
        grouped.setdefault((str(each["part"]), str(each.get("kind", ""))), []).append(each)
    made = []
    for (part, kind), several in grouped.items():
        [of] = [size for size in SIZES if size in several[0]]
        points = [(float(each[of]), each["seconds"]) for each in several]
        row = curve(f"{part}, {kind}".strip(", "), of, points, "s of CPU")
        row.more["memory_points"] = [[each[of], each["memory"]] for each in several]
        row.more["memory_mb"] = max(each["memory"] for each in several) / 1e6
        _goal(row, part)
        made.append(row)
    return made


def _goal(row: Row, part: str) -> None:
    """Those of a task with many functions, where it was measured."""
    for start, (most, megabytes) in GOALS.items():
        if part.startswith(start) and row.more["largest"] >= MANY:
            limit = f" and {megabytes:g} MB" if math.isfinite(megabytes) else ""
            row.goal = f"{MANY:,} in {most:g} CPU s" + limit
            row.met = (row.ours or 0) <= most and row.more["memory_mb"] <= megabytes


def growth(
    name: str, of: str, sizes: tuple[int, ...], work: Callable[[int], Work], setting: Setting
) -> Row:
    """Seconds at each size, the better of two turns after one of the smallest."""
    chosen = sizes[:2] if setting.tiny else sizes
    work(chosen[0])()
    found = []
    for size in chosen:
        made = work(size)
        best = min(seconds(made, setting.device)[0] for _ in range(setting.turns(2)))
        found.append((float(size), best))
    return curve(name, of, found)


def by_batch(setting: Setting, n: int) -> Work:
    """All-CNN-C, empirical."""
    case = Case("digits-cnn", side=8) if setting.tiny else Case("all-cnn-c")
    return ways(replace(case, examples=n), "empirical", setting.device)[0]


def by_width(setting: Setting, width: int) -> Work:
    """Three 3x3 convolutions of so many channels on 64 images of 16 x 16."""
    layers: list[nn.Module] = []
    inputs = 3
    for _ in range(3):
        layers += [nn.Conv2d(inputs, width, 3, padding=1), Activation(TYPICAL)]
        inputs = width
    torch.manual_seed(0)
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
    x: Tensor = torch.randn(4 if setting.tiny else 64, 3, 16, 16)
    y = torch.arange(len(x)) % 10
    return lambda: fisher_spectrum(model, x, y, "empirical")
