"""The section of the report that compares strategies, and the command that makes its table."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from report_example import make_report
from report_page import Page, figures_of
from search_tables import make_map, make_table
from small_experiment import SMALL
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import SCORES, Simulation
from actsearch.functions.baselines import BASELINES
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_table, write_table
from actsearch.report.data import ReportData
from actsearch.report.figures import Figures
from actsearch.report.formats import MISSING
from actsearch.report.page import render
from actsearch.report.strategies import strategies_section
from actsearch.search.judging import COLUMNS, judge
from actsearch.search.simulation import simulate

FIGURES: dict[str, tuple[str, bool, dict[str, float]]] = {
    "union-knr": ("union-knr", True, {"one": 20.0, "two": 8.0}),
    "random": ("random", True, {"one": 40.0, "two": 30.0}),
    "trees-ucb": ("trees-ucb", False, {"one": 9.0, "two": 4.0}),
    "trees-ucb@2": ("trees-ucb", True, {"one": 10.0, "two": 2.0}),
}


def judged(tasks: tuple[str, ...] = ("one", "two"), **changed: Any) -> pd.DataFrame:
    rows = [
        {
            "task": task,
            "strategy": strategy,
            "family": family,
            "held_out": chosen,
            "runs": 30,
            "horizon": 92,
            "noise": 0.0123,
            "reached": 0.5,
            "trainings": trainings[task],
            "trainings_low": trainings[task] - 1,
            "trainings_high": trainings[task] + 2,
            "trainings_median": trainings[task],
            "settled": trainings[task] + 5,
            "settled_low": 1.0,
            "settled_high": 2.0,
            "regret": 0.0456,
            "regret_low": 0.04,
            "regret_high": 0.05,
            "last_regret": 0.0,
        }
        for task in tasks
        for strategy, (family, chosen, trainings) in FIGURES.items()
    ]
    return pd.DataFrame(rows).assign(**changed)


def section(table: pd.DataFrame) -> tuple[dict[str, Any], Figures]:
    figures = Figures()
    scores = dict.fromkeys(table["task"].unique(), SCORES["accuracy"])
    found = strategies_section(table, scores, figures)
    assert found is not None
    return found, figures


def test_the_table_has_the_columns_of_the_comparison() -> None:
    assert set(judged().columns) == set(COLUMNS)


def test_nothing_was_replayed() -> None:
    assert strategies_section(None, {}, Figures()) is None
    assert strategies_section(judged()[:0], {}, Figures()) is None


def test_families_by_the_geometric_mean_of_trainings() -> None:
    rows = section(judged())[0]["rows"]
    assert [row["family"] for row in rows] == ["trees-ucb", "union-knr", "random"]
    # On a mean of trainings the order would be another one: 28 and 28.5.
    table = judged()
    table.loc[table["strategy"] == "union-knr", "trainings"] = [1.0, 55.0]
    table.loc[table["strategy"] == "random", "trainings"] = [28.0, 29.0]
    table.loc[table["strategy"] == "trees-ucb@2", "trainings"] = [60.0, 0.0]  # 0 counts as a half
    rows = section(table)[0]["rows"]
    assert [row["family"] for row in rows] == ["trees-ucb", "union-knr", "random"]


def test_cells_show_the_variant_that_the_other_tasks_choose() -> None:
    found, _ = section(judged())
    trees = found["rows"][0]
    assert not trees["is_paper"] and found["rows"][1]["is_paper"]
    one, two = trees["cells"]
    assert (one["variant"], one["trainings"], one["interval"]) == (
        "trees-ucb@2",
        "10.0",
        "9.0–12.0",
    )
    assert (one["of_paper"], two["of_paper"]) == ("0.50", "0.25")
    assert one["settled"] == "15.0"
    assert found["rows"][1]["cells"][0]["of_paper"] == "1.00"
    assert found["rows"][2]["cells"][0]["variant"] == ""
    assert found["variants"] and found["several"]
    assert found["runs"] == "30 runs"


def test_without_the_papers_strategy_nothing_is_divided_by_it() -> None:
    table = judged()
    found, _ = section(table[table["strategy"] != "union-knr"])
    assert {cell["of_paper"] for row in found["rows"] for cell in row["cells"]} == {MISSING}


def test_the_papers_needs_none(recwarn: pytest.WarningsRecorder) -> None:
    table = judged()
    table.loc[table["strategy"] == "union-knr", "trainings"] = 0.0
    found, _ = section(table)
    assert {cell["of_paper"] for row in found["rows"] for cell in row["cells"]} == {MISSING}
    assert not recwarn.list


def test_noise_has_the_unit_of_the_score() -> None:
    found, _ = section(judged())
    assert found["tasks"][0] == {"name": "one", "unit": "points", "noise": "noise 1.23 points"}
    text = Page(render(with_strategies(of_the_example(1)))).text("strategies")
    assert "(noise 1.23 points)" in text
    assert "Mean regret, points" in text


def test_one_table_chooses_for_itself_and_the_page_says_so() -> None:
    found, _ = section(judged(("one",)))
    assert not found["several"]
    plain = judged()
    found, _ = section(plain[~plain["family"].eq("trees-ucb")])
    assert not found["variants"]


def with_strategies(table: pd.DataFrame) -> ReportData:
    data = make_report(60, 4)
    assert {task.name for task in data.tasks} >= set(table["task"])
    return dataclasses.replace(data, strategies=table)


def of_the_example(n: int) -> pd.DataFrame:
    names = [task.name for task in make_report(60, 4).tasks][:n]
    table = judged(("one", "two")[:n])
    return table.replace({"task": dict(zip(("one", "two"), names, strict=False))})


def test_the_page_has_the_section() -> None:
    html = render(with_strategies(of_the_example(1)))
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    text = page.text("strategies")
    assert "searched every table in 30 runs" in text
    assert "does not get there in 92 counts with these" in text
    assert "this table chooses, for there is no other: that flatters it" in text
    rows = page.rows["strategies"]
    assert [row[0] for row in rows[2:]] == ["trees-ucb", "union-knr, the paper’s", "random"]
    assert all(len(row) == 1 + 4 for row in rows[2:])
    assert "10.0 9.0–12.0, trees-ucb@2" in re.sub(r"\s+", " ", rows[2][1])


def test_a_page_without_it_has_no_section() -> None:
    assert "strategies" not in Page(render(make_report(60, 4))).ids


def test_the_figure_has_a_mark_for_each_family_and_task() -> None:
    html = render(with_strategies(of_the_example(1)))
    figure = figures_of(html)["strategies-trainings"]
    [marks] = figure["data"]
    assert marks["x"] == [10, 20, 40]
    assert marks["error_x"]["array"] == [2, 2, 2]
    assert marks["error_x"]["arrayminus"] == [1, 1, 1]
    assert figure["layout"]["yaxis"]["ticktext"] == ["trees-ucb", "union-knr", "random"]


def test_the_command_compares_what_was_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    load_commands()
    Path("config.yaml").write_text(yaml.safe_dump(SMALL))
    map_table = make_map(40)
    table = make_table(map_table)
    block = {"step": "test"}
    write_table("table.parquet", table, block)
    simulations = {}
    for name in ("random", "union-knr"):
        simulations[name] = simulate(name, table, map_table, Simulation(runs=3, evaluations=12))
        write_table(f"{name}.parquet", simulations[name], block)
    words = ["judge", "--out", "judged.parquet", "--table", "tiny=table.parquet"]
    given = [f"--simulation=tiny/{name}={name}.parquet" for name in simulations]
    done = CliRunner().invoke(app, [*words, *given])
    assert done.exception is None, done.exception
    expected = judge({"tiny": table}, {"tiny": simulations}, len(BASELINES))
    pd.testing.assert_frame_equal(read_table("judged.parquet"), expected)
    assert np.isfinite(expected["trainings"]).all()
    assert read_provenance("judged.parquet")["seeds"] == {"bootstrap": 0}
    lost = CliRunner().invoke(app, [*words, "--simulation=other/random=random.parquet"])
    assert "no --table of task 'other'" in str(lost.exception)
    none = CliRunner().invoke(app, words)
    assert "nothing to compare" in str(none.exception)
