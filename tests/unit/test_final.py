"""The final comparison: who is compared, how, and what is concluded."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from final_trials import BEST, OTHER, SEEDS, found_names, make_source, make_trial, rows, shifted

from actsearch.functions.baselines import BASELINES
from actsearch.search.final import compare
from actsearch.search.finalists import choose_candidates
from actsearch.search.paired import holm, sign_flip_p

# Choosing


def test_baselines_then_the_best() -> None:
    table = make_source({"erf(x)": 0.7, "cosh(x)": 0.3, "sinh(x)": 0.9, "exp(x)": 0.8})
    candidates = choose_candidates(table.sample(frac=1, random_state=0), [], 3)
    columns = ["slot", "name", "slug", "kind", "validation_score"]
    columns += ["validation_error", "n_runs", "score"]
    assert candidates.columns.to_list() == columns
    assert candidates["slot"].to_list() == list(range(11))
    assert candidates["name"].to_list() == [*BASELINES, "sinh(x)", "exp(x)", "erf(x)"]
    assert candidates["kind"].to_list() == ["baseline"] * 8 + ["found"] * 3
    assert candidates["slug"].to_list()[-1] == "erf.x"
    assert candidates["validation_score"].to_list() == [0.5] * 8 + [0.9, 0.8, 0.7]


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


def test_equal_scores_go_to_the_smaller_expression_then_by_name() -> None:
    table = make_source({"abs(sinh(x))": 0.6, "sinh(x)": 0.6, "erf(x)": 0.6, "cosh(x)": 0.6})
    expected = ["cosh(x)", "erf(x)", "sinh(x)", "abs(sinh(x))"]
    assert found_names(choose_candidates(table, [], 4)) == expected


def test_sources_are_joined_and_the_first_has_the_word() -> None:
    table = make_source({"erf(x)": 0.6})
    first = make_source({"erf(x)": 0.9, "sinh(x)": 0.7}, baselines=0.1).assign(round=0)
    second = make_source({"sinh(x)": 0.2, "exp(x)": 0.65})
    candidates = choose_candidates(table, [first, second], 3)
    assert found_names(candidates) == ["sinh(x)", "exp(x)", "erf(x)"]
    assert candidates["validation_score"].to_list() == [0.5] * 8 + [0.7, 0.65, 0.6]
    alone = choose_candidates(None, [first], 2)
    assert found_names(alone) == ["erf(x)", "sinh(x)"]
    assert alone["validation_score"].to_list() == [0.1] * 8 + [0.9, 0.7]


def test_the_error_is_what_seeds_differ_in_over_the_root_of_the_runs() -> None:
    wobble = (-0.01, 0.0, 0.04)
    table = make_source({"erf(x)": 0.7, "sinh(x)": 0.6}, wobble=wobble)
    table.at[8, "n_diverged"] = 1  # of erf(x), whose runs lie far apart
    table.at[8, "run_validation_scores"] = [0.7, 0.7, 0.1]
    searched = make_source({"exp(x)": 0.65}, wobble=(-0.02, 0.0, 0.0))
    candidates = choose_candidates(table, [searched], 3)
    variances = [np.var(wobble, ddof=1)] * 9 + [np.var((-0.02, 0.0, 0.0), ddof=1)]
    expected = np.sqrt(np.mean(variances) / 3)
    assert candidates["validation_error"].to_list() == pytest.approx([expected] * 11)
    assert candidates["n_runs"].to_list() == [3] * 11
    alone = choose_candidates(make_source({"erf(x)": 0.7}), [], 1)
    assert alone["validation_error"].isna().all() and alone["n_runs"].to_list() == [1] * 9


def test_of_an_imported_table_no_error_is_known() -> None:
    imported = make_source({"erf(x)": 0.7}, wobble=())
    searched = make_source({"sinh(x)": 0.6}, wobble=(-0.01, 0.01))
    candidates = choose_candidates(imported, [searched], 2).set_index("name")
    assert candidates["n_runs"].to_dict() == dict.fromkeys([*BASELINES, "erf(x)"], 0) | {
        "sinh(x)": 2
    }
    known = candidates["validation_error"].dropna()
    assert known.to_dict() == pytest.approx({"sinh(x)": 0.01 * np.sqrt(2) / np.sqrt(2)})


def test_nothing_to_choose_from() -> None:
    with pytest.raises(ValueError, match="nothing to choose from"):
        choose_candidates(None, [], 1)
    table = make_source({"erf(x)": 0.6})
    with pytest.raises(ValueError, match=r"lacks the baselines softplus\(x\)"):
        choose_candidates(table[table["name"] != "softplus(x)"], [], 1)


# Comparing


def make_candidates(found: dict[str, float], best: str = "elu(x)") -> pd.DataFrame:
    source = make_source(found)
    source.loc[source["name"] == best, "validation_score"] = 0.55
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


def test_the_shape_of_a_comparison() -> None:
    result = make_comparison({"erf(x)": shifted(0.03)})
    assert result["seeds"] == list(SEEDS)
    assert result["n_test"] == 437
    assert result["method"] == "paired sign-flip test"
    assert result["best_baseline"] == "elu(x)"
    assert [row["name"] for row in result["functions"]] == [*BASELINES, "erf(x)"]
    row = rows(result)["erf(x)"]
    assert row["slug"] == "erf.x"
    assert row["kind"] == "found"
    assert row["validation_score"] == 0.9
    assert row["status"] == "completed"
    assert row["n_diverged"] == 0
    assert row["test_scores"] == shifted(0.03)
    assert row["test_score_mean"] == pytest.approx(np.mean(shifted(0.03)))
    assert row["test_score_std"] == pytest.approx(np.std(shifted(0.03), ddof=1))
    assert json.loads(json.dumps(result)) == result


def test_errors_are_told_in_the_units_of_the_data() -> None:
    found = make_trial("erf(x)", [0.5, 0.6], diverged=[1], seeds=SEEDS[:2], score="R2")
    found["runs"][0]["test_errors"] = [2.0, 30.0]
    best = make_trial("elu(x)", [0.4, 0.3], seeds=SEEDS[:2], score="R2")
    for run, errors in zip(best["runs"], ([1.0, 10.0], [3.0, 20.0]), strict=True):
        run["test_errors"] = errors
    lost = make_trial("relu(x)", [0.0, 0.0], diverged=[0, 1], seeds=SEEDS[:2], score="R2")
    candidates = make_candidates({"erf(x)": 0.9}).assign(score="R2")
    trials = [found, best, lost]
    candidates = candidates[candidates["name"].isin([trial["function"] for trial in trials])]
    by_name = rows(compare(trials, candidates, 0.05))
    assert by_name["elu(x)"]["test_errors"] == [2.0, 15.0]
    assert by_name["erf(x)"]["test_errors"] == [2.0, 30.0]  # of the run that completed
    assert by_name["relu(x)"]["test_errors"] is None
    assert "test_errors" not in rows(make_comparison({"erf(x)": shifted(0.03)}))["erf(x)"]


def test_p_values_are_corrected_over_all_comparisons() -> None:
    result = make_comparison({"erf(x)": shifted(0.01), "sinh(x)": shifted(0.001, 0.01)})
    by_name = rows(result)
    assert by_name["elu(x)"]["difference"] is None
    assert by_name["elu(x)"]["verdict"] == "reference"
    compared = [row for row in result["functions"] if row["name"] != "elu(x)"]
    assert len(compared) == 9
    p = [sign_flip_p(np.subtract(row["test_scores"], BEST)) for row in compared]
    assert [row["difference"]["p"] for row in compared] == pytest.approx(p)
    assert [row["difference"]["p_holm"] for row in compared] == pytest.approx(holm(p))


def test_a_better_function_is_called_better() -> None:
    result = make_comparison({"erf(x)": shifted(0.03), "sinh(x)": shifted(-0.001)})
    assert rows(result)["erf(x)"]["verdict"] == "better"
    assert rows(result)["sinh(x)"]["verdict"] == "tie"
    assert rows(result)["relu(x)"]["verdict"] == "worse"
    assert "1 of 2 found functions is better than the best baseline elu(x)" in result["conclusion"]
    assert "erf(x), +3.00 points from" in result["conclusion"]
    where = "(mean test accuracy 90.40% over 10 seeds on these 437 test examples)"
    assert where in result["conclusion"]
    assert "95% interval over seeds +2.79 to +3.21" in result["conclusion"]
    assert "p = 0.018 after Holm, level 0.05" in result["conclusion"]
    assert "tie" not in result["conclusion"].lower()


def test_a_tie_is_called_a_tie() -> None:
    result = make_comparison({"erf(x)": shifted(0.001), "sinh(x)": shifted(-0.001)})
    assert {rows(result)[name]["verdict"] for name in ("erf(x)", "sinh(x)")} == {"tie"}
    assert result["conclusion"].startswith("A tie: no found function (of 2) differs")
    # a baseline may have a higher one
    assert "the highest mean of these is that of erf(x), +0.10 points" in result["conclusion"]
    assert "better" not in result["conclusion"]
    assert result["conclusion"].count(". ") == 0


def test_one_found_function_is_no_best_of_many() -> None:
    alone = make_comparison({"erf(x)": shifted(0.001)})["conclusion"]
    assert "; it is erf(x), +0.10 points from" in alone
    assert "of these" not in alone


def test_worse_functions_are_called_worse() -> None:
    mixed = make_comparison({"erf(x)": shifted(-0.05), "sinh(x)": shifted(0.001)})
    assert mixed["conclusion"].startswith("A tie at best: of 2 found functions 1 cannot be told")
    assert "and 1 is worse" in mixed["conclusion"]
    worse = make_comparison({"erf(x)": shifted(-0.05), "sinh(x)": shifted(-0.06)})
    assert worse["conclusion"].startswith(
        "Every found function (2) is worse than the best baseline"
    )
    assert "erf(x), −5.00 points" in worse["conclusion"]


def test_the_correction_can_turn_a_difference_into_a_tie() -> None:
    found = {"erf(x)": shifted(0.004, 0.003), "sinh(x)": shifted(0.0001)}
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
    assert row["test_scores"][2] == 0.1
    assert row["verdict"] == "tie"
    assert "diverged runs (1 of 90) count with the accuracy of chance" in result["conclusion"]


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
    other = make_trial("erf(x)", BEST, seeds=(*SEEDS[:-1], 7))
    with pytest.raises(ValueError, match=r"erf\(x\) was trained on the seeds \[100, .*, 7\]"):
        compare([*trials[:-1], other], candidates, 0.05)
    twice = make_trial("erf(x)", [*BEST, 0.9], seeds=(*SEEDS, 100))
    with pytest.raises(ValueError, match="each once"):
        compare([*trials[:-1], twice], candidates, 0.05)
    single = [make_trial(name, [0.9], seeds=(1,)) for name in candidates["name"]]
    with pytest.raises(ValueError, match=r"at least two seeds, found \[1\]"):
        compare(single, candidates, 0.05)


def test_too_few_seeds_for_any_verdict_are_said_to_be() -> None:
    candidates = make_candidates({"erf(x)": 0.9})
    few = SEEDS[:5]
    trials = [make_trial(name, BEST[:5], seeds=few) for name in candidates["name"][:-1]]
    trials.append(make_trial("erf(x)", shifted(0.05)[:5], seeds=few))
    result = compare(trials, candidates, 0.05)
    verdicts = {name: row["verdict"] for name, row in rows(result).items()}
    assert {*verdicts.values()} == {"undecided", "reference"}
    assert result["conclusion"].startswith(
        "No verdict: 5 seeds are too few for 8 comparisons (no corrected p can be below 0.5); 1 "
        "found function was compared with the best baseline"
    )
    assert "tie" not in result["conclusion"] and "better" not in result["conclusion"]
    assert "too few" not in make_comparison({"erf(x)": shifted(0.03)})["conclusion"]


def test_all_must_be_tested_on_the_same_examples() -> None:
    candidates = make_candidates({"erf(x)": 0.9})
    trials = [make_trial(name, BEST) for name in candidates["name"]]
    trials[-1]["examples"] = {"test": 400}
    with pytest.raises(ValueError, match=r"number of test examples: .*'erf\(x\)': 400"):
        compare(trials, candidates, 0.05)


def test_a_trial_without_test_score() -> None:
    candidates = make_candidates({"erf(x)": 0.9})
    trials = [make_trial(name, BEST) for name in candidates["name"]]
    del trials[3]["runs"][1]["test_score"]
    with pytest.raises(ValueError, match=r"a run of sigmoid\(x\) has no test score"):
        compare(trials, candidates, 0.05)
