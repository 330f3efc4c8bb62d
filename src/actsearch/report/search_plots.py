"""Plots of replayed and live searches, as plotly specifications (plain dicts)."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from actsearch.report.drawings import focus_floor
from actsearch.report.formats import MISSING, is_number, percent, score
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


def regret_bands(simulation: pd.DataFrame) -> pd.DataFrame:
    """Quartiles of the regret over runs: index evaluation, columns 0.25, 0.5, 0.75."""
    return (
        simulation.groupby("evaluation")["regret"].quantile(np.array([0.25, 0.5, 0.75])).unstack()
    )


def regret_after(simulation: pd.DataFrame, evaluations: Sequence[int]) -> list[str]:
    """Median regret in points after each of ``evaluations``, written as the page does."""
    medians = regret_bands(simulation)[0.5]
    return [score(100 * medians[n]) if n in medians.index else MISSING for n in evaluations]


def regret(simulations: Mapping[str, pd.DataFrame], n_baselines: int) -> Spec:
    """Median regret and quartile band of each strategy against evaluations."""
    data: list[Spec] = []
    tops = []
    for strategy, simulation in simulations.items():
        bands = regret_bands(simulation)
        style = strategy_style(strategy)
        x = bands.index.tolist()
        after = bands.loc[bands.index >= n_baselines, 0.75]
        tops.append(float((after if len(after) else bands[0.75]).max()))
        for quartile, fill in ((0.25, None), (0.75, "tonexty")):
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": x,
                    "y": rounded(100 * bands[quartile], 3),
                    "line": {"width": 0, "color": style["color"]},
                    "fillcolor": style["color"].replace(")", "-band)"),
                    "hoverinfo": "skip",
                    "showlegend": False,
                    "legendgroup": strategy,
                }
                | ({"fill": fill} if fill else {})
            )
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": html.escape(strategy, quote=False),
                "legendgroup": strategy,
                "x": x,
                "y": rounded(100 * bands[0.5], 3),
                "line": {"width": 2.4, **style},
                "hovertemplate": "%{y:.2f}",
            }
        )
    top = 100 * max(tops, default=0.01)
    return {
        "data": data,
        "layout": layout(
            360,
            axis(
                "functions evaluated", showspikes=True, spikethickness=1, spikecolor="var(--quiet)"
            )
            | {"showgrid": False},
            axis("regret, percentage points", range=[-0.03 * top, round(1.12 * top, 3) or 1.0]),
            hovermode="x unified",
            showlegend=True,
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "top"},
            shapes=[
                {
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
            ],
            annotations=[
                {
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
            ],
        ),
    }


def live_search(history: pd.DataFrame) -> Spec:
    """Accuracy of every function in the order of rounds and slots, and the best so far.

    Args:
        history: Columns round, slot, name, status, validation_accuracy, prediction; sorted by round
            and slot. Round 0 holds the baselines.
    """
    order = np.arange(1, len(history) + 1)
    values = history["validation_accuracy"].to_numpy(dtype=float)
    diverged = (history["status"] == "diverged").to_numpy()
    trained = ~diverged & np.isfinite(values)
    rounds = history["round"].to_numpy()
    floor = focus_floor(values[trained]) if trained.any() else 0.0
    best = np.maximum.accumulate(np.where(trained, values, -np.inf))
    top = float(best[-1]) if trained.any() else 1.0
    pad = max(0.06 * (top - floor), 0.001)
    seen = trained & (values >= floor)
    hover = [
        f"{name}<br>round {r}, slot {s}<br>{'diverged' if d else percent(v)}"
        + (f", predicted {percent(p)}" if is_number(p) else "")
        for name, r, s, d, v, p in zip(
            plain(history["name"]),
            rounds,
            history["slot"],
            diverged,
            values,
            history["prediction"],
            strict=True,
        )
    ]

    def dots(label: str, chosen: np.ndarray, marker: Spec) -> Spec:
        return {
            "type": "scatter",
            "mode": "markers",
            "name": label,
            "x": order[chosen].tolist(),
            "y": rounded(np.where(seen, values, floor - pad)[chosen]),
            "text": [hover[i] for i in np.flatnonzero(chosen)],
            "marker": marker,
            "hovertemplate": "%{text}<extra></extra>",
        }

    under = trained & (values < floor)
    data: list[Spec] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": order.tolist(),
            "y": rounded(best),
            "line": {"color": "var(--ink)", "width": 1.6, "shape": "hv"},
            "hoverinfo": "skip",
        },
        dots(
            "baseline",
            seen & (rounds == 0),
            {"color": "var(--baseline)", "size": 9, "symbol": "square"},
        ),
        dots("proposed", seen & (rounds > 0), {"color": "var(--found)", "size": 9}),
        dots("baseline, below the axis", under & (rounds == 0), _below("var(--baseline)")),
        dots("proposed, below the axis", under & (rounds > 0), _below("var(--found)")),
        dots(
            "diverged",
            diverged,
            {"size": 8, "symbol": "x-thin", "line": {"width": 1.8, "color": "var(--quiet)"}},
        ),
    ]
    data = [trace for trace in data if trace["x"]]
    shapes: list[Spec] = []
    baselines = values[trained & (rounds == 0)]
    if len(baselines):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "best baseline",
                "x": [0.5, len(order) + 0.5],
                "y": rounded([baselines.max()] * 2),
                "line": {"color": "var(--baseline)", "width": 1.4, "dash": "dash"},
                "hoverinfo": "skip",
            }
        )
    starts = [int(i) for i in range(1, len(rounds)) if rounds[i] != rounds[i - 1]]
    for start in starts if len(starts) <= 30 else []:
        shapes.append(vertical(start + 0.5, "var(--line)") | {"layer": "below"})
    at, labels = _round_labels(rounds)
    return {
        "data": data,
        "layout": layout(
            360,
            axis(
                "round", tickvals=at, ticktext=labels, showgrid=False, range=[0.5, len(order) + 0.5]
            ),
            axis(
                "validation accuracy",
                tickformat=tick_format(floor, top),
                range=[round(floor - 1.8 * pad, 5), round(top + pad, 5)],
            ),
            shapes=shapes,
            showlegend=True,
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        ),
    }


def _round_labels(rounds: Sequence[int] | np.ndarray) -> tuple[list[float], list[str]]:
    """Middle of each round on the axis, and its number; every k-th where there are many."""
    numbers = sorted({int(r) for r in rounds})
    every = math.ceil(len(numbers) / 12)
    places = np.arange(1, len(rounds) + 1)
    kept = numbers[::every]
    middles = [float(places[np.asarray(rounds) == r].mean()) for r in kept]
    return middles, ["baselines" if r == 0 and len(numbers) <= 8 else str(r) for r in kept]


def _below(colour: str) -> Spec:
    """Marker of a function whose accuracy lies under the axis."""
    return {"color": colour, "size": 9, "symbol": "triangle-down-open", "line": {"width": 1.6}}
