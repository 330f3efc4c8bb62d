"""Draw the figures of the site and the README: ``python docs/making/draw_figures.py [NAME...]``.

All are made from the table that ships, ``mnist1d-mlp``, except the scores of the last comparison,
which are in ``last-comparison.csv`` beside this file: from ``results/mnist1d-mlp/final.json`` of
``config/tables.yaml``.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FIGURES = Path(__file__).parents[1] / "figures"
COMPARISON = Path(__file__).with_name("last-comparison.csv")
TASK = "mnist1d-mlp"
LOOKS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "actsearch",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "savefig.dpi": 130,
}
FOUND, BASELINE, QUIET = "#0072b2", "#d55e00", "#888888"  # told apart by the colour-blind too


def result(figure: Figure) -> None:
    """What the search found: the functions, and their scores on the test set."""
    from actsearch import parse

    with COMPARISON.open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    rows.sort(key=lambda row: float(row["test_score_mean"]))
    shape, scores = figure.subplots(1, 2, width_ratios=[3, 4])
    x = np.linspace(-3, 3, 301)
    for row in rows:
        found = row["kind"] == "found"
        shape.plot(x, parse(row["name"])(x), color=FOUND if found else BASELINE,
                   linestyle="-" if found else "--", linewidth=1.4)  # fmt: skip
    shape.set(xlabel="x", ylabel="f(x)", ylim=(-6, 6), title="The functions")
    shape.grid(visible=True)
    for place, row in enumerate(rows):
        colour = FOUND if row["kind"] == "found" else BASELINE
        mean, deviation = (100 * float(row[f"test_score_{key}"]) for key in ("mean", "std"))
        scores.errorbar(mean, place, xerr=deviation, color=colour, capsize=3,
                        marker="o" if row["kind"] == "found" else "s")  # fmt: skip
        scores.annotate(f"{mean:.1f}", (mean, place), (0, 6), textcoords="offset points",
                        ha="center", fontsize=8)  # fmt: skip
    scores.set(yticks=range(len(rows)), yticklabels=[row["name"] for row in rows],
               xlabel="test accuracy in %: mean and deviation over 10 seeds",
               title="Baselines (squares) and found functions (circles)")  # fmt: skip
    scores.set_ylim(-0.6, len(rows) - 0.3)
    scores.grid(visible=True, axis="x")


def outputs(figure: Figure) -> None:
    """The first feature: what functions make of 1,000 normal samples."""
    from actsearch import parse

    panels = figure.subplots(1, 3, sharex=True)
    samples = np.random.default_rng(0).standard_normal(1000)
    for panel, name in zip(panels, ["relu(x)", "add(square(x),elu(x))", "sin(x)"], strict=True):
        panel.plot(samples, parse(name)(samples), ".", color=FOUND, markersize=3, rasterized=True)
        panel.set(title=name, xlabel="sample")
    panels[0].set_ylabel("output")


def spectrum(figure: Figure) -> None:
    """The second feature: eigenvalues of the Fisher information matrix at initialisation."""
    import torch
    from torch import nn

    from actsearch import Activation
    from actsearch.features import fisher_spectrum, log_spectrum_cdf

    low, high = -20.0, 5.0
    panels = figure.subplots(1, 2, sharey=True)
    x = torch.randn(64, 40, generator=torch.Generator().manual_seed(0))
    for name, style in [("relu(x)", "-"), ("tanh(x)", "--"), ("add(square(x),elu(x))", "-."),
                        ("sigmoid(x)", ":")]:  # fmt: skip
        torch.manual_seed(0)
        layers = [nn.Linear(40, 50), Activation(name), nn.Linear(50, 10)]
        for panel, layer in zip(panels, fisher_spectrum(nn.Sequential(*layers), x), strict=True):
            shares = log_spectrum_cdf([layer], log_range=(low, high), minimum_bins=100)
            edges = np.linspace(low, high, len(shares) + 1)[1:]
            panel.plot(edges, shares, style, label=name)
    for panel, title in zip(panels, ["first layer", "last layer"], strict=True):
        panel.set(title=title, xlabel="natural logarithm of the eigenvalue")
        panel.grid(visible=True)
    panels[0].set_ylabel("share of eigenvalues below")
    panels[0].legend(fontsize=7, frameon=False)


def maps(figure: Figure) -> None:
    """The map: functions with like features lie near each other, and so do their scores."""
    from actsearch import load_benchmark, load_map

    merged = load_map(TASK).merge(load_benchmark(TASK)[["name", "validation_score"]], on="name")
    panels = figure.subplots(1, 3)
    titles = {"outputs": "by outputs", "fisher": "by Fisher spectra", "union": "by both"}
    for panel, (feature, title) in zip(panels, titles.items(), strict=True):
        shown = merged.dropna(subset=[f"{feature}_x"]).sort_values("validation_score")
        dots = panel.scatter(shown[f"{feature}_x"], shown[f"{feature}_y"], s=3, rasterized=True,
                             c=100 * shown["validation_score"], cmap="viridis")  # fmt: skip
        panel.set(title=title, xticks=[], yticks=[])
    figure.colorbar(dots, ax=panels, label="validation accuracy in %")


def scores(figure: Figure) -> None:
    """How the scores of all functions of a space are spread."""
    from actsearch import load_benchmark

    table = load_benchmark(TASK).set_index("name")["validation_score"]
    panel: Axes = figure.subplots()
    panel.hist(100 * table, bins=60, color=QUIET)
    best = str(table.idxmax())
    for name, style in [("relu(x)", "--"), ("square(relu(x))", "-."), (best, "-")]:
        colour = FOUND if name == best else BASELINE
        panel.axvline(100 * table[name], linestyle=style, color=colour, label=name)
    panel.set(xlabel="validation accuracy in %", ylabel="functions")
    panel.legend(fontsize=8, frameon=False)


def search(figure: Figure) -> None:
    """Searches replayed on the table: how far they are below the best function."""
    from actsearch import load_benchmark, load_map
    from actsearch.config import Simulation
    from actsearch.search.simulation import simulate

    table, places = load_benchmark(TASK), load_map(TASK)
    panel: Axes = figure.subplots()
    for name, style in [("random", ":"), ("union-knr", "--"), ("gp-ei", "-")]:
        settings = Simulation(strategies=[name], runs=20, evaluations=150, at_once=8, share=0.8,
                              sees="one-seed")  # fmt: skip
        runs = simulate(name, table, places, settings)
        regret = 100 * runs.groupby("evaluation")["regret"].mean()
        panel.plot(regret.index, regret, style, label=name)
    panel.set(xlabel="functions trained, baselines included",
              ylabel="points below the best function")  # fmt: skip
    panel.grid(visible=True)
    panel.legend(fontsize=8, frameon=False)


DRAWN: dict[str, tuple[Callable[[Figure], None], tuple[float, float]]] = {
    "result": (result, (9, 3.4)),
    "outputs": (outputs, (8, 2.4)),
    "spectrum": (spectrum, (8, 3)),
    "maps": (maps, (9, 3)),
    "scores": (scores, (6, 3)),
    "search": (search, (6, 3)),
}
"""Figures by name, with their sizes in inches."""


def draw(name: str, folder: Path = FIGURES) -> Path:
    """Draw one figure into a folder.

    Args:
        name: of the figure.
        folder: where it goes.

    Returns:
        The SVG file.
    """
    path = folder / f"{name}.svg"
    function, size = DRAWN[name]
    with mpl.rc_context(LOOKS):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        function(figure)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    path.write_text("\n".join(map(str.rstrip, path.read_text().splitlines())) + "\n")
    return path


if __name__ == "__main__":
    for chosen in sys.argv[1:] or DRAWN:
        print(draw(chosen))
