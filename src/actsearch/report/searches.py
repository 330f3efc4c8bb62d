"""The two sections of searches: those replayed on the table, and the live ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from actsearch.config import Score
from actsearch.report import plots, search_plots
from actsearch.report.drawings import curve
from actsearch.report.figures import Figures
from actsearch.report.formats import (
    MISSING,
    Context,
    count,
    decimal,
    difference,
    percent,
    plural,
    size,
    value,
)
from actsearch.report.plot_style import strategy_style
from actsearch.report.ranking import best_first, role

FOUND_SHOWN = 5
_FEWEST = 3  # proposals that a calibration is shown of


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
                "rounds_table": _rounds(history, reference, score),
                "calibration": _calibration(
                    proposed, score, f"{anchor}-calibration-{number}", figures
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


def _rounds(history: pd.DataFrame, reference: float | None, score: Score) -> list[Context]:
    """A row for each round: what it proposed and what came of it, with the best so far."""
    rows: list[Context] = []
    best = -float("inf")
    for number in sorted(map(int, history["round"].unique())):
        part = history[history["round"] == number]
        trained = best_first(part[part["status"] != "diverged"])
        top = trained.iloc[0] if len(trained) else None
        if top is not None:
            best = max(best, float(top["validation_score"]))
        beat = 0 if reference is None else int((trained["validation_score"] > reference).sum())
        rows.append(
            {
                "round": "baselines" if number == 0 else count(number),
                "n": count(len(part)),
                "diverged": count(int((part["status"] == "diverged").sum())),
                "predicted": value(score, part["prediction"].median()),
                "median": value(score, trained["validation_score"].median()),
                "top": None if top is None else str(top["name"]),
                "top_score": MISSING if top is None else value(score, top["validation_score"]),
                "best": value(score, best),
                "above": MISSING if number == 0 or reference is None else count(beat),
            }
        )
    return rows


def _calibration(proposed: pd.DataFrame, score: Score, id: str, figures: Figures) -> Context | None:
    """What a search predicted of its proposals against what they scored; None with too few."""
    known = proposed[
        (proposed["status"] != "diverged")
        & proposed["prediction"].notna()
        & proposed["validation_score"].notna()
    ]
    if len(known) < _FEWEST:
        return None
    points = known.rename(columns={"validation_score": "measured", "prediction": "predicted"})
    apart = points["measured"] - points["predicted"]
    ranks = points[["measured", "predicted"]].rank()
    varied = bool((ranks.nunique() > 1).all())
    return {
        "n": plural(len(known), "function"),
        "is_below": bool(apart.mean() < 0),
        "bias": score.with_unit(difference(score, apart.mean())),
        "error": score.with_unit(size(score, apart.abs().mean())),
        "spearman": decimal(ranks.corr().iloc[0, 1]) if varied else MISSING,
        "figure": figures.add(
            id,
            plots.prediction_panel(points, score),
            f"Predicted against measured {score.shown} of {plural(len(known), 'function')} that "
            "the search proposed.",
        ),
    }
