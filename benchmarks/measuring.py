"""Ways to the same result, timed in turn; rows of what was found, printed and written as JSON.

Absolute seconds depend on the machine and on what else it does; a ratio of two measurements that
alternate does so far less.
"""

from __future__ import annotations

import json
import math
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.machine import machine, now, versions

Work = Callable[[], object]
RatioOf = Literal["", "times faster", "times as long", "times as many"]
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
    """Until the device has done what it was told."""
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
    ratio_of: RatioOf = "times faster",
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
    above, below = (other, own) if ratio_of == "times faster" else (own, other)
    row.ratio, row.spread = ratios(above, below)
    if clock == "wall" and (device is None or device.type == "cpu"):
        pair = times["textbook"].cpu, times["ours"].cpu
        above, below = pair if ratio_of == "times faster" else pair[::-1]
        row.more["ratio_of_cpu_seconds"] = ratios(above, below)[0]
    return row


def curve(name: str, of: str, points: Sequence[tuple[float, float]], unit: str = "s") -> Row:
    """A row of sizes, whose figure is the exponent of growth over the upper half of them."""
    upper = [(math.log(n), math.log(value)) for n, value in points[max(len(points) // 2 - 1, 0) :]]
    row = Row(name, points[-1][1], unit=unit, points=list(points), points_of=of)
    row.more = {"largest": points[-1][0]}
    if len(upper) > 1:
        row.more["exponent"] = statistics.linear_regression(*zip(*upper, strict=True)).slope
    return row


class Results:
    """Rows as they come: printed, and written after each so that none is lost."""

    def __init__(self, path: Path, setting: Setting, out: Console) -> None:
        self.path, self.out = path, out
        self.started = time.monotonic()
        self.rows: list[Row] = []
        self.others: list[dict[str, Any]] = []
        self.head: dict[str, Any] = {
            "date": now(),
            "device": setting.device.type,
            "tiny": setting.tiny,
            "threads": setting.threads,
            "machine": machine(setting.device),
            "versions": versions(),
        }

    def keep_others(self, parts: Sequence[str]) -> None:
        """Take over what the file has of other parts than ``parts``."""
        if self.path.exists():
            kept = json.loads(self.path.read_text())["rows"]
            self.others = [row for row in kept if row["part"] not in parts]

    def add(self, row: Row, part: str = "") -> None:
        """Print a row, and write all so far."""
        row.part, row.date = part, now()
        row.commit = self.head["versions"]["actsearch"]
        self.rows.append(row)
        self.out.print(line(row))
        self.out.file.flush()
        self.write()

    def write(self) -> None:
        """The whole file anew, in one move."""
        whole = self.head | {
            "seconds": round(time.monotonic() - self.started, 1),
            "rows": [*self.others, *(row.as_dict() for row in self.rows)],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(whole, indent=1) + "\n")
        beside.replace(self.path)

    def table(self) -> Table:
        """What was measured in this run."""
        heads = ("what", "ours", "unit", "ratio", "spread", "beside", "of the limit", "goal", "met")
        table = Table(*heads)
        for row in self.rows:
            met = {None: "", True: "yes", False: "no"}[row.met]
            table.add_row(
                escape(row.name), _figure(row.ours), row.unit,
                f"{row.ratio:.3g} {row.ratio_of}" if row.ratio is not None else "",
                _figure(row.spread), escape(row.error or row.against),
                f"{row.share_of_limit:.0%}" if row.share_of_limit is not None else "",
                row.goal, met,
            )  # fmt: skip
        return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def run_parts(parts: Mapping[str, Part], setting: Setting, results: Results) -> None:
    """All rows of all parts; one that fails says so in its row, and the others go on."""
    for name, part in parts.items():
        if setting.left < 0:
            results.add(Row(name, error="left out: no time was left"), name)
            continue
        started = time.monotonic()
        try:
            for row in part(setting):
                results.add(row, name)
        except Exception as error:  # whatever a machine lacks
            results.add(failed(name, error), name)
        results.out.print(f"[dim]{name}: {time.monotonic() - started:.0f} s[/dim]")


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


def line(row: Row) -> str:
    """A row in words, as it is printed when it ends."""
    if row.error:
        return escape(f"{row.name}: FAILED, {row.error}")
    said = [f"{row.name}:"]
    if row.ours is not None:
        said.append(f"{row.ours:.4g} {row.unit}")
    if row.ratio is not None:
        spread = f" +- {row.spread / 2:.2g}" if row.spread is not None else ""
        said.append(f"| {row.ratio:.3g}{spread} {row.ratio_of} ({row.against})")
    if row.share_of_limit is not None:
        said.append(f"| {row.share_of_limit:.0%} of the limit ({row.limit_is})")
    if row.met is not None:
        said.append(f"| goal {row.goal}: {'met' if row.met else 'MISSED'}")
    kept = {key: value for key, value in row.more.items() if isinstance(value, float | int | str)}
    said += [f"| {key} {value:.4g}" if isinstance(value, float) else f"| {key} {value}"
             for key, value in kept.items()]  # fmt: skip
    return escape(" ".join(said))
