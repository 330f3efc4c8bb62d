"""Small files in the Act-Bench format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def entry(accuracy: float = 0.8, cdf: Iterable[float] = (), **changes: Any) -> dict[str, Any]:
    """What a file says of a function; ``changes`` by key, its blanks made underscores."""
    values = {
        "Train Accuracy": accuracy + 0.05,
        "Validation Accuracy": accuracy,
        "Test Accuracy": accuracy - 0.01,
        "Train Loss": 1 - accuracy,
        "Validation Loss": 1.1 - accuracy,
        "Test Loss": 1.2 - accuracy,
        "Runtime (s)": 812.5 + accuracy,
        "Equivalent Activation Functions": [],
        "Fisher log eigenvalue CDF": list(cdf),
    }
    return values | {key.replace("_", " "): value for key, value in changes.items()}


def make_entries(names: Iterable[str], bins: int = 20, seed: int = 0) -> dict[str, Any]:
    """An entry for each name, with CDFs."""
    rng = np.random.default_rng(seed)
    entries = {}
    for name in names:
        cdf = np.cumsum(rng.dirichlet(np.ones(bins)))
        entries[name] = entry(float(rng.uniform(0.1, 0.94)), cdf.tolist())
    return entries


def write(path: Path, content: Any) -> Path:
    """The content as JSON, NaN included; the path."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
