"""The page of a task that is scored by R2, whose values have no lower end; and of mixed tasks."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from report_example import make_task
from report_page import Page, figures_of, named
from report_r2_example import N, lose_one_seed, make_r2_task

from actsearch.config import SCORES
from actsearch.functions.baselines import BASELINES
from actsearch.report import formats
from actsearch.report.comparison import _final_scales
from actsearch.report.data import ReportData, TaskData
from actsearch.report.drawings import Scale, focus_floor, strip, strip_axis
from actsearch.report.page import render
from actsearch.report.plot_style import focus
from actsearch.report.plots import histogram, prediction_panel, upper_histogram
from actsearch.report.search_plots import live_search, regret
from actsearch.report.searches import simulation_section

ACCURACY, R2 = SCORES["accuracy"], SCORES["R2"]


@pytest.fixture(scope="module")
def task() -> TaskData:
    return make_r2_task()


@pytest.fixture(scope="module")
def html(task: TaskData) -> str:
    return render(ReportData("t", (task,), "make"))


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


# Words and numbers


def test_nothing_speaks_of_accuracy_or_of_points(page: Page, html: str) -> None:
    content = page.text("content")
    assert "ccurac" not in html.split("plotly.js (basic")[0]
    assert "points after" not in content and ", points" not in content
    assert "nan" not in content.lower() and "inf%" not in content
    assert "Predicting R² without training" in content
    first = "counts with the R² of the mean predictor. What lies below −1 is in the first bar."
    assert first in page.text("task-1-benchmark")
    assert "Diverged runs count with the R² of the mean predictor." in content
    assert "R² of predictions" in page.text("task-1-surrogate")
    assert "What lies below the axis is drawn at its edge." in page.text("task-1-surrogate")


def test_the_sections_say_the_numbers_as_r2_is_written(page: Page, task: TaskData) -> None:
    assert task.table is not None and task.final is not None
    trained = task.table[task.table["status"] != "diverged"]
    best = trained.sort_values(["validation_score", "name"], ascending=[False, True]).iloc[0]
    benchmark = page.text("task-1-benchmark")
    assert f"1 {best['validation_score']:.4f} {best['name']}" in benchmark
    median = trained["validation_score"].median()
    assert f"The median of the others is {median:.4f} on validation." in benchmark
    assert "0.0000 points" not in benchmark
    for function in task.final["functions"]:
        cells = page.row("task-1-final", named(function, task.final))
        assert cells[1] == formats.value(R2, function["validation_score"])
        assert cells[2].startswith(f"{function['test_score_mean']:.4f} ± ")
        if function["difference"]:
            assert cells[3].startswith(formats.difference(R2, function["difference"]["mean"]))
    medians = task.simulations["random"].groupby("evaluation")["regret"].median()  # type: ignore[index]
    row = page.row("task-1-simulation", "random")
    assert row[1:5] == [formats.size(R2, medians[n]) for n in (8, 20, 50, medians.index.max())]


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([12.345], "error 12.3"),
        ([1, 0.02, 3000], "error 1, 0.02, 3 000"),
        ([1, 2, 9, 4], "1 to 9"),
    ],
)
def test_errors_are_told_in_the_units_of_the_data(
    task: TaskData, errors: list[float], told: str
) -> None:
    assert task.final is not None
    functions = [function | {"test_errors": errors} for function in task.final["functions"]]
    functions[0]["test_errors"] = None  # diverged in every run
    told_of = dataclasses.replace(task, final=task.final | {"functions": functions})
    page = Page(render(ReportData("t", (told_of,), "make")))
    assert told in page.row("task-1-final", functions[1]["name"])[2]
    assert "error" not in page.row("task-1-final", functions[0]["name"])[2]
    assert "in the units of the data, a mean over seeds" in page.text("task-1-final")
    assert "units of the data" not in Page(render(ReportData("t", (task,), "make"))).text("content")


def test_the_card_says_the_difference_without_a_unit(page: Page, task: TaskData) -> None:
    assert task.table is not None
    known = task.table[task.table["status"] != "diverged"]
    gain = known["validation_score"].max() - max(
        known.loc[known["name"].isin(BASELINES), "validation_score"]
    )
    assert re.search(rf"Difference, validation ?\{gain:+.4f}", page.text("summary"))


# Axes


def test_no_axis_follows_the_lowest(html: str) -> None:
    figures = figures_of(html)
    assert figures["task-1-histogram"]["layout"]["xaxis"]["range"] == [-1, 1.02]
    for name, figure in figures.items():
        for key in ("xaxis", "yaxis"):
            low, high = figure["layout"][key].get("range", (0, 1))
            if "search" in name and key == "xaxis":
                continue  # functions in order
            assert -2.5 <= low < high <= 3, (name, key)
            assert "%" not in figure["layout"][key].get("tickformat", ""), (name, key)
        for trace in figure["data"]:
            assert "%}" not in trace.get("hovertemplate", "").replace("%{", ""), name
            if "predictions" in name:
                assert min(trace["x"] + trace["y"]) >= -1, name
            if "cmin" in trace.get("marker", {}):
                assert -1 <= trace["marker"]["cmin"] < trace["marker"]["cmax"] <= 1
    titles = [f["layout"]["xaxis"].get("title", {}).get("text") for f in figures.values()]
    assert titles.count("validation R²") == 2
    assert figures["task-1-regret"]["layout"]["yaxis"]["title"]["text"] == "regret, R²"


def test_every_function_is_in_the_histogram(html: str, task: TaskData) -> None:
    assert task.table is not None
    bars = figures_of(html)["task-1-histogram"]["data"]
    assert sum(sum(trace["y"]) for trace in bars) == len(task.table)
    below = int((task.table["validation_score"] < -0.95).sum())
    assert sum(trace["y"][0] for trace in bars) == below >= 4
    assert bars[0]["text"][0] == f"below −0.9500: {below} trained"
    assert bars[0]["text"][1].startswith("−0.9500 to −0.9000: ")


def test_numbers_below_an_axis_are_told_all_the_same(html: str, task: TaskData) -> None:
    dots = figures_of(html)["task-1-predictions-3"]["data"][1]
    assert task.predictions is not None
    part = task.predictions[task.predictions["features"] == "union"]
    part = part[part["repeat"] == 0].reset_index(drop=True)
    for row in np.flatnonzero(part["measured"] < -1):
        assert dots["x"][row] == -1
        assert formats.value(R2, part["measured"][row]) in dots["text"][row]
    assert (part["measured"] < -1).sum() >= 4


def test_where_all_lie_between_0_and_1_the_axes_do_too() -> None:
    task = make_r2_task(lost=False)
    html = render(ReportData("t", (task,), "make"))
    figures = figures_of(html)
    assert figures["task-1-histogram"]["layout"]["xaxis"]["range"] == [0, 1.01]
    assert "first bar" not in html and "drawn at its edge." not in html
    hover = "%{text}<br>measured %{x:.4f}, predicted %{y:.4f}<extra></extra>"
    assert figures["task-1-predictions-1"]["data"][1]["hovertemplate"] == hover


@pytest.mark.parametrize("worst", [-2.0, -1e6, -1e15, -1e200])
def test_the_good_keep_their_room_beside_the_worst(worst: float) -> None:
    good = np.linspace(0.9, 0.95, 20)
    mostly_bad = pd.Series([*good, *([worst] * 30)])
    low, high = focus(R2, mostly_bad)
    assert (low, high) == (-1.0, 0.95)
    few_bad = pd.Series([*good, worst])
    low, high = focus(R2, few_bad)
    assert 0.8 < low < 0.9 and high == 0.95
    assert focus_floor(mostly_bad, least=-1.0) == -1.0
    assert focus_floor([0.1, *np.linspace(0.95, 0.99, 20)], least=0) > 0.8


@pytest.mark.parametrize("best", [-1.5, -1e6, -1e17, -1e200])
def test_where_all_are_bad_there_still_are_axes(best: float) -> None:
    values = [best, best, 2 * best, 1e3 * best]
    table = pd.DataFrame(
        {
            "name": [*BASELINES[:2], "sinh(x)", "erf(x)"],
            "status": "completed",
            "validation_score": values,
            "round": [0, 0, 1, 1],
            "slot": [0, 1, 0, 1],
            "prediction": [np.nan, np.nan, best, best],
        }
    )
    low, high = focus(R2, table["validation_score"])
    assert low < high <= best * 0.999999
    assert sum(histogram(table, R2)["data"][0]["y"]) == 4
    upper = upper_histogram(table, table.head(2), low, R2)
    assert sum(upper["data"][0]["y"]) == (table["validation_score"] >= low).sum() >= 2
    ends = live_search(table, R2)["layout"]["yaxis"]["range"]
    assert ends[0] < best <= ends[1]
    panel = prediction_panel(table.assign(measured=values, predicted=values), R2)
    assert panel["data"][0]["x"][0] < panel["data"][0]["x"][1]
    for scale in (Scale.over(values), Scale.over([best])):
        assert scale.low < scale.high
        assert scale.place(scale.low) < scale.place(scale.high)
        assert len(scale.ticks) < 15
        assert "nan" not in strip(scale, "s", centre=best, interval=(1e3 * best, best))


def test_one_bad_seed_leaves_the_last_comparison_readable(task: TaskData) -> None:
    assert task.final is not None
    compared = [f for f in task.final["functions"] if f["difference"] and not f["n_diverged"]]
    name = compared[-1]["name"]
    before = _final_scales(task.final["functions"], R2)
    for value in (-50.0, -1e9, -1e100):
        tests, differences = _final_scales(lose_one_seed(task.final, name, value)["functions"], R2)
        assert -1 <= tests.low < tests.high <= 1
        assert -2 <= differences.low < 0 < differences.high
        # All but the lost seed and function keep their places to see.
        assert tests.high - tests.low < 3 * (before[0].high - before[0].low)
        assert differences.high - differences.low < 3 * (before[1].high - before[1].low)
        assert not differences.holds(value / 5)
        labels = re.findall(
            r">([^<]+)</text>", strip_axis(tests, lambda v: formats.value(R2, v, 1))
        )
        assert labels and all(re.fullmatch(r"−?\d\.\d{3}", label) for label in labels)


def test_the_axes_hold_where_most_functions_are_bad(task: TaskData) -> None:
    assert task.final is not None and task.histories
    final = task.final
    for function in [f["name"] for f in final["functions"] if f["difference"]][:-2]:
        final = lose_one_seed(final, function, -1e9)
        [lost] = [f for f in final["functions"] if f["name"] == function]
        lost["test_scores"] = [-1e9] * 5
        lost["difference"] = lost["difference"] | {"mean": -1e9, "low": -2e9, "high": -1e8}
    tests, differences = _final_scales(final["functions"], R2)
    assert (tests.low, differences.low) == (-1, -2)
    assert tests.high <= 1 and differences.high <= 2.5
    history = task.histories["union-knr"].assign(status="completed")
    history.loc[history.index[2:30], "validation_score"] = -1e9
    low, high = live_search(history, R2)["layout"]["yaxis"]["range"]
    assert -1.5 < low < -1 and 0.5 < high < 1.2


def test_a_regret_that_begins_huge_is_shown_where_it_is_small() -> None:
    evaluations = np.arange(1, 21)
    simulation = pd.DataFrame(
        {"run": 0, "evaluation": evaluations, "regret": np.where(evaluations < 12, 1e9, 0.01)}
    )
    low, high = regret({"random": simulation}, 8, R2)["layout"]["yaxis"]["range"]
    assert -0.1 < low < 0 and 2 < high < 3
    never = regret({"random": simulation.assign(regret=1e9)}, 8, R2)["layout"]["yaxis"]["range"]
    assert never[1] > 1e9
    # A difference of accuracies is at most 100 points, so their axis never ends early.
    whole = simulation.assign(regret=simulation["regret"].clip(upper=1.0))
    assert regret({"random": whole}, 8, ACCURACY)["layout"]["yaxis"]["range"][1] == 112


# Several tasks


def test_each_task_of_a_page_has_its_own_form() -> None:
    digits, waves = make_task("digits", 1, N, 6), make_r2_task()
    assert waves.final is not None and digits.final is not None
    found = [f for f in waves.final["functions"] if f["kind"] == "found"]
    for number, function in enumerate(found):
        own = {"from_task": "waves2", "score_there": -0.5, "scored_there_by": "R2"}
        other = {"from_task": "digits", "score_there": 0.9781, "scored_there_by": "accuracy"}
        function |= other if number % 2 == 0 else own
    waves.final["candidates_from"] = ["digits", "waves2"]
    waves.final["functions"] = [
        next((f for f in found if f["name"] == function["name"]), function)
        for function in waves.final["functions"]
    ]
    html = render(ReportData("t", (digits, waves), "make"))
    page = Page(html)
    first, second = page.text("task-1"), page.text("task-2")
    assert "Predicting accuracy without training" in first and "R² of predictions" not in first
    assert "Predicting R² without training" in second and "ccuracy" not in second
    tags = [" 97.81% on digits", " −0.5000 on waves2"]
    for number, function in enumerate(found):
        assert f"{function['name']}" in second
        assert tags[number % 2] in second
    assert "validation values of R², of the same trainings, choose" in second
    figures = figures_of(html)
    titles = {name: f["layout"]["xaxis"].get("title", {}) for name, f in figures.items()}
    assert titles["task-1-histogram"]["text"] == "validation accuracy"
    assert titles["task-2-histogram"]["text"] == "validation R²"
    alone = figures_of(render(ReportData("t", (digits,), "make")))
    assert {name: figures[name] for name in alone} == alone


def test_parts_of_another_score_are_refused(task: TaskData) -> None:
    digits = make_task("digits", 1, N, 6)
    with pytest.raises(
        ValueError, match=r"^digits: parts differ in score: table: .* has R2, union-knr: .* has acc"
    ):
        dataclasses.replace(digits, table=task.table)
    with pytest.raises(ValueError, match=r"union-knr: .* has R2"):
        dataclasses.replace(digits, histories=task.histories)
    with pytest.raises(ValueError, match="the last comparison has R2"):
        dataclasses.replace(digits, final=task.final)


def test_runs_are_counted_as_shares_whatever_the_score(task: TaskData) -> None:
    from actsearch.report.figures import Figures

    assert task.simulations is not None
    section = simulation_section(task.simulations, 8, R2, "a", Figures())
    assert section is not None
    assert all(re.fullmatch(r"\d+%", row["solved"]) for row in section["rows"])
