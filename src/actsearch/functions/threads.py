"""How many threads torch uses on the CPU, whether they flush denormals, and a thread per core."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_T = TypeVar("_T")
_R = TypeVar("_R")


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Have torch use so many threads on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Have this thread take denormal numbers for zero."""
    before = _flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def each_on_a_core(work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """``work`` on each item, as many at once as torch would use threads, with one thread each.

    Denormal numbers are what they are to this thread; nothing else that a thread sets for itself
    (grad mode, autocast, dispatch modes) is carried over. The first exception is raised, while
    items that have begun go on.

    Returns:
        The results, in the items' order; items begin in it too.
    """
    number = torch.get_num_threads()
    if number == 1:
        return [work(item) for item in items]
    flush = _flushes_denormals()

    def run(item: _T) -> _R:
        torch.set_flush_denormal(flush)
        return work(item)

    try:
        results = _workers(os.getpid(), number).map(run, items)
    except RuntimeError:  # the interpreter is ending, and takes no more work for other threads
        return [work(item) for item in items]
    return list(results)


@functools.lru_cache(maxsize=1)
def _workers(process: int, number: int) -> ThreadPoolExecutor:
    """Threads of ``process`` (after a fork a child has none of its parent's), for a core each."""
    pool = ThreadPoolExecutor(number)
    started = threading.Barrier(number)

    def for_one_core(_: int) -> None:
        torch.get_num_threads()  # a thread takes over the number of all when it is first asked
        torch.set_num_threads(1)  # MKL's too, which is a thread's own
        started.wait()

    try:
        list(pool.map(for_one_core, range(number)))
    except BaseException:  # a thread that cannot be started: the others wait for it
        started.abort()
        raise
    finally:
        torch.set_num_threads(number)  # of this thread, and of those to come
    return pool


def _flushes_denormals() -> bool:
    return (torch.tensor(1e-308, dtype=torch.float64, device="cpu") * 1e-10).item() == 0.0
