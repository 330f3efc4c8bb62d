"""Work on all cores of the CPU, with the bits of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_T = TypeVar("_T")
_R = TypeVar("_R")


def on_all_cores(
    work: Callable[[_T], _R], items: Sequence[_T], costs: Sequence[float], device: torch.device
) -> list[_R]:
    """``work`` on each item, on a core each, the costly first.

    Many small matrix products gain little from several cores each, and other libraries' sums come
    out with other bits on other numbers of cores; a core each changes nothing.

    Args:
        work: what to do, on ``device``; no item's work may depend on another's.
        items: what to do it on.
        costs: of each item, in any unit.
        device: where the work is done; other devices than the CPU take one item after another.

    Returns:
        The results, in the items' order.
    """
    if device.type != "cpu":
        return [work(item) for item in items]
    with _one_thread() as threads:
        if threads == 1 or len(items) < 2:
            return [work(item) for item in items]
        order = sorted(range(len(items)), key=lambda i: -costs[i])
        # Said in each thread: the number of MKL's threads is a thread's own.
        most = min(threads, len(items))
        with ThreadPoolExecutor(most, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            found = dict(zip(order, pool.map(work, (items[i] for i in order)), strict=True))
    return [found[i] for i in range(len(items))]


@contextmanager
def _one_thread() -> Iterator[int]:
    """One thread for torch's own work, here; yields the number before."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield threads
        return
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def in_shares(costs: Sequence[float], shares: int) -> list[list[int]]:
    """Positions of items in shares of about the same cost: the costly first, to the least laden."""
    loads = [0.0] * shares
    chosen: list[list[int]] = [[] for _ in range(shares)]
    for item in sorted(range(len(costs)), key=lambda i: -costs[i]):
        least = loads.index(min(loads))
        loads[least] += costs[item]
        chosen[least].append(item)
    return [sorted(share) for share in chosen if share]
