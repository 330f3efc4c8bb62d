"""Ways to the same result, timed in turn, and rows of what was found.

Absolute seconds depend on the machine and on what else it does; a ratio of two measurements that
alternate does so far less.
"""

from __future__ import annotations

import math
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import torch

Work = Callable[[], object]
RatioOf = Literal["", "times as fast", "times as long", "times as many"]
"""What a ratio says of ours: seconds of the other over ours, of ours over the other, or rates."""
NO_LIMIT = 1e9


class Times(NamedTuple):
    """Seconds of each turn."""

    wall: list[float]
    cpu: list[float]
    """Of this process, all its threads."""

    @property
    def median(self) -> float:
        """Of the clock's seconds."""
        return statistics.median(self.wall)


@dataclass
class Row:
    """One line of the table."""

    name: str
    ours: float | None = None
    """Median of the turns, in ``unit``."""
    textbook: float | None = None
    """The same of what it is compared with."""
    against: str = ""
    """What it is compared with, in words."""
    ratio: float | None = None
    """Median over turns."""
    ratio_of: RatioOf = ""
    spread: float | None = None
    """Largest ratio less the smallest."""
    unit: str = "s"
    goal: str = ""
    met: bool | None = None
    limit: float | None = None
    """What the machine could do at most, in ``unit``."""
    limit_is: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    points: list[tuple[float, float]] = field(default_factory=list)
    """A curve: size, and what it took in ``unit``."""
    points_of: str = ""
    """What the sizes count."""
    part: str = ""
    date: str = ""
    commit: str = ""
    processor: str = ""
    """On which it was measured: parts of a file may be of several machines."""
    error: str = ""

    @property
    def share_of_limit(self) -> float | None:
        """How near ``ours`` is to the limit, 1 being there."""
        if not self.ours or not self.limit:
            return None
        near = self.limit / self.ours
        return 1 / near if self.unit.endswith("/s") else near

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"share_of_limit": self.share_of_limit}


@dataclass(frozen=True)
class Setting:
    """Where and how large rows are measured."""

    device: torch.device
    tiny: bool = False
    """Whether sizes are so small that only the code is tried."""
    threads: int = 2
    """Threads of torch on the CPU."""
    ends: float = NO_LIMIT
    """Second of `time.monotonic` at which all has to be done."""

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.ends - time.monotonic()

    def turns(self, n: int) -> int:
        """``n``, or one of a tiny run."""
        return 1 if self.tiny else n


Part = Callable[[Setting], Iterator[Row]]


def wait(device: torch.device) -> None:
    """Until the device has done what it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Work, device: torch.device, inner: int = 1) -> tuple[float, float]:
    """Seconds of one call, by the clock and of this process's CPU time; ``inner`` calls a turn."""
    wait(device)
    started, used = time.perf_counter(), time.process_time()
    for _ in range(inner):
        work()
    wait(device)
    return (time.perf_counter() - started) / inner, (time.process_time() - used) / inner


def in_turn(
    works: Mapping[str, Work],
    repeats: int,
    device: torch.device | None = None,
    inner: int = 1,
    warm: bool = True,
) -> dict[str, Times]:
    """Seconds of ``works``, which take turns, after a call of each that is not counted."""
    device = device or torch.device("cpu")
    if warm:
        for work in works.values():
            work()
    times = {name: Times([], []) for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            wall, cpu = seconds(work, device, inner)
            times[name].wall.append(wall)
            times[name].cpu.append(cpu)
    return times


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, float]:
    """Median and spread of the turns' ratios."""
    each = [one / other for one, other in zip(above, below, strict=True)]
    return statistics.median(each), max(each) - min(each)


def compare(
    name: str,
    ours: Work,
    textbook: Work,
    against: str,
    repeats: int,
    device: torch.device | None = None,
    inner: int = 1,
    ratio_of: RatioOf = "times as fast",
    warm: bool = True,
    clock: Literal["wall", "cpu"] = "wall",
) -> Row:
    """A row of two ways, with the CPU seconds of both beside those of the clock.

    Work of one thread may be compared by ``clock="cpu"``, which others on the machine slow less.
    """
    times = in_turn({"ours": ours, "textbook": textbook}, repeats, device, inner, warm)
    own, other = (getattr(times[way], clock) for way in ("ours", "textbook"))
    row = Row(name, statistics.median(own), statistics.median(other), against, ratio_of=ratio_of)
    row.unit = "s" if clock == "wall" else "s of CPU"
    row.more = {
        "turns": repeats,
        "cpu_seconds_ours": statistics.median(times["ours"].cpu),
        "cpu_seconds_textbook": statistics.median(times["textbook"].cpu),
    }
    above, below = (other, own) if ratio_of == "times as fast" else (own, other)
    row.ratio, row.spread = ratios(above, below)
    if clock == "wall" and (device is None or device.type == "cpu"):
        pair = times["textbook"].cpu, times["ours"].cpu
        above, below = pair if ratio_of == "times as fast" else pair[::-1]
        row.more["ratio_of_cpu_seconds"] = ratios(above, below)[0]
    return row


def curve(name: str, of: str, points: Sequence[tuple[float, float]], unit: str = "s") -> Row:
    """A row of sizes, whose figure is the exponent of growth over the upper half of them."""
    first = max(min(len(points) // 2, len(points) - 2), 0)
    upper = [(math.log(n), math.log(value)) for n, value in points[first:]]
    row = Row(name, points[-1][1], unit=unit, points=list(points), points_of=of)
    row.more = {"largest": points[-1][0]}
    if len(upper) > 1:
        row.more["exponent"] = statistics.linear_regression(*zip(*upper, strict=True)).slope
    return row


def guarded(name: str, measure: Callable[[], Row]) -> Row:
    """A row, or that it failed: the others of its part go on."""
    try:
        return measure()
    except Exception as error:
        return failed(name, error)


def failed(name: str, error: Exception) -> Row:
    """A row of what went wrong."""
    kept = "".join(traceback.format_exception(error)[-4:])
    return Row(name, error=f"{type(error).__name__}: {error}", more={"trace": kept})
