"""docs/tutorial.md as a reader follows it: every block of the page, in order."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml
from experiment import BIN, ROOT, make_experiment

from actsearch import load_benchmark
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

PAGE = (ROOT / "docs/tutorial.md").read_text()
BLOCK = re.compile(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REPLACED = ["0.act", "0.weigh.act", "1.act", "1.weigh.act"]
FUNCTION = "mul(bump(x),tanh(abs(x)))"


@dataclass(frozen=True)
class Reader:
    """Someone who does what the page says."""

    folder: Path
    """Where the commands have led."""

    def run(self, commands: str, whereabouts: Path) -> tuple[Reader, str]:
        """Commands in bash: where they lead, and both streams."""
        inherited = {key: value for key, value in os.environ.items() if key != "ACTSEARCH_CONFIG"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f'{commands}\npwd > "{whereabouts}"'],
            cwd=self.folder,
            env=inherited | {"PATH": f"{BIN}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-6000:]}"
        return Reader(Path(whereabouts.read_text().strip())), done.stdout


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the experiment after the last block; what is printed is compared on the way."""
    scratch = tmp_path_factory.mktemp("tutorial")
    reader, output = Reader(make_experiment(scratch / "clone").folder), ""
    (reader.folder / ".venv").symlink_to(sys.prefix)
    for language, file, text in BLOCK.findall(PAGE):
        if file:
            (reader.folder / file).write_text(text)
        elif language == "sh":
            reader, output = reader.run(text, scratch / "whereabouts")
        else:
            assert language == "text"
            _compare(text, output)
    return reader.folder


def _compare(wanted: str, output: str) -> None:
    """What the page shows against what was printed; ``...`` stands for anything."""
    # A table of the command line fills its lines with blanks, and a tree may lack the last newline.
    printed = "\n".join(line.rstrip() for line in output.splitlines()) + "\n"
    checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS
    assert checker.check_output(wanted, printed, flags), f"shown:\n{wanted}\nprinted:\n{printed}"


def test_the_task_is_under_ten_lines() -> None:
    configuration = next(text for _, file, text in BLOCK.findall(PAGE) if file == "config.yaml")
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
