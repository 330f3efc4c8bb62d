"""The last comparison, its sentence and its file of a task that is scored by R2."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from final_trials import BEST, OTHER, make_source, make_trial, rows, shifted

from actsearch.functions.baselines import BASELINES
from actsearch.search.chosen import final_activation
from actsearch.search.final import compare
from actsearch.search.finalists import choose_candidates, choose_from_tasks
from actsearch.search.paired import paired_difference


def comparison(
    erf: list[float], *, diverged: tuple[int, ...] = (), worst: float = -4.0
) -> dict[str, Any]:
    """elu(x) the best baseline, the others worse than the mean predictor; erf(x) found."""
    source = make_source({"erf(x)": 0.9}, baselines=-2.0, score="R2")
    source.loc[source["name"] == "elu(x)", "validation_score"] = 0.55
    values = {name: [worst * value for value in OTHER] for name in BASELINES}
    values |= {"elu(x)": BEST, "erf(x)": erf}
    trials = [
        make_trial(name, of, diverged if name == "erf(x)" else (), score="R2", failure=0.0)
        for name, of in values.items()
    ]
    return compare(trials, choose_candidates(source, [], 1), 0.05)


def test_numbers_are_written_as_r2_is() -> None:
    result = comparison(shifted(0.03))
    assert result["score"] == "R2"
    best = "the best validation R² of the functions found, before this comparison (0.9000, of an"
    assert result["chosen"]["how"].startswith(best)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    text = result["conclusion"]
    assert text.startswith("1 of 1 found functions is better than the best baseline elu(x) (mean ")
    assert "(mean test R² 0.9040 over 10 seeds on these 437 test examples)" in text
    assert "erf(x), +0.0300 from the baseline's (uncorrected 95% interval over seeds" in text
    assert "over seeds +0.0279 to +0.0321, p =" in text
    assert "%" not in text.replace("95% interval", "") and "points" not in text


def test_verdicts_are_those_of_accuracies_that_lie_as_far_apart() -> None:
    result = comparison(shifted(0.03))
    for name, row in rows(result).items():
        if name != "elu(x)":
            apart = paired_difference(row["test_scores"], BEST)
            assert {key: row["difference"][key] for key in apart} == apart
    assert rows(result)["erf(x)"]["verdict"] == "better"
    assert rows(result)["relu(x)"]["verdict"] == "worse"
    assert rows(result)["relu(x)"]["test_score_mean"] < -3


def test_a_run_that_diverged_counts_with_the_mean_predictor() -> None:
    result = comparison(shifted(0.03), diverged=(2,))
    assert rows(result)["erf(x)"]["test_scores"][2] == 0.0
    told = "diverged runs (1 of 90) count with the R² of the mean predictor"
    assert told in result["conclusion"]
    source, _ = final_activation(result, "waves", "make")
    text = " ".join(source.split())
    assert "1 of 10 runs diverged and count with the R² of the mean predictor." in text


def test_a_seed_that_went_very_wrong_decides_nothing_by_itself() -> None:
    lost = shifted(0.03)
    lost[4] = -3e9
    result = comparison(lost, worst=-1e12)
    assert rows(result)["erf(x)"]["verdict"] == "tie"
    assert rows(result)["relu(x)"]["verdict"] == "worse"
    assert "erf(x), −3.000e+08 from the baseline's" in result["conclusion"]
    assert len(result["conclusion"]) < 500


@pytest.mark.parametrize("shift", [0.03, -0.03, 0.001])
def test_the_file_says_it_in_the_scores_own_form(shift: float) -> None:
    result = comparison(shifted(shift))
    source, missing = final_activation(result, "waves", "make")
    assert not missing
    text = " ".join(source.split())
    mean = f"{np.mean(shifted(shift)):.4f} (mean over 10 seeds, 437 examples)"
    assert f"Test R²: {mean}; the best baseline, elu(x): 0.9040. Verdict: " in text
    apart = re.escape(f"{shift:+.4f}")
    assert re.search(rf"\({apart}, 95% interval over seeds [+-]0\.\d{{4}} to ", text)
    assert "the best validation R² of the functions found, before this comparison (0.9000" in text
    assert "points" not in text and "ccuracy" not in text
    compile(source, "final_activation.py", "exec")


def test_scores_of_other_tasks_are_told_in_their_own_form() -> None:
    sources = {
        "digits": [make_source({"erf(x)": 0.9781})],
        "waves": [make_source({"sinh(x)": -12345.6}, baselines=-1e9, score="R2")],
    }
    candidates = choose_from_tasks(sources, 1)
    for here, there, written in (
        ("R2", "erf(x)", "comes from digits (validation accuracy there: 97.81%)"),
        ("accuracy", "sinh(x)", "comes from waves (validation R² there: -1.235e+04)"),
    ):
        trials = []
        for name in candidates["name"]:
            trial = make_trial(name, OTHER, score=here)
            for run in trial["runs"]:
                run["validation_score"] = 0.7 if name == there else 0.6
            trials.append(trial)
        result = compare(trials, candidates, 0.05)
        assert result["score"] == here
        by_name = rows(result)
        assert by_name["erf(x)"]["scored_there_by"] == "accuracy"
        assert by_name["sinh(x)"]["scored_there_by"] == "R2"
        assert "scored_there_by" not in by_name["relu(x)"]
        text = " ".join(final_activation(result, "new", "make")[0].split())
        assert written in text
        shown = {"R2": "R²", "accuracy": "accuracy"}[here]
        best = {"R2": "0.7000", "accuracy": "70.00%"}[here]
        told = f"the best validation {shown} of the functions found, a mean over these trainings"
        assert f"{told} ({best}; " in text
        assert json.loads(json.dumps(result, allow_nan=False)) == result
