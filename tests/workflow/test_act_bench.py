"""A table that is imported: our own export as another task's, and what is refused."""

from __future__ import annotations

import copy as copying
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from experiment import SMALL, Experiment
from tracing import TRACES, covered, read_traces, uncovered

from actsearch import load_benchmark
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import content_digest, read_json

pytestmark = [pytest.mark.workflow]

COMMON = ["data", "model", "recipe", "fisher", "map"]


def with_import(**benchmark: Any) -> dict[str, Any]:
    """The small configuration, and a task whose table is imported."""
    config = copying.deepcopy(SMALL)
    task = {key: config["tasks"]["tiny"][key] for key in COMMON}
    config["tasks"]["again"] = task | {"benchmark": {"space": "small", **benchmark}}
    config["simulation"]["strategies"] = ["random"]
    return config


@pytest.mark.slow
def test_what_was_exported_is_imported_again(
    copy: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = copy.folder / "table.json"
    source.write_bytes(copy.path("tiny/benchmark.json").read_bytes())
    copy.configure(with_import(act_bench="table.json", published_features=True))
    targets = ["results/report.html", "results/again/benchmark.json"]
    (tmp_path / "traces").mkdir()
    with monkeypatch.context() as patch:
        patch.setenv(TRACES, str(tmp_path / "traces"))
        done = copy.snakemake("--cores", "2", *targets)
    traces = read_traces(tmp_path / "traces")
    assert {trace.step for trace in traces} > {
        "import-act-bench",
        "imported-table",
        "published-features",
        "export-imported",
    }
    assert not [name for t in traces for name in uncovered(t, covered(copy.folder, t))]
    assert not re.search(r"rule (train__|fim__|fetch)", done.stdout)
    assert "Nothing to be done" in copy.snakemake("-n", *targets).stdout

    ours = load_benchmark(copy.path("tiny/benchmark.parquet"))
    theirs = load_benchmark(copy.path("again/benchmark.parquet"))
    for column in ("name", "slug", "validation_score", "train_loss", "test_score"):
        pd.testing.assert_series_equal(ours[column], theirs[column])
    assert not theirs["n_runs"].any()
    # The same features give the same map, and the same table and map the same searches.
    for name in ("map.parquet", "simulation/random.parquet"):
        one, two = copy.path(f"tiny/{name}"), copy.path(f"again/{name}")
        assert content_digest(one) == content_digest(two)

    exported = read_json(copy.path("again/benchmark.json"))
    original = read_json(source)
    assert exported.pop("provenance") and original.pop("provenance")
    assert exported == original
    block = read_provenance(copy.path("again/act_bench.parquet"))
    assert block["data"] == {"table.json": content_digest(source)}
    for name in ("act_bench.parquet", "benchmark.parquet", "fim/published.npz", "benchmark.json"):
        done = copy.actsearch("replay", f"results/again/{name}")
        assert done.returncode == 0, done.stdout + done.stderr
    page = copy.path("report.html").read_text()
    assert "imported from table.json; the file does not say of how many runs" in page
    assert "not those of single runs, so the noise between seeds is unknown" in page
    done = copy.actsearch("audit", "--exit-zero", "--out", "findings.json")
    assert done.returncode == 0, done.stderr
    findings = read_json(copy.folder / "findings.json")["findings"]
    assert findings.keys() - {"dirty", "left-over"} == {"inputs"}
    assert list(findings["inputs"]) == ["results/ro-crate-metadata.json"]  # of the run before


def test_a_public_table_is_fetched_and_nothing_trained_for_it(fresh: Experiment) -> None:
    fresh.configure(with_import(act_bench="vit") | {"data_folder": "shared"})
    there = "shared/act-bench/act-bench-vit.json"
    planned = fresh.planned("results/again/surrogate.parquet", there)
    assert planned == {
        "cross_validate": 1,
        "enumerate_space": 1,
        "fetch_act_bench": 1,
        "fim__again": 2,
        "import_act_bench": 1,
        "imported_table": 1,
        "map_functions": 1,
    }


def _file(names: list[str]) -> dict[str, Any]:
    keys = ("Train Accuracy", "Validation Accuracy", "Test Accuracy", "Train Loss")
    keys += ("Validation Loss", "Test Loss", "Runtime (s)")
    lists = ("Equivalent Activation Functions", "Fisher log eigenvalue CDF")
    entry = dict.fromkeys(keys, 0.5) | {key: [] for key in lists}
    return {name: dict(entry) for name in names}


def _short() -> dict[str, Any]:
    file = _file(["relu(x)", "tanh(x)"])
    del file["tanh(x)"]["Test Loss"]
    return file


@pytest.mark.parametrize(
    "content, expected",
    [
        (None, "tasks.again.benchmark.act_bench: no file table.json; allowed: cnn, resnet, vit"),
        (_short(), "table.json: function 'tanh(x)': key 'Test Loss' is missing"),
        (
            _file(["relu(x)", "tanh(x)"]),
            "table.json lacks 'elu(x)' and 21 more of the 24 functions",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    content: dict[str, Any] | None, expected: str, fresh: Experiment
) -> None:
    if content is not None:
        (fresh.folder / "table.json").write_text(json.dumps(content))
    fresh.configure(with_import(act_bench="table.json"))
    assert expected in fresh.message()
