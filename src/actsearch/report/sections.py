"""What each section of a task says: numbers, drawings and figures, ready for the template."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from actsearch.config import Score
from actsearch.features.passed_over import in_words
from actsearch.report import plots
from actsearch.report.characterisation import characterisation_section
from actsearch.report.comparison import FEATURES, final_section, surrogate_section
from actsearch.report.costs import cost_lines, measured_on
from actsearch.report.data import TaskData
from actsearch.report.drawings import curve
from actsearch.report.figures import Figures
from actsearch.report.formats import (
    MISSING,
    Context,
    count,
    decimal,
    is_number,
    percent,
    plural,
    size,
    value,
)
from actsearch.report.plot_style import focus
from actsearch.report.ranking import best_first, floor_of, measured, ranks, role, steady
from actsearch.report.screened import screen_section
from actsearch.report.searches import search_sections, simulation_section

BEST_SHOWN = 12


def task_sections(
    task: TaskData, baselines: Collection[str], anchor: str, figures: Figures
) -> dict[str, Any]:
    """The sections of a task by name; None where a part was not in the experiment."""
    score = task.score
    return {
        "benchmark": _benchmark(task, baselines, anchor, figures),
        "reliability": _reliability(task.reliability, score),
        "map": _map(task, baselines, anchor, figures),
        "surrogate": surrogate_section(task.surrogate, task.predictions, score, anchor, figures),
        "characterisation": characterisation_section(task.characterisation, score, anchor, figures),
        "simulation": simulation_section(task.simulations, len(baselines), score, anchor, figures),
        "screen": screen_section(task.screen, task.screened, task.histories, score),
        "search": search_sections(task.histories, baselines, score, anchor, figures),
        "final": final_section(task.final, score, task.activation, _found_by(task)),
    }


def _found_by(task: TaskData) -> str | None:
    """How many of the functions found the table had, and how many a search alone, in words."""
    if not task.final or task.final["candidates_from"] or task.table is None or not task.histories:
        return None
    known = {*task.table["name"]}
    found = [f["name"] for f in task.final["functions"] if f["kind"] == "found"]
    tabled = sum(name in known for name in found)
    searched = len(found) - tabled
    compared = plural(len(found), "function found", "functions found")
    compared += f" that {_was(len(found))} compared"
    if not searched:
        return f"The table has the {compared}; no search added one."
    if not tabled:
        return f"Live searches alone trained the {compared}."
    return (
        f"Of the {compared}, {count(tabled)} {_was(tabled)} in the table, and {count(searched)} "
        f"{_was(searched)} trained by live searches alone."
    )


def _was(n: int) -> str:
    return "was" if n == 1 else "were"


def _benchmark(
    task: TaskData, baselines: Collection[str], anchor: str, figures: Figures
) -> Context | None:
    table, score = task.table, task.score
    if table is None or table.empty:
        return None
    cost_of, rank_of = cost_lines(task.costs), ranks(task)
    ordered = best_first(table)
    standard = ordered[ordered["name"].isin(baselines)]
    diverged = int((table["status"] == "diverged").sum())
    partial = int((table["status"] == "partial").sum())
    trained = ordered[ordered["status"] != "diverged"]
    lowest, _ = plots.histogram_range(table, score)
    above = None
    if len(standard):
        above = int((trained["validation_score"] > standard["validation_score"].max()).sum())
    floor = floor_of(table, score)
    floored = (trained["validation_score"] == floor).sum() if floor is not None else 0
    return {
        "n": count(len(table)),
        "floored": plural(int(floored), "function") if floored else None,
        "floor": value(score, floor),
        "diverged": count(diverged),
        "diverged_share": percent(diverged / len(table), 1),
        "partial": count(partial),
        "median": value(score, trained["validation_score"].median()),
        "above": None if above is None else plural(above, "function"),
        "histogram": figures.add(
            f"{anchor}-histogram",
            plots.histogram(ordered, score),
            f"Histogram of the validation {score.shown} of {plural(len(table), 'function')}, "
            f"{count(diverged)} of them diverged.",
        ),
        "below": value(score, lowest, score.digits)
        if lowest > table["validation_score"].min()
        else None,
        "ranked": count(len(rank_of)),
        "measured_on": measured_on(task.costs),
        "upper": _upper(ordered, steady(ordered, baselines), score, anchor, figures)
        if len(trained)
        else None,
        "best": [
            {
                "rank": count(rank_of[row["name"]]),
                "name": row["name"],
                "score": _score(score, row["validation_score"], floor),
                "curve": curve(row["name"], role(row["name"], baselines)),
                "role": role(row["name"], baselines),
                "partial": row["status"] == "partial",
                "cost": cost_of.get(row["name"]),
            }
            for row in trained.head(BEST_SHOWN).to_dict("records")
        ],
        "baselines": [
            {
                "name": row["name"],
                "score": _score(score, row["validation_score"], floor),
                "rank": count(rank_of[row["name"]]),
                "diverged": row["status"] == "diverged",
                "cost": cost_of.get(row["name"], MISSING),
            }
            for row in standard.to_dict("records")
        ],
    }


def _score(score: Score, number: float, floor: float | None) -> str:
    """A score, marked where it is the floor: the function's own is there or below."""
    return ("≤ " if number == floor else "") + value(score, number)


def _upper(
    table: pd.DataFrame, standard: pd.DataFrame, score: Score, anchor: str, figures: Figures
) -> Context:
    """The histogram's upper end, with the share of functions it shows."""
    trained = table.loc[table["status"] != "diverged", "validation_score"]
    floor, _ = focus(score, trained)
    return {
        "from": value(score, floor, 1),
        "share": percent((trained >= floor).sum() / len(table), 0),
        "figure": figures.add(
            f"{anchor}-upper",
            plots.upper_histogram(table, standard, floor, score),
            f"Histogram of the validation {score.plural} from {value(score, floor, 1)} up, with: "
            + ", ".join(
                f"{name} {value(score, number)}"
                for name, number in zip(standard["name"], standard["validation_score"], strict=True)
            ),
        ),
    }


def _reliability(reliability: Mapping[str, Any] | None, score: Score) -> Context | None:
    if not reliability:
        return None
    return {
        "n": count(reliability["n"]),
        "n_seeds": reliability["n_seeds"],
        "n_best_quarter": count(reliability["n_best_quarter"]),
        "spearman": decimal(reliability["spearman"]),
        "spearman_best_quarter": decimal(reliability["spearman_best_quarter"]),
        "seed_std": score.with_unit(size(score, reliability["seed_std_completed"])),
        "n_completed": count(reliability["n_completed"]),
        "repeated": reliability["n_seeds"] > 1,
    }


def _map(
    task: TaskData, baselines: Collection[str], anchor: str, figures: Figures
) -> Context | None:
    if task.map is None or task.map.empty:
        return None
    known = measured(task)
    places = task.map.merge(known, on="name", how="left", validate="one_to_one")
    group = np.where(places["status"] == "diverged", "diverged", "trained")
    group = np.where(places["validation_score"].isna() & (group == "trained"), "untrained", group)
    places = places.assign(group=group, is_baseline=places["name"].isin(baselines))
    trained = places[places["group"] == "trained"]
    limits = focus(task.score, trained["validation_score"])
    lowest = trained["validation_score"].min()
    panels = []
    for feature, label in FEATURES.items():
        n = int(places[f"{feature}_x"].notna().sum())
        panels.append(
            {
                "title": label,
                "shown": count(n),
                "figure": figures.add(
                    f"{anchor}-map-{feature}",
                    plots.map_panel(places, feature, limits, task.score),
                    f"Map of {plural(n, 'function')} by {label.lower()}, coloured by "
                    f"{task.score.shown}.",
                ),
            }
        )
    ticks = np.linspace(*limits, 5)
    placed = places[places[["outputs_x", "fisher_x", "union_x"]].notna().any(axis=1)]
    missing = {f: int(places[f"{f}_x"].isna().sum()) for f in FEATURES}
    return {
        "panels": panels,
        "n": count(len(places)),
        "layers": None if task.layers is None else plural(len(task.layers.covered), "layer"),
        "passed_over": in_words(task.layers.passed_over) if task.layers else [],
        "missing": _missing(missing, len(places)),
        "groups": {
            g: count(int((placed["group"] == g).sum()))
            for g in ("trained", "diverged", "untrained")
        },
        "ticks": [value(task.score, t, 1) for t in ticks],
        "ramp": ", ".join(plots.MAP_COLOURS),
        "clipped": is_number(lowest) and bool(lowest < limits[0]),
    }


def _missing(missing: Mapping[str, int], n: int) -> str:
    """How many functions are on no map, for want of which feature."""
    if not any(missing.values()):
        return f"All {plural(n, 'function')} have both features."
    shares = {f: f"{count(of)} ({percent(of / n, 1)})" for f, of in missing.items()}
    lacking = [
        f"{shares[feature]} {'has' if missing[feature] == 1 else 'have'} no {label}"
        for feature, label in (("outputs", "outputs"), ("fisher", "Fisher information"))
        if missing[feature]
    ]
    return (
        f"Of {plural(n, 'function')}, {' and '.join(lacking)} that is finite everywhere, and no "
        f"place in that panel. No predictor sees the {shares['union']} that lack either feature, "
        "and no search proposes them."
    )
