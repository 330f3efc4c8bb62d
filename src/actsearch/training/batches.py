"""How many examples stand in each batch, by one rule for every kind of job."""

from __future__ import annotations

EVALUATION_BATCH = 256
LEAST = 2
"""Examples of a batch that every process has at least: batch norm cannot train on one."""


def batch_sizes(n: int, size: int, processes: int = 1) -> list[int]:
    """Sizes of the batches of an epoch.

    All are of ``size`` but the last, which holds what remains. Where that would leave a process
    fewer than two examples, it joins the batch before it.

    Args:
        n: examples to train on.
        size: of a batch, over all processes.
        processes: that share each batch.

    Returns:
        The sizes, which add up to ``n``.
    """
    whole, rest = divmod(n, size)
    sizes = [size] * whole
    if not rest:
        return sizes
    if whole and rest < LEAST * processes:
        return [*sizes[:-1], size + rest]
    return [*sizes, rest]


def share_sizes(size: int, processes: int) -> list[int]:
    """How a batch is shared out, as ``tensor_split`` does: shares differ by one at most."""
    share, larger = divmod(size, processes)
    return [share + 1] * larger + [share] * (processes - larger)


def evaluation_sizes(n: int) -> list[int]:
    """Sizes of the batches that ``n`` examples are measured in; no process shares one."""
    whole, rest = divmod(n, EVALUATION_BATCH)
    return [EVALUATION_BATCH] * whole + ([rest] if rest else [])
