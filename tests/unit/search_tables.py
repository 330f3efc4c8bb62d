"""Synthetic maps and benchmark tables for the tests of the search."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from actsearch.functions.baselines import BASELINES
from actsearch.search.candidates import COLUMNS


def make_map(n: int, seed: int = 0) -> pd.DataFrame:
    """The baselines and ``n - 8`` made-up functions at random places."""
    rng = np.random.default_rng(seed)
    names = [*BASELINES, *(f"f{i}(x)" for i in range(n - len(BASELINES)))]
    table = pd.DataFrame({"name": names})
    table["slug"] = [name.replace("(", ".").replace(")", "") for name in names]
    table["has_outputs"] = table["has_fisher"] = True
    table[COLUMNS] = rng.normal(size=(n, len(COLUMNS)))
    return table


def history_of(evaluated: Mapping[str, float]) -> pd.DataFrame:
    """What strategies see of trained functions, none of which failed."""
    scores = np.array(list(evaluated.values()), dtype=float)
    columns = {"validation_score": scores, "failed": np.zeros(len(scores), dtype=bool)}
    return pd.DataFrame(columns, index=pd.Index(list(evaluated), name="name", dtype=object))


def make_table(map_table: pd.DataFrame, noise: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Scores that vary smoothly over the union coordinates, and some noise."""
    rng = np.random.default_rng(seed)
    bump = np.exp(-((map_table["union_x"] - 1) ** 2) - (map_table["union_y"] + 0.5) ** 2)
    score = 0.7 + 0.2 * bump + noise * rng.normal(size=len(map_table))
    return pd.DataFrame({"name": map_table["name"], "validation_score": score.clip(0, 1)})


def leave_off_map(map_table: pd.DataFrame, name: str, column: str = "fisher_x") -> pd.DataFrame:
    """The same map where one function lacks a coordinate."""
    changed = map_table.copy()
    changed.loc[changed["name"] == name, column] = np.nan
    return changed
