"""What jobs ask a cluster for. A site's own part stands in the profile; nothing here asks SLURM."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from actsearch.config import Resources

Asked = dict[str, Any]
FIM_MINUTES = 240
FETCH_MINUTES = 60
COSTS_MINUTES = 240


@dataclass(frozen=True)
class Site:
    """What the profile says of the cluster, among Snakemake's default resources."""

    cpu_partition: str | None = None
    """Where jobs without a GPU go, if not to the partition of the others."""
    gpu_model: str | None = None

    def cpu_job(self, mem_mb: int, runtime: int) -> Asked:
        """What a job without a GPU asks for: MB on a node, minutes."""
        asked = _any_job(mem_mb, runtime)
        if self.cpu_partition:
            asked["slurm_partition"] = self.cpu_partition
        if self.gpu_model:
            asked["gpu_model"] = ""  # the executor takes the default for a wish
        return asked

    def gpu_job(self, gpu: int, mem_mb: int, runtime: int, nodes: int = 1) -> Asked:
        """What a job on ``gpu`` GPUs asks for, or one on the CPU where there are none."""
        if not gpu:
            asked = self.cpu_job(mem_mb, runtime)
            return asked | ({"nodes": nodes, "tasks": nodes} if nodes > 1 else {})
        asked = _any_job(mem_mb, runtime)
        if nodes == 1:
            # Several GPUs without a number of nodes may come from several.
            return asked | {"gpu": gpu} | ({"nodes": 1} if gpu > 1 else {})
        # A number of GPUs for the whole job may fall unevenly on its nodes; gres counts on each.
        model = f"{self.gpu_model}:" if self.gpu_model else ""
        gres = f"gpu:{model}{gpu // nodes}"
        return asked | {"nodes": nodes, "gres": gres, "gpu_model": ""}

    def training_job(self, wanted: Resources) -> Asked:
        """What a training job of a task asks for."""
        return self.gpu_job(wanted.gpu, wanted.mem_mb, wanted.runtime, wanted.nodes)

    def fim_job(self, wanted: Resources) -> Asked:
        """What a job for a part of a task's Fisher spectra asks for: one process."""
        return self.gpu_job(min(wanted.gpu, 1), wanted.mem_mb, FIM_MINUTES)

    def costs_job(self, wanted: Resources) -> Asked:
        """What a job that measures functions asks for: one core, and a GPU if tasks train there."""
        return self.gpu_job(min(wanted.gpu, 1), wanted.mem_mb, COSTS_MINUTES)


def training_threads(wanted: Resources) -> int:
    """CPU cores of a training job on each of its nodes."""
    return wanted.threads * wanted.processes // wanted.nodes


def most_of(wanted: Iterable[Resources]) -> Resources:
    """What the largest of several jobs of one process ask for; the defaults where there is none."""
    asked = list(wanted) or [Resources()]
    gpu = min(max(each.gpu for each in asked), 1)
    return Resources(gpu=gpu, mem_mb=max(each.mem_mb for each in asked))


def _any_job(mem_mb: int, runtime: int) -> Asked:
    """More memory at every attempt, but not more minutes: what ran out of time is continued."""
    growing: Callable[..., int] = lambda wildcards, attempt: mem_mb * attempt  # noqa: E731
    return {"mem_mb": growing, "runtime": runtime}
