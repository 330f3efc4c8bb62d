"""Several processes that train one network together, each on its share of every batch.

torchrun starts them and says in the environment who is who; :func:`process_group` joins them. Every
function here also works in a process that trains alone, where it does nothing.

Tensors of the training travel through the backend of the device (NCCL between GPUs, Gloo between
CPUs); plain data through a second group, of Gloo, which still answers when the first one hangs.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from actsearch.config import FAULTS, Task, pass_on_ctrl_c
from actsearch.networks.devices import choose_device

T = TypeVar("T")

# One process may read a large data set, or digest it, while the others wait.
_TIMEOUT = timedelta(hours=1)
PATIENCE = timedelta(minutes=2)
"""How long a process that failed waits for the others, which may be waiting for it in turn."""

_plain: dist.ProcessGroup | None = None


def processes() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Whether this process is the one that speaks and writes files."""
    return rank() == 0


@contextmanager
def process_group(task: Task) -> Iterator[None]:
    """Train together with the other processes that torchrun started, until the end of the block.

    Raises:
        ValueError: when their number is not the task's, or there are too few GPUs for them.
    """
    global _plain
    started, wanted = int(os.environ["WORLD_SIZE"]), task.resources.processes
    if started != wanted:
        raise ValueError(f"torchrun started {started} processes, the task asks for {wanted}")
    cuda = choose_device(task).type == "cuda"
    if cuda:
        _choose_gpu()
    dist.init_process_group("nccl" if cuda else "gloo", timeout=_TIMEOUT)
    group = dist.new_group(backend="gloo", timeout=_TIMEOUT)
    assert isinstance(group, dist.ProcessGroup)  # it has every process
    _plain = group
    try:
        yield
    finally:
        _plain = None
        dist.destroy_process_group()  # its threads abort a process that ends with them alive


@contextmanager
def group_of_one() -> Iterator[None]:
    """Train as one of several processes would, without the others."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        dist.destroy_process_group()


def _choose_gpu() -> None:
    """Make the GPU of this process the current one."""
    place, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    wanted = int(os.environ["LOCAL_WORLD_SIZE"])
    if there < wanted:
        if place > 0:
            raise SystemExit(0)  # the first process of the node says it
        raise ValueError(f"{wanted} processes on this node need a GPU each, but it has {there}")
    torch.cuda.set_device(place)


def share(batch: Tensor) -> Tensor:
    """The rows of ``batch`` that are this process's; shares differ by at most one row."""
    return batch if processes() == 1 else batch.tensor_split(processes())[rank()]


def total(value: Tensor) -> Tensor:
    """Sum of ``value`` over the processes, in place; the same bits in each of them."""
    if processes() > 1:
        dist.all_reduce(value)
    return value


def broadcast(value: T) -> T:
    """The main process's ``value``, which is plain data."""
    if processes() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, group=_plain)
    return box[0]


def gather(value: T) -> list[T]:
    """Every process's ``value``, which is plain data; an empty list except in the main process."""
    if processes() == 1:
        return [value]
    values = [value] * processes() if is_main() else None
    dist.gather_object(value, values, dst=0, group=_plain)
    return values or []


def replicate(model: nn.Module) -> nn.Module:
    """Have the gradients of ``model`` averaged over the processes.

    Parameters that no process used keep no gradient, as when one process trains alone: a function
    of the user's may cut the graph.

    Returns:
        What to call instead of ``model``, which is itself where one process trains alone.
    """
    if not dist.is_initialized():
        return model
    # Looking for unused parameters also keeps the buckets as they are from the first step on, so
    # that a resumed run sums in the same order.
    return DistributedDataParallel(model, forward_sync_buffers=False, find_unused_parameters=True)


def join_buffers(model: nn.Module) -> None:
    """Make buffers equal: running statistics are averaged, all else is the main process's."""
    if processes() == 1:
        return
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            total(buffer).div_(processes())
        else:
            dist.broadcast(buffer, src=0)


@contextmanager
def in_step() -> Iterator[None]:
    """Work that has to end alike in all processes.

    An exception that all of them meet is raised as it is, and they go on together. If only some
    meet one, those say why and exit with 1, and torchrun ends the others.

    Raises:
        FAULTS: what all of them met.
    """
    try:
        yield
    except FAULTS as error:
        pass_on_ctrl_c(error)
        if _failures(True) < processes():
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)  # an orderly end would wait for the others
        raise
    if _failures(False):
        _wait_for_the_end()


def _failures(failed: bool) -> int:
    """Number of processes that failed, of those that answer in time."""
    if processes() == 1:
        return int(failed)
    count = torch.tensor(int(failed))
    asked = time.monotonic()
    try:
        work = dist.all_reduce(count, group=_plain, async_op=True)
        work.wait(PATIENCE if failed else _TIMEOUT)
    except RuntimeError:
        if time.monotonic() - asked < PATIENCE.total_seconds():
            _wait_for_the_end()  # a process is gone, and this one's failure came of that
        return 1
    return int(count)


def _wait_for_the_end() -> NoReturn:
    """Be silent until torchrun ends this process: another one failed first."""
    time.sleep(60)
    os._exit(1)
