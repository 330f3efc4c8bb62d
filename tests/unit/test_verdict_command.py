"""The command that shows the last comparison of a task."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commanding import flat, refused, said
from result_folders import trial

from actsearch.cli.app import load_commands
from actsearch.functions.expressions import parse
from actsearch.report.verdict_table import escaped
from actsearch.search.final import compare as final_comparison


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_commands()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Results with a last comparison as its step makes it."""
    rng = np.random.default_rng(0)
    functions = {"relu(x)": 0.6, "tanh(x)": 0.5, "mul(x,sigmoid(x))": 0.7, "abs(x)": 0.6}
    trials = []
    for name, level in functions.items():
        content = trial(name, [level] * 7, list(range(7)))
        for one in content["runs"]:
            one |= {"test_score": float(level + 0.01 * rng.normal()), "test_loss": 1.0}
            one |= {"validation_error": None, "test_error": None}
        trials.append(content | {"examples": {"test": 500}, "fitted_on": ["train"]})
    candidates = pd.DataFrame(
        {
            "name": list(functions),
            "slug": [parse(name).slug for name in functions],
            "kind": ["baseline", "baseline", "found", "found"],
            "score": "accuracy",
            "validation_error": 0.01,
            "validation_score": list(functions.values()),
        }
    )
    final = final_comparison(trials, candidates, 0.05)
    place = tmp_path_factory.mktemp("compared") / "results/under_score"
    place.mkdir(parents=True)
    (place / "final.json").write_text(json.dumps(final | {"task": "under_score"}))
    return "--results", str(place.parent)


def test_verdict_has_the_full_precision_of_the_comparison(compared: tuple[str, str]) -> None:
    final = json.loads((Path(compared[1]) / "under_score/final.json").read_text())
    known = {function["name"]: function for function in final["functions"]}
    rows = json.loads(said("verdict", "under_score", *compared, "--format", "json"))
    table = pd.read_csv(io.StringIO(said("verdict", "under_score", *compared, "--format", "csv")))
    assert table["name"].tolist() == [row["name"] for row in rows]
    means = [row["test_mean"] for row in rows]
    assert means == sorted(means, reverse=True) and len(rows) == 4
    for row in rows:
        of = known[row["name"]]
        assert row["test_mean"] == np.mean(of["test_scores"])
        assert row["test_deviation"] == pytest.approx(np.std(of["test_scores"], ddof=1))
        assert row["seeds"] == 7 and row["verdict"] == of["verdict"]
        if row["best_baseline"]:
            assert row["difference"] is row["p_holm"] is None and row["name"] == "relu(x)"
        else:
            ends = [of["difference"][key] for key in ("mean", "low", "high", "p", "p_holm")]
            assert [row[k] for k in ("difference", "low", "high", "p", "p_holm")] == ends
    np.testing.assert_array_equal(table["test_mean"], means)
    assert [row["name"] for row in rows if row["chosen"]] == ["mul(x,sigmoid(x))"]


def test_verdict_for_people_and_papers(compared: tuple[str, str]) -> None:
    text = flat(said("verdict", "under_score", *compared))
    assert "best baseline" in text and "over 7 seeds, on 500 test examples" in text
    assert "after Holm's correction for 3 comparisons" in text
    latex = said("verdict", "under_score", *compared, "--format", "latex")
    assert latex.startswith(r"% needs \usepackage{amsmath,booktabs}")
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 5 and {row.count(" & ") for row in rows} == {5}
    for line in latex.splitlines():
        if line.startswith("%"):
            continue
        outside = re.sub(r"\$[^$]*\$", "", line)
        assert line.count("$") % 2 == 0
        assert not re.search(r"(?<!\\)[_%#^]", outside), outside


def test_verdict_without_a_comparison_is_one_error(
    compared: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "results/digits/trials").mkdir(parents=True)
    options = ("--results", str(tmp_path / "results"))
    assert "final.json does not exist yet; it is made by: snakemake" in refused(
        "verdict", "digits", *options
    )
    assert "a last comparison does not ship" in refused("verdict", "mnist1d-mlp")


@pytest.mark.parametrize(
    ("text", "meant"), [("a_b%c", r"a\_b\%c"), ("~^", r"\textasciitilde{}\textasciicircum{}")]
)
def test_text_for_latex_is_escaped(text: str, meant: str) -> None:
    assert escaped(text) == meant
