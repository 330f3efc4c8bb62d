"""Tables that ship, read by name; and those of this repository, where they are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_benchmark import TRIALS
from typer.testing import CliRunner

import actsearch
from actsearch import load_benchmark, load_features, load_map, load_runs
from actsearch.benchmark.shipped.packing import runs_table
from actsearch.benchmark.table import BenchmarkError, build_table
from actsearch.cli.app import app, load_commands
from actsearch.config import Simulation
from actsearch.features.packed_cdfs import pack_cdfs
from actsearch.functions.equivalence import normal_samples
from actsearch.records import shipped
from actsearch.records.formats import ArtifactError, write_arrays, write_table
from actsearch.search.simulation import simulate

BLOCK = {"step": "ship"}
NAMES = ["tanh(x)", "exp(x)", "relu(x)"]
MOST_BYTES = 20_000_000


def make(folder: Path) -> pd.DataFrame:
    """A folder with one table, ``tiny``, without what only audits read; its scores."""
    place = folder / "tiny"
    table = build_table(TRIALS)
    write_table(place / shipped.TABLE, table, BLOCK)
    write_table(place / shipped.RUNS, runs_table(TRIALS), BLOCK)
    write_table(place / shipped.MAP, pd.DataFrame({"name": NAMES, "union_x": [1.0, 2, 3]}), BLOCK)
    write_table(place / shipped.TRIALS, pd.DataFrame({"slug": []}), BLOCK)
    cdfs = np.array([[0.25, 1.0], [np.nan, np.nan], [0.5, 1.0]])
    write_arrays(place / shipped.FISHER, pack_cdfs(NAMES, cdfs, ["a"], [2], [4]), BLOCK)
    return table


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "ships")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return make(tmp_path / "ships")


def test_a_table_is_read_by_name_folder_and_file(table: pd.DataFrame) -> None:
    place = Path("../ships/tiny")
    for path in ("tiny", place, str(place), place / shipped.TABLE):
        pd.testing.assert_frame_equal(load_benchmark(path), table)


def test_a_name_goes_before_a_folder_of_that_name(table: pd.DataFrame) -> None:
    other = build_table(TRIALS[:1])
    for name in ("tiny", "mine"):
        write_table(f"{name}/{shipped.TABLE}", other, BLOCK)
    assert len(load_benchmark("tiny")) == len(table)
    assert len(load_benchmark("./tiny")) == len(load_benchmark("mine")) == 1


@pytest.mark.parametrize("load", [load_benchmark, load_runs, load_map])
def test_an_unknown_name_lists_what_ships(load: object, table: pd.DataFrame) -> None:
    with pytest.raises(BenchmarkError, match=r"tony.*tables that ship: tiny"):
        load("tony")  # type: ignore[operator]
    with pytest.raises(ArtifactError, match=r"tony.*tables that ship: tiny"):
        load_features("tony")


def test_without_the_folder_it_is_said_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "nowhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchmarkError, match=r"data/act-bench-small of the repository"):
        load_benchmark("mnist1d-mlp")


def test_runs_map_and_features(table: pd.DataFrame) -> None:
    runs = load_runs("tiny")
    medians = runs.groupby("name")["validation_score"].median()
    assert medians.tolist() == table["validation_score"].tolist()
    assert load_map("tiny")["name"].tolist() == NAMES
    assert load_map("../ships/tiny")["union_x"].tolist() == [1.0, 2.0, 3.0]
    found = load_features("tiny")
    assert found.names == NAMES
    x = normal_samples()
    np.testing.assert_allclose(found.outputs, [np.tanh(x), np.exp(x), np.maximum(x, 0)], rtol=1e-15)
    np.testing.assert_array_equal(found.fisher, [[0.25, 1.0], [np.nan, np.nan], [0.5, 1.0]])


def test_what_is_public() -> None:
    assert {"load_benchmark", "load_features", "load_map", "load_runs"} <= set(actsearch.__all__)


# The tables of this repository.

ours = pytest.mark.skipif(
    not shipped.is_shipped(shipped.FOLDER), reason="no tables in data/act-bench-small yet"
)
OURS = shipped.tables_in(shipped.FOLDER)


@ours
@pytest.mark.slow
def test_our_tables_pass_the_audit_and_are_small() -> None:
    load_commands()
    done = CliRunner().invoke(app, ["audit", str(shipped.FOLDER)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    files = [path for path in shipped.FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


@ours
@pytest.mark.parametrize("name", OURS)
def test_each_of_our_tables_is_whole(name: str) -> None:
    table, runs, map_table = load_benchmark(name), load_runs(name), load_map(name)
    assert len(runs) == table["n_runs"].sum()
    assert sorted(map_table["name"]) == table["name"].tolist()
    medians = runs.groupby("name")["validation_score"].median()
    np.testing.assert_array_equal(medians, table["validation_score"])
    features = load_features(name)
    assert features.names == map_table["name"].tolist()
    present = np.isfinite(features.fisher).all(axis=1)
    np.testing.assert_array_equal(present, map_table["has_fisher"])
    np.testing.assert_array_equal(
        np.isfinite(features.outputs).all(axis=1), map_table["has_outputs"]
    )


@ours
@pytest.mark.parametrize("name", OURS)
def test_a_search_is_simulated_without_training(name: str) -> None:
    settings = Simulation(strategies=["random", "union-knr"], runs=3, evaluations=40)
    table, map_table = load_benchmark(name), load_map(name)
    for strategy in settings.strategies:
        found = simulate(strategy, table, map_table, settings)
        assert len(found) == 3 * 40
        assert (found["regret"] >= 0).all()
