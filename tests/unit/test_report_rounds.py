"""What the report says of a search's rounds and predictions, and of winners on other tasks."""

from __future__ import annotations

import dataclasses

import pytest
from report_example import make_report
from report_page import Page, figures_of

from actsearch.config import SCORES
from actsearch.report import formats
from actsearch.report.across import across_section
from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render
from actsearch.report.ranking import best_first

ACCURACY = SCORES["accuracy"]
N = 60


@pytest.fixture(scope="module")
def data() -> ReportData:
    return make_report(N, 6)


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_a_search_is_shown_round_by_round(page: Page, data: ReportData) -> None:
    history = (data.tasks[0].histories or {})["union-knr"]
    reference = history.loc[history["round"] == 0, "validation_score"].max()
    best = 0.0
    for number, part in history.groupby("round"):
        trained = part[part["status"] != "diverged"]
        top = best_first(trained).iloc[0]
        best = max(best, top["validation_score"])
        beat = int((trained["validation_score"] > reference).sum())
        named = (str(number), "8", str(len(part) - len(trained))) if number else ("baselines", "8")
        row = page.row("task-1-search", *named)
        assert row[4:] == [
            formats.value(ACCURACY, trained["validation_score"].median()),
            str(beat) if number else "–",
            top["name"],
            formats.value(ACCURACY, top["validation_score"]),
            formats.value(ACCURACY, best),
        ]


def test_predictions_of_a_search_are_compared_with_what_it_measured(
    page: Page, data: ReportData, html: str
) -> None:
    history = (data.tasks[0].histories or {})["union-knr"]
    known = history[(history["round"] > 0) & (history["status"] != "diverged")]
    dots = figures_of(html)["task-1-calibration-1"]["data"][1]
    assert dots["text"] == known["name"].tolist()
    assert dots["x"] == pytest.approx(known["validation_score"].tolist(), abs=5e-5)
    assert dots["y"] == pytest.approx(known["prediction"].tolist(), abs=5e-5)
    apart = (known["validation_score"] - known["prediction"]).mean()
    rank = known["validation_score"].corr(known["prediction"], method="spearman")
    text = page.text("task-1-search")
    assert ("tend to be below what was predicted" in text) == (apart < 0)
    assert f"Measured less predicted is {formats.difference(ACCURACY, apart)} points" in text
    assert f"Spearman {formats.decimal(rank)}." in text


@pytest.mark.parametrize(("shift", "said"), [(-0.2, False), (0.2, True)])
def test_measured_scores_are_said_to_be_below_where_they_are(
    data: ReportData, shift: float, said: bool
) -> None:
    history = (data.tasks[0].histories or {})["union-knr"]
    shifted = history.assign(prediction=history["prediction"] + shift)
    task = TaskData("one", histories={"union-knr": shifted})
    text = Page(render(ReportData("One", (task,), "make"))).text("task-1-search")
    assert ("tend to be below what was predicted" in text) == said


def test_differences_are_to_the_baseline_that_is_named(data: ReportData) -> None:
    first = data.tasks[0]
    assert first.final is not None
    other = next(
        f["name"] for f in first.final["functions"]
        if f["kind"] == "baseline" and f["name"] != first.final["best_baseline"]
    )  # fmt: skip
    first = dataclasses.replace(first, final=first.final | {"best_baseline": other})
    across = across_section((first, *data.tasks[1:]), data.baselines)
    assert across is not None
    for place, task in enumerate(data.tasks):
        [row] = [r for r in across["rows"] if f"best baseline on {task.name}" in r["why"]]
        assert row["cells"][place]["difference"] == formats.difference(ACCURACY, 0.0)


def test_winners_are_shown_on_every_task(page: Page, data: ReportData) -> None:
    tables = {task.name: best_first(task.table) for task in data.tasks if task.table is not None}
    for name, table in tables.items():
        winner = table["name"].iloc[0]
        [row] = [row for row in page.rows["across"] if row[0] == winner]
        assert f"best on {name}" in row[1]
        for cell, other in zip(row[2:], tables.values(), strict=True):
            place = other.index[other["name"] == winner][0]
            found = other.loc[place]
            diverged = found["status"] == "diverged"
            assert ("diverged" if diverged else f"{100 * found['validation_score']:.2f}%") in cell
            assert f"rank {place + 1}" in cell
    alone = ReportData("One", (TaskData("one", table=tables["digits-cnn"]),), "make")
    assert "across" not in Page(render(alone)).ids
