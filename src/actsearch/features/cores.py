"""Work on all cores of the CPU, with the bits of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from actsearch.functions.threads import each_on_a_core

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
    order = sorted(range(len(items)), key=lambda i: -costs[i])
    found = dict(zip(order, each_on_a_core(work, [items[i] for i in order]), strict=True))
    return [found[i] for i in range(len(items))]


def in_shares(costs: Sequence[float], shares: int) -> list[list[int]]:
    """Positions of items in shares of about the same cost: the costly first, to the least laden."""
    loads = [0.0] * shares
    chosen: list[list[int]] = [[] for _ in range(shares)]
    for item in sorted(range(len(costs)), key=lambda i: -costs[i]):
        least = loads.index(min(loads))
        loads[least] += costs[item]
        chosen[least].append(item)
    return [sorted(share) for share in chosen if share]
