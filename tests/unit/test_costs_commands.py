"""The commands that measure what functions cost: which rows they write, and what stops them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from final_trials import make_source
from small_experiment import SMALL
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import parse_config
from actsearch.functions.baselines import BASELINES
from actsearch.networks import function_cost
from actsearch.networks.function_cost import Cost, Meter
from actsearch.plan.dependencies import step_settings
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_csv, read_table, write_csv, write_table
from actsearch.search.final_costs import FinalCosts
from actsearch.search.finalists import choose_candidates
from actsearch.training import compilation

NAMES = [*BASELINES, "erf(x)"]


def configured(compile: str = "none", **final: Any) -> dict[str, Any]:
    values = copy.deepcopy(SMALL)
    tiny = values["tasks"]["tiny"]
    tiny["recipe"]["compile"] = compile
    tiny["final"] |= final
    return values


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Modes and functions that are measured, in place of measuring them."""
    asked: list[tuple[str, str]] = []

    def measure(mode: str) -> Callable[..., Cost]:
        def cost(self: Meter, expression: Any) -> Cost:
            asked.append((mode, expression.name))
            return Cost(1.0, 2.0, 1.5, 4.0, 0.25)

        return cost

    def in_rounds(self: Meter, expressions: Any, rounds: int, progress: Any) -> list[Cost]:
        return [self.eager(expression) for expression in expressions]

    monkeypatch.setitem(function_cost.SHAPE, "cpu", (1, 2))
    monkeypatch.setattr(Meter, "eager_in_rounds", in_rounds)
    monkeypatch.setattr(Meter, "eager", measure("eager"))
    monkeypatch.setattr(Meter, "compiled", measure("compiled"))
    monkeypatch.setattr(compilation, "check_compiler", lambda device: None)
    monkeypatch.setattr(function_cost, "devices_here", lambda: [torch.device("cpu")])
    return asked


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    load_commands()
    candidates = choose_candidates(make_source({"erf(x)": 0.9}), [], 1)
    write_csv(tmp_path / "candidates.csv", candidates, {"step": "test"})
    return tmp_path


def call(values: dict[str, Any], *words: str) -> str:
    Path("config.yaml").write_text(yaml.safe_dump(values))
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def final_costs(values: dict[str, Any]) -> tuple[pd.DataFrame, str]:
    words = ["final-costs", "--task", "tiny", "--candidates", "candidates.csv", "--out", "c.csv"]
    told = call(values, *words)
    return read_csv("c.csv"), told


@pytest.mark.parametrize(
    ("values", "modes", "trains"),
    [
        (configured(), ["eager"], "eager"),
        (configured(compiled_costs=True), ["eager", "compiled"], "eager"),
        (configured("activations"), ["eager", "compiled"], "compiled"),
        (configured("network", compiled_costs=False), ["eager", "compiled"], "compiled"),
    ],
)
def test_compiled_functions_are_measured_where_the_task_compiles_or_it_is_asked_for(
    values: dict[str, Any],
    modes: list[str],
    trains: str,
    folder: Path,
    measured: list[tuple[str, str]],
) -> None:
    table, _ = final_costs(values)
    assert measured == [(mode, name) for mode in modes for name in NAMES]
    assert table["mode"].to_list() == modes * len(NAMES)
    assert set(table.loc[table["as_trained"], "mode"]) == {trains}
    assert table["as_trained"].sum() == len(NAMES)
    assert FinalCosts(table).to_compare(NAMES)[0] == trains
    block = read_provenance(folder / "c.csv")
    assert block["step"] == "final-costs" and list(block["inputs"]) == ["candidates.csv"]


def test_without_a_compiler_cells_are_empty(
    folder: Path, measured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(device: torch.device) -> None:
        raise compilation.CompilerError("no compiler here")

    monkeypatch.setattr(compilation, "check_compiler", missing)
    table, told = final_costs(configured("activations"))
    compiled = table[table["mode"] == "compiled"]
    assert len(compiled) == len(NAMES) and {mode for mode, _ in measured} == {"eager"}
    numbers = ["forward", "backward", "both", "bytes_kept", "relu_seconds", "compile_seconds"]
    assert compiled[numbers].isna().all(axis=None)
    assert "costs of tiny: none of compiled functions; no compiler here" in told
    costs = FinalCosts(table)
    assert costs.to_compare(NAMES)[0] == "eager"
    assert costs.of("erf(x)")["compiled"] is None


def test_a_function_that_cannot_be_compiled_stops_no_other(
    folder: Path, measured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = Meter.compiled

    def stumbling(self: Meter, expression: Any) -> Cost:
        if expression.name == "tanh(x)":
            raise RuntimeError("cannot be traced")
        return compiled(self, expression)

    monkeypatch.setattr(Meter, "compiled", stumbling)
    table, told = final_costs(configured(compiled_costs=True))
    lost = table[table["both"].isna()]
    assert list(lost["name"]) == ["tanh(x)"] and list(lost["mode"]) == ["compiled"]
    assert "tanh(x) cannot be compiled: cannot be traced" in told


def test_only_what_decides_whether_functions_are_compiled_is_a_setting() -> None:
    def told(**changes: Any) -> dict[str, Any]:
        return step_settings("final-costs", parse_config(configured(**changes)), "tiny")

    assert told() == {"tasks": {"tiny": {"recipe": {"compile": "none"}, "final": {}}}}
    assert told(seeds=[8, 9]) == told()
    assert told(compile="network")["tasks"]["tiny"]["recipe"] == {"compile": "network"}
    assert told(compiled_costs=True)["tasks"]["tiny"]["final"] == {"compiled_costs": True}
    on_gpu = configured()
    on_gpu["tasks"]["tiny"]["resources"] = {"gpu": 1}
    settings = step_settings("final-costs", parse_config(on_gpu), "tiny")
    assert settings["tasks"]["tiny"]["resources"] == {"gpu": True}
    usual, asked = (parse_config(configured(**c)) for c in ({}, {"compiled_costs": True}))
    for step in ("finalists", "train-final", "final"):
        assert step_settings(step, usual, "tiny") == step_settings(step, asked, "tiny")


# Of a whole space


@pytest.fixture
def listed(folder: Path) -> list[str]:
    """Names of a space's functions, listed in ``f.parquet`` among one that was not selected."""
    call(configured(), "enumerate", "--space", "small", "--out", "f.parquet")
    table = read_table(folder / "f.parquet")
    return list(table[table["position"].notna()].sort_values("position")["name"])


def space_costs() -> str:
    words = ["costs", "--space", "small", "--functions", "f.parquet", "--out", "c.parquet"]
    return call(configured(), *words)


def test_every_function_of_a_space_is_measured(
    listed: list[str], folder: Path, measured: list[tuple[str, str]]
) -> None:
    space_costs()
    table = read_table(folder / "c.parquet")
    assert list(table["name"]) == listed == [name for _, name in measured]
    assert set(table["mode"]) == {"eager"}
    columns = "name slug device processor mode forward backward both bytes_kept relu_seconds"
    assert list(table.columns) == columns.split()
    block = read_provenance(folder / "c.parquet")
    assert block["wildcards"] == {"space": "small"} and "settings" not in block


def test_a_job_that_was_stopped_is_gone_on_with(
    listed: list[str],
    folder: Path,
    measured: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eager = Meter.eager

    def stopping(self: Meter, expression: Any) -> Cost:
        if len(measured) == 5:
            raise KeyboardInterrupt
        return eager(self, expression)

    with monkeypatch.context() as patch:
        patch.setattr(Meter, "eager", stopping)
        words = ["costs", "--space", "small", "--functions", "f.parquet", "--out", "c.parquet"]
        assert CliRunner().invoke(app, words).exit_code
    assert not (folder / "c.parquet").exists()
    told = space_costs()
    assert "goes on after 5 rows" in told
    assert [name for _, name in measured] == listed
    assert list(read_table(folder / "c.parquet")["name"]) == listed
    assert not list(folder.glob(".c.parquet*"))


def test_other_functions_are_measured_anew(
    listed: list[str], folder: Path, measured: list[tuple[str, str]]
) -> None:
    space_costs()
    del measured[:]
    table = read_table(folder / "f.parquet")
    table.loc[table["name"] == "relu(x)", "position"] = float("nan")
    write_table(folder / "f.parquet", table, {"step": "test"})
    space_costs()
    assert [name for _, name in measured] == [name for name in listed if name != "relu(x)"]
