"""docs/your-data.md as a reader follows it: three parts, each from a fresh clone to its report."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from experiment import BIN, ROOT, make_experiment
from forked import clients
from pages import Reader, file_of, follow, read_page, section

from actsearch import load_benchmark

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

PAGE = read_page("your-data.md")
NEAR = 0.08
"""Processors differ in how they round, and a training that rounds otherwise ends elsewhere."""


def _walk(title: str, scratch: Path) -> Path:
    """Follow a part of the page; its commands are forked from a process that has imported them."""
    clone = make_experiment(scratch / "clone").folder
    shutil.copy(ROOT / "LICENSE", clone)
    return follow(section(PAGE, title), Reader(clone, (clients(), BIN)), scratch, near=NEAR)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _walk("A table of measurements", tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _walk("Signals", tmp_path_factory.mktemp("signals"))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _walk("Text", tmp_path_factory.mktemp("text"))


def _report(folder: Path) -> str:
    """What the page of results says, without plots."""
    page = (folder / "results/report.html").read_text()
    words = re.sub(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def _final(folder: Path, task: str) -> dict[str, Any]:
    comparison: dict[str, Any] = json.loads((folder / f"results/{task}/final.json").read_text())
    return comparison


def _is_sound(folder: Path) -> bool:
    findings = json.loads((folder / "results/audit.json").read_text())["findings"]
    return set(findings) <= {"dirty"}  # edits of the clone, if any, are its own


def test_a_table_is_scored_by_r2_and_errors_have_the_unit_of_the_target(table: Path) -> None:
    benchmark = load_benchmark(table / "results/diabetes/benchmark.parquet").set_index("name")
    assert len(benchmark) == 16 and set(benchmark["score"]) == {"R2"}
    assert 0.4 < benchmark["validation_score"]["relu(x)"] < 0.6, "a line reaches 0.47"
    trial = json.loads((table / "results/diabetes/trials/relu.x.json").read_text())
    assert all(40 < run["validation_errors"][0] < 70 for run in trial["runs"])
    comparison = _final(table, "diabetes")
    assert comparison["score"] == "R2" and len(comparison["functions"]) == 10
    report = _report(table)
    assert "mean test R² 0." in report and "validation R²" in report
    assert "accurac" not in report
    assert _is_sound(table)


def test_the_table_s_worst_are_the_mean_predictor(table: Path) -> None:
    benchmark = load_benchmark(table / "results/diabetes/benchmark.parquet")
    lowest = benchmark["validation_score"].min()
    assert -0.1 < lowest <= 0
    assert (benchmark[benchmark["status"] == "diverged"]["validation_score"] == lowest).all()


def test_signals_are_searched_by_accuracy(signals: Path) -> None:
    history = pd.read_parquet(signals / "results/waves/search/gp-ei/history.parquet")
    assert set(history["score"]) == {"accuracy"}
    assert history["round"].value_counts().to_dict() == {0: 8, 1: 4, 2: 4}
    best = history["validation_score"].max()
    assert best > 0.8, "chance is 0.33"
    report = _report(signals)
    assert "mean test accuracy" in report and "R² " not in report.partition("Predicting")[0]
    assert "image" not in report and "pixel" not in report
    assert _is_sound(signals)


def test_text_of_a_file_is_foretold_better_than_by_its_most_frequent_character(text: Path) -> None:
    comparison = _final(text, "next-character")
    assert comparison["score"] == "accuracy"
    by_name = {function["name"]: function for function in comparison["functions"]}
    assert {"relu(x)", "gelu(x)", "square(relu(x))", "tanh(x)"} < set(by_name)
    assert len(by_name) == 5
    assert by_name["relu(x)"]["test_score_mean"] > 0.25, "a blank is 0.2 of the text"
    report = _report(text)
    assert "next-character" in report and "mean test accuracy" in report
    assert "image" not in report and "pixel" not in report
    assert _is_sound(text)


def test_figures_on_the_page_stand_in_the_results(table: Path, signals: Path) -> None:
    shown = re.search(r"^relu\(x\) +R2 ([\d.]+)  error ([\d.]+)$", PAGE, re.MULTILINE)
    assert shown
    trial = json.loads((table / "results/diabetes/trials/relu.x.json").read_text())
    assert trial["validation_score"] == pytest.approx(float(shown[1]), abs=NEAR)
    errors = [run["validation_errors"][0] for run in trial["runs"]]
    assert sum(errors) / 2 == pytest.approx(float(shown[2]), rel=NEAR)
    shown = re.search(r"^relu\(x\) +accuracy ([\d.]+)$", PAGE, re.MULTILINE)
    assert shown
    history = pd.read_parquet(signals / "results/waves/search/gp-ei/history.parquet")
    relu = history.set_index("name")["validation_score"]["relu(x)"]
    assert relu == pytest.approx(float(shown[1]), abs=NEAR)


def test_the_configurations_are_short() -> None:
    titles = ("A table of measurements", "Signals", "Text")
    assert all(len(file_of(section(PAGE, t), "config.yaml").splitlines()) <= 22 for t in titles)
