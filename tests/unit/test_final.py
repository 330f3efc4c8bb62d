from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from actsearch.functions.expressions import parse
from actsearch.functions.operators import BASELINES
from actsearch.search.final import choose_candidates, compare
from actsearch.search.paired import holm, paired_difference

SEEDS = (100, 101, 102, 103, 104)
accuracy = st.floats(0, 1, allow_nan=False)


def make_source(found: dict[str, float], baselines: float = 0.5) -> pd.DataFrame:
    accuracies = dict.fromkeys(BASELINES, baselines) | found
    return pd.DataFrame(
        {
            "name": list(accuracies),
            "slug": [parse(name).slug for name in accuracies],
            "validation_accuracy": list(accuracies.values()),
        }
    )


def found_names(candidates: pd.DataFrame) -> list[str]:
    return candidates[candidates["kind"] == "found"]["name"].to_list()


# Choosing


def test_baselines_then_the_best() -> None:
    table = make_source({"erf(x)": 0.7, "cosh(x)": 0.3, "sinh(x)": 0.9, "exp(x)": 0.8})
    candidates = choose_candidates(table.sample(frac=1, random_state=0), [], 3)
    columns = ["slot", "name", "slug", "kind", "validation_accuracy"]
    assert candidates.columns.to_list() == columns
    assert candidates["slot"].to_list() == list(range(11))
    assert candidates["name"].to_list() == [*BASELINES, "sinh(x)", "exp(x)", "erf(x)"]
    assert candidates["kind"].to_list() == ["baseline"] * 8 + ["found"] * 3
    assert candidates["slug"].to_list()[-1] == "erf.x"
    assert candidates["validation_accuracy"].to_list() == [0.5] * 8 + [0.9, 0.8, 0.7]


def test_functions_equal_to_a_baseline_or_to_each_other_count_once() -> None:
    table = make_source(
        {
            "max(x,zero(x))": 0.99,  # relu(x)
            "identity(relu(x))": 0.98,
            "add(erf(x),zero(x))": 0.97,
            "erf(x)": 0.96,
            "sub(erf(x),zero(x))": 0.95,
            "cosh(x)": 0.1,
        }
    )
    assert found_names(choose_candidates(table, [], 2)) == ["add(erf(x),zero(x))", "cosh(x)"]
    with pytest.raises(ValueError, match="wants 3 functions besides the baselines; only 2 dist"):
        choose_candidates(table, [], 3)


def test_equal_accuracies_go_to_the_smaller_expression_then_by_name() -> None:
    table = make_source({"abs(sinh(x))": 0.6, "sinh(x)": 0.6, "erf(x)": 0.6, "cosh(x)": 0.6})
    expected = ["cosh(x)", "erf(x)", "sinh(x)", "abs(sinh(x))"]
    assert found_names(choose_candidates(table, [], 4)) == expected


def test_sources_are_joined_and_the_first_has_the_word() -> None:
    table = make_source({"erf(x)": 0.6})
    first = make_source({"erf(x)": 0.9, "sinh(x)": 0.7}, baselines=0.1).assign(round=0)
    second = make_source({"sinh(x)": 0.2, "exp(x)": 0.65})
    candidates = choose_candidates(table, [first, second], 3)
    assert found_names(candidates) == ["sinh(x)", "exp(x)", "erf(x)"]
    assert candidates["validation_accuracy"].to_list() == [0.5] * 8 + [0.7, 0.65, 0.6]
    alone = choose_candidates(None, [first], 2)
    assert found_names(alone) == ["erf(x)", "sinh(x)"]
    assert alone["validation_accuracy"].to_list() == [0.1] * 8 + [0.9, 0.7]


def test_nothing_to_choose_from() -> None:
    with pytest.raises(ValueError, match="nothing to choose from"):
        choose_candidates(None, [], 1)
    table = make_source({"erf(x)": 0.6})
    with pytest.raises(ValueError, match=r"lacks the baselines softplus\(x\)"):
        choose_candidates(table[table["name"] != "softplus(x)"], [], 1)


# Statistics


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04 -> 0.06 (never falls).
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.3, 0.9, 0.001]) == pytest.approx([0.6, 0.9, 0.003])
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_what_the_step_down_procedure_rejects(
    p_values: list[float], level: float
) -> None:
    rejected = set()
    remaining = sorted(range(len(p_values)), key=lambda i: p_values[i])
    while remaining and p_values[remaining[0]] * len(remaining) < level:
        rejected.add(remaining.pop(0))
    corrected = holm(p_values)
    assert {i for i, p in enumerate(corrected) if p < level} == rejected
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))


@given(st.lists(st.tuples(accuracy, accuracy), min_size=2, max_size=10))
def test_paired_difference_is_the_textbook_one(pairs: list[tuple[float, float]]) -> None:
    a, b = map(list, zip(*pairs, strict=True))
    d = np.subtract(a, b)
    result = paired_difference(a, b)
    assert result["mean"] == pytest.approx(d.mean(), abs=1e-12)
    assert result["low"] <= result["mean"] + 1e-12
    assert result["mean"] <= result["high"] + 1e-12
    if np.ptp(d) < 1e-9:
        return
    error = d.std(ddof=1) / np.sqrt(len(d))
    reach = stats.t.ppf(0.975, len(d) - 1) * error
    assert result["test"] == "paired t"
    assert result["low"] == pytest.approx(d.mean() - reach, rel=1e-6, abs=1e-9)
    assert result["high"] == pytest.approx(d.mean() + reach, rel=1e-6, abs=1e-9)
    p = 2 * stats.t.sf(abs(d.mean()) / error, len(d) - 1)
    assert result["p"] == pytest.approx(p, rel=1e-6, abs=1e-12)


@pytest.mark.filterwarnings("error")
def test_the_same_difference_at_every_seed_is_not_called_certain() -> None:
    higher = paired_difference([0.91, 0.93, 0.92, 0.94, 0.90], [0.90, 0.92, 0.91, 0.93, 0.89])
    assert higher["test"] == "sign flip"
    assert higher["p"] == 1 / 16
    assert higher["low"] == higher["high"] == higher["mean"] == pytest.approx(0.01)
    equal = paired_difference([0.9, 0.8], [0.9, 0.8])
    assert equal == {"mean": 0.0, "low": 0.0, "high": 0.0, "p": 1.0, "test": "sign flip"}


def test_the_sign_flip_p_is_that_of_all_sign_flips() -> None:
    n = 6
    signs = np.array(np.meshgrid(*[[-1, 1]] * n)).reshape(n, -1).T
    as_extreme = np.abs((0.01 * signs).mean(axis=1)) >= 0.01 - 1e-12
    assert paired_difference([0.51] * n, [0.5] * n)["p"] == as_extreme.mean()


# Comparing


def make_trial(
    name: str, accuracies: Sequence[float], diverged: Sequence[int] = (), seeds: Any = SEEDS
) -> dict[str, Any]:
    runs = [
        {
            "seed": seed,
            "status": "diverged" if i in diverged else "completed",
            "test_accuracy": 0.1 if i in diverged else value,
        }
        for i, (seed, value) in enumerate(zip(seeds, accuracies, strict=True))
    ]
    status = "partial" if diverged else "completed"
    return {"function": name, "slug": parse(name).slug, "status": status, "runs": runs}


BEST = [0.90, 0.91, 0.89, 0.92, 0.90]
OTHER = [0.80, 0.83, 0.80, 0.81, 0.82]


def make_candidates(found: dict[str, float], best: str = "elu(x)") -> pd.DataFrame:
    source = make_source(found)
    source.loc[source["name"] == best, "validation_accuracy"] = 0.55
    return choose_candidates(source, [], len(found))


def make_comparison(
    found: dict[str, list[float]], significance: float = 0.05, **changed: dict[str, Any]
) -> dict[str, Any]:
    """elu(x) the best baseline, the others far worse, and ``found``."""
    trials = {name: make_trial(name, BEST if name == "elu(x)" else OTHER) for name in BASELINES}
    trials |= {name: make_trial(name, values) for name, values in found.items()}
    trials |= {trial["function"]: trial for trial in changed.values()}
    order = make_candidates({name: 0.9 - i / 100 for i, name in enumerate(found)})
    return compare(trials.values(), order, significance)


def shifted(shift: float, wobble: float = 0.002) -> list[float]:
    return [a + shift + wobble * w for a, w in zip(BEST, (1, -1, 0, 2, -2), strict=True)]


def rows(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in result["functions"]}


def test_the_shape_of_a_comparison() -> None:
    result = make_comparison({"erf(x)": shifted(0.03)})
    assert result["seeds"] == list(SEEDS)
    assert result["best_baseline"] == "elu(x)"
    assert [row["name"] for row in result["functions"]] == [*BASELINES, "erf(x)"]
    row = rows(result)["erf(x)"]
    assert row["slug"] == "erf.x"
    assert row["kind"] == "found"
    assert row["validation_accuracy"] == 0.9
    assert row["status"] == "completed"
    assert row["n_diverged"] == 0
    assert row["test_accuracies"] == shifted(0.03)
    assert row["test_accuracy_mean"] == pytest.approx(np.mean(shifted(0.03)))
    assert row["test_accuracy_std"] == pytest.approx(np.std(shifted(0.03), ddof=1))
    assert json.loads(json.dumps(result)) == result


def test_p_values_are_those_of_scipy_corrected_over_all_comparisons() -> None:
    result = make_comparison({"erf(x)": shifted(0.01), "sinh(x)": shifted(0.001, 0.01)})
    by_name = rows(result)
    assert by_name["elu(x)"]["difference"] is None
    assert by_name["elu(x)"]["verdict"] == "reference"
    compared = [row for row in result["functions"] if row["name"] != "elu(x)"]
    assert len(compared) == 9
    p = [float(stats.ttest_rel(row["test_accuracies"], BEST).pvalue) for row in compared]
    assert [row["difference"]["p"] for row in compared] == pytest.approx(p)
    assert [row["difference"]["p_holm"] for row in compared] == pytest.approx(holm(p))


def test_a_better_function_is_called_better() -> None:
    result = make_comparison({"erf(x)": shifted(0.03), "sinh(x)": shifted(-0.001)})
    assert rows(result)["erf(x)"]["verdict"] == "better"
    assert rows(result)["sinh(x)"]["verdict"] == "tie"
    assert rows(result)["relu(x)"]["verdict"] == "worse"
    assert "1 of 2 found functions is better than the best baseline elu(x)" in result["conclusion"]
    assert "erf(x), +0.0300 from" in result["conclusion"]
    assert "0.9040" in result["conclusion"]
    assert "tie" not in result["conclusion"].lower()


def test_a_tie_is_called_a_tie() -> None:
    result = make_comparison({"erf(x)": shifted(0.001), "sinh(x)": shifted(-0.001)})
    assert {rows(result)[name]["verdict"] for name in ("erf(x)", "sinh(x)")} == {"tie"}
    assert result["conclusion"].startswith("A tie: no found function (of 2) differs")
    assert "erf(x), +0.0010 from" in result["conclusion"]
    assert "better" not in result["conclusion"]
    assert result["conclusion"].count(". ") == 0


def test_worse_functions_are_called_worse() -> None:
    mixed = make_comparison({"erf(x)": shifted(-0.05), "sinh(x)": shifted(0.001)})
    assert mixed["conclusion"].startswith("A tie at best: of 2 found functions 1 cannot be told")
    assert "and 1 is worse" in mixed["conclusion"]
    worse = make_comparison({"erf(x)": shifted(-0.05), "sinh(x)": shifted(-0.06)})
    assert worse["conclusion"].startswith(
        "Every found function (2) is worse than the best baseline"
    )
    assert "erf(x), -0.0500" in worse["conclusion"]


def test_the_correction_can_turn_a_difference_into_a_tie() -> None:
    found = {"erf(x)": shifted(0.004), "sinh(x)": shifted(0.0001)}
    p = rows(make_comparison(found))["erf(x)"]["difference"]["p"]
    between = make_comparison(found, significance=1.5 * p)  # the second largest p counts twice
    assert rows(between)["erf(x)"]["verdict"] == "tie"
    assert between["conclusion"].startswith("A tie")
    assert rows(make_comparison(found, significance=2.1 * p))["erf(x)"]["verdict"] == "better"


def test_the_best_baseline_is_chosen_by_validation_not_by_test() -> None:
    result = make_comparison({"erf(x)": shifted(0.001)}, relu=make_trial("relu(x)", shifted(0.05)))
    assert result["best_baseline"] == "elu(x)"
    assert rows(result)["relu(x)"]["verdict"] == "better"
    assert "of the other baselines relu(x) is better than it" in result["conclusion"]
    tied = choose_candidates(make_source({"erf(x)": 0.9}), [], 1)
    trials = [make_trial(name, BEST) for name in tied["name"]]
    assert compare(trials, tied, 0.05)["best_baseline"] == BASELINES[0]


def test_a_diverged_seed_counts_with_chance_and_is_stated() -> None:
    result = make_comparison(
        {"erf(x)": shifted(0.03)}, erf=make_trial("erf(x)", shifted(0.03), diverged=[2])
    )
    row = rows(result)["erf(x)"]
    assert row["n_diverged"] == 1
    assert row["status"] == "partial"
    assert row["test_accuracies"][2] == 0.1
    assert row["verdict"] == "tie"
    assert "diverged runs (1 of 45) count with chance accuracy" in result["conclusion"]


def test_runs_are_paired_by_seed_not_by_position() -> None:
    values = shifted(0.03)
    turned = make_trial("erf(x)", values[::-1], seeds=SEEDS[::-1])
    assert make_comparison({"erf(x)": values}, erf=turned) == make_comparison({"erf(x)": values})


def test_equal_functions_tie() -> None:
    result = make_comparison({"erf(x)": list(BEST)})
    assert rows(result)["erf(x)"]["difference"]["p_holm"] == 1
    assert rows(result)["erf(x)"]["verdict"] == "tie"


def test_trials_must_match_the_candidates() -> None:
    candidates = make_candidates({"erf(x)": 0.9})
    trials = [make_trial(name, BEST) for name in candidates["name"]]
    with pytest.raises(ValueError, match=r"missing: \['erf\(x\)'\]"):
        compare(trials[:-1], candidates, 0.05)
    with pytest.raises(ValueError, match=r"not a candidate: \['exp\(x\)'\]"):
        compare([*trials, make_trial("exp(x)", BEST)], candidates, 0.05)
    with pytest.raises(ValueError, match=r"repeated: \['erf\(x\)'\]"):
        compare([*trials, trials[-1]], candidates, 0.05)


def test_seeds_must_match() -> None:
    candidates = make_candidates({"erf(x)": 0.9})
    trials = [make_trial(name, BEST) for name in candidates["name"]]
    other = make_trial("erf(x)", BEST, seeds=(100, 101, 102, 103, 7))
    with pytest.raises(ValueError, match=r"erf\(x\) was trained on the seeds \[100, .*, 7\]"):
        compare([*trials[:-1], other], candidates, 0.05)
    twice = make_trial("erf(x)", [*BEST, 0.9], seeds=(*SEEDS, 100))
    with pytest.raises(ValueError, match="each once"):
        compare([*trials[:-1], twice], candidates, 0.05)
    single = [make_trial(name, [0.9], seeds=(1,)) for name in candidates["name"]]
    with pytest.raises(ValueError, match=r"at least two seeds, found \[1\]"):
        compare(single, candidates, 0.05)


def test_a_trial_without_test_accuracy() -> None:
    candidates = make_candidates({"erf(x)": 0.9})
    trials = [make_trial(name, BEST) for name in candidates["name"]]
    del trials[3]["runs"][1]["test_accuracy"]
    with pytest.raises(ValueError, match=r"a run of sigmoid\(x\) has no test accuracy"):
        compare(trials, candidates, 0.05)
