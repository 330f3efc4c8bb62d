"""Made-up inputs, the same in every run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from actsearch.data.examples import MemoryExamples
from actsearch.functions.baselines import BASELINES
from actsearch.search.candidates import COLUMNS


def images(n: int, device: torch.device, side: int = 32) -> MemoryExamples:
    """Random images of ``side`` x ``side`` pixels in ten classes, as bytes on the device."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 3, side, side), generator=generator, dtype=torch.uint8)
    moments = torch.full((3,), 127.0), torch.full((3,), 74.0)
    return MemoryExamples(pixels, torch.arange(n) % 10, *moments).to(device)


def function_map(n: int) -> pd.DataFrame:
    """A map of ``n`` functions, the baselines among them, as a search reads it."""
    names = [*BASELINES, *(f"f{number}" for number in range(n - len(BASELINES)))]
    points = np.random.default_rng(0).normal(size=(n, len(COLUMNS)))
    table = pd.DataFrame(points, columns=COLUMNS)
    table.insert(0, "name", names)
    table.insert(1, "slug", names)
    return table
