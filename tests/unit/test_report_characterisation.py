"""What the report says of what features tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from report_example import make_characterisation, make_report, make_surrogate
from report_page import Page, figures_of

from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render
from actsearch.search.claims import both_beat_each

N = 60


def one_task(**parts: Any) -> ReportData:
    task = TaskData(name="digits-cnn", **parts)
    return ReportData(title="One", tasks=(task,), command="make")


@pytest.fixture(scope="module")
def data() -> ReportData:
    return make_report(N, 3)


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_whether_the_claim_holds_is_said(page: Page, data: ReportData) -> None:
    characterisation = data.tasks[0].characterisation
    assert characterisation is not None
    score = "accuracy of all functions"
    over_both = "+0.060 (+0.020 to +0.100) over outputs, +0.140 (+0.100 to +0.180) over Fisher"
    subject = f"{score}, extra trees on components"
    assert page.row("task-1-surrogate", subject) == [
        subject,
        "holds",
        f"Spearman {over_both} information",
        "10: holds; 30: holds",
    ]
    subject = f"{score}, nearest neighbours on the map"
    assert page.row("task-1-surrogate", subject)[1:] == [
        "within noise",
        "Spearman +0.060 (−0.010 to +0.130) over outputs, +0.140 (+0.070 to +0.210) over Fisher "
        "information",
        "10: within noise; 30: within noise",
    ]
    assert page.row("task-1-surrogate", "failure, extra trees on components")[1] == "holds"
    text = page.text("task-1-surrogate")
    assert f"Of {N} functions on the map, 10, 30, 100 drawn at random are known" in text
    assert f"{N}, {2 * N} known would leave too few functions to predict, and are left out" in text
    assert "nearest neighbours +0.090 (+0.060 to +0.120)" in text


def test_both_worse_than_one_is_no_noise() -> None:
    worse = make_characterisation(N)
    here = (worse["minus"] == "fisher") & (worse["metric"] == "spearman")
    worse.loc[here, ["value", "low", "high"]] = [-0.1, -0.15, -0.05]
    claim = both_beat_each(worse, "components", "et", "spearman", "all")
    assert claim is not None and claim.verdict == "does not hold"
    page = Page(render(one_task(surrogate=make_surrogate(N), characterisation=worse)))
    subject = "accuracy of all functions, extra trees on components"
    assert page.row("task-1-surrogate", subject)[1] == "does not hold"
    worse.loc[here, "low"] = np.nan
    page = Page(render(one_task(surrogate=make_surrogate(N), characterisation=worse)))
    assert page.row("task-1-surrogate", subject)[1:3] == [
        "cannot be said",
        "Spearman is not defined for all three",
    ]


def test_too_few_functions_are_said() -> None:
    nothing = make_characterisation(N).head(0)
    page = Page(render(one_task(surrogate=make_surrogate(N), characterisation=nothing)))
    text = page.text("task-1-surrogate")
    assert "Too few functions are on the map to ask what features tell of others." in text
    assert "beat each alone" not in text


def test_scores_are_drawn_against_functions_known(data: ReportData, html: str) -> None:
    characterisation = data.tasks[0].characterisation
    assert characterisation is not None
    of = characterisation[
        (characterisation["target"] == "all")
        & (characterisation["metric"] == "r2")
        & (characterisation["minus"] == "")
        & (characterisation["dimensions"] == "components")
        & (characterisation["regressor"] == "et")
    ]
    figure = figures_of(html)["task-1-known-components-all-r2"]
    lines = {trace["name"]: trace for trace in figure["data"]}
    assert list(lines) == ["outputs", "Fisher information", "both", "mean (yardstick)"]
    both = of[of["features"] == "union"]
    assert lines["both"]["customdata"] == [10, 30, 100]
    assert lines["both"]["x"] == pytest.approx([10, 30, 100], rel=0.1)
    assert lines["both"]["y"] == pytest.approx(both["value"].tolist())
    assert lines["both"]["error_y"]["array"] == pytest.approx([0.031] * 3)
    assert figure["layout"]["xaxis"]["type"] == "log"


def test_without_failures_none_are_drawn() -> None:
    characterisation = make_characterisation(N)
    failure = characterisation["target"] == "failure"
    characterisation.loc[failure, ["value", "low", "high"]] = np.nan
    html = render(one_task(surrogate=make_surrogate(N), characterisation=characterisation))
    drawn = {key for key in figures_of(html) if "known" in key}
    assert len(drawn) == 4 and not any("failure" in key for key in drawn)
    line = Page(html).row("task-1-surrogate", "failure, extra trees on components")
    assert line[1:3] == ["cannot be said", "AUC is not defined for all three"]


def test_all_regressors_are_in_the_table(page: Page) -> None:
    text = page.text("task-1-surrogate").replace("−", "-")
    for value in (0.65, 0.51, 0.59):
        assert f"{value:.2f}{value - 0.031:.2f} to {value + 0.031:.2f}" in text
    assert "nan" not in text.lower()
