"""Intervals of what features tell, against a plain bootstrap: rows repeated, no weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from search_tables import make_map
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from actsearch.config import Surrogate
from actsearch.search import characterisation
from actsearch.search.candidates import coordinates
from actsearch.search.characterisation import characterise

N = 60
KNOWN = 10
DRAWS = 4
RESAMPLES = 2000
SEED = 3


@pytest.fixture(scope="module")
def map_table() -> pd.DataFrame:
    return make_map(N)


@pytest.fixture(scope="module")
def table(map_table: pd.DataFrame) -> pd.DataFrame:
    of = np.tanh(map_table["union_x"] + map_table["outputs_x"]).to_numpy()
    score = of + 0.1 * np.random.default_rng(1).normal(size=N)
    return pd.DataFrame({"name": map_table["name"], "validation_score": score}).assign(
        status="completed"
    )


@pytest.fixture(scope="module")
def found(map_table: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    settings = Surrogate(known=(KNOWN,), draws=DRAWS, seed=SEED)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(characterisation, "TREES", 2)
        patched.setattr(characterisation, "RESAMPLES", RESAMPLES)
        return characterise(map_table, table, settings)


@pytest.fixture(scope="module")
def resampled(map_table: pd.DataFrame, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """R2 by three neighbours on the map, of resampled functions and draws (resamples,)."""
    y = table["validation_score"].to_numpy()
    orders = [np.random.default_rng(SEED + draw).permutation(N) for draw in range(DRAWS)]
    held = [order[KNOWN:] for order in orders]
    rng = np.random.default_rng(99)
    times = [np.bincount(rng.integers(0, N, N), minlength=N) for _ in range(RESAMPLES)]
    picks = rng.integers(0, DRAWS, (RESAMPLES, DRAWS))
    values = {}
    for features in ("outputs", "union"):
        x = map_table[coordinates(features)].to_numpy()
        models = [KNeighborsRegressor(3).fit(x[o[:KNOWN]], y[o[:KNOWN]]) for o in orders]
        pairs = [(y[h], model.predict(x[h])) for model, h in zip(models, held, strict=True)]
        of_draw = np.array(
            [
                [r2_score(*(np.repeat(part, t[h]) for part in pair)) for t in times]
                for pair, h in zip(pairs, held, strict=True)
            ]
        )
        values[features] = of_draw[picks.T, np.arange(RESAMPLES)].mean(axis=0)
    return values


def row(found: pd.DataFrame, minus: str) -> pd.Series:
    chosen = found[
        (found["target"] == "all")
        & (found["dimensions"] == "map")
        & (found["regressor"] == "knr")
        & (found["features"] == "union")
        & (found["metric"] == "r2")
        & (found["minus"] == minus)
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("minus", ["", "outputs"])
def test_intervals_are_those_of_a_plain_bootstrap(
    minus: str, found: pd.DataFrame, resampled: dict[str, np.ndarray]
) -> None:
    """Of 95%, over functions and draws; a difference is of the same functions and draws."""
    values = resampled["union"] - (resampled[minus] if minus else 0.0)
    low, high = np.quantile(values, [0.025, 0.975])
    # Two bootstraps of 2,000 differ by some hundredths of the width in each end.
    near = 0.05 * (high - low)
    ours = row(found, minus)
    assert [ours["low"], ours["high"]] == pytest.approx([low, high], abs=near)
