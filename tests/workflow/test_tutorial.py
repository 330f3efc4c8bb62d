"""docs/tutorial.md as a reader follows it: every block of the page, in order."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from experiment import make_experiment
from pages import Reader, file_of, follow, read_page

from actsearch import load_benchmark
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

PAGE = read_page("tutorial.md")
REPLACED = ["0.act", "0.weigh.act", "1.act", "1.weigh.act"]
FUNCTION = "mul(bump(x),tanh(abs(x)))"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the experiment after the last block; what is printed is compared on the way."""
    scratch = tmp_path_factory.mktemp("tutorial")
    clone = make_experiment(scratch / "clone").folder
    (clone / ".venv").symlink_to(sys.prefix)
    return follow(PAGE, Reader(clone), scratch)


def test_the_task_is_under_ten_lines() -> None:
    configuration = file_of(PAGE, "config.yaml")
    sections = dict(re.findall(r"^(\w+):\n((?:^ .*\n)+)", configuration, re.MULTILINE))
    task = sections["data"].splitlines() + sections["tasks"].splitlines()
    assert list(yaml.safe_load(sections["tasks"])) == ["photographs"]
    assert len(task) < 10


def test_the_page_leads_to_a_report(experiment: Path) -> None:
    assert experiment.name == "my-experiment"
    report = (experiment / "results/report.html").read_text()
    assert "photographs" in report and "my_lab.network:build (width: 8)" in report
    findings = read_json(experiment / "results/audit.json")["findings"]
    assert set(findings) <= {"dirty"}, "edits of the clone, if any, are its own"


def test_the_gate_stays_and_the_operator_is_searched(experiment: Path) -> None:
    trials = list((experiment / "results/photographs/trials").glob("*.json"))
    assert len(trials) == 17
    assert all(read_json(trial)["replaced"] == REPLACED for trial in trials)
    table = load_benchmark(experiment / "results/photographs/benchmark.parquet")
    assert table["name"].str.contains("bump").any() and FUNCTION not in set(table["name"])
    assert table["validation_score"].max() > 0.6, "chance is 0.5"
    listed = pd.read_parquet(experiment / "results/spaces/with-bump/functions.parquet")
    assert listed["name"].str.contains("bump").sum() > 10


def test_the_users_code_and_data_are_recorded(experiment: Path) -> None:
    trials = experiment / "results/photographs/trials"
    block = read_provenance(trials / "relu.x.json")
    assert "my_lab.network" in block["modules"] and "operators" not in block
    with_bump = read_provenance(trials / "mul.bump.x.tanh.abs.x.json")
    assert list(with_bump["operators"]) == ["my_lab.operators"]
    assert list(block["data"]) == ["patches.npz"]
    assert block["settings"]["tasks"]["photographs"]["model_options"] == {"width": 8}
