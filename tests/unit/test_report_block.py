"""The data behind the page's list of functions, and how the page words them."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browsing import Visit, chromium
from playwright.sync_api import Browser, Page, expect

from actsearch.cli.steps import report as step
from actsearch.config import SCORES, load_config
from actsearch.report import explorer, plots
from actsearch.report.data import ReportData, TaskData
from actsearch.report.facts import POINTS, Facts
from actsearch.report.origins import Origin
from actsearch.report.page import render
from actsearch.report.plot_style import rounded
from actsearch.report.ranking import best_first

SHIPPED = Path("data/act-bench-small/mnist1d-mlp")
MOST_BYTES = 6e6
NAMES = ["tanh(x)", "relu(x)", "sin(x)", "swish(x)", "unknown_bend(x)"]


def shipped() -> pd.DataFrame:
    if not (SHIPPED / "benchmark.parquet").is_file():
        pytest.skip("no tables in data/act-bench-small")
    return pd.read_parquet(SHIPPED / "benchmark.parquet")


def table(scores: list[float], diverged: str = "") -> pd.DataFrame:
    rows = len(scores)
    return pd.DataFrame(
        {
            "name": NAMES[:rows],
            "status": ["diverged" if n == diverged else "completed" for n in NAMES[:rows]],
            "validation_score": scores,
            "run_validation_scores": [[score] for score in scores],
            "score": "accuracy",
        }
    )


def space(classes: dict[str, list[str]]) -> pd.DataFrame:
    pairs = [(name, first) for first, names in classes.items() for name in (first, *names)]
    return pd.DataFrame(pairs, columns=["name", "representative"])


def two_tasks() -> ReportData:
    many = [f"add(x,neg({k}))" for k in range(70)]
    first = TaskData(
        "first",
        table=table([0.9, 0.8, 0.7, 0.6, 0.5]),
        space="small",
        functions=space({"tanh(x)": ["neg(tanh(neg(x)))", "sin(x)"], "relu(x)": []}),
        trial_link="first/trials/{slug}.json",
    )
    second = TaskData(
        "second",
        table=table([0.5, 0.8, 0.9], "tanh(x)"),
        space="large",
        functions=space({"relu(x)": many}),
    )
    files = (Origin("table", "first", "results/t.parquet", "t.parquet"),)
    return ReportData(
        "Two", (first, second), "make", baselines=("tanh(x)", "relu(x)"), origins=files
    )


@pytest.mark.parametrize("upper", [False, True])
def test_a_bar_counts_the_functions_that_it_lists(upper: bool) -> None:
    ranked, score = best_first(shipped()), SCORES["accuracy"]
    whole = plots.histogram(ranked, score)
    if upper:
        whole = plots.upper_histogram(ranked, ranked.head(0), 0.55, score)
    scores = np.array(rounded(ranked["validation_score"], 5), dtype=float)
    lost = (ranked["status"] == "diverged").to_numpy()
    for bars in whole["data"]:
        own = scores[lost == (bars["name"] == "diverged")]
        listed = [
            (
                (own >= (-np.inf if low is None else low))
                & (own < (np.inf if high is None else high))
            )
            for low, high in bars["customdata"]
        ]
        assert bars["y"] == [int(inside.sum()) for inside in listed]


def test_equal_functions_are_found_in_every_space_and_not_listed_without_end() -> None:
    block = explorer.explorer_block(two_tasks())
    assert block is not None
    place = {name: number for number, name in enumerate(block["names"])}
    small, large = block["spaces"]
    assert (small["name"], large["name"]) == ("small", "large")
    assert {name for name in place if small["has"][place[name]] == "1"} == {*NAMES[:3]}
    assert {name for name in place if large["has"][place[name]] == "1"} == {"relu(x)"}
    assert small["equals"] == {
        place["tanh(x)"]: [["neg(tanh(neg(x)))", "sin(x)"], 0],
        place["sin(x)"]: [["tanh(x)", "neg(tanh(neg(x)))"], 0],
    }
    [(some, more)] = large["equals"].values()
    assert len(some) == 50 and more == 20


def test_what_a_search_alone_trained_is_ranked_with_the_table() -> None:
    task = two_tasks().tasks[0]
    history = table([0.9, 0.8, 0.7, 0.6]).assign(
        name=["tanh(x)", "relu(x)", "elu(x)", "gelu(x)"],
        validation_score=[0.9, 0.8, 0.95, 0.7],
        run_validation_scores=[[0.9], [0.8], [0.94, 0.96], [0.7]],
        round=1,
        slot=range(4),
        prediction=0.5,
    )
    data = dataclasses.replace(
        two_tasks(), tasks=(dataclasses.replace(task, histories={"s": history}),)
    )
    block = explorer.explorer_block(data)
    assert block is not None
    [first] = block["tasks"]
    by_name = dict(
        zip(block["names"], zip(first["ranks"], first["tabled"], strict=True), strict=True)
    )
    assert by_name == {
        "elu(x)": (1, "0"),
        "tanh(x)": (2, "1"),
        "relu(x)": (3, "1"),
        "gelu(x)": (4, "0"),
        "sin(x)": (4, "1"),  # an equal score shares the rank
        "swish(x)": (6, "1"),
        "unknown_bend(x)": (7, "1"),
    }
    assert first["ranked"] == 7
    number = block["names"].index("elu(x)")
    assert first["runs"][number] == 2
    assert first["deviations"][number] == pytest.approx(np.sqrt(2) / 100)


def made_facts(names: list[str]) -> list[Facts]:
    """Curves that no packing makes smaller, in no time."""
    rng = np.random.default_rng(0)
    curves = rng.integers(-32767, 32767, (len(names), 2, POINTS)).astype("<i2")
    return [
        Facts(name, f"s{k}", curve, slope, True, True, False, True, 0.123, -1.234, 2.345, ())
        for k, (name, (curve, slope)) in enumerate(zip(names, curves, strict=True))
    ]


def test_a_page_of_three_large_tables_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = shipped()
    monkeypatch.setattr(explorer, "facts_of", made_facts)
    rng = np.random.default_rng(1)
    names = trained["name"]
    functions = pd.DataFrame({"name": names, "representative": names})
    tasks = []
    for number in range(3):
        noise = rng.normal(0, 0.01, len(trained))
        spots = pd.DataFrame(
            {f"{f}_{a}": rng.normal(size=len(trained)) for f in explorer.FEATURES for a in "xy"}
        )
        tasks.append(
            TaskData(
                f"task-{number}",
                table=trained.assign(validation_score=trained["validation_score"] + noise),
                map=spots.assign(name=names),
                space="three",
                functions=functions,
                trial_link=f"task-{number}/trials/{{slug}}.json",
            )
        )
    page = render(ReportData("Large", tuple(tasks), "make"))
    assert len(trained) > 2700
    assert 3e6 < len(page.encode()) < MOST_BYTES


def test_a_table_that_somebody_brought_has_no_command(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"name": ["relu(x)"]}).to_parquet(path)
    [origin] = step._origins({"table": {"mine": path}}, {}, step.Links(tmp_path))
    assert (origin.command, origin.link) == (None, "table.parquet")


def test_files_of_trials_are_named_where_a_table_was_trained_here() -> None:
    config = load_config("config/demo.yaml")
    name = next(iter(config.tasks))
    files: dict[str, dict[str, Path]] = defaultdict(dict)
    task = step._task(config, name, files, step.Links(Path("results")))
    assert task.trial_link is None
    assert task.final_link == f"{name}/final/{{slot:02d}}.json"


def test_each_training_of_the_last_comparison_has_its_file() -> None:
    compared: dict[str, Any] = {
        "score": "accuracy",
        "functions": [
            {
                "name": name,
                "test_score_mean": 0.9,
                "test_score_std": 0.01,
                "difference": None,
                "verdict": "tie",
            }
            for name in NAMES[:3]
        ],
    }
    task = dataclasses.replace(two_tasks().tasks[0], final=compared, final_link="f/{slot:02d}.json")
    rows = explorer._final(task, {name: k for k, name in enumerate(NAMES)})
    assert rows is not None
    assert [(row[0], row[-1]) for row in rows] == [(k, f"f/0{k}.json") for k in range(3)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(two_tasks()), encoding="utf-8")
    return path


@pytest.fixture
def visit(browser: Browser, file: Path) -> Iterator[Visit]:
    visit = Visit(browser, file)
    yield visit
    visit.close()


def about(page: Page, slug: str) -> str:
    page.evaluate("(slug) => (location.hash = `f=${slug}`)", slug)
    expect(page.locator("#function")).to_be_visible()
    page.wait_for_function(
        "(slug) => document.querySelector('#function h2').innerText.startsWith(slug)",
        arg=slug.split(".")[0].split("(")[0],
    )
    return " ".join(page.locator("#function").inner_text().split())


def test_the_panel_says_where_equal_functions_were_looked_for(visit: Visit) -> None:
    page = visit.open()
    tanh = about(page, "tanh.x")
    assert "diverged on second" in tanh and "diverged on first" not in tanh
    assert "In small: neg(tanh(neg(x))) sin(x)" in tanh
    relu = about(page, "relu.x")
    assert "In small: none." in relu and "And 20 more." in relu
    assert "Not looked for: it is not in small, nor in large." in about(page, "swish.x")


def test_a_task_that_did_not_train_a_function_has_no_row_of_dashes(
    browser: Browser, tmp_path: Path
) -> None:
    first, second = two_tasks().tasks
    assert second.table is not None
    fewer = dataclasses.replace(second, table=second.table.iloc[:2])
    path = tmp_path / "report.html"
    path.write_text(render(dataclasses.replace(two_tasks(), tasks=(first, fewer))), "utf-8")
    visit = Visit(browser, path)
    assert "Not trained on second." in about(visit.open(), "sin.x")
    rows = visit.page.get_by_role("region", name="The function on every task").locator("tbody tr")
    assert [row.split("\t")[0] for row in rows.all_inner_texts()] == ["first"]
    visit.close()


def test_on_a_phone_each_number_of_the_panel_has_its_name_beside_it(visit: Visit) -> None:
    page = visit.open()
    page.set_viewport_size({"width": 390, "height": 900})
    about(page, "tanh.x")
    body = page.locator("#function .panel-body")
    widths = body.evaluate("(e) => [e.scrollWidth, e.clientWidth]")
    assert widths[0] == widths[1]
    cell = body.locator("td[data-label=Rank]").first
    content = cell.evaluate("(e) => getComputedStyle(e, '::before').content")
    assert content in ('"Rank"', "attr(data-label)")  # versions of Chromium say either
    assert page.get_by_role("cell").count() > 0  # blocks are still cells to a screen reader


def test_what_is_no_function_here_is_not_exported(visit: Visit) -> None:
    page = visit.open()
    text = about(page, "unknown_bend(x)")
    assert "cannot be evaluated here" in text and "exportable" not in text
    assert page.get_by_role("button", name="Copy name").count() == 1
    assert page.get_by_role("button", name="Copy code").count() == 0


def test_an_address_that_is_none_is_said(visit: Visit) -> None:
    page = visit.open("#f=%")
    assert page.locator("#spoken").inner_text() == "No function here has the slug %"


def test_rows_are_numbered_after_the_head(visit: Visit) -> None:
    page = visit.open()
    rows = page.locator("#explorer tr").evaluate_all("all => all.map((r) => r.ariaRowIndex)")
    assert rows == [str(k) for k in range(1, len(NAMES) + 2)]
    assert page.locator("#explorer table").get_attribute("aria-rowcount") == rows[-1]


@pytest.mark.parametrize("section", ["summary", "explorer", "across"])
def test_sections_of_all_tasks_say_where_they_come_from(visit: Visit, section: str) -> None:
    links = visit.open().locator(f"#{section} details.source a")
    assert links.evaluate_all("all => all.map((a) => a.getAttribute('href'))") == ["t.parquet"]


def test_paper_has_all_that_is_closed_and_says_what_part_is_shown(visit: Visit) -> None:
    page = visit.open()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator("#explorer .part")).to_be_visible()
    expect(page.locator("#explorer [data-go=on]")).to_be_hidden()
    expect(page.get_by_role("region", name="Baselines of first")).to_be_visible()
    assert page.locator("details.source[open]").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
