"""The list of functions and the panel about one, as a reader uses them in a browser."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Visit, chromium, found, listed
from playwright.sync_api import Browser, Page, expect
from report_example import make_report
from report_r2_example import make_r2_task

from actsearch.functions.baselines import BASELINES
from actsearch.functions.expressions import parse
from actsearch.report.data import ReportData
from actsearch.report.facts import facts_of
from actsearch.report.origins import Origin
from actsearch.report.page import render
from actsearch.report.ranking import best_first, ranks_in_order

N = 60
FIRST = "digits-cnn"


@pytest.fixture(scope="module")
def data() -> ReportData:
    whole = make_report(N, 6)
    one = whole.tasks[0]
    assert one.table is not None
    best = best_first(one.table)["name"].iloc[0]
    classes = pd.DataFrame(
        {"name": [best, "neg(x)", "relu(x)"], "representative": [best, best, "relu(x)"]}
    )
    one = dataclasses.replace(
        one,
        space="three",
        functions=classes,
        trial_link=f"{FIRST}/trials/{{slug}}.json",
        search_links={"union-knr": f"{FIRST}/search/union-knr/round-{{round}}/{{slot:02d}}.json"},
    )
    table = Origin("table", FIRST, "results/t.parquet", "t.parquet", "sha256:abc", "actsearch b")
    return dataclasses.replace(whole, tasks=(one, *whole.tasks[1:]), origins=(table,))


@pytest.fixture(scope="module")
def table(data: ReportData) -> pd.DataFrame:
    """The first task's functions, the best first."""
    assert data.tasks[0].table is not None
    return best_first(data.tasks[0].table)


@pytest.fixture(scope="module")
def file(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    record = '{"ended": "2026-01-02T03:04:05Z", "command": "actsearch report"}'
    script = f'<script type="application/ld+json" id="provenance">{record}</script></head>'
    path.write_text(render(data).replace("</head>", script, 1), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser: Browser, file: Path) -> Iterator[Visit]:
    visit = Visit(browser, file, permissions=["clipboard-read", "clipboard-write"])
    yield visit
    visit.close()


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.open()


def head(page: Page, label: str) -> None:
    page.locator("#explorer thead").get_by_role("button", name=label, exact=True).click()


def panel(page: Page) -> str:
    return " ".join(page.locator("#function").inner_text().split())


def test_the_list_begins_with_the_best_and_goes_on_in_parts(
    page: Page, table: pd.DataFrame
) -> None:
    assert listed(page) == table["name"].head(25).tolist()
    assert found(page) == f"{N} functions"
    page.get_by_role("button", name="Last").click()
    assert listed(page) == table["name"].iloc[50:].tolist()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    assert page.locator("#explorer .part").inner_text() == f"51 to {N} of {N}"
    page.get_by_role("button", name="Back").click()
    assert listed(page) == table["name"].iloc[25:50].tolist()


def test_heads_sort_both_ways_and_say_so(page: Page, table: pd.DataFrame) -> None:
    head(page, "Function")
    assert listed(page) == sorted(table["name"])[:25]
    head(page, "Function")
    assert listed(page) == sorted(table["name"], reverse=True)[:25]
    sorted_by = page.locator("#explorer [aria-sort]")
    assert sorted_by.count() == 1
    assert sorted_by.get_attribute("aria-sort") == "descending"
    head(page, FIRST)  # scores begin with the best
    trained = table[table["status"] != "diverged"]
    best = trained["validation_score"].round(4).tolist()
    shown = page.locator("#explorer tbody tr td:nth-child(2)").all_inner_texts()
    scores = [float(text.split("%")[0]) for text in shown]
    assert scores == pytest.approx([100 * score for score in best[:25]], abs=0.006)
    head(page, FIRST)  # those that diverged have no score, and stay last
    lowest = page.locator("#explorer tbody tr td:nth-child(2)").all_inner_texts()
    assert [float(text.split("%")[0]) for text in lowest] == pytest.approx(
        [100 * score for score in sorted(best)[:25]], abs=0.006
    )


def test_mean_ranks_are_over_all_tasks(page: Page, data: ReportData) -> None:
    ranks: dict[str, list[int]] = {}
    for task in data.tasks:
        assert task.table is not None
        ordered = best_first(task.table)
        for rank, name in zip(ranks_in_order(ordered), ordered["name"], strict=True):
            ranks.setdefault(name, []).append(rank)
    means = {name: sum(of) / 3 for name, of in ranks.items() if len(of) == 3}
    head(page, "Mean rank")
    for name in listed(page)[:3]:
        assert means[name] in sorted(means.values())[:3]


@pytest.mark.parametrize(
    "flag", ["finite", "finite_at_zero", "monotone", "bounded", "baseline", "diverged"]
)
def test_filters_show_those_that_are_and_those_that_are_not(
    page: Page, data: ReportData, table: pd.DataFrame, flag: str
) -> None:
    names = set(table["name"])
    if flag == "baseline":
        have = names & set(BASELINES)
    elif flag == "diverged":
        have = set()
        for task in data.tasks:
            assert task.table is not None
            have |= set(task.table.loc[task.table["status"] == "diverged", "name"])
            for history in (task.histories or {}).values():
                lost = history.loc[history["status"] == "diverged", "name"]
                have |= set(lost) - set(task.table["name"])
    else:
        have = {facts.name for facts in facts_of(names) if getattr(facts, flag)}
    assert 0 < len(have) < N
    page.locator(f"[name={flag}]").select_option("yes")
    expect(page.locator("#explorer .found")).to_have_text(f"{len(have)} of {N} functions")
    assert set(listed(page)) <= have
    page.locator(f"[name={flag}]").select_option("no")
    expect(page.locator("#explorer .found")).to_have_text(f"{N - len(have)} of {N} functions")
    assert not set(listed(page)) & have
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#explorer .found")).to_have_text(f"{N} functions")


@pytest.mark.parametrize("write", [str, str.upper, lambda name: parse(name).slug])
def test_a_function_is_found_by_name_and_by_slug(
    page: Page, table: pd.DataFrame, write: Callable[[str], str]
) -> None:
    name = max(table["name"], key=len)
    page.get_by_label("Find").fill(write(name))
    expect(page.locator("#explorer .found")).to_have_text(f"1 of {N} functions")
    assert listed(page) == [name]
    page.get_by_label("Find").fill("no such function")
    expect(page.locator("#explorer .found")).to_have_text(f"0 of {N} functions")


def test_the_panel_has_the_numbers_of_every_task(
    page: Page, data: ReportData, table: pd.DataFrame
) -> None:
    name = table["name"].iloc[0]
    page.get_by_role("button", name=name, exact=True).click()
    text = panel(page)
    for task in data.tasks:
        assert task.table is not None
        order = best_first(task.table)
        row = order[order["name"] == name].iloc[0]
        runs = pd.Series(row["run_validation_scores"])
        assert f"{100 * row['validation_score']:.2f}% ± {100 * runs.std():.2f}" in text
        rank = order.index[order["name"] == name][0] + 1
        assert f"{rank} of {N}" in text
    final = data.tasks[0].final
    assert final is not None
    [compared] = [f for f in final["functions"] if f["name"] == name]
    assert f"{100 * compared['test_score_mean']:.2f}%" in text
    assert "neg(x)" in text.split("Equal functions")[1]
    assert f"{FIRST}/trials/{parse(name).slug}.json" in text
    lines = page.evaluate(
        "document.querySelector('#function .chart').data.slice(-2).map((t) => [t.name, t.y])"
    )
    [facts] = facts_of([name])
    for (label, values), stored in zip(lines, (facts.curve, facts.slope), strict=True):
        assert label in ("f(x)", "derivative")
        assert values == pytest.approx((stored * (20 / 32767)).tolist(), abs=1e-9)


def test_the_panel_says_where_a_search_trained_it(page: Page, data: ReportData) -> None:
    history = (data.tasks[0].histories or {})["union-knr"]
    row = history[history["round"] == 2].iloc[0]
    page.goto(page.url.split("#")[0] + f"#f={row['slug']}")
    text = panel(page)
    assert f"{FIRST}, union-knr round 2, slot {row['slot']}" in text
    assert f"{FIRST}/search/union-knr/round-2/{row['slot']:02d}.json" in text


def test_an_address_opens_a_function_and_choosing_one_makes_it(
    visit: Visit, table: pd.DataFrame
) -> None:
    page = visit.open("#f=relu.x")
    assert page.locator("#function h2").inner_text() == "relu(x)"
    page.get_by_role("button", name="Close").click()
    assert "#" not in page.url
    page.get_by_role("button", name=table["name"].iloc[1], exact=True).click()
    assert page.url.endswith(f"#f={table['slug'].iloc[1]}")
    page.goto("about:blank")
    page = visit.open("#f=no.such")
    assert page.locator("#spoken").inner_text() == "No function here has the slug no.such"
    assert page.locator("#function").is_hidden()
    assert found(page) == f"0 of {N} functions"
    assert page.locator("[name=find]").input_value() == "no.such"


def test_name_slug_and_code_are_copied(visit: Visit) -> None:
    page = visit.open("#f=softplus.x")
    for label, text in (
        ("name", "softplus(x)"),
        ("slug", "softplus.x"),
        ("code", 'from actsearch import Activation\n\nlayer = Activation("softplus(x)")'),
    ):
        page.get_by_role("button", name=f"Copy {label}").click()
        expect(page.locator("#spoken")).to_have_text(f"{label} copied")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_the_csv_file_holds_what_the_list_shows(page: Page, table: pd.DataFrame) -> None:
    page.locator("[name=baseline]").select_option("yes")
    expect(page.locator("#explorer .found")).to_have_text(f"{len(BASELINES)} of {N} functions")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    text = Path(download.value.path()).read_text()
    read = pd.read_csv(io.StringIO(text))
    baselines = table[table["name"].isin(BASELINES)]
    assert read["name"].tolist() == baselines["name"].tolist()
    assert read["slug"].tolist() == baselines["slug"].tolist()
    for column in ("validation_score", "status"):
        assert read[f"{FIRST}/{column}"].tolist() == baselines[column].tolist()
    ranks = pd.Series(ranks_in_order(table), index=table.index)
    assert read[f"{FIRST}/rank"].tolist() == ranks[baselines.index].tolist()


def test_the_list_is_used_without_a_mouse(page: Page, table: pd.DataFrame) -> None:
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "find"
    page.locator("[data-function]").first.focus()
    for _ in range(26):  # over the end of a part
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == table["name"].iloc[26]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    name = table["name"].iloc[24]
    page.keyboard.press("Enter")
    assert page.locator("#function h2").inner_text() == name
    assert page.evaluate("document.activeElement.id") == "function-title"
    page.keyboard.press("Escape")
    expect(page.locator("#function")).to_be_hidden()
    assert page.evaluate("document.activeElement.innerText") == name


def point_of(page: Page, figure: str, trace: str, number: int) -> tuple[float, float]:
    """Where on the screen a point of a figure is."""
    page.locator(f"#{figure}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{figure} .main-svg")
    x, y = page.evaluate(
        """([id, name, k]) => {
            const element = document.getElementById(id);
            const trace = element._fullData.find((t) => t.name === name);
            const { xaxis, yaxis } = element._fullLayout;
            const box = element.getBoundingClientRect();
            const at = (axis, v) => axis._offset + axis.l2p(v);
            const up = trace.type === "bar" ? trace.y[k] / 2 : trace.y[k];
            return [box.left + at(xaxis, trace.x[k]), box.top + at(yaxis, up)];
        }""",
        [figure, trace, number],
    )
    return x, y


def test_a_point_of_a_map_opens_its_function_and_is_ringed(page: Page) -> None:
    x, y = point_of(page, "task-1-map-union", "trained", 2)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    expect(page.locator("#function")).to_be_visible()
    name = page.locator("#function h2").inner_text()
    ring, at = page.evaluate(
        """(name) => {
            const { data } = document.getElementById("task-1-map-union");
            const trained = data.find((t) => t.name === "trained");
            const k = trained.text.indexOf(name);
            const ring = data.find((t) => t.name === "chosen");
            return [[ring.x[0], ring.y[0]], [trained.x[k], trained.y[k]]];
        }""",
        name,
    )
    assert ring == at


def test_a_bar_of_a_histogram_lists_its_functions(page: Page, table: pd.DataFrame) -> None:
    trained = table[table["status"] != "diverged"]["validation_score"]
    point_of(page, "task-1-histogram", "trained", 0)
    counts = page.evaluate("document.getElementById('task-1-histogram').data[0].y")
    bar = max(range(len(counts)), key=counts.__getitem__)
    page.mouse.click(*point_of(page, "task-1-histogram", "trained", bar))
    expect(page.locator("#explorer .found")).to_have_text(f"{counts[bar]} of {N} functions")
    expect(page.locator("#explorer .span")).to_contain_text(f"{counts[bar]} trained")
    shown = set(listed(page))
    low = trained[table["name"].isin(shown)].min()
    high = trained[table["name"].isin(shown)].max()
    assert high - low <= 1 / 40
    page.get_by_role("button", name="Remove this filter").click()
    expect(page.locator("#explorer .found")).to_have_text(f"{N} functions")


def test_all_figures_are_drawn_as_the_page_is_read(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    for id_ in page.locator("main .chart").evaluate_all("all => all.map((e) => e.id)"):
        page.locator(f"#{id_}").scroll_into_view_if_needed()
        page.wait_for_selector(f"#{id_} .main-svg", state="attached")


def test_a_section_says_where_its_numbers_come_from(page: Page) -> None:
    source = page.locator("#task-1-benchmark details.source")
    source.locator("summary").click()
    assert source.get_by_role("link", name="results/t.parquet").get_attribute("href") == "t.parquet"
    assert "sha256:abc" in source.inner_text() and "actsearch b" in source.inner_text()
    made = "This page was made at 2026-01-02T03:04:05Z by: actsearch report"
    assert page.locator("#made").inner_text() == made


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1300)])
def test_nothing_bars_a_reader(browser: Browser, file: Path, scheme: str, width: int) -> None:
    size = {"width": width, "height": 900}
    visit = Visit(browser, file, color_scheme=scheme, viewport=size)
    page = visit.open("#f=tanh.x")
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visit.close()


def test_scores_at_the_floor_of_r2_are_marked(browser: Browser, tmp_path: Path) -> None:
    task = make_r2_task(lost=False)
    assert task.table is not None
    trained = task.table[task.table["status"] == "completed"]
    low = trained["name"].str.len().nlargest(2).index  # names that are in no other
    scores = task.table["validation_score"].clip(lower=0.01)
    scores[low] = -0.002
    table = task.table.assign(validation_score=scores, run_validation_scores=[[]] * len(scores))
    names = table.loc[low, "name"].tolist()
    file = tmp_path / "r2.html"
    whole = ReportData("R2", (dataclasses.replace(task, table=table, histories=None),), "make")
    file.write_text(render(whole), encoding="utf-8")
    visit = Visit(browser, file)
    page = visit.open(f"#f={parse(names[0]).slug}")
    assert "≤ −0.0020" in panel(page)
    page.get_by_label("Find").fill(names[1])
    expect(page.locator("#explorer .found")).to_have_text(f"1 of {N} functions")
    assert "≤ −0.0020" in page.locator("#explorer tbody tr").inner_text()
    assert "2 functions that trained did no better than the mean predictor" in (
        page.locator("#task-1-benchmark").inner_text()
    )
    visit.close()


def test_paper_is_light_and_has_no_controls(browser: Browser, file: Path) -> None:
    visit = Visit(browser, file, color_scheme="dark")
    page = visit.open("#f=tanh.x")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator("#function")).to_be_hidden()
    expect(page.locator("#explorer form")).to_be_hidden()
    expect(page.locator("#summary .sentence p").first).to_be_visible()  # without a click
    assert page.locator("main .chart .main-svg").count() >= page.locator("main .chart").count()
    assert re.search(r"\(x", page.locator("#explorer tbody").inner_text())
    visit.close()
