"""What the page says of a screen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from report_example import TASKS, make_history, make_table
from report_page import Page
from scipy.stats import spearmanr

from actsearch.config import SCORES
from actsearch.functions.baselines import BASELINES
from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render
from actsearch.report.screened import screen_section

SCORE = SCORES["accuracy"]
QUANTILES = {"0": 0.1, "0.05": 0.2, "0.25": 0.3, "0.5": 0.4, "0.75": 0.5, "0.95": 0.6, "1": 0.7}
SCREEN: dict[str, Any] = {
    "space": "four-node",
    "names": 1_023_524,
    "distinct": 387_055,
    "finite": 363_080,
    "known": 175,
    "rank_correlation": 0.798,
    "listed": {"baseline": 8, "included": 0, "prediction": 40, "chance": 12},
    "pool": 5,
    "distance": 0.1263,
    "predicted": {"all": QUANTILES, "prediction": QUANTILES, "chance": QUANTILES},
}


@pytest.fixture
def history() -> pd.DataFrame:
    return make_history(make_table(60, 1), 1)


@pytest.fixture
def listed(history: pd.DataFrame) -> pd.DataFrame:
    names = [*BASELINES, *history.loc[history["round"] > 0, "name"]]
    predictions = np.random.default_rng(0).permutation(len(names)) / 100
    by = ["baseline"] * 8 + ["prediction"] * (len(names) - 8)
    return pd.DataFrame({"name": names, "prediction": predictions, "chosen_by": by})


def test_the_page_has_the_screen(history: pd.DataFrame, listed: pd.DataFrame) -> None:
    task = TaskData(TASKS[0], histories={"union-knr": history}, screen=SCREEN, screened=listed)
    text = Page(render(ReportData("t", (task,), "make"))).text("task-1-search")
    assert "363 080 functions of the space four-node" in text
    assert "175 functions of the table" in text
    assert "0.80" in text and "0.13" in text
    assert f"{len(listed)} functions" in text
    assert "listed for their prediction" in text and "listed by chance" in text
    assert "40.00%" in text


def test_agreement_is_that_of_trained_functions_besides_the_baselines(
    history: pd.DataFrame, listed: pd.DataFrame
) -> None:
    section = screen_section(SCREEN, listed, {"union-knr": history}, SCORE)
    assert section is not None
    (told,) = section["agreement"]
    later = history[history["round"] > 0].merge(listed, on="name", suffixes=("", "_screen"))
    expected = spearmanr(later["prediction_screen"], later["validation_score"]).statistic
    assert told["n"] == f"{len(later)} functions"
    assert told["spearman"].replace("\u2212", "-") == f"{expected:.2f}"
    one = screen_section(SCREEN, listed, {"union-knr": history[:9]}, SCORE)
    assert one is not None and one["agreement"][0] == {
        "strategy": "union-knr",
        "n": "1 function",
        "spearman": "–",
    }


def test_without_a_screen_there_is_nothing(history: pd.DataFrame) -> None:
    assert screen_section(None, None, {"union-knr": history}, SCORE) is None
    text = Page(render(ReportData("t", (TaskData(TASKS[0]),), "make"))).text("task-1-search")
    assert "screened" not in text
