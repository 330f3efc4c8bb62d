"""Plots of docs/performance.md, as SVG that is the same whenever the figures are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LOOKS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "actsearch",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
}
MARKS = "osD^vP*X"
JsonRow = Mapping[str, Any]


def growth(rows: Sequence[JsonRow], path: Path) -> None:
    """Seconds over the size of the work, a panel for each kind of size, logarithmic both."""
    kinds = list(dict.fromkeys(row["points_of"] for row in rows))
    with mpl.rc_context(LOOKS):
        figure = Figure(figsize=(4 * len(kinds), 3.4), layout="constrained")
        panels = figure.subplots(1, len(kinds), squeeze=False)[0]
        for kind, panel in zip(kinds, panels, strict=True):
            own = [row for row in rows if row["points_of"] == kind]
            for row, mark in zip(own, MARKS * 4, strict=False):
                panel.loglog(
                    *zip(*row["points"], strict=True), marker=mark, markersize=4, label=row["name"]
                )
            _linear(panel, own)
            sizes = sorted({float(n) for row in own for n, _ in row["points"]})
            if sizes[-1] < 100 * sizes[0]:
                panel.set_xticks(sizes, [f"{n:g}" for n in sizes], minor=False)
                panel.minorticks_off()
            panel.set(xlabel=kind, ylabel="seconds")
            panel.legend(fontsize=7, frameon=False)
        _save(figure, path)


def _linear(panel: Axes, rows: Iterable[JsonRow]) -> None:
    """A line of slope 1 through the end of the longest curve."""
    n, spent = max((row["points"][-1] for row in rows), key=lambda point: float(point[0]))
    least = min(row["points"][0][0] for row in rows)
    panel.loglog([least, n], [spent * least / n, spent], ":", color="grey", label="linear")


def costs(rows: Mapping[str, JsonRow], path: Path) -> None:
    """What functions cost beside SiLU, from the cheapest to the dearest, a curve a row."""
    with mpl.rc_context(LOOKS):
        figure = Figure(figsize=(5, 3.4), layout="constrained")
        panel = figure.subplots()
        for name, row in rows.items():
            ratios = sorted(float(each["ratio"]) for each in row["more"]["each"])
            shares = [(place + 0.5) / len(ratios) for place in range(len(ratios))]
            panel.plot(shares, ratios, label=name)
        panel.axhline(1, color="grey", linestyle=":", label="native SiLU")
        panel.set(yscale="log", xlabel="share of the functions", ylabel="times as long as SiLU")
        panel.legend(fontsize=7, frameon=False)
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n")
