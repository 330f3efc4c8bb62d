"""docs/performance.md is filled from results: every row, every missed goal and every failure."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from rich.console import Console

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from benchmarks.measuring import Row, Setting, curve  # noqa: E402
from benchmarks.page import PAGE, filled  # noqa: E402
from benchmarks.results import Results  # noqa: E402

ROWS = {
    "fisher": [
        Row("FIM, net", 2.5, 20.0, "hooks", 8.0, "times faster", 0.5, goal="2 s", met=False,
            limit=1.25, limit_is="products"),
        Row("FIM, other", 0.004, goal="1 s", met=True,
            more={"share_products": 0.32, "share_rest": 0.68}),
        Row("FIM, gone", error="ValueError: a|b\nsecond line"),
    ],
    "activations": [
        Row("activation, eager", 0.1, 0.05, "native SiLU", 2.0, "times as long",
            more={"each": [{"ratio": 1.5}, {"ratio": 2.5}], "worst": 2.5, "worst_function": "f(x)"})
    ],
    "growth": [
        replace(curve("listing", "functions", [(n, 2e-6 * n) for n in (1e3, 1e4, 1e5)]),
                more={"exponent": 1.0, "memory_mb": 12.0}),
        curve("audit", "trials", [(10.0, 1.0), (100.0, 3.0)]),
    ],
}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "results.json"
    with (tmp_path / "out").open("w") as out:
        written = Results(path, Setting(torch.device("cpu"), threads=2), Console(file=out))
        for part, rows in ROWS.items():
            for row in rows:
                written.add(row, part)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_tables_say_what_was_measured(results: dict[str, Any], tmp_path: Path) -> None:
    page = filled(PAGE.read_text(), results, None, tmp_path)
    lines = page.splitlines()
    [net] = [line for line in lines if line.startswith("| FIM, net ")]
    for said in ("2.5 s", "8 times faster (spread 0.5)", "hooks", "50% of products", "**missed**"):
        assert said in net
    [other] = [line for line in lines if line.startswith("| FIM, other ")]
    assert "products 32%, rest 68%" in other
    assert "4 ms" in other and "1 s: met" in other
    [gone] = [line for line in lines if line.startswith("| FIM, gone ")]
    assert "not measured" in gone and r"a\|b second line" in gone
    assert "worst 2.5 (`f(x)`)" in page
    assert "Not measured yet: `make bench-gpu`" in page
    assert results["machine"]["cpu"] in page and "2 threads of torch" in page
    [listing] = [line for line in lines if line.startswith("| listing ")]
    assert "100,000 functions" in listing and "12 MB" in listing and "1.00" in listing


def test_filling_again_changes_nothing(results: dict[str, Any], tmp_path: Path) -> None:
    once = filled(PAGE.read_text(), results, results, tmp_path)
    drawn = {path.name: path.read_text() for path in tmp_path.glob("*.svg")}
    assert filled(once, results, results, tmp_path) == once
    assert {path.name: path.read_text() for path in tmp_path.glob("*.svg")} == drawn
    empty = filled(once, None, None, tmp_path)
    assert "FIM, net" not in empty and "Not measured yet: `make bench`" in empty


def test_plots_show_every_curve(results: dict[str, Any], tmp_path: Path) -> None:
    page = filled(PAGE.read_text(), results, None, tmp_path)
    for name, labels in (
        ("performance-growth.svg", ("listing", "audit", "functions", "trials")),
        ("performance-functions.svg", ("CPU, eager", "native SiLU")),
    ):
        assert f"({name})" in page
        text = "".join(ElementTree.parse(tmp_path / name).getroot().itertext())
        assert all(label in text for label in labels)


def test_a_page_without_a_place_is_refused(results: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no place for 'machine'"):
        filled("# Performance\n", results, None, tmp_path)
