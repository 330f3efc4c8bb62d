"""The report: it holds what the data say, opens without a network, and is the same each time."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

import numpy as np
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
from report_page import Page, figures_of

from actsearch.benchmark.table import seed_reliability
from actsearch.functions.operators import BASELINES
from actsearch.report import ReportData, TaskData, formats, render
from actsearch.report.ranking import best_first, measured

N = 60
RUNS = 6


def one_task(**parts: Any) -> ReportData:
    return ReportData(title="One", tasks=(TaskData(name="digits-cnn", **parts),), command="make")


@pytest.fixture(scope="module")
def data() -> ReportData:
    return make_report(N, RUNS)


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_html_is_balanced_with_unique_ids_and_links_that_lead_somewhere(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    fragments = [target[1:] for target in page.targets if target.startswith("#")]
    assert fragments
    assert set(fragments) <= set(page.ids)
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
    assert sum("plotly.js v" in script[:200] for script in page.scripts) == 1
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


def test_summary_says_what_the_data_say(page: Page, data: ReportData) -> None:
    text = page.text("summary")
    for task in data.tasks[:2]:
        assert task.table is not None
        assert task.final is not None
        assert str(task.final["conclusion"]) in text
        functions = measured(task)
        lost = int((functions["status"] == "diverged").sum())
        share = f"{100 * lost / len(functions):.1f}%"
        assert f"{share} ({lost} of {len(functions)})" in text
        base = functions[functions["name"].isin(BASELINES)].iloc[0]
        top = functions.iloc[0]
        assert f"{100 * base['validation_accuracy']:.2f}% {base['name']}" in text
        assert f"{100 * top['validation_accuracy']:.2f}% {top['name']}" in text
        gain = 100 * (top["validation_accuracy"] - base["validation_accuracy"])
        assert f"Difference, points{gain:+.2f}" in text
    assert "No final comparison was made" in text


def test_diverged_function_is_never_best(page: Page) -> None:
    table = make_table(N, 1)
    table.loc[table["status"] == "diverged", "validation_accuracy"] = 0.9999
    assert best_first(table).iloc[0]["status"] != "diverged"
    text = Page(render(one_task(table=table))).text("content")
    assert "99.99%" not in text


def test_histogram_counts_every_function_once(data: ReportData, html: str) -> None:
    table = data.tasks[0].table
    assert table is not None
    figures = figures_of(html)
    trained, diverged = figures["task-1-histogram"]["data"]
    assert sum(diverged["y"]) == (table["status"] == "diverged").sum() > 0
    assert sum(trained["y"]) + sum(diverged["y"]) == len(table)
    upper = figures["task-1-upper"]
    low = upper["layout"]["xaxis"]["range"][0]
    kept = table[(table["status"] != "diverged") & (table["validation_accuracy"] >= low)]
    assert sum(upper["data"][0]["y"]) == len(kept)
    labels = {note["text"].strip("◂ ") for note in upper["layout"]["annotations"]}
    rows = table[table["name"].isin(BASELINES) & (table["status"] != "diverged")]
    assert labels == {
        f"{name.removesuffix('(x)')} {100 * value:.2f}%"
        for name, value in zip(rows["name"], rows["validation_accuracy"], strict=True)
    }


def test_best_functions_are_the_best_and_have_curves(page: Page, data: ReportData) -> None:
    table = data.tasks[0].table
    assert table is not None
    top = best_first(table).head(12)
    text = page.text("task-1-benchmark")
    for rank, row in enumerate(top.to_dict("records"), start=1):
        assert f"{rank} {100 * row['validation_accuracy']:.2f}% {row['name']}" in text
    drawn = {a.get("aria-label") for t, a in page.tags if t == "svg" and a.get("class") == "curve"}
    assert {f"Curve of {name}" for name in top["name"]} <= drawn


def test_map_tells_trained_diverged_and_untrained_apart(data: ReportData, html: str) -> None:
    task = data.tasks[2]
    assert task.map is not None
    assert task.table is not None
    figure = figures_of(html)["task-3-map-union"]
    groups = {trace["name"]: trace for trace in figure["data"]}
    on_map = task.map.dropna(subset=["union_x"]).merge(task.table, on="name", how="left")

    def shown(group: str) -> dict[str, float]:
        trace = groups[group]
        pairs = zip(trace["text"], trace["x"], strict=True)
        return {name: x for name, x in pairs if x is not None}

    status = on_map.set_index("name")["status"]
    assert set(shown("diverged")) == set(status[status == "diverged"].index)
    assert set(shown("untrained")) == set(status[status.isna()].index) != set()
    assert set(shown("trained")) == set(status[status.isin(["completed", "partial"])].index)
    accuracy = on_map.set_index("name")["validation_accuracy"]
    trace = groups["trained"]
    for name, colour in zip(trace["text"], trace["marker"]["color"], strict=True):
        if name in accuracy.index:
            assert colour == pytest.approx(accuracy[name], abs=5e-5)


def test_surrogate_scores_are_the_data(page: Page, data: ReportData) -> None:
    scores = data.tasks[0].surrogate
    assert scores is not None
    text = page.text("task-1-surrogate").replace("−", "-")
    for _, row in scores.iterrows():
        if row["regressor"] != "mean":
            assert f"{row['r2_mean']:.2f} ± {row['r2_std']:.2f}" in text
            assert f"{row['spearman_mean']:.2f} ± {row['spearman_std']:.2f}" in text
    assert "nan" not in text.lower()


def test_predictions_come_from_one_repeat_of_the_best_regressor(
    data: ReportData, html: str
) -> None:
    predictions = data.tasks[0].predictions
    assert predictions is not None
    part = predictions[(predictions["features"] == "union") & (predictions["repeat"] == 0)]
    dots = figures_of(html)["task-1-predictions-3"]["data"][1]
    assert dots["text"] == part["name"].tolist()
    assert dots["y"] == pytest.approx(part["predicted"].tolist(), abs=5e-5)


@pytest.mark.parametrize("settled", [True, False])
def test_it_says_when_the_baselines_leave_nothing_to_find(settled: bool) -> None:
    simulations = dict(make_task("digits-cnn", seed=1, n=N, runs=RUNS).simulations or {})
    for strategy, simulation in simulations.items():
        missing = 0.0 if settled else 0.01
        regret = np.where(simulation["evaluation"] <= 8, missing, 0.0)
        simulations[strategy] = simulation.assign(regret=regret)
    page = render(one_task(simulations=simulations))
    assert ("there was nothing left to find" in page) == settled


def test_regret_is_the_median_over_runs(page: Page, data: ReportData, html: str) -> None:
    simulations = data.tasks[0].simulations
    assert simulations is not None
    lines = {t["name"]: t for t in figures_of(html)["task-1-regret"]["data"] if "name" in t}
    for strategy, simulation in simulations.items():
        last = simulation["evaluation"].max()
        medians = {
            n: 100 * float(np.median(simulation.loc[simulation["evaluation"] == n, "regret"]))
            for n in (8, 20, 50, last)
        }
        ends = simulation[simulation["evaluation"] == last]["regret"]
        assert page.row("task-1-simulation", strategy) == [
            strategy,
            *(f"{value:.2f}" for value in medians.values()),
            f"{100 * (ends == 0).mean():.0f}%",
        ]
        assert lines[strategy]["y"][49] == pytest.approx(medians[50], abs=5e-4)
    assert "All runs share one map, one table and one start" in page.text("task-1-simulation")


def test_live_search_shows_every_training_and_the_best_found(
    page: Page, data: ReportData, html: str
) -> None:
    histories = data.tasks[0].histories
    assert histories is not None
    history = histories["union-knr"]
    figure = figures_of(html)["task-1-search-1"]
    dots = [trace for trace in figure["data"] if trace["mode"] == "markers"]
    assert sorted(x for trace in dots for x in trace["x"]) == list(range(1, len(history) + 1))
    lost = [trace for trace in dots if trace["name"] == "diverged"]
    assert len(lost[0]["x"]) == (history["status"] == "diverged").sum() == 2
    [line] = [trace for trace in figure["data"] if trace["name"] == "best so far"]
    assert line["y"] == sorted(line["y"])
    reference = history.loc[history["round"] == 0, "validation_accuracy"].max()
    found = history[(history["round"] > 0) & (history["status"] != "diverged")]
    for _, row in found.nlargest(5, "validation_accuracy").iterrows():
        assert page.row("task-1-search", row["name"]) == [
            row["name"],
            formats.percent(row["validation_accuracy"]),
            formats.points(row["validation_accuracy"] - reference),
            formats.percent(row["prediction"]),
            f"{row['round']}.{row['slot']}",
        ]


def test_final_table_is_the_data(page: Page, data: ReportData) -> None:
    final = data.tasks[0].final
    assert final is not None
    for function in final["functions"]:
        tag = f" {function['n_diverged']} of 5 seeds diverged" if function["n_diverged"] else ""
        cells = page.row("task-1-final", function["name"] + tag)
        assert cells[1] == f"{100 * function['validation_accuracy']:.2f}%"
        mean, std = function["test_accuracy_mean"], function["test_accuracy_std"]
        assert cells[2] == f"{100 * mean:.2f}% ± {100 * std:.2f}"
        if function["difference"] is None:
            assert cells[3:] == ["–", "● reference"]
            continue
        d = {key: formats.points(function["difference"][key]) for key in ("mean", "low", "high")}
        assert cells[3] == f"{d['mean']}{d['low']} to {d['high']}"
        assert function["verdict"] in cells[4]
        assert cells[4].endswith(f"p {formats.p_value(function['difference']['p_holm'])}")
    assert any(function["n_diverged"] for function in final["functions"])
    text = page.text("task-1-final")
    assert "those of the paired sign-flip test and corrected" in text
    assert "the test set, 437 images, is read once" in text
    assert "not of other images. Diverged runs count with the accuracy of chance. A tie" in text


def test_functions_of_other_tasks_are_told_from_those_of_the_task(page: Page) -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    chosen = next(f for f in final["functions"] if f["kind"] == "found")
    for function in final["functions"]:
        if function["kind"] == "found":
            function |= {"from_task": "small", "accuracy_there": 0.4321}
    final["candidates_from"] = ["small", "large"]
    source = "class FinalActivation(nn.Module): # <x>"
    transfer = Page(render(one_task(final=final, activation=source)))
    text = transfer.text("task-1-final")
    assert text.startswith("Transfer: the comparison on the test set")
    assert (
        f"{chosen['name']}. The functions found are the best of other tasks: small, large." in text
    )
    assert "Trained on training data alone with 5 seeds" in text
    assert source in text
    row = transfer.row("task-1-final", f"{chosen['name']} 43.21% on small")
    assert row[1] == f"{100 * chosen['validation_accuracy']:.2f}%"
    card = transfer.text("summary")
    assert re.search("Functions from ?small, large", card)
    assert "Chosen function, validation" in card
    own = page.text("task-1-final")
    assert own.startswith("Final comparison on the test set")
    assert "Trained anew on training and validation data" in own and "other tasks" not in own
    assert "PyTorch module" not in own


def test_diverged_runs_are_mentioned_only_where_there_are_any() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    final["functions"] = [f for f in final["functions"] if not f["n_diverged"]]
    text = Page(render(one_task(final=final))).text("task-1-final")
    assert "not of other images. A tie" in text
    assert "iverged" not in text


def test_finalists_that_diverged_in_every_run_are_said_to() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    lost = next(f for f in final["functions"] if f["kind"] == "found")
    apart = CHANCE - 0.97
    lost |= {
        "status": "diverged",
        "n_diverged": 5,
        "test_accuracies": [CHANCE] * 5,
        "test_accuracy_mean": CHANCE,
        "test_accuracy_std": 0.0,
        "difference": {"mean": apart, "low": apart, "high": apart, "p": 0.0625, "p_holm": 0.75},
        "verdict": "tie",
    }
    page = Page(render(one_task(final=final)))
    cells = page.row("task-1-final", f"{lost['name']} 5 of 5 seeds diverged")
    assert cells[2] == "10.00% ± 0.00"
    assert cells[4] == "○ tiep = 0.750"


def test_map_says_how_many_functions_lack_a_feature(page: Page, data: ReportData) -> None:
    places = data.tasks[0].map
    assert places is not None
    text = page.text("task-1-map")
    for feature, words in (
        ("outputs", "lack outputs"),
        ("fisher", "lack Fisher information"),
        ("union", "that lack either"),
    ):
        missing = int(places[f"{feature}_x"].isna().sum())
        assert f"{missing} ({100 * missing / len(places):.1f}%) {words}" in text
    assert places["fisher_x"].isna().any()


def test_reliability_is_the_data(page: Page) -> None:
    text = page.text("task-1-benchmark")
    assert "0.81" in text
    assert "0.29" in text
    assert f"where every run completed ({N - 7})0.62 points" in text
    assert "8.11" not in text
    assert "trained once, so the noise between seeds is unknown" in page.text("task-3-benchmark")


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
    assert "<img" not in html.split("plotly.js v")[0]
    assert not any(tag == "img" for tag, _ in page.tags)
    assert len(page.scripts) == 3
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
    table["validation_accuracy"] = CHANCE
    history = make_history(make_table(N, 1), 1)
    history["status"] = "diverged"
    text = Page(render(one_task(table=table, histories={"union-knr": history}))).text("content")
    assert f"{N} (100.0%) diverged in every run" in text
    assert "nan" not in text.lower()


def test_missing_numbers_are_dashes() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    final["functions"][0]["test_accuracy_std"] = float("nan")
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


def test_measured_takes_each_function_once_from_its_first_source() -> None:
    table = make_table(N, 1)
    history = make_history(make_table(N, 2), 2)
    functions = measured(TaskData("t", table=table.iloc[:30], histories={"s": history}))
    assert functions["name"].is_unique
    assert set(functions["name"]) == set(table["name"].iloc[:30]) | set(history["name"])
    known = table.set_index("name")["validation_accuracy"]
    both = functions[functions["name"].isin(table["name"].iloc[:30])]
    assert (known[both["name"]].to_numpy() == both["validation_accuracy"].to_numpy()).all()


def test_an_imported_table_is_told_from_one_trained_here() -> None:
    table = make_table(N, seed=1)
    table["run_validation_accuracies"] = [[]] * N
    table["n_runs"] = table["n_diverged"] = 0
    source = "imported from table.json; the file does not say of how many runs"
    task = {"table": table, "reliability": seed_reliability(table), "imported": source}
    page = Page(render(one_task(**task)))
    text = page.text("task-1-benchmark")
    assert f"This table was not trained here; it is {source}." in text
    assert "so the noise between seeds is unknown here" in text
    assert "trained once" not in text and "accuracy of chance" not in text
