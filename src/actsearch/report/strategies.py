"""Strategies compared on all tables: one table and one figure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from actsearch.config import PAPER_STRATEGY, Score
from actsearch.report.figures import Figures
from actsearch.report.formats import Context, count, decimal, percent, plural, size
from actsearch.report.plot_style import Spec, axis, layout, plain, rounded

ROW_HEIGHT, HEAD_HEIGHT = 26, 90


def strategies_section(
    judged: pd.DataFrame | None, scores: dict[str, Score], figures: Figures
) -> Context | None:
    """How many trainings each strategy needs; None where nothing was replayed.

    Of a family of variants each task shows the one that the other tasks choose.

    Args:
        judged: As ``actsearch.search.judging.judge`` returns it.
        scores: What each task compares by.
        figures: Where the figure is added.

    Returns:
        What the template shows.
    """
    if judged is None or judged.empty:
        return None
    shown = judged[judged["held_out"]]
    tasks = list(dict.fromkeys(judged["task"]))
    families = _best_first(shown)
    return {
        "runs": plural(int(judged["runs"].max()), "run"),
        "horizon": count(int(judged["horizon"].max())),
        "tasks": [
            {"name": task, "unit": scores[task].unit, "noise": _noise(judged, task, scores[task])}
            for task in tasks
        ],
        "rows": [
            {
                "family": family,
                "is_paper": family == PAPER_STRATEGY,
                "cells": [_cell(shown, judged, family, task, scores[task]) for task in tasks],
            }
            for family in families
        ],
        "variants": bool((judged["family"] != judged["strategy"]).any()),
        "several": len(tasks) > 1,
        "figure": figures.add(
            "strategies-trainings",
            _trainings(shown, families, tasks),
            f"Trainings that {', '.join(families)} need on {', '.join(tasks)}.",
        ),
    }


def _best_first(shown: pd.DataFrame) -> list[str]:
    """Families by the geometric mean of their trainings over tasks."""
    logs = shown["trainings"].clip(lower=0.5).map(np.log)
    means = logs.groupby(shown["family"], sort=False).mean().sort_values(kind="stable")
    return [str(family) for family in means.index]


def _noise(judged: pd.DataFrame, task: str, score: Score) -> str:
    noise = float(judged.loc[judged["task"] == task, "noise"].iloc[0])
    if not noise:
        return "noise not known from one seed, so it is the best itself that counts"
    return f"noise {score.with_unit(size(score, noise))}"


def _cell(
    shown: pd.DataFrame, judged: pd.DataFrame, family: str, task: str, score: Score
) -> Context:
    row = shown[(shown["family"] == family) & (shown["task"] == task)].iloc[0]
    of_task = judged[judged["task"] == task].set_index("strategy")["trainings"]
    paper = float(of_task.get(PAPER_STRATEGY, 0.0))
    return {
        "variant": row["strategy"] if row["strategy"] != family else "",
        "trainings": decimal(row["trainings"], 1),
        "interval": f"{decimal(row['trainings_low'], 1)}\u2013{decimal(row['trainings_high'], 1)}",
        "of_paper": decimal(row["trainings"] / paper if paper else None),
        "settled": decimal(row["settled"], 1),
        "reached": percent(row["reached"], 0),
        "regret": size(score, row["regret"]),
    }


def _trainings(shown: pd.DataFrame, families: list[str], tasks: list[str]) -> Spec:
    """Mean and interval of the trainings, a row a strategy, a colour a task."""
    data: list[Spec] = []
    for number, task in enumerate(tasks):
        rows = shown[shown["task"] == task].set_index("family").loc[families]
        mean = rows["trainings"]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": plain([task])[0],
                "x": rounded(mean, 2),
                "y": [place + 0.2 * (number - (len(tasks) - 1) / 2) for place in range(len(mean))],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": rounded(rows["trainings_high"] - mean, 2),
                    "arrayminus": rounded(mean - rows["trainings_low"], 2),
                    "thickness": 1.6,
                    "width": 0,
                    "color": f"var(--series-{number % 6})",
                },
                "marker": {"color": f"var(--series-{number % 6})", "size": 8},
                "text": plain(rows["strategy"]),
                "hovertemplate": "%{text}: %{x}<extra></extra>",
            }
        )
    return {
        "data": data,
        "layout": layout(
            HEAD_HEIGHT + ROW_HEIGHT * len(families),
            axis("trainings until within the noise of the best", rangemode="tozero"),
            axis(
                tickvals=list(range(len(families))),
                ticktext=plain(families),
                range=[len(families) - 0.5, -0.5],
                showgrid=False,
            ),
            showlegend=True,
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        ),
    }
