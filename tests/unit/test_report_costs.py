"""What functions cost, as the page tells it."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest
from report_example import make_cost, make_costs, make_task
from report_page import Page, named

from actsearch.report import costs
from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render
from actsearch.report.ranking import best_first

N = 60


@pytest.fixture(scope="module")
def task() -> TaskData:
    return make_task("digits-cnn", 1, N, 3)


def page(task: TaskData) -> Page:
    return Page(render(ReportData("t", (task,), "make")))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (costs.times(1.8123), "1.8\u202f×"),
        (costs.times(12.345), "12\u202f×"),
        (costs.times(0.0456), "0.046\u202f×"),
        (costs.times(1234.5), "1\u202f200\u202f×"),
        (costs.times(float("nan")), "–"),
        (costs.kept(4.0), "4\u202fB"),
        (costs.kept(None), "–"),
        (costs.machine_in_words("cpu", "A Processor"), "one core of A Processor"),
        (costs.machine_in_words("A GPU", "A GPU"), "A GPU"),
    ],
)
def test_costs_as_written(written: str, expected: str) -> None:
    assert written == expected


def test_the_best_functions_and_the_baselines_have_their_cost(task: TaskData) -> None:
    assert task.table is not None
    shown = page(task)
    text = shown.text("task-1-benchmark")
    for name in best_first(task.table).head(12)["name"]:
        cost = make_cost(name)
        line = f"{costs.times(cost['both'])}, {costs.kept(cost['bytes_kept'])}"
        partial = "(?: diverged in some runs)?"
        assert re.search(f"{re.escape(name)}{partial} {' '.join(line.split())}", text)
    assert "on one core of Processor 9000, whose times differ" in text
    assert shown.row("task-1-benchmark", "relu(x)")[-1] == "1.4 ×, 28 B"
    bare = page(dataclasses.replace(task, costs=None)).text("task-1-benchmark")
    assert "×" not in bare and "Processor" not in bare


def test_each_device_is_told_where_there_are_several() -> None:
    cpu = make_costs(N)
    gpu = cpu.assign(device="A GPU", processor="A GPU", both=cpu["both"] / 2)
    both = pd.concat([cpu, gpu])
    assert costs.cost_lines(both)["relu(x)"] == ("1.4\u202f× CPU, 0.7\u202f× GPU, 28\u202fB")
    assert costs.measured_on(both) == "one core of Processor 9000 and A GPU"


def test_finalists_have_their_cost_and_in_brackets_that_of_the_compiled(task: TaskData) -> None:
    assert task.final is not None
    shown = page(task)
    for function in task.final["functions"]:
        cost = function["cost"]
        cell = shown.row("task-1-final", named(function, task.final))[-1]
        times, kept = costs.times(cost["both"]), costs.kept(cost["bytes_kept"])
        if cost["compiled"]:
            times += f" ({costs.times(cost['compiled']['both'])})"
            kept += f" ({costs.kept(4.0)})"
        assert cell == " ".join(f"{times}{kept}".split())
    assert "and in brackets compiled" in shown.text("task-1-final")
    chosen = task.final["chosen"]["name"]
    line = " ".join(costs.in_a_line(make_cost(chosen)).split())
    assert f"Cost of the chosen function{line} measured with the last comparison" in shown.text(
        "summary"
    )


def test_a_comparison_without_costs_has_no_such_column(task: TaskData) -> None:
    assert task.final is not None
    functions = [function | {"cost": None} for function in task.final["functions"]]
    final = dict(task.final) | {"functions": functions, "measured_on": None}
    shown = page(TaskData("digits-cnn", final=final))
    assert "Cost" not in shown.text("task-1-final")
    assert "Cost" not in shown.text("summary")
