"""The two sections of searches: those replayed on the table, and the live ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from actsearch.config import Score
from actsearch.report import search_plots
from actsearch.report.drawings import curve
from actsearch.report.figures import Figures
from actsearch.report.formats import Context, count, difference, percent, plural, value
from actsearch.report.plot_style import strategy_style
from actsearch.report.ranking import best_first, role

FOUND_SHOWN = 5


def simulation_section(
    simulations: Mapping[str, pd.DataFrame] | None,
    n_baselines: int,
    score: Score,
    anchor: str,
    figures: Figures,
) -> Context | None:
    """Regret of each strategy as a plot and a table; None where nothing was replayed."""
    if not simulations:
        return None
    runs = max(int(s["run"].nunique()) for s in simulations.values())
    last = max(int(s["evaluation"].max()) for s in simulations.values())
    marks = sorted({n for n in (n_baselines, 20, 50, 100, 200) if n < last} | {last})
    rows = []
    for strategy, simulation in simulations.items():
        ends = simulation.loc[simulation.groupby("run")["evaluation"].idxmax(), "regret"]
        rows.append(
            {
                "strategy": strategy,
                "colour": strategy_style(strategy)["color"],
                "regrets": search_plots.regret_after(simulation, marks, score),
                "solved": percent((ends <= 1e-12).mean(), 0),
            }
        )
    after_baselines = [
        s.loc[s["evaluation"] == n_baselines, "regret"] for s in simulations.values()
    ]
    return {
        "settled": all(len(r) and bool((r <= 1e-12).all()) for r in after_baselines),
        "runs": plural(runs, "run"),
        "marks": [count(m) for m in marks],
        "rows": rows,
        "figure": figures.add(
            f"{anchor}-regret",
            search_plots.regret(simulations, n_baselines, score),
            f"Median regret of {', '.join(simulations)} against functions evaluated, up to {last}.",
        ),
    }


def search_sections(
    histories: Mapping[str, pd.DataFrame] | None,
    baselines: Collection[str],
    score: Score,
    anchor: str,
    figures: Figures,
) -> list[Context] | None:
    """One live search each: what it proposed, and its best; None where there was none."""
    searches = []
    for number, (strategy, unsorted) in enumerate((histories or {}).items(), start=1):
        if unsorted.empty:
            continue
        history = unsorted.sort_values(["round", "slot"], ignore_index=True)
        proposed = history[history["round"] > 0]
        trained = best_first(history[history["status"] != "diverged"])
        first = trained[trained["round"] == 0]
        reference = first["validation_score"].max() if len(first) else None
        found = trained[trained["round"] > 0].head(FOUND_SHOWN)
        above = None
        if reference is not None:
            better = trained[(trained["round"] > 0) & (trained["validation_score"] > reference)]
            above = count(len(better))
        shown = pd.concat([found, first.head(1)])
        searches.append(
            {
                "strategy": strategy,
                "proposed": plural(len(proposed), "function"),
                "rounds": plural(int(history["round"].max()), "round"),
                "diverged": count(int((proposed["status"] == "diverged").sum())),
                "above": above,
                "figure": figures.add(
                    f"{anchor}-search-{number}",
                    search_plots.live_search(history, score),
                    f"Validation {score.shown} of the {plural(len(history), 'function')} trained "
                    f"by {strategy}, in order, with the best so far.",
                ),
                "found": [
                    {
                        "name": row["name"],
                        "role": role(row["name"], baselines),
                        "curve": curve(row["name"], role(row["name"], baselines)),
                        "score": value(score, row["validation_score"]),
                        "prediction": value(score, row["prediction"]),
                        "difference": difference(
                            score,
                            row["validation_score"] - reference
                            if reference is not None and row["round"] > 0
                            else None,
                        ),
                        "where": f"{row['round']}.{row['slot']}" if row["round"] else "baseline",
                    }
                    for _, row in shown.iterrows()
                ],
            }
        )
    return searches or None
