"""The report: it opens without a network, holds together, and is the same each time."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

import pytest
from report_example import (
    CHANCE,
    TASKS,
    make_final,
    make_history,
    make_report,
    make_table,
    make_task,
)
from report_page import Page, figures_of, functions_of

from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render
from actsearch.report.ranking import best_first

N = 60
RUNS = 6


def one_task(**parts: Any) -> ReportData:
    task = TaskData(name="digits-cnn", **parts)
    return ReportData(title="One", tasks=(task,), command="make")


@pytest.fixture(scope="module")
def data() -> ReportData:
    return make_report(N, RUNS)


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_html_is_balanced_with_unique_ids_and_links_that_lead_somewhere(
    page: Page, html: str
) -> None:
    assert len(page.ids) == len(set(page.ids))
    fragments = {target[1:] for target in page.targets if target.startswith("#")}
    functions = {target for target in fragments if target.startswith("f=")}
    assert functions and fragments - functions
    assert fragments - functions <= set(page.ids)
    assert functions <= {f"f={slug}" for slug in functions_of(html)["slugs"]}
    labelled = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
    assert set(labelled) <= set(page.ids)


def test_headings_never_skip_a_level(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_page_loads_nothing(page: Page, html: str) -> None:
    assert all(target.startswith(("#", "data:")) for target in page.targets)
    style = "".join(re.findall(r"<style>(.*?)</style>", html, re.S))
    assert style
    assert "@import" not in style
    assert "url(" not in style
    [policy] = [a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_plotting_library_is_there_once_and_only_when_needed(page: Page) -> None:
    assert sum("plotly.js (basic" in script[:200] for script in page.scripts) == 1
    bare = render(one_task())
    assert "plotly" not in bare.lower()
    assert len(bare) < 40_000


def test_same_data_give_the_same_bytes(html: str) -> None:
    assert render(make_report(N, RUNS)) == html


def test_every_figure_has_its_place_a_label_and_is_valid_plotly(page: Page, html: str) -> None:
    import plotly.graph_objects as go

    figures = figures_of(html)
    places = {a["id"]: a for _, a in page.tags if a.get("class") == "chart"}
    assert set(places) == set(figures)
    for id_, figure in figures.items():
        assert places[id_]["aria-label"]
        go.Figure(figure)


def test_colours_of_figures_are_in_the_style_sheet(html: str) -> None:
    used = set(re.findall(r"var\((--[\w-]+)\)", html))
    defined = set(re.findall(r"(--[\w-]+):", html))
    assert used
    assert used <= defined


def test_names_and_texts_of_users_are_escaped() -> None:
    evil = "</script><img src=http://x onerror=alert(1)>&\"'"
    table = make_table(N, 1)
    row = table.index[table["name"] == best_first(table).iloc[0]["name"]][0]
    old = table.loc[row, "name"]
    table.loc[row, "name"] = evil
    task = make_task(evil, 1, N, 3)
    final = make_final(make_table(N, 1), 1, 0.01)
    final["functions"][-1]["name"] = evil
    final["conclusion"] = evil
    assert task.map is not None
    assert task.simulations is not None
    task = dataclasses.replace(
        task,
        description={evil: evil},
        table=table,
        map=task.map.replace({"name": {old: evil}}),
        simulations={evil: task.simulations["random"]},
        histories={evil: make_history(table, 1)},
        final=final,
    )
    html = render(ReportData(title=evil, tasks=(task,), command=evil, paths={evil: evil}))
    page = Page(html)
    assert "<img" not in html.split("plotly.js (basic")[0]
    assert not any(tag == "img" for tag, _ in page.tags)
    assert len(page.scripts) == 5
    assert page.text("summary").count("onerror=alert(1)") >= 2
    named = figures_of(html)["task-1-map-union"]["data"]
    texts = [text for trace in named for text in trace.get("text", [])]
    assert any("&lt;img" in text for text in texts)
    assert not any("<img" in text for text in texts)


@pytest.mark.parametrize(
    "part",
    [
        "table",
        "map",
        "surrogate",
        "predictions",
        "characterisation",
        "simulations",
        "histories",
        "final",
        "reliability",
    ],
)
def test_each_part_stands_alone_and_may_be_missing(part: str) -> None:
    whole = make_task(TASKS[0], 1, N, 3)
    without: dict[str, Any] = {part: None}
    Page(render(one_task(**{part: getattr(whole, part)})))
    page = Page(render(ReportData("t", (dataclasses.replace(whole, **without),), "make")))
    section = {
        "table": "benchmark",
        "map": "map",
        "surrogate": "surrogate",
        "simulations": "simulation",
        "histories": "search",
        "final": "final",
    }.get(part)
    if section:
        assert "Not part of this experiment." in page.text(f"task-1-{section}")
        assert f"#task-1-{section}" not in page.targets


def test_empty_experiment_is_a_page() -> None:
    page = Page(render(one_task()))
    assert page.text("content").count("Not part of this experiment.") == 6
    Page(render(ReportData("nothing", (), "make")))


def test_nothing_trained_well() -> None:
    table = make_table(N, 1)
    table["status"] = "diverged"
    table["validation_score"] = CHANCE
    history = make_history(make_table(N, 1), 1)
    history["status"] = "diverged"
    text = Page(render(one_task(table=table, histories={"union-knr": history}))).text("content")
    assert f"{N} (100.0%) diverged in every run" in text
    assert "nan" not in text.lower()


def test_missing_numbers_are_dashes() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    final["functions"][0]["test_score_std"] = float("nan")
    final["functions"][0]["difference"] = dict.fromkeys(("mean", "low", "high", "p", "p_holm"))
    final["functions"][0]["verdict"] = "tie"
    text = Page(render(one_task(final=final))).text("task-1-final")
    assert "± –" in text
    assert "nan" not in text.lower()
    assert "None" not in text


def test_tasks_with_one_name_are_refused() -> None:
    task = TaskData(name="digits-cnn")
    with pytest.raises(ValueError, match="'digits-cnn' more than once"):
        render(ReportData("t", (task, task), "make"))
