"""Plots of replayed and live searches, as plotly specifications (plain dicts)."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from actsearch.config import Score
from actsearch.report.drawings import focus_floor
from actsearch.report.formats import MISSING, is_number, size, value
from actsearch.report.plot_style import (
    Spec,
    axis,
    layout,
    plain,
    rounded,
    strategy_style,
    tick_format,
    vertical,
)

_ROUNDS_PARTED = 30  # up to so many rounds are parted by lines
_BEST: Spec = {"color": "var(--ink)", "width": 1.6, "shape": "hv"}
_REFERENCE: Spec = {"color": "var(--baseline)", "width": 1.4, "dash": "dash"}


def regret_bands(simulation: pd.DataFrame) -> pd.DataFrame:
    """Quartiles of the regret over runs: index evaluation, columns 0.25, 0.5, 0.75."""
    return (
        simulation.groupby("evaluation")["regret"].quantile(np.array([0.25, 0.5, 0.75])).unstack()
    )


def regret_after(simulation: pd.DataFrame, evaluations: Sequence[int], score: Score) -> list[str]:
    """Median regret after each of ``evaluations``, written as the page does."""
    medians = regret_bands(simulation)[0.5]
    return [size(score, medians[n]) if n in medians.index else MISSING for n in evaluations]


def regret(simulations: Mapping[str, pd.DataFrame], n_baselines: int, score: Score) -> Spec:
    """Median regret and quartile band of each strategy against evaluations."""
    data: list[Spec] = []
    tops, lows = [], []
    for strategy, simulation in simulations.items():
        bands = regret_bands(simulation)
        after = bands.loc[bands.index >= n_baselines, 0.75]
        tops.append(float((after if len(after) else bands[0.75]).max()))
        lows.append(float(bands[0.5].min()))
        data += _regret_traces(strategy, bands, score)
    top = max(tops, default=0.01)
    if min(lows, default=0.0) < score.width:  # a start far below the axis of the score is left out
        top = min(top, score.width)
    top *= score.factor
    shade, label = _baselines_shaded(n_baselines)
    return {
        "data": data,
        "layout": layout(
            360,
            axis(
                "functions evaluated", showspikes=True, spikethickness=1, spikecolor="var(--quiet)"
            )
            | {"showgrid": False},
            axis(
                f"regret, percentage {score.unit}" if score.unit else f"regret, {score.shown}",
                range=[-0.03 * top, round(1.12 * top, score.digits + 1) or 1.0],
            ),
            hovermode="x unified",
            showlegend=True,
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "top"},
            shapes=[shade],
            annotations=[label],
        ),
    }


def _regret_traces(strategy: str, bands: pd.DataFrame, score: Score) -> list[Spec]:
    """A strategy's quartile band, which is the space between two unseen lines, and its median."""
    style = strategy_style(strategy)
    x = bands.index.tolist()
    traces: list[Spec] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": rounded(score.factor * bands[quartile], score.digits + 1),
            "line": {"width": 0, "color": style["color"]},
            "fillcolor": style["color"].replace(")", "-band)"),
            "hoverinfo": "skip",
            "showlegend": False,
            "legendgroup": strategy,
        }
        | fill
        for quartile, fill in ((0.25, {}), (0.75, {"fill": "tonexty"}))
    ]
    median: Spec = {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(strategy, quote=False),
        "legendgroup": strategy,
        "x": x,
        "y": rounded(score.factor * bands[0.5], score.digits + 1),
        "line": {"width": 2.4, **style},
        "hovertemplate": f"%{{y:.{score.digits}f}}",
    }
    return [*traces, median]


def _baselines_shaded(n_baselines: int) -> tuple[Spec, Spec]:
    """The stretch of the baselines, the same in every run, as a shape and its label."""
    shade: Spec = {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": 1,
        "x1": n_baselines,
        "y0": 0,
        "y1": 1,
        "fillcolor": "var(--shade)",
        "line": {"width": 0},
        "layer": "below",
    }
    label: Spec = {
        "x": 1,
        "y": 0,
        "xref": "x",
        "yref": "paper",
        "text": "baselines",
        "textangle": -90,
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "bottom",
        "font": {"size": 11},
    }
    return shade, label


def live_search(history: pd.DataFrame, score: Score) -> Spec:
    """Score of every function in the order of rounds and slots, and the best so far.

    Args:
        history: Columns round, slot, name, status, validation_score, prediction; sorted by round
            and slot. Round 0 holds the baselines.
        score: What functions are compared by.

    Returns:
        ``data`` and ``layout`` of the figure.
    """
    values = history["validation_score"].to_numpy(dtype=float)
    trained = (history["status"] != "diverged").to_numpy() & np.isfinite(values)
    rounds = history["round"].to_numpy()
    floor = focus_floor(values[trained], least=score.ends[0]) if trained.any() else 0.0
    best = np.maximum.accumulate(np.where(trained, values, -np.inf))
    top = float(best[-1]) if trained.any() else 1.0
    pad = max(0.06 * (top - floor), 0.001)
    ends = [0.5, len(history) + 0.5]
    lines = [_line("best so far", range(1, len(history) + 1), best, _BEST)]
    dots = _search_dots(history, trained, floor, pad, score)
    baselines = values[trained & (rounds == 0)]
    if len(baselines):
        dots.append(_line("best baseline", ends, [baselines.max()] * 2, _REFERENCE))
    starts = [int(i) for i in range(1, len(rounds)) if rounds[i] != rounds[i - 1]]
    at, labels = _round_labels(rounds)
    return {
        "data": [trace for trace in lines + dots if trace["x"]],
        "layout": layout(
            360,
            axis("round", tickvals=at, ticktext=labels, showgrid=False, range=ends),
            axis(
                f"validation {score.shown}",
                tickformat=tick_format(score, floor, top),
                range=[round(floor - 1.8 * pad, 5), round(top + pad, 5)],
            ),
            shapes=[
                vertical(start + 0.5, "var(--line)") | {"layer": "below"}
                for start in (starts if len(starts) <= _ROUNDS_PARTED else [])
            ],
            showlegend=True,
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        ),
    }


def _line(name: str, x: Iterable[float], y: Iterable[float], line: Spec) -> Spec:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": rounded(y),
        "line": line,
        "hoverinfo": "skip",
    }


def _search_dots(
    history: pd.DataFrame, trained: np.ndarray, floor: float, pad: float, score: Score
) -> list[Spec]:
    """A dot for each function in its place of the order, grouped by what became of it.

    What lies below ``floor`` is drawn ``pad`` beneath it, with a look of its own.

    Returns:
        A trace for each group, some of them empty.
    """
    values = history["validation_score"].to_numpy(dtype=float)
    diverged = (history["status"] == "diverged").to_numpy()
    first = history["round"].to_numpy() == 0
    seen, under = trained & (values >= floor), trained & (values < floor)
    order = np.arange(1, len(history) + 1)
    heights = np.where(seen, values, floor - pad)
    hover = _hover_texts(history, score)
    lost: Spec = {"size": 8, "symbol": "x-thin", "line": {"width": 1.8, "color": "var(--quiet)"}}
    groups: list[tuple[str, np.ndarray, Spec]] = [
        ("baseline", seen & first, {"color": "var(--baseline)", "size": 9, "symbol": "square"}),
        ("proposed", seen & ~first, {"color": "var(--found)", "size": 9}),
        ("baseline, below the axis", under & first, _below("var(--baseline)")),
        ("proposed, below the axis", under & ~first, _below("var(--found)")),
        ("diverged", diverged, lost),
    ]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": label,
            "x": order[chosen].tolist(),
            "y": rounded(heights[chosen]),
            "text": [hover[i] for i in np.flatnonzero(chosen)],
            "marker": marker,
            "hovertemplate": "%{text}<extra></extra>",
        }
        for label, chosen, marker in groups
    ]


def _hover_texts(history: pd.DataFrame, score: Score) -> list[str]:
    return [
        f"{name}<br>round {round_}, slot {slot}<br>"
        + ("diverged" if status == "diverged" else value(score, number))
        + (f", predicted {value(score, prediction)}" if is_number(prediction) else "")
        for name, round_, slot, status, number, prediction in zip(
            plain(history["name"]),
            history["round"],
            history["slot"],
            history["status"],
            history["validation_score"],
            history["prediction"],
            strict=True,
        )
    ]


def _round_labels(rounds: Sequence[int] | np.ndarray) -> tuple[list[float], list[str]]:
    """Middle of each round on the axis, and its number; every k-th where there are many."""
    numbers = sorted({int(r) for r in rounds})
    every = math.ceil(len(numbers) / 12)
    places = np.arange(1, len(rounds) + 1)
    kept = numbers[::every]
    middles = [float(places[np.asarray(rounds) == r].mean()) for r in kept]
    return middles, ["baselines" if r == 0 and len(numbers) <= 8 else str(r) for r in kept]


def _below(colour: str) -> Spec:
    """Marker of a function whose score lies under the axis."""
    return {"color": colour, "size": 9, "symbol": "triangle-down-open", "line": {"width": 1.6}}
