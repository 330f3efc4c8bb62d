"""What the machine can do at most: products of matrices, and copies of large tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from actsearch.functions.threads import threads
from benchmarks.measuring import Row, Setting, Work, seconds

PRECISIONS = {
    "float64": (torch.float64, False),
    "float32": (torch.float32, False),
    "tf32": (torch.float32, True),
    "bfloat16": (torch.bfloat16, False),
}


@contextmanager
def tf32(on: bool) -> Iterator[None]:
    """Whether a GPU rounds the factors of float32 products to 10 bits."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = on
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def matmul_flops(device: torch.device, dtype: torch.dtype, n: int, turns: int = 15) -> float:
    """Floating-point operations per second of an (n, n) product; the best of some turns."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(n, n, generator=generator).to(device, dtype) for _ in range(2))
    out = torch.empty_like(a)
    inner = 10 if device.type == "cuda" else 1
    return 2 * n**3 / _least(lambda: torch.matmul(a, b, out=out), device, inner, turns)


def copy_bytes(device: torch.device, n: int, turns: int = 15) -> float:
    """Bytes per second, read and written, of a copy of ``n`` bytes; the best of some turns."""
    source = torch.ones(n // 4, device=device)
    target = torch.empty_like(source)
    inner = 10 if device.type == "cuda" else 1
    work = partial(target.copy_, source)
    return 2 * 4 * len(source) / _least(work, device, inner, turns)


def _least(work: Work, device: torch.device, inner: int, turns: int) -> float:
    """Seconds of the best turn, by the clock."""
    return min(wall for wall, _ in [seconds(work, device, inner) for _ in range(turns + 1)][1:])


class Limits:
    """Measured once per run, when first asked for."""

    _found: dict[tuple[str, ...], float] = {}  # noqa: RUF012

    @classmethod
    def flops(
        cls, setting: Setting, dtype: torch.dtype = torch.float64, rounded: bool = False
    ) -> float:
        """Of a product of matrices, per second; ``rounded`` is tf32."""
        key = (setting.device.type, f"{dtype}{rounded}", str(setting.threads), str(setting.tiny))
        if key not in cls._found:
            cuda = setting.device.type == "cuda"
            n = 128 if setting.tiny else 8192 if cuda else 2048
            with threads(setting.threads), tf32(rounded):
                cls._found[key] = matmul_flops(setting.device, dtype, n)
        return cls._found[key]

    @classmethod
    def bytes(cls, setting: Setting) -> float:
        """Of a copy, per second, read and written."""
        key = (setting.device.type, "copy", str(setting.threads), str(setting.tiny))
        if key not in cls._found:
            cuda = setting.device.type == "cuda"
            n = 2**20 if setting.tiny else 2**32 if cuda else 2**29
            with threads(setting.threads):
                cls._found[key] = copy_bytes(setting.device, n)
        return cls._found[key]


def limits(setting: Setting) -> Iterator[Row]:
    """Rows of the machine itself."""
    if setting.device.type == "cuda":
        for name, (dtype, rounded) in PRECISIONS.items():
            found = Limits.flops(setting, dtype, rounded)
            yield Row(f"limit: product of matrices, {name}", found / 1e12, unit="TFLOP/s")
        yield Row("limit: copy", Limits.bytes(setting) / 1e9, unit="GB/s")
        return
    for count in dict.fromkeys((1, setting.threads)):
        own = Setting(setting.device, setting.tiny, count)
        for name, dtype in (("float64", torch.float64), ("float32", torch.float32)):
            found = Limits.flops(own, dtype)
            yield Row(
                f"limit: product of matrices, {name}, threads {count}", found / 1e9, unit="GFLOP/s"
            )
        found = Limits.bytes(own)
        yield Row(f"limit: copy, threads {count}", found / 1e9, unit="GB/s")
