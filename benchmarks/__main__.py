"""Time each way of doing a piece of work against the plain way, in turn, and print the ratios.

Absolute seconds depend on the machine and on what else it does; a ratio of two measurements that
alternate does so far less.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import cases

REPEATS = 5


@dataclass(frozen=True)
class Case:
    """Two ways to the same result."""

    what: str
    ours: Callable[[], object]
    plain_name: str
    plain: Callable[[], object]


def ratio(case: Case) -> tuple[float, float, float]:
    """Median seconds of ours, and median and spread of the ratios plain / ours."""
    case.ours(), case.plain()  # caches, lazy imports
    times = [(_seconds(case.ours), _seconds(case.plain)) for _ in range(REPEATS)]
    ratios = [plain / ours for ours, plain in times]
    return (
        statistics.median(ours for ours, _ in times),
        statistics.median(ratios),
        max(ratios) - min(ratios),
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Run all cases."""
    torch.set_num_threads(1)
    table = Table("what", "compared with", "ms", "times faster", "spread")
    for case in (Case(*arguments) for arguments in cases.all_cases()):
        seconds, median, spread = ratio(case)
        table.add_row(
            case.what, case.plain_name, f"{seconds * 1e3:.1f}", f"{median:.1f}", f"{spread:.1f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
