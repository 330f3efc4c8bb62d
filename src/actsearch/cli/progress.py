"""Progress that people see: a bar in a terminal, a line an item in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
COLUMNS_OF_A_FILE = 160
SECONDS_BETWEEN_LINES = 5.0


def say(text: str) -> None:
    """Print a line to standard error at once."""
    print(text, file=sys.stderr, flush=True)


def counter(description: str) -> Callable[[int, int], None]:
    """A function of (done, total) that now and then says how far the work is."""
    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            say(f"{description}: {done:,} of {total:,}")

    return report


def track(items: Sequence[T], description: str) -> Iterator[T]:
    """Yield ``items`` with a progress bar, or now and then a line where there is no terminal."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track as bar

        yield from bar(items, description, console=Console(stderr=True))
        return
    last = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last > SECONDS_BETWEEN_LINES or number == len(items):
            last = time.monotonic()
            say(f"{description}: {number} of {len(items)}")


def duration(seconds: float) -> str:
    """A time that people read: ``40 s``, ``12 min``, ``3.4 h``, ``2.1 days``."""
    if seconds <= 0:
        return "0 s"
    for size, unit, limit in ((1, "s", 100), (60, "min", 100), (3600, "h", 72)):
        number = seconds / size
        if number < limit:
            digits = 1 if number < 10 and unit != "min" else 0
            return f"{max(number, 0.1):.{digits}f} {unit}"
    return f"{seconds / 86400:,.1f} days"


def console(**options: Any) -> Console:
    """Standard output for tables and trees: wide where it is no terminal."""
    from rich.console import Console

    found = Console(**options, highlight=False)
    if not found.is_terminal:
        found.width = COLUMNS_OF_A_FILE
    return found
