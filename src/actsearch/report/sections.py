"""What each section of a task says: numbers, drawings and figures, ready for the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from actsearch.config import N_BASELINES
from actsearch.functions.operators import BASELINES
from actsearch.report import plots, search_plots
from actsearch.report.comparison import FEATURES, final_section, surrogate_section
from actsearch.report.drawings import curve
from actsearch.report.figures import Figures
from actsearch.report.formats import (
    count,
    function_name,
    is_number,
    percent,
    plural,
    points,
    score,
    spread,
)
from actsearch.report.plot_style import focus, strategy_style

if TYPE_CHECKING:
    from actsearch.report.page import TaskData

Context = dict[str, Any]

BEST_SHOWN = 12
FOUND_SHOWN = 5
_NO_FINAL = (
    "No final comparison was made, so nothing here has been confirmed with new seeds or on the "
    "test set."
)


def measured(task: TaskData) -> pd.DataFrame:
    """Every function with a validation accuracy, from the table and the searches, once each.

    Returns:
        Columns name, status, validation_accuracy; the best first.
    """
    columns = ["name", "status", "validation_accuracy"]
    parts = [] if task.table is None else [task.table[columns]]
    parts += [history[columns] for history in (task.histories or {}).values()]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame({"name": [], "status": [], "validation_accuracy": []})
    return best_first(pd.concat(parts).drop_duplicates("name"))


def best_first(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by falling validation accuracy, the diverged last, ties by name."""
    keyed = table.assign(_diverged=table["status"] == "diverged")
    ordered = keyed.sort_values(
        ["_diverged", "validation_accuracy", "name"],
        ascending=[True, False, True],
        ignore_index=True,
    )
    return ordered.drop(columns="_diverged")


def role(name: str) -> str:
    """``baseline`` or ``found``: the colour a function has everywhere on the page."""
    return "baseline" if name in BASELINES else "found"


def task_summary(task: TaskData) -> Context:
    """The task's card at the top of the page."""
    functions = measured(task)
    facts: list[tuple[str, Any]] = []
    if task.table is not None:
        facts.append(("Functions in the table", count(len(task.table))))
    if task.histories:
        searched = {name for h in task.histories.values() for name in h["name"]}
        facts.append(("Functions in live searches", count(len(searched))))
    best = None
    if len(functions):
        n = int((functions["status"] == "diverged").sum())
        facts.append(
            (
                "Failed to train (diverged)",
                f"{percent(n / len(functions), 1)} ({count(n)} of {count(len(functions))})",
            )
        )
        baselines = functions[
            functions["name"].isin(BASELINES) & (functions["status"] != "diverged")
        ]
        top = functions.iloc[0]
        best = str(top["name"])
        if len(baselines):
            reference = baselines.iloc[0]
            facts.append(("Best baseline, validation", _named(reference)))
            gain = points(top["validation_accuracy"] - reference["validation_accuracy"])
            facts.append(("Best function, validation", _named(top)))
            facts.append(("Difference, points", gain))
        else:
            facts.append(("Best function, validation", _named(top)))
    elif task.final and task.final["candidates_from"]:
        by_name = {function["name"]: function for function in task.final["functions"]}
        best = str(task.final["chosen"]["name"])
        facts.append(("Functions from", ", ".join(task.final["candidates_from"])))
        reference = by_name[task.final["best_baseline"]]
        facts.append(("Best baseline, validation", _named(reference)))
        facts.append(("Chosen function, validation", _named(by_name[best])))
    finding = str(task.final["conclusion"]) if task.final else _NO_FINAL
    return {
        "finding": finding,
        "confirmed": task.final is not None,
        "facts": facts,
        "curve": curve(best, role(best)) if best else None,
    }


def _named(row: pd.Series | Mapping[str, Any]) -> Markup:
    return Markup("{} {}").format(percent(row["validation_accuracy"]), function_name(row["name"]))


def task_sections(task: TaskData, anchor: str, figures: Figures) -> dict[str, Any]:
    """The sections of a task by name; None where a part was not in the experiment."""
    return {
        "benchmark": _benchmark(task.table, anchor, figures),
        "reliability": _reliability(task.reliability),
        "map": _map(task, anchor, figures),
        "surrogate": surrogate_section(task.surrogate, task.predictions, anchor, figures),
        "simulation": _simulation(task.simulations, anchor, figures),
        "search": _search(task.histories, anchor, figures),
        "final": final_section(task.final, task.activation),
    }


def _benchmark(table: pd.DataFrame | None, anchor: str, figures: Figures) -> Context | None:
    if table is None or table.empty:
        return None
    ordered = best_first(table)
    baselines = ordered[ordered["name"].isin(BASELINES)]
    diverged = int((table["status"] == "diverged").sum())
    partial = int((table["status"] == "partial").sum())
    trained = ordered[ordered["status"] != "diverged"]
    above = None
    if len(baselines):
        above = int((trained["validation_accuracy"] > baselines["validation_accuracy"].max()).sum())
    return {
        "n": count(len(table)),
        "diverged": count(diverged),
        "diverged_share": percent(diverged / len(table), 1),
        "partial": count(partial),
        "median": percent(trained["validation_accuracy"].median()),
        "above": None if above is None else plural(above, "function"),
        "histogram": figures.add(
            f"{anchor}-histogram",
            plots.histogram(ordered),
            f"Histogram of the validation accuracy of {plural(len(table), 'function')}, "
            f"{count(diverged)} of them diverged.",
        ),
        "upper": _upper(ordered, baselines, anchor, figures) if len(trained) else None,
        "best": [
            {
                "rank": rank,
                "name": row["name"],
                "accuracy": percent(row["validation_accuracy"]),
                "curve": curve(row["name"], role(row["name"])),
                "role": role(row["name"]),
                "partial": row["status"] == "partial",
            }
            for rank, row in enumerate(trained.head(BEST_SHOWN).to_dict("records"), start=1)
        ],
        "baselines": [
            {
                "name": row["name"],
                "accuracy": percent(row["validation_accuracy"]),
                "rank": count(rank),
                "diverged": row["status"] == "diverged",
            }
            for rank, row in enumerate(ordered.to_dict("records"), start=1)
            if row["name"] in BASELINES
        ],
    }


def _upper(table: pd.DataFrame, baselines: pd.DataFrame, anchor: str, figures: Figures) -> Context:
    """The histogram's upper end, with the share of functions it shows."""
    trained = table.loc[table["status"] != "diverged", "validation_accuracy"]
    floor, _ = focus(trained)
    steady = baselines[baselines["status"] != "diverged"]
    return {
        "from": percent(floor, 1),
        "share": percent((trained >= floor).sum() / len(table), 0),
        "figure": figures.add(
            f"{anchor}-upper",
            plots.upper_histogram(table, steady, floor),
            f"Histogram of the validation accuracies from {percent(floor, 1)} up, with: "
            + ", ".join(
                f"{name} {percent(value)}"
                for name, value in zip(steady["name"], steady["validation_accuracy"], strict=True)
            ),
        ),
    }


def _reliability(reliability: Mapping[str, Any] | None) -> Context | None:
    if not reliability:
        return None
    return {
        "n": count(reliability["n"]),
        "n_seeds": reliability["n_seeds"],
        "n_best_quarter": count(reliability["n_best_quarter"]),
        "spearman": score(reliability["spearman"]),
        "spearman_best_quarter": score(reliability["spearman_best_quarter"]),
        "seed_std": spread(reliability["seed_std_completed"]),
        "n_completed": count(reliability["n_completed"]),
        "repeated": reliability["n_seeds"] > 1,
    }


def _map(task: TaskData, anchor: str, figures: Figures) -> Context | None:
    if task.map is None or task.map.empty:
        return None
    known = measured(task)
    places = task.map.merge(known, on="name", how="left", validate="one_to_one")
    group = np.where(places["status"] == "diverged", "diverged", "trained")
    group = np.where(
        places["validation_accuracy"].isna() & (group == "trained"), "untrained", group
    )
    places = places.assign(group=group, is_baseline=places["name"].isin(BASELINES))
    trained = places[places["group"] == "trained"]
    limits = focus(trained["validation_accuracy"])
    lowest = trained["validation_accuracy"].min()
    panels = []
    for feature, label in FEATURES.items():
        n = int(places[f"{feature}_x"].notna().sum())
        panels.append(
            {
                "title": label,
                "shown": count(n),
                "figure": figures.add(
                    f"{anchor}-map-{feature}",
                    plots.map_panel(places, feature, limits),
                    f"Map of {plural(n, 'function')} by {label.lower()}, coloured by accuracy.",
                ),
            }
        )
    ticks = np.linspace(*limits, 5)
    placed = places[places[["outputs_x", "fisher_x", "union_x"]].notna().any(axis=1)]
    missing = {f: int(places[f"{f}_x"].isna().sum()) for f in FEATURES}
    return {
        "panels": panels,
        "n": count(len(places)),
        "missing": {f: f"{count(n)} ({percent(n / len(places), 1)})" for f, n in missing.items()},
        "groups": {
            g: count(int((placed["group"] == g).sum()))
            for g in ("trained", "diverged", "untrained")
        },
        "ticks": [percent(t, 1) for t in ticks],
        "ramp": ", ".join(plots.MAP_COLOURS),
        "clipped": is_number(lowest) and bool(lowest < limits[0]),
    }


def _simulation(
    simulations: Mapping[str, pd.DataFrame] | None, anchor: str, figures: Figures
) -> Context | None:
    if not simulations:
        return None
    runs = max(int(s["run"].nunique()) for s in simulations.values())
    last = max(int(s["evaluation"].max()) for s in simulations.values())
    marks = sorted({n for n in (N_BASELINES, 20, 50, 100, 200) if n < last} | {last})
    rows = []
    for strategy, simulation in simulations.items():
        ends = simulation.loc[simulation.groupby("run")["evaluation"].idxmax(), "regret"]
        rows.append(
            {
                "strategy": strategy,
                "colour": strategy_style(strategy)["color"],
                "regrets": search_plots.regret_after(simulation, marks),
                "solved": percent((ends <= 1e-12).mean(), 0),
            }
        )
    after_baselines = [
        s.loc[s["evaluation"] == N_BASELINES, "regret"] for s in simulations.values()
    ]
    return {
        "settled": all(len(r) and bool((r <= 1e-12).all()) for r in after_baselines),
        "runs": plural(runs, "run"),
        "marks": [count(m) for m in marks],
        "rows": rows,
        "figure": figures.add(
            f"{anchor}-regret",
            search_plots.regret(simulations, N_BASELINES),
            f"Median regret of {', '.join(simulations)} against functions evaluated, up to {last}.",
        ),
    }


def _search(
    histories: Mapping[str, pd.DataFrame] | None, anchor: str, figures: Figures
) -> list[Context] | None:
    searches = []
    for number, (strategy, unsorted) in enumerate((histories or {}).items(), start=1):
        if unsorted.empty:
            continue
        history = unsorted.sort_values(["round", "slot"], ignore_index=True)
        proposed = history[history["round"] > 0]
        trained = best_first(history[history["status"] != "diverged"])
        baselines = trained[trained["round"] == 0]
        reference = baselines["validation_accuracy"].max() if len(baselines) else None
        found = trained[trained["round"] > 0].head(FOUND_SHOWN)
        above = None
        if reference is not None:
            better = trained[(trained["round"] > 0) & (trained["validation_accuracy"] > reference)]
            above = count(len(better))
        shown = pd.concat([found, baselines.head(1)])
        searches.append(
            {
                "strategy": strategy,
                "proposed": plural(len(proposed), "function"),
                "rounds": plural(int(history["round"].max()), "round"),
                "diverged": count(int((proposed["status"] == "diverged").sum())),
                "above": above,
                "figure": figures.add(
                    f"{anchor}-search-{number}",
                    search_plots.live_search(history),
                    f"Validation accuracy of the {plural(len(history), 'function')} trained by "
                    f"{strategy}, in order, with the best so far.",
                ),
                "found": [
                    {
                        "name": row["name"],
                        "role": role(row["name"]),
                        "curve": curve(row["name"], role(row["name"])),
                        "accuracy": percent(row["validation_accuracy"]),
                        "prediction": percent(row["prediction"]),
                        "difference": points(row["validation_accuracy"] - reference)
                        if reference is not None and row["round"] > 0
                        else points(None),
                        "where": f"{row['round']}.{row['slot']}" if row["round"] else "baseline",
                    }
                    for _, row in shown.iterrows()
                ],
            }
        )
    return searches or None
