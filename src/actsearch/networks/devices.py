"""The device a task runs on, and the settings of the process under which it does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from actsearch.config import Task
from actsearch.functions.threads import flushed_denormals, threads

# Memory is filled for no reason of ours when deterministic kernels are on.
_GPU_FLAGS: tuple[tuple[Any, str], ...] = (
    (torch.backends.cudnn, "allow_tf32"),
    (torch.backends.cuda.matmul, "allow_tf32"),
    (torch.backends.cudnn, "benchmark"),
    (torch.utils.deterministic, "fill_uninitialized_memory"),
)
_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"  # cuBLAS is deterministic only with a fixed workspace

# Ours: no source fixes them. Two trainings on a GPU part like two seeds that start alike; spectra
# are sums, in another order.
TRAINING_TOLERANCE = {"absolute": 0.03, "relative": 0.1}
"""How far accuracies and losses may be off when a training is repeated on a GPU."""
FISHER_TOLERANCE = {"absolute": 1e-5, "relative": 1e-3}
"""How far spectra may be off when they are made again on a GPU."""


def choose_device(task: Task) -> torch.device:
    """A GPU if the task asks for one and there is one, else the CPU."""
    return torch.device("cuda" if task.resources.gpu and torch.cuda.is_available() else "cpu")


def describe_device(device: torch.device, task: Task) -> dict[str, Any]:
    """What a record says of the device: on what, beyond the settings, the bits may hang.

    Returns:
        A CPU's ``type`` and ``threads``; a GPU's ``type``, ``name`` and whether ``deterministic``
        kernels were on.
    """
    if device.type != "cuda":
        return {"type": device.type, "threads": task.resources.threads}
    name = torch.cuda.get_device_name(device)
    return {"type": device.type, "name": name, "deterministic": task.deterministic}


def device_fields(task: Task, gpu_tolerance: Mapping[str, float]) -> dict[str, Any]:
    """Fields of a record: the device, and how far a rerun on a GPU may be off.

    Returns:
        ``device``, and on a GPU ``tolerance``; on a CPU a rerun gives the same bits, and nothing is
        declared.
    """
    device = choose_device(task)
    declared = {"tolerance": dict(gpu_tolerance)} if device.type == "cuda" else {}
    return {"device": describe_device(device, task), **declared}


@contextmanager
def run_settings(task: Task, device: torch.device, *, tf32: bool = False) -> Iterator[None]:
    """Run a network of ``task`` on ``device`` reproducibly, and put everything back afterwards.

    The task's number of threads; denormal numbers flushed to zero, since functions that squash
    their input to nearly nothing otherwise run markedly slower; global generators that may be
    seeded freely. On a GPU deterministic kernels if the task wants them, or else the fastest
    convolutions, found by trying them; and float32 products that are float32, unless ``tf32``,
    where torch itself rounds those of convolutions.
    """
    deterministic, warn_only = before = _determinism()
    workspace = os.environ.get(_WORKSPACE)
    flags = [(owner, name, getattr(owner, name)) for owner, name in _GPU_FLAGS]
    with threads(task.resources.threads), flushed_denormals():
        try:
            if device.type == "cuda":
                if task.deterministic:
                    os.environ.setdefault(_WORKSPACE, ":4096:8")
                    torch.use_deterministic_algorithms(True)
                for (owner, name), on in zip(
                    _GPU_FLAGS, (tf32, tf32, not task.deterministic, False), strict=True
                ):
                    setattr(owner, name, on)
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                yield
        finally:
            if _determinism() != before:  # putting back imports the compiler, which takes seconds
                torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            for owner, name, value in flags:
                setattr(owner, name, value)
            if workspace is None:
                os.environ.pop(_WORKSPACE, None)


def _determinism() -> tuple[bool, bool]:
    """Whether deterministic kernels are asked for, and whether a lack of them only warns."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
