"""docs/own-csv.md as a reader follows it: a CSV with words as labels, a network, a report."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from experiment import BIN, make_experiment
from forked import clients
from pages import Reader, file_of, follow, read_page

from actsearch import Experiment, load_benchmark
from actsearch.records.formats import read_json
from actsearch.report.verdict_table import as_csv, verdict_rows

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

PAGE = read_page("own-csv.md")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the experiment after the last block; what is printed is compared on the way."""
    scratch = tmp_path_factory.mktemp("own-csv")
    clone = make_experiment(scratch / "clone").folder
    (clone / ".venv").symlink_to(sys.prefix)
    return follow(PAGE, Reader(clone, (clients(), BIN)), scratch)


def test_what_is_written_by_hand_is_short() -> None:
    lines = {
        name: [line for line in file_of(PAGE, name).splitlines() if line.strip()]
        for name in ("to_npz.py", "network.py", "config.yaml")
    }
    assert len(lines["to_npz.py"]) <= 5 and len(lines["network.py"]) <= 10
    assert len(lines["config.yaml"]) <= 15


def test_labels_are_the_words_of_the_csv(experiment: Path) -> None:
    with np.load(experiment / "cells.npz") as arrays:
        assert arrays["x"].shape == (569, 30) and arrays["x"].dtype == np.float32
        assert set(arrays["y"]) == {"benign", "malignant"}


def test_the_page_leads_to_a_report_and_a_verdict(experiment: Path) -> None:
    assert "network:build" in (experiment / "results/report.html").read_text()
    findings = read_json(experiment / "results/audit.json")["findings"]
    assert set(findings) <= {"dirty"}, "edits of the clone, if any, are its own"
    table = load_benchmark(experiment / "results/cells/benchmark.parquet")
    assert len(table) == 24
    assert table["validation_score"].max() > 0.9, "always the same answer is 0.63"
    final = Experiment(experiment)["cells"].final
    rows = list(csv.DictReader(io.StringIO(as_csv(verdict_rows(final)))))
    assert len(rows) == 11 and {row["seeds"] for row in rows} == {"9"}
    assert not final["conclusion"].startswith("No verdict"), "nine seeds suffice"
