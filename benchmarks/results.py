"""Rows as they come: printed, written as JSON, and in a table at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.machine import machine, now, processor, versions
from benchmarks.measuring import Part, Row, Setting, failed


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

    def keep_others(self, parts: Iterable[str]) -> None:
        """Take over what the file has of other parts than ``parts``."""
        if self.path.exists():
            kept, anew = json.loads(self.path.read_text()), set(parts)
            where = {"processor": processor(kept["machine"])}
            self.others = [where | row for row in kept["rows"] if row["part"] not in anew]

    def add(self, row: Row, part: str = "") -> None:
        """Print a row, and write all so far."""
        row.part, row.date = part, now()
        row.commit = self.head["versions"]["actsearch"]
        row.processor = processor(self.head["machine"])
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
