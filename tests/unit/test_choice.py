"""Which function is chosen: of those that tie on validation the cheapest; tests have no say."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest
from final_trials import BEST, OTHER, make_costs, make_source, make_trial, rows, shifted
from hypothesis import given
from hypothesis import strategies as st

from actsearch.config import SCORES
from actsearch.functions.baselines import BASELINES
from actsearch.search.choice import NOISE, Choice, choose
from actsearch.search.chosen import final_activation
from actsearch.search.final import compare
from actsearch.search.final_costs import FinalCosts
from actsearch.search.finalists import choose_candidates, choose_from_tasks
from actsearch.search.validation_errors import standard_errors

ACCURACY = SCORES["accuracy"]
SCORED = {"erf(x)": 0.90, "sinh(x)": 0.89, "exp(x)": 0.87}
COSTS = {"erf(x)": 6.0, "sinh(x)": 2.0, "exp(x)": 1.0}


def chosen(
    validation: dict[str, float], error: float, costs: dict[str, float] | None, **compiled: Any
) -> Choice:
    errors = dict.fromkeys(validation, error)
    table = FinalCosts(make_costs(costs, **compiled)) if costs else None
    return choose(list(validation), validation, errors, table, ACCURACY, "before")


@pytest.mark.parametrize(
    ("error", "expected", "tied"),
    [
        (math.nan, "erf(x)", 1),
        (0.0, "erf(x)", 1),
        (0.009, "erf(x)", 1),
        (0.011, "sinh(x)", 2),
        (0.031, "exp(x)", 3),
    ],
)
def test_the_cheapest_within_one_standard_error(error: float, expected: str, tied: int) -> None:
    choice = chosen(SCORED, error, COSTS)
    assert (choice.name, choice.best, len(choice.tied)) == (expected, "erf(x)", tied)
    assert choice.error == (None if math.isnan(error) else error)
    assert choice.by_cost == (expected != "erf(x)")


def test_where_no_error_is_known_equals_alone_tie() -> None:
    equals = {"erf(x)": 0.9, "sinh(x)": 0.9, "exp(x)": 0.8999}
    assert chosen(equals, math.nan, COSTS).name == "sinh(x)"
    assert chosen(equals, math.nan, None).name == "erf(x)"


def test_costs_that_differ_by_noise_are_equal_and_the_better_score_wins() -> None:
    near = {"erf(x)": 2.0 * 1.04, "sinh(x)": 2.0, "exp(x)": 2.0 * 1.06}
    assert chosen(SCORED, 0.05, near).name == "erf(x)"
    far = near | {"erf(x)": 2.0 * 1.06}
    assert chosen(SCORED, 0.05, far).name == "sinh(x)"
    # What is near is near to the least: not to what is near to it.
    chain = {"erf(x)": 1.08, "sinh(x)": 1.04, "exp(x)": 1.0}
    assert chosen(SCORED, 0.05, chain).name == "sinh(x)"


def test_compiled_functions_are_compared_where_the_task_compiles() -> None:
    compiled = {"erf(x)": 1.0, "sinh(x)": 1.5, "exp(x)": 2.0}
    choice = chosen(SCORED, 0.05, COSTS, compiled=compiled)
    assert (choice.name, choice.mode) == ("erf(x)", "compiled")
    # Unless one is missing: then all as they stand.
    choice = chosen(SCORED, 0.05, COSTS, compiled=compiled | {"sinh(x)": math.nan})
    assert (choice.name, choice.mode) == ("exp(x)", "eager")


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.floats(0.1, 50)), min_size=1, max_size=6, unique_by=id
    ),
    st.one_of(st.just(math.nan), st.integers(0, 10)),
)
def test_as_by_the_definition(drawn: list[tuple[int, float]], error: float) -> None:
    names = ["erf(x)", "sinh(x)", "exp(x)", "cosh(x)", "abs(x)", "square(x)"][: len(drawn)]
    validation = {name: float(score) for name, (score, _) in zip(names, drawn, strict=True)}
    costs = {name: cost for name, (_, cost) in zip(names, drawn, strict=True)}
    best = max(validation.values())
    reach = 0.0 if math.isnan(error) else error
    tied = [name for name in names if validation[name] >= best - reach]
    cheap = [name for name in tied if costs[name] <= NOISE * min(costs[other] for other in tied)]
    expected = sorted(cheap, key=lambda name: (-validation[name], names.index(name)))[0]
    assert chosen(validation, error, costs).name == expected


def test_it_says_why_in_words_with_the_numbers() -> None:
    assert chosen(SCORED, 0.011, COSTS).how == (
        "its cost: the cheapest of the 2 functions that validation cannot tell apart, before "
        "(89.00%; the best is erf(x), 90.00%; they lie within one standard error of it, 1.10 "
        "points, pooled over functions); it takes 2 times as long as relu, forward and backward, "
        "and erf(x) 6 times"
    )
    best = "the best validation accuracy of the functions found, before (90.00%"
    relu = "times as long as relu, forward and backward"
    assert chosen(SCORED, 0.001, COSTS).how == (
        f"{best}; no other lies within one standard error, 0.10 points); it takes 6 {relu}"
    )
    cheapest = COSTS | {"erf(x)": 1.0}
    assert chosen(SCORED, 0.011, cheapest).how == (
        f"{best}; 1 more lies within one standard error, 1.10 points); it takes 1 {relu}, and none "
        "of these is over 5% cheaper"
    )
    assert chosen(SCORED, math.nan, None).how == (
        f"{best}, of an unknown standard error: only equals tie)"
    )
    compiled = dict.fromkeys(COSTS, 1.25)
    assert chosen(SCORED, math.nan, COSTS, compiled=compiled).how == (
        f"{best}, of an unknown standard error: only equals tie); it takes 1.25 {relu}, compiled"
    )


# What the costs say


def test_a_cost_is_that_of_the_device_that_trains() -> None:
    gpu = make_costs({"erf(x)": 3.0}).assign(device="A GPU", processor="A GPU")
    cpu = make_costs({"erf(x)": 9.0}).assign(as_trained=False)
    costs = FinalCosts(pd.concat([cpu, gpu]))
    assert costs.machine == {"device": "A GPU", "processor": "A GPU"}
    assert costs.of("erf(x)") == {
        "device": "A GPU",
        "forward": 1.5,
        "backward": 4.5,
        "both": 3.0,
        "bytes_kept": 24.0,
        "compiled": None,
    }
    with pytest.raises(ValueError, match=r"sinh\(x\) was not measured on A GPU"):
        costs.of("sinh(x)")
    with pytest.raises(ValueError, match="found none"):
        FinalCosts(cpu)
    with pytest.raises(ValueError, match=r"found \['A GPU', 'cpu'\]"):
        FinalCosts(pd.concat([cpu.assign(as_trained=True), gpu]))


# In a last comparison


def comparison(
    test: dict[str, list[float]], *, wobble: tuple[float, ...] = (-0.02, 0.02), **here: Any
) -> dict[str, Any]:
    """Candidates as in SCORED; ``here`` says how far validation scores lie apart by seed."""
    candidates = choose_candidates(make_source(SCORED, wobble=wobble), [], 3)
    trials = []
    for name in candidates["name"]:
        trial = make_trial(name, test.get(name, OTHER))
        for number, run in enumerate(trial["runs"]) if "apart" in here else ():
            run["validation_score"] = 0.4 + here["apart"] * (-1) ** number
        trials.append(trial)
    return compare(trials, candidates, 0.05, make_costs(COSTS))


def test_the_test_set_has_no_say() -> None:
    one = comparison({})
    two = comparison({"erf(x)": shifted(0.05), "sinh(x)": [0.0] * 10, "exp(x)": BEST})
    assert one["chosen"] == two["chosen"]
    assert one["chosen"]["name"] == "sinh(x)"
    assert one["chosen"]["best_validation"] == "erf(x)"
    assert one["chosen"]["tied"] == ["erf(x)", "sinh(x)"]
    assert one["chosen"]["standard_error"] == pytest.approx(0.02)  # 0.02 sqrt(2) / sqrt(2)
    assert one["chosen"]["compared"] == "eager"
    assert "chosen before the test, by validation, and then by cost: sinh(x)" in one["conclusion"]
    assert one["measured_on"] == {"device": "cpu", "processor": "A Processor"}
    assert rows(one)["exp(x)"]["cost"]["both"] == 1.0
    assert json.loads(json.dumps(one, allow_nan=False)) == one


def test_of_equal_baselines_the_cheapest_is_the_reference() -> None:
    candidates = choose_candidates(make_source(SCORED, wobble=(-0.02, 0.02)), [], 3)
    equal = candidates["name"].isin(["swish(x)", "tanh(x)", "elu(x)"])
    # As two ways to the same median have it: equal but for the last bit.
    candidates.loc[equal, "validation_score"] = [0.6, 0.1 + 0.5, 0.1 * 6]
    trials = [make_trial(name, OTHER) for name in candidates["name"]]
    costs = make_costs(COSTS | {"elu(x)": 3.0, "swish(x)": 1.5, "tanh(x)": 2.0})
    found = compare(trials, candidates, 0.05, costs)
    assert found["best_baseline"] == "swish(x)"
    assert sorted(found["equal_baselines"]) == ["elu(x)", "tanh(x)"]
    assert "the cheapest of the 3 that share the best validation accuracy" in found["conclusion"]
    first = compare(trials, candidates, 0.05)
    assert first["best_baseline"] == candidates.loc[equal, "name"].iloc[0]
    assert "the first of the 3 that share" in first["conclusion"]


def test_the_best_that_several_share_is_called_so() -> None:
    equals = {"erf(x)": 0.9, "sinh(x)": 0.9, "exp(x)": 0.8}
    assert "functions found, which 2 of them share, before" in chosen(equals, math.nan, None).how


def test_the_file_of_a_function_without_a_value_at_zero_says_so() -> None:
    result = comparison({})
    assert "Beware" not in final_activation(result, "new", "make")[0]
    name = "reciprocal(x)"
    [row] = [f for f in result["functions"] if f["name"] == result["chosen"]["name"]]
    row["name"] = result["chosen"]["name"] = name
    text = " ".join(final_activation(result, "new", "make")[0].split())
    assert "Beware: it is not finite at x = 0" in text


def test_functions_trained_once_take_their_error_from_trainings_that_spare_validation() -> None:
    once: dict[str, Any] = {"wobble": (0.0,)}
    assert comparison({}, **once)["chosen"]["standard_error"] is None
    assert comparison({}, **once)["chosen"]["name"] == "erf(x)"
    spared = comparison({}, **once, apart=0.02)["chosen"]
    assert spared["standard_error"] == pytest.approx(0.02 * math.sqrt(10 / 9))
    assert spared["name"] == "sinh(x)"
    # What was known before comes first.
    assert comparison({}, apart=0.5)["chosen"]["standard_error"] == pytest.approx(0.02)


def test_of_functions_of_other_tasks_it_is_that_of_a_mean_over_seeds() -> None:
    candidates = choose_from_tasks({"a": [make_source(SCORED)]}, 3)
    trials = {}
    for name in candidates["name"]:
        trials[name] = make_trial(name, OTHER, diverged=[0] if name == "exp(x)" else [])
        for number, run in enumerate(trials[name]["runs"]):
            run["validation_score"] = SCORED.get(name, 0.1) + 0.03 * (-1) ** number
    trials["exp(x)"]["runs"][0]["validation_score"] = -9.0  # it diverged, and counts for nothing
    errors = standard_errors(trials, candidates, ["a"])
    assert errors == pytest.approx(
        dict.fromkeys(candidates["name"], 0.03 * math.sqrt(10 / 9) / math.sqrt(10))
    )
    result = compare(trials.values(), candidates, 0.05, make_costs(COSTS))
    assert result["chosen"]["name"] == "sinh(x)"
    assert "a mean over these trainings (89.00%;" in result["chosen"]["how"]


def test_the_file_of_the_chosen_function_says_its_cost() -> None:
    result = comparison({})
    text = " ".join(final_activation(result, "new", "make")[0].split())
    assert "Chosen on new for its cost: the cheapest of the 2 functions" in text
    cost = "Cost on A Processor: 2 times as long as relu, forward and backward, and 16 bytes kept"
    assert f"{cost} per number (relu: 4)." in text
    result["functions"][-2]["cost"]["compiled"] = {"both": 1.1, "bytes_kept": 4.0}
    text = " ".join(final_activation(result, "new", "make")[0].split())
    assert "(relu: 4); compiled 1.1 times and 4 bytes." in text
    plain = compare(
        [make_trial(name, OTHER) for name in [*BASELINES, "erf(x)"]],
        choose_candidates(make_source({"erf(x)": 0.9}), [], 1),
        0.05,
    )
    assert "Cost on" not in final_activation(plain, "new", "make")[0]
