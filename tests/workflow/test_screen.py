"""A live search over a whole space that is screened first."""

from __future__ import annotations

import copy as copying
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from experiment import SMALL, Experiment
from tracing import TRACES, covered, read_traces, uncovered

from actsearch.functions.baselines import BASELINES
from actsearch.functions.equivalence import outputs
from actsearch.functions.expressions import parse
from actsearch.records.formats import read_array, read_json, read_table

pytestmark = [pytest.mark.workflow]

FILES = ("functions.parquet", "outputs.npy", "screen.json")


def screened(**screen: Any) -> dict[str, Any]:
    """The small experiment with a screen of a space of 5,111 names."""
    config = copying.deepcopy(SMALL)
    config["spaces"]["whole"] = {"schemas": ["three-node"], "include": ["baselines"]}
    config["tasks"]["tiny"]["search"] |= {"space": "whole", "screen": {"functions": 30} | screen}
    return config


@pytest.mark.slow
def test_a_screened_search_to_its_end(
    copy: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy.path("tiny/benchmark.parquet").stat().st_mtime_ns
    copy.configure(screened())
    target = "results/report.html"
    planned = copy.planned(target)
    assert planned["screen_space"] == 1
    assert planned["fim__tiny"] == 2  # the search's, of 30 functions
    assert not {"enumerate_space", "space_costs", "benchmark_table", "simulate"} & set(planned)
    (tmp_path / "traces").mkdir()
    with monkeypatch.context() as patch:
        patch.setenv(TRACES, str(tmp_path / "traces"))
        copy.snakemake("--cores", "2", target)
    traces = [t for t in read_traces(tmp_path / "traces") if t.step in ("screen", "report")]
    assert {trace.step for trace in traces} == {"screen", "report"}
    assert not [name for t in traces for name in uncovered(t, covered(copy.folder, t))]
    assert not copy.path("spaces/whole").exists()
    assert copy.path("tiny/benchmark.parquet").stat().st_mtime_ns == before
    assert "Nothing to be done" in copy.snakemake("-n", target).stdout

    listed = read_table(copy.path("tiny/search/functions.parquet"))
    assert list(listed["name"][:8]) == list(BASELINES)
    assert listed["chosen_by"].value_counts().to_dict() == {
        "baseline": 8,
        "prediction": 20,
        "chance": 2,
    }
    known = read_table(copy.path("tiny/benchmark.parquet"))["name"]
    assert not {*listed["name"][8:]} & {*known}
    values = read_array(copy.path("tiny/search/outputs.npy"))
    np.testing.assert_array_equal(values, outputs(map(parse, listed["name"])))
    mapped = read_table(copy.path("tiny/search/map.parquet"))
    assert list(mapped["name"]) == list(listed["name"])
    history = read_table(copy.path("tiny/search/union-knr/history.parquet"))
    assert {*history["name"]} <= {*listed["name"]}
    assert len(history) == 8 + 2 * 3
    assert read_json(copy.path("tiny/search/screen.json"))["names"] == 5111
    page = copy.path("report.html").read_text()
    assert "were screened" in page
    assert pd.notna(listed["prediction"]).all()

    for name in FILES:
        done = copy.actsearch("replay", f"results/tiny/search/{name}")
        assert done.returncode == 0, done.stdout + done.stderr
    done = copy.actsearch("audit", "--exit-zero", "--out", "findings.json")
    assert done.returncode == 0, done.stderr
    findings = read_json(copy.folder / "findings.json")["findings"]
    assert findings.keys() <= {"dirty", "left-over", "inputs"}
    assert not [path for path in findings.get("inputs", ()) if "/tiny/" in path]

    # What another screen lists is made anew; the table, and its features, are not.
    copy.configure(screened(seed=1))
    planned = copy.planned(target)
    assert planned["screen_space"] == 1
    assert not {"benchmark_table", "simulate", "cross_validate"} & set(planned)


def test_the_four_node_space_is_never_listed(fresh: Experiment) -> None:
    config = screened()
    config["spaces"]["whole"] = {"schemas": ["four-node"]}
    fresh.configure(config)
    planned = fresh.planned("results/tiny/search/map.parquet")
    assert planned["screen_space"] == 1
    assert planned["enumerate_space"] == 1  # of the table's space
    assert planned["fim__tiny"] == 2


def test_a_screen_without_a_table_is_refused(fresh: Experiment) -> None:
    config = screened()
    del config["tasks"]["tiny"]["benchmark"]
    fresh.configure(config)
    assert "search.screen predicts from the task's own table" in fresh.message()
