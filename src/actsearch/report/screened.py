"""The screen of a live search, as the page writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from actsearch.config import Score
from actsearch.report.formats import MISSING, Context, count, decimal, percent, plural, value

_GROUPS = {
    "all": "all functions of the space",
    "prediction": "listed for their prediction",
    "chance": "listed by chance",
}
_SHOWN = ("0.05", "0.5", "0.95")
_FEWEST = 3


def screen_section(
    screen: Mapping[str, Any] | None,
    listed: pd.DataFrame | None,
    histories: Mapping[str, pd.DataFrame] | None,
    score: Score,
) -> Context | None:
    """What a screen went through, what it predicted, and how far trainings bear it out.

    Args:
        screen: As `actsearch.search.screened.summarise` returns it.
        listed: As `actsearch.search.screened.list_screened` returns it.
        histories: Live searches by strategy.
        score: What functions are compared by.

    Returns:
        What the template shows; None without a screen.
    """
    if screen is None or listed is None:
        return None
    predicted = screen["predicted"]
    correlation = screen["rank_correlation"]
    return {
        "space": screen["space"],
        "finite": plural(screen["finite"], "function"),
        "known": plural(screen["known"], "function"),
        "listed": plural(len(listed), "function"),
        "share": percent(len(listed) / screen["finite"], 1),
        "correlation": MISSING if correlation is None else decimal(correlation, 2),
        "distance": decimal(screen["distance"], 2),
        "rows": [
            {
                "label": label,
                "n": count(screen["finite"] if kind == "all" else screen["listed"][kind]),
                "predicted": [value(score, predicted[kind][level]) for level in _SHOWN],
            }
            for kind, label in _GROUPS.items()
            if predicted.get(kind)
        ],
        "agreement": [
            {"strategy": strategy, **_agreement(history, listed)}
            for strategy, history in (histories or {}).items()
        ],
    }


def _agreement(history: pd.DataFrame, listed: pd.DataFrame) -> Context:
    """How far the order of trained functions is the one that the screen predicted.

    Baselines are left out: the table has them, and the predictor learned from it.

    Returns:
        How many functions, and Spearman's rank correlation, as texts.
    """
    from scipy.stats import spearmanr

    chosen = listed.loc[listed["chosen_by"] != "baseline", ["name", "prediction"]]
    chosen = chosen.rename(columns={"prediction": "screened"})
    both = history[history["round"] > 0].merge(chosen, on="name")
    both = both[np.isfinite(both["screened"]) & np.isfinite(both["validation_score"])]
    pair = both["screened"], both["validation_score"]
    known = len(both) >= _FEWEST and all(np.ptp(column) > 0 for column in pair)
    return {
        "n": plural(len(both), "function"),
        "spearman": decimal(float(spearmanr(*pair).statistic), 2) if known else MISSING,
    }
