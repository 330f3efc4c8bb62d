"""Snakemake's own report of a finished experiment: files by category and task, with captions."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from experiment import Experiment

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_files_have_captions_and_categories(finished: Experiment, tmp_path: Path) -> None:
    archive = tmp_path / "report.zip"
    finished.snakemake("--report", str(archive))
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        page = packed.read("report/report.html").decode()
        (ours,) = (
            name for name in names if name.endswith("raw/" + Path(name).parts[-2] + "/report.html")
        )
        assert packed.read(ours) == finished.path("report.html").read_bytes()
    found = re.search(r"var categories = (\{.*?\});?\n", page)
    assert found is not None
    categories = json.loads(found[1].rstrip(";"))
    assert set(categories) == {
        *("Page", "Benchmark tables", "Predictions", "Searches", "Last comparison", "Audit"),
    }
    for category in ("Benchmark tables", "Predictions", "Searches", "Last comparison"):
        assert "tiny" in categories[category], "files stand by task"
    assert categories["Last comparison"]["tiny"] == [
        "results/tiny/final/candidates.csv",
        "results/tiny/final.json",
        "results/tiny/final_activation.py",
    ]
    listed = {path for groups in categories.values() for paths in groups.values() for path in paths}
    assert all((finished.folder / path).is_file() for path in listed)
    assert "The benchmark table of" in page and "{{ snakemake" not in page
    assert "activation functions with" in page, "the words at its head"
