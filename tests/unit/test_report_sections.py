"""The sections of a report say what the data say."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from report_example import (
    CHANCE,
    make_final,
    make_history,
    make_report,
    make_table,
    make_task,
)
from report_page import Page, figures_of, named

from actsearch.benchmark.table import seed_reliability
from actsearch.config import SCORES
from actsearch.functions.baselines import BASELINES
from actsearch.report import formats
from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render
from actsearch.report.ranking import best_first, measured, ranks_in_order

ACCURACY = SCORES["accuracy"]
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
        assert f"{100 * base['validation_score']:.2f}% {base['name']}" in text
        assert f"{100 * top['validation_score']:.2f}% {top['name']}" in text
        gain = 100 * (top["validation_score"] - base["validation_score"])
        assert f"Difference, validation{gain:+.2f} points" in text
        compared = {f["name"]: f for f in task.final["functions"]}
        chosen = compared[task.final["chosen"]["name"]]
        tested = f"{100 * chosen['test_score_mean']:.2f}% {chosen['name']}"
        assert f"Chosen function, test{tested}" in text
        apart = chosen["difference"]
        mean, low, high = (
            f"{100 * apart[key]:+.2f}".replace("-", "−") for key in ("mean", "low", "high")
        )
        said = {"better": "better", "tie": "a tie"}[chosen["verdict"]]
        p = f"p {formats.p_value(apart['p_holm'])} after Holm: {said}"
        assert f"Difference, test{mean} points 95% interval {low} to {high}, {p}" in text
    assert "No last comparison was made" in text


def test_diverged_function_is_never_best(page: Page) -> None:
    table = make_table(N, 1)
    table.loc[table["status"] == "diverged", "validation_score"] = 0.9999
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
    kept = table[(table["status"] != "diverged") & (table["validation_score"] >= low)]
    assert sum(upper["data"][0]["y"]) == len(kept)
    labels = {note["text"].strip("◂ ") for note in upper["layout"]["annotations"]}
    rows = table[table["name"].isin(BASELINES) & (table["status"] != "diverged")]
    assert labels == {
        f"{name.removesuffix('(x)')} {100 * value:.2f}%"
        for name, value in zip(rows["name"], rows["validation_score"], strict=True)
    }


def test_best_functions_are_the_best_and_have_curves(page: Page, data: ReportData) -> None:
    table = data.tasks[0].table
    assert table is not None
    top = best_first(table).head(12)
    text = page.text("task-1-benchmark")
    for rank, row in zip(ranks_in_order(top), top.to_dict("records"), strict=True):
        assert f"{rank} {100 * row['validation_score']:.2f}% {row['name']}" in text
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
    measured_there = on_map.set_index("name")["validation_score"]
    trace = groups["trained"]
    for name, colour in zip(trace["text"], trace["marker"]["color"], strict=True):
        if name in measured_there.index:
            assert colour == pytest.approx(measured_there[name], abs=5e-5)


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
    reference = history.loc[history["round"] == 0, "validation_score"].max()
    found = history[(history["round"] > 0) & (history["status"] != "diverged")]
    for _, row in found.nlargest(5, "validation_score").iterrows():
        assert page.row("task-1-search", row["name"]) == [
            row["name"],
            formats.value(ACCURACY, row["validation_score"]),
            formats.difference(ACCURACY, row["validation_score"] - reference),
            formats.value(ACCURACY, row["prediction"]),
            f"{row['round']}.{row['slot']}",
        ]


def test_final_table_is_the_data(page: Page, data: ReportData) -> None:
    final = data.tasks[0].final
    assert final is not None
    for function in final["functions"]:
        *cells, cost = page.row("task-1-final", named(function, final))
        assert "×" in cost and "B" in cost
        assert cells[1] == f"{100 * function['validation_score']:.2f}%"
        mean, std = function["test_score_mean"], function["test_score_std"]
        assert cells[2] == f"{100 * mean:.2f}% ± {100 * std:.2f}"
        if function["difference"] is None:
            assert cells[3:] == ["–", "● reference"]
            continue
        apart = function["difference"]
        d = {key: formats.difference(ACCURACY, apart[key]) for key in ("mean", "low", "high")}
        assert cells[3] == f"{d['mean']}{d['low']} to {d['high']}"
        assert function["verdict"] in cells[4]
        assert cells[4].endswith(f"p {formats.p_value(function['difference']['p_holm'])}")
    assert any(function["n_diverged"] for function in final["functions"])
    text = page.text("task-1-final")
    found = {f["name"] for f in final["functions"] if f["kind"] == "found"}
    assert data.tasks[0].table is not None and data.tasks[0].histories
    tabled = len(found & {*data.tasks[0].table["name"]})
    assert tabled == len(found) == 5
    assert "The table has the 5 functions found that were compared; no search added one." in text
    assert "those of the paired sign-flip test and corrected" in text
    assert "the test set, 437 examples, is read once" in text
    assert "not of other examples. Diverged runs count with the accuracy of chance. A tie" in text


@pytest.mark.parametrize(
    ("tabled", "said"),
    [
        (5, "The table has the 5 functions found that were compared; no search added one."),
        (0, "Live searches alone trained the 5 functions found that were compared."),
        (
            4,
            "Of the 5 functions found that were compared, 4 were in the table, and 1 was trained "
            "by live searches alone.",
        ),
    ],
)
def test_it_is_said_where_the_functions_found_are_from(tabled: int, said: str) -> None:
    table = make_table(N, 1)
    final = make_final(table, 1, 0.01)
    found = [f["name"] for f in final["functions"] if f["kind"] == "found"]
    known = table[~table["name"].isin(found[tabled:])]
    parts = {"table": known, "histories": {"s": make_history(table, 1)}, "final": final}
    assert said in Page(render(one_task(**parts))).text("task-1-final")


def test_functions_of_other_tasks_are_told_from_those_of_the_task(page: Page) -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    chosen = next(f for f in final["functions"] if f["kind"] == "found")
    for function in final["functions"]:
        if function["kind"] == "found":
            function |= {"from_task": "small", "score_there": 0.4321}
            function |= {"scored_there_by": "accuracy"}
    final["candidates_from"] = ["small", "large"]
    final["fitted_on"] = ["train"]
    source = "class FinalActivation(nn.Module): # <x>"
    transfer = Page(render(one_task(final=final, activation=source)))
    text = transfer.text("task-1-final")
    assert text.startswith("Transfer: the comparison on the test set")
    assert f"Chosen: {chosen['name']}, for the best validation accuracy of the functions" in text
    assert ". The functions found are the best of other tasks: small, large." in text
    assert "Trained on training data alone with 5 seeds" in text
    assert source in text
    row = transfer.row("task-1-final", f"{named(chosen, final)} 43.21% on small")
    assert row[1] == f"{100 * chosen['validation_score']:.2f}%"
    card = transfer.text("summary")
    assert re.search("Functions from ?small, large", card)
    assert "Chosen function, validation" in card
    own = page.text("task-1-final")
    assert own.startswith("Last comparison on the test set")
    assert "Trained anew on training and validation data" in own and "other tasks" not in own
    assert "PyTorch module" not in own


def test_what_is_not_finite_at_zero_is_marked_and_the_chosen_too() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    chosen = next(f for f in final["functions"] if f["name"] == final["chosen"]["name"])
    chosen["name"] = final["chosen"]["name"] = "reciprocal(x)"
    page = Page(render(one_task(final=final)))
    assert page.row("task-1-final", f"{named(chosen, final)} not finite at 0")
    assert "Beware: it is not finite at x = 0" in page.text("summary")
    assert page.text("task-1-final").count("not finite at 0") == 1


def test_diverged_runs_are_mentioned_only_where_there_are_any() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    final["functions"] = [f for f in final["functions"] if not f["n_diverged"]]
    text = Page(render(one_task(final=final))).text("task-1-final")
    assert "not of other examples. A tie" in text
    assert "iverged" not in text


def test_the_stages_before_a_comparison_are_told() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    assert "Stages" not in Page(render(one_task(final=final))).text("task-1-final")
    row = {"kind": "baseline", "n_runs": 2, "n_diverged": 0, "went_on": True, "deviation": 0.012}
    lost = row | {"kind": "found", "n_diverged": 1, "went_on": False, "deviation": None}
    functions = [
        row | {"name": "relu(x)", "validation_score": 0.91},
        lost | {"name": "cosh(x)", "validation_score": 0.505},
    ]
    about = {"stage": 0, "seeds": [20, 21], "recipe": {"epochs": 3}, "functions": functions}
    final["stages"] = [about, about | {"stage": 1, "seeds": [30], "recipe": {}}]
    page = Page(render(one_task(final=final)))
    text = page.text("task-1-final")
    told = "Stage 0: 2 functions on 2 seeds (20, 21) by the recipe with epochs: 3; 2 went on"
    assert told in text
    assert "Stage 1: 2 functions on 1 seed (30) by the task's recipe; 13 went on" in text
    rows = [" ".join(" ".join(row).split()) for row in page.rows["task-1-final"]]
    assert rows.count("relu(x) baseline 91.00% 1.20 2 yes") == 2
    assert rows.count("cosh(x) found 50.50% – 2 (1 diverged) no") == 2


def test_finalists_that_diverged_in_every_run_are_said_to() -> None:
    final = make_final(make_table(N, 1), 1, 0.01)
    lost = next(f for f in final["functions"] if f["kind"] == "found")
    apart = CHANCE - 0.97
    lost |= {
        "status": "diverged",
        "n_diverged": 5,
        "test_scores": [CHANCE] * 5,
        "test_score_mean": CHANCE,
        "test_score_std": 0.0,
        "difference": {"mean": apart, "low": apart, "high": apart, "p": 0.0625, "p_holm": 0.75},
        "verdict": "tie",
    }
    page = Page(render(one_task(final=final)))
    cells = page.row("task-1-final", named(lost, final))
    assert cells[2] == "10.00% ± 0.00"
    assert cells[4] == "○ tiep = 0.750"


def test_map_says_how_many_functions_lack_a_feature(page: Page, data: ReportData) -> None:
    places = data.tasks[0].map
    assert places is not None
    text = page.text("task-1-map")
    for feature, words in (
        ("outputs", "have no outputs"),
        ("fisher", "have no Fisher information"),
        ("union", "that lack either feature"),
    ):
        missing = int(places[f"{feature}_x"].isna().sum())
        assert f"{missing} ({100 * missing / len(places):.1f}%) {words}" in text
    whole = places.dropna()
    whole_text = Page(render(one_task(map=whole))).text("task-1-map")
    assert f"All {len(whole)} functions have both features." in whole_text
    assert places["fisher_x"].isna().any()


def test_reliability_is_the_data(page: Page) -> None:
    text = page.text("task-1-benchmark")
    assert "0.81" in text
    assert "0.29" in text
    assert f"where every run completed ({N - 7})0.62 points" in text
    assert "8.11" not in text
    assert "trained once, so the noise between seeds is unknown" in page.text("task-3-benchmark")


def test_an_imported_table_is_told_from_one_trained_here() -> None:
    table = make_table(N, seed=1)
    table["run_validation_scores"] = [[]] * N
    table["n_runs"] = table["n_diverged"] = 0
    source = "imported from table.json; the file does not say of how many runs"
    task = {"table": table, "reliability": seed_reliability(table), "imported": source}
    page = Page(render(one_task(**task)))
    text = page.text("task-1-benchmark")
    assert f"This table was not trained here; it is {source}." in text
    assert "so the noise between seeds is unknown here" in text
    assert "trained once" not in text and "accuracy of chance" not in text
