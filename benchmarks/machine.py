"""What a measurement was made on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from actsearch.functions.evaluation import n_cores

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "torch",
    "triton",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "snakemake",
    "umap-learn",
)


def machine(device: torch.device) -> dict[str, Any]:
    """CPU, cores, memory, and the GPU if there is one."""
    found: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": n_cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
    }
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        found |= {
            "gpu": card.name,
            "gpu_memory_gb": round(card.total_memory / 1e9, 1),
            "gpu_multiprocessors": card.multi_processor_count,
            "cuda": torch.version.cuda,
        }
    return found


def processor(of: Mapping[str, Any]) -> str:
    """The GPU of a `machine`, or else its CPU."""
    return str(of.get("gpu") or of["cpu"])


def versions() -> dict[str, str]:
    """Of Python, of packages, and of actsearch by its commit; "-" where there is none."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "-"
    return found | {"actsearch": _commit()}


def now() -> str:
    """Date and time, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _commit() -> str:
    """The commit, with + where files differ from it."""
    try:
        head, changed = (
            subprocess.run(
                ["git", *command], cwd=ROOT, check=True, capture_output=True, text=True
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "-"
    return head + "+" * bool(changed)


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "-"
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor() or "-"
