"""What functions cost beside relu, as the page writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from actsearch.report.formats import MISSING, Context, is_number, three_digits

TIMES = "\u202f×"


def times(number: Any) -> str:
    """A multiple of relu's time: ``1.8 ×``; a dash when it is missing."""
    return f"{_short(number)}{TIMES}" if is_number(number) else MISSING


def kept(number: Any) -> str:
    """Bytes kept for each number of the input: ``4 B``; a dash when it is missing."""
    return f"{_short(number)}\u202fB" if is_number(number) else MISSING


def _short(number: float) -> str:
    """Two digits: more would be noise."""
    return three_digits(float(f"{number:.2g}"))


def final_cost(cost: Mapping[str, Any] | None) -> Context | None:
    """The cell of a finalist: time and memory, and in brackets those of the compiled function."""
    if not cost:
        return None
    compiled = cost["compiled"]
    return {
        "times": times(cost["both"]),
        "kept": kept(cost["bytes_kept"]),
        "compiled_times": times(compiled["both"]) if compiled else None,
        "compiled_kept": kept(compiled["bytes_kept"]) if compiled else None,
    }


def in_a_line(cost: Mapping[str, Any]) -> str:
    """The same as a line of the card."""
    cell = final_cost(cost)
    assert cell
    line = f"{cell['times']} relu, {cell['kept']} kept per number"
    if cell["compiled_times"]:
        line += f" (compiled {cell['compiled_times']}, {cell['compiled_kept']})"
    return line


def cost_lines(costs: pd.DataFrame | None) -> dict[str, str]:
    """What functions of a space cost; on each device where there are several.

    Args:
        costs: As the step ``costs`` makes it: ``name``, ``device``, ``both``, ``bytes_kept``.

    Returns:
        A line each, by name; bytes are those on the last device, a GPU's where there is one.
    """
    if costs is None:
        return {}
    devices = list(dict.fromkeys(costs["device"]))
    lines: dict[str, str] = {}
    for name, rows in costs.groupby("name", sort=False):
        of = {row["device"]: row for row in rows.to_dict("records")}
        several = [
            times(of[device]["both"]) + (f" {_kind(device)}" if len(devices) > 1 else "")
            for device in devices
            if device in of
        ]
        lines[str(name)] = ", ".join([*several, kept(rows["bytes_kept"].iloc[-1])])
    return lines


def measured_on(costs: pd.DataFrame | None) -> str | None:
    """Where the functions of a space were measured, in words."""
    if costs is None or costs.empty:
        return None
    machines = dict(zip(costs["device"], costs["processor"], strict=True))
    return " and ".join(machine_in_words(*machine) for machine in machines.items())


def machine_in_words(device: str, processor: str) -> str:
    """A device by its model."""
    return f"one core of {processor}" if device == "cpu" else processor


def _kind(device: str) -> str:
    return "CPU" if device == "cpu" else "GPU"
