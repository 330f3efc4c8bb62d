"""Functions of other tasks that meet the baselines, and the function that is chosen."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from final_trials import BEST, OTHER, make_source, make_trial, rows, shifted
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import ConfigError
from actsearch.functions.baselines import BASELINES
from actsearch.functions.equivalence import normal_samples
from actsearch.functions.expressions import parse
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_csv, write_table
from actsearch.search.chosen import final_activation
from actsearch.search.final import compare
from actsearch.search.finalists import choose_candidates, choose_from_tasks

POOL = [
    "erf(x)",
    "add(erf(x),zero(x))",
    "identity(erf(x))",
    "cosh(x)",
    "cosh(abs(x))",
    "max(x,zero(x))",  # relu(x)
    "identity(tanh(x))",
    "sinh(x)",
    "arctan(x)",
    "abs(x)",
]
VALUES = {name: parse(name)(normal_samples()) for name in [*POOL, *BASELINES]}


def equal(one: str, two: str) -> bool:
    return np.allclose(VALUES[one], VALUES[two], rtol=1e-12, atol=1e-12)


def brute_force(tables: dict[str, dict[str, float]], n: int) -> list[tuple[str, str]] | None:
    """Turn by turn, the best function of a task that equals nothing chosen before."""
    chosen: list[tuple[str, str]] = []
    for _, task in itertools.product(range(n), tables):
        given_before = [*BASELINES, *(name for _, name in chosen)]
        new = [f for f in tables[task] if not any(equal(f, other) for other in given_before)]
        if not new:
            return None
        chosen.append((task, min(new, key=lambda f: (-tables[task][f], parse(f).size, f))))
    return chosen


scores = st.dictionaries(st.sampled_from(POOL), st.sampled_from([0.2, 0.4, 0.6, 0.8]))


@settings(max_examples=60)
@given(st.lists(scores, min_size=1, max_size=3), st.integers(1, 3))
def test_tasks_take_turns(found: list[dict[str, float]], n: int) -> None:
    tables = {f"task{number}": table for number, table in enumerate(found)}
    sources = {task: [make_source(table)] for task, table in tables.items()}
    expected = brute_force(tables, n)
    if expected is None:
        with pytest.raises(ValueError, match=f"wants {n} functions of task 'task"):
            choose_from_tasks(sources, n)
        return
    candidates = choose_from_tasks(sources, n)
    assert candidates["slot"].to_list() == list(range(8 + n * len(tables)))
    assert candidates["name"].to_list() == [*BASELINES, *(name for _, name in expected)]
    assert candidates["slug"].to_list() == [parse(name).slug for name in candidates["name"]]
    assert candidates["kind"].to_list() == ["baseline"] * 8 + ["found"] * len(expected)
    assert candidates["from_task"].to_list()[8:] == [task for task, _ in expected]
    assert candidates["score_there"].to_list()[8:] == [tables[t][f] for t, f in expected]
    assert candidates[["from_task", "score_there"]][:8].isna().all(axis=None)


def test_one_task_alone_ranks_as_for_itself() -> None:
    sources = [make_source({"erf(x)": 0.6}), make_source({"sinh(x)": 0.7, "erf(x)": 0.9})]
    own = choose_candidates(sources[0], sources[1:], 2)
    other = choose_from_tasks({"old": sources}, 2)
    assert own["name"].to_list() == other["name"].to_list() == [*BASELINES, "sinh(x)", "erf(x)"]
    assert other["score_there"].to_list()[8:] == own["validation_score"].to_list()[8:]


def test_a_task_without_files_is_named() -> None:
    with pytest.raises(ValueError, match="nothing to choose from of task 'b'"):
        choose_from_tasks({"a": [make_source({"erf(x)": 0.6})], "b": []}, 1)


# Comparing


def transfer(validation: dict[str, float], test: dict[str, list[float]]) -> dict[str, Any]:
    """erf(x) and sinh(x) of other tasks; scores default to 0.5 and OTHER."""
    first, second = make_source({"erf(x)": 0.9}), make_source({"sinh(x)": 0.3})
    candidates = choose_from_tasks({"a": [first], "b": [second]}, 1)
    trials = []
    for name in candidates["name"]:
        trial = make_trial(name, test.get(name, OTHER))
        for number, run in enumerate(trial["runs"]):
            run["validation_score"] = validation.get(name, 0.5) + 0.01 * (-1) ** number
        trials.append(trial)
    return compare(trials, candidates, 0.05)


def test_validation_in_the_same_trainings_chooses() -> None:
    result = transfer(
        {"tanh(x)": 0.6, "sinh(x)": 0.62, "erf(x)": 0.61},
        {"tanh(x)": BEST, "sinh(x)": shifted(-0.001), "erf(x)": shifted(0.03)},
    )
    assert result["candidates_from"] == ["a", "b"]
    assert result["best_baseline"] == "tanh(x)"
    assert (result["chosen"]["name"], result["chosen"]["slug"]) == ("sinh(x)", "sinh.x")
    assert "functions found, a mean over these trainings (62.00%;" in result["chosen"]["how"]
    by_name = rows(result)
    assert by_name["sinh(x)"]["validation_score"] == pytest.approx(0.62)
    assert (by_name["sinh(x)"]["from_task"], by_name["sinh(x)"]["score_there"]) == ("b", 0.3)
    assert "from_task" not in by_name["tanh(x)"]
    assert by_name["erf(x)"]["verdict"] == "better"
    assert (
        "chosen before the test, by validation: sinh(x), −0.10 points from the baseline's, a tie"
        in (result["conclusion"])
    )
    assert json.loads(json.dumps(result)) == result


def test_the_test_set_has_no_say() -> None:
    validation = {"tanh(x)": 0.6, "sinh(x)": 0.62, "erf(x)": 0.61}
    one = transfer(validation, {})
    two = transfer(validation, {"relu(x)": BEST, "erf(x)": shifted(0.03), "sinh(x)": [0.0] * 10})
    for key in ("best_baseline", "chosen"):
        assert one[key] == two[key]


def test_ties_go_to_the_first() -> None:
    # Both are found, with the same scores at other seeds.
    result = transfer({}, {})
    assert result["best_baseline"] == BASELINES[0]
    assert result["chosen"]["name"] == "erf(x)"


def test_functions_of_the_task_itself_were_chosen_before() -> None:
    candidates = choose_candidates(make_source({"erf(x)": 0.9, "sinh(x)": 0.95}), [], 2)
    trials = [make_trial(name, OTHER) for name in candidates["name"][:-1]]
    trials.append(make_trial("erf(x)", BEST))
    result = compare(trials, candidates, 0.05)
    assert result["candidates_from"] == []
    assert result["chosen"] == {
        "name": "sinh(x)",
        "slug": "sinh.x",
        "how": "the best validation accuracy of the functions found, before this comparison "
        "(95.00%, of an unknown standard error: only equals tie)",
        "best_validation": "sinh(x)",
        "tied": ["sinh(x)"],
        "standard_error": None,
        "compared": None,
    }


def test_a_run_without_validation_score_is_named() -> None:
    candidates = choose_from_tasks({"a": [make_source({"erf(x)": 0.9})]}, 1)
    trials = [make_trial(name, OTHER) for name in candidates["name"]]
    with pytest.raises(ValueError, match=r"a run of elu\(x\) has no validation score"):
        compare(trials, candidates, 0.05)


# The file of the chosen function


@pytest.mark.parametrize(
    "scores, verdict",
    [
        (shifted(0.03), "Verdict: better than the baseline (+3.00 points"),
        (shifted(0.001), "Verdict: a tie, the difference is not significant (+0.10 points"),
        (shifted(-0.03), "Verdict: worse than the baseline (-3.00 points"),
    ],
)
def test_the_file_says_what_the_comparison_says(scores: list[float], verdict: str) -> None:
    result = transfer({"tanh(x)": 0.6, "erf(x)": 0.61}, {"tanh(x)": BEST, "erf(x)": scores})
    source, missing = final_activation(result, "new", "actsearch final-activation ...")
    assert not missing
    text = " ".join(source.split())
    assert "chosen on the task new. Needs torch alone. Made by: actsearch final-activation" in text
    assert "class FinalActivation(nn.Module):" in source
    assert "f(x) = erf(x), elementwise; without parameters." in text
    assert "functions were the best of a, b; this one comes from a (validation accuracy" in text
    mean = f"{100 * np.mean(scores):.2f}% (mean over 10 seeds, 437 examples)"
    assert f"Test accuracy: {mean}; the best baseline, tanh(x): 90.40%. {verdict}" in text
    assert "diverged" not in text


# The command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    task = {
        "data": "digits",
        "model": "digits-cnn",
        "recipe": {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 8},
    }
    other = task | {"benchmark": {"space": "few"}, "final": {"functions": 1}}
    final = {"functions": 1, "candidates_from": ["b", "a"]}
    split = {"train": 200, "validation": 100, "test": 100}
    config = {
        "data": {"digits": {"source": "digits", "split": split}},
        "spaces": {"few": {"include": ["baselines"]}},
        "tasks": {"a": other, "b": other, "new": task | {"final": final}},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    write_table(
        tmp_path / "a.parquet", make_source({"erf(x)": 0.6, "sinh(x)": 0.5}), {"step": "test"}
    )
    write_table(tmp_path / "b.parquet", make_source({"erf(x)": 0.7}), {"step": "test"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    load_commands()
    return tmp_path


def finalists(*arguments: str) -> BaseException | None:
    return CliRunner().invoke(app, ["finalists", "--out", "c.csv", *arguments]).exception


def test_tasks_are_asked_in_the_order_of_the_configuration(folder: Path) -> None:
    assert not finalists("--task", "new", "--from", "a=a.parquet", "--from", "b=b.parquet")
    table: pd.DataFrame = read_csv(folder / "c.csv")
    assert table["name"].to_list()[8:] == ["erf(x)", "sinh(x)"]
    assert table["from_task"].to_list()[8:] == ["b", "a"]
    block = read_provenance(folder / "c.csv")
    assert set(block["inputs"]) == {"a.parquet", "b.parquet"}
    final = block["settings"]["tasks"]["new"]["final"]
    assert final == {"functions": 1, "candidates_from": ["b", "a"]}


def test_files_of_tasks_that_are_not_asked_are_refused(folder: Path) -> None:
    error = finalists("--task", "new", "--from", "c=a.parquet")
    assert isinstance(error, ConfigError) and "tasks: b, a" in str(error)
    error = finalists("--task", "new", "--table", "a.parquet")
    assert isinstance(error, ConfigError) and "names other tasks" in str(error)
    error = finalists("--task", "a", "--from", "b=b.parquet")
    assert isinstance(error, ConfigError) and "there is no candidates_from" in str(error)
    error = finalists("--task", "new", "--from", "b=b.parquet")
    assert "nothing to choose from of task 'a'" in str(error)
