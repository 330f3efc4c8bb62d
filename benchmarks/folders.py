"""Folders in which experiments can be made."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import ROOT

BIN = Path(sys.executable).parent
SOURCES = ("Snakefile", "workflow", "profiles", "envs")


def copy_of_sources(place: Path, *more: str) -> Path:
    """A new folder with what Snakemake reads, and ``more`` of the clone."""
    place.mkdir()
    for source in (*SOURCES, *more):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, place / source)
    return place


def experiment(place: Path, config: dict[str, Any]) -> Path:
    """A new folder with a configuration of its own."""
    copy_of_sources(place)
    (place / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return place
