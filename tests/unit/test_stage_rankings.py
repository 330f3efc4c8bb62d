"""Stages before a last comparison: who is ranked where, and who goes on."""

from __future__ import annotations

import functools
import json
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from final_trials import BEST, OTHER, make_source, make_trial, shifted
from hypothesis import given
from hypothesis import strategies as st

from actsearch.functions.baselines import BASELINES
from actsearch.functions.expressions import parse
from actsearch.search.final import compare
from actsearch.search.finalists import choose_candidates, choose_from_tasks
from actsearch.search.paired import smallest_p
from actsearch.search.stage_summary import left_out, summary
from actsearch.search.stages import choose_next, rank

FOUND = ("erf(x)", "sinh(x)", "arctan(x)", "abs(x)")


@functools.cache
def candidates(found: tuple[str, ...] = FOUND) -> pd.DataFrame:
    """The baselines and functions found, as a first stage has them."""
    scores = {name: 0.9 - 0.01 * place for place, name in enumerate(found)}
    return choose_candidates(make_source(scores), [], len(found))


def trial(name: str, scores: Sequence[float], first_seed: int = 20, **more: Any) -> dict[str, Any]:
    runs = [
        {"seed": first_seed + number, "status": "completed", "validation_score": score}
        for number, score in enumerate(scores)
    ]
    return {"function": name, "score": "accuracy", "status": "completed", "runs": runs} | more


def trials(
    scores: Mapping[str, Sequence[float]], default: Sequence[float] = (0.5,), first_seed: int = 20
) -> list[dict[str, Any]]:
    """A trial per function of ``candidates()``."""
    names = candidates()["name"]
    return [trial(name, scores.get(name, default), first_seed) for name in names]


def by_name(ranking: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in ranking.to_dict("records")}


NAMES = [*BASELINES, *FOUND]
score = st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.7])
scores_of = st.fixed_dictionaries({name: st.lists(score, min_size=2, max_size=2) for name in NAMES})


@given(scores_of, scores_of, st.integers(1, 8), st.integers(1, 4))
def test_the_best_by_the_mean_over_all_trainings_go_on(
    early: dict[str, list[float]], late: dict[str, list[float]], n_baselines: int, n: int
) -> None:
    table = make_source(dict.fromkeys(FOUND, 0.6), wobble=(0.1, -0.1))
    ranking = rank(candidates(), [*trials(early), *trials(late, first_seed=30)], [table])
    assert ranking["slot"].to_list() == list(range(12))
    before = dict(zip(table["name"], table["run_validation_scores"], strict=True))
    runs = {name: [*early[name], *late[name], *before[name]] for name in NAMES}
    for name, row in by_name(ranking).items():
        assert row["validation_score"] == pytest.approx(statistics.mean(runs[name]))
        assert row["validation_deviation"] == pytest.approx(statistics.stdev(runs[name]))
        assert row["n_runs"] == 6
    pooled = math.sqrt(statistics.mean(statistics.variance(of) for of in runs.values()))
    assert ranking["validation_error"].to_list() == pytest.approx([pooled / math.sqrt(6)] * 12)

    expected = []
    for names, wanted in ((BASELINES, n_baselines), (FOUND, n)):
        best = sorted(names, key=lambda name: (-math.fsum(runs[name]) / 6, parse(name).size, name))[
            :wanted
        ]
        expected += [name for name in NAMES if name in best]  # by slot
    after = choose_next(ranking, n_baselines, n)
    assert after["name"].to_list() == expected
    assert after["slot"].to_list() == list(range(n_baselines + n))
    assert after["kind"].to_list() == ["baseline"] * n_baselines + ["found"] * n


def test_candidates_of_a_later_stage_are_those_of_the_last_comparison() -> None:
    ranking = rank(candidates(), trials({"abs(x)": (0.9,)}))
    after = choose_next(ranking, 8, 2)
    assert list(after.columns) == list(candidates().columns)
    assert set(after["name"][8:]) >= {"abs(x)"}


def test_equal_means_go_to_the_smaller_expression_then_by_name() -> None:
    found = ("sinh(cosh(x))", "sinh(x)", "cosh(x)")
    chosen = candidates(found)
    ranking = by_name(rank(chosen, [trial(name, (0.5,)) for name in chosen["name"]]))
    places = {name: ranking[name]["rank"] for name in found}
    assert places == {"cosh(x)": 0, "sinh(x)": 1, "sinh(cosh(x))": 2}
    assert ranking["elu(x)"]["rank"] == 0  # of equally large baselines the first by name


def test_a_diverged_run_counts_with_the_value_of_failure() -> None:
    several = trials({"erf(x)": (0.9, 0.9), "sinh(x)": (0.55, 0.55)}, default=(0.4, 0.4))
    lost = next(each for each in several if each["function"] == "erf(x)")
    lost["runs"][1] |= {"status": "diverged", "validation_score": 0.1}
    ranking = by_name(rank(candidates(), several))
    assert ranking["erf(x)"]["validation_score"] == pytest.approx(0.5)
    assert ranking["erf(x)"]["n_diverged"] == 1
    assert ranking["sinh(x)"]["rank"] == 0 and ranking["erf(x)"]["rank"] == 1
    # Functions of which a run diverged say nothing of the noise.
    assert ranking["sinh(x)"]["validation_error"] == 0


def test_trials_of_functions_that_were_left_out_are_passed_over() -> None:
    few = choose_next(rank(candidates(), trials({"abs(x)": (0.9,), "relu(x)": (0.9,)})), 1, 1)
    ranking = rank(few, [*trials({}), *trials({}, default=(0.7, 0.6), first_seed=30)])
    assert ranking["name"].to_list() == ["relu(x)", "abs(x)"]
    assert ranking["n_runs"].to_list() == [3, 3]


def test_of_one_training_no_deviation_is_known() -> None:
    ranking = rank(candidates(), trials({}))
    assert ranking[["validation_deviation", "validation_error"]].isna().all(axis=None)


def test_an_imported_table_says_nothing_of_its_runs() -> None:
    table = make_source(dict.fromkeys(FOUND, 0.99)).assign(n_runs=0)
    table["run_validation_scores"] = [[] for _ in range(len(table))]
    ranking = rank(candidates(), trials({"erf(x)": (0.6,)}), [table])
    assert by_name(ranking)["erf(x)"]["validation_score"] == 0.6
    assert (ranking["n_runs"] == 1).all()


def test_a_function_in_several_sources_has_the_runs_of_the_first() -> None:
    sources = [make_source({"erf(x)": 0.2}), make_source(dict.fromkeys(FOUND, 0.8))]
    ranking = by_name(rank(candidates(), trials({}, default=(0.4,)), sources))
    assert ranking["erf(x)"]["validation_score"] == pytest.approx(0.3)
    assert ranking["sinh(x)"]["validation_score"] == pytest.approx(0.6)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"as many trials each; too few: \['abs\(x\)'\]"):
        rank(candidates(), trials({})[:-1])
    other = [*trials({})[:-1], trial("abs(x)", (0.5,), score="R2")]
    with pytest.raises(ValueError, match="R2"):
        rank(candidates(), other)
    ranking = rank(candidates(), trials({}))
    with pytest.raises(
        ValueError, match="5 found functions are asked for, but the stage trained 4"
    ):
        choose_next(ranking, 8, 5)
    with pytest.raises(ValueError, match="9 baseline functions are asked for"):
        choose_next(ranking, 9, 4)


def test_the_origin_of_functions_of_other_tasks_is_kept() -> None:
    sources = {
        "a": [make_source({"erf(x)": 0.7, "sinh(x)": 0.6})],
        "b": [make_source({"abs(x)": 2})],
    }
    first = choose_from_tasks(sources, 2, in_all=3)
    assert first["name"].to_list()[8:] == ["erf(x)", "abs(x)", "sinh(x)"]
    better = {"sinh(x)": 0.9, "abs(x)": 0.8}
    ranking = rank(first, [trial(name, (better.get(name, 0.5),)) for name in first["name"]])
    after = choose_next(ranking, 1, 2)
    assert after["name"].to_list()[1:] == ["abs(x)", "sinh(x)"]
    assert after["from_task"].to_list()[1:] == ["b", "a"]
    assert after["score_there"].to_list()[1:] == [2, 0.6]


# What a last comparison says of them


def compared() -> dict[str, Any]:
    """Two stages, after which two of the eight baselines meet one function found."""
    first = rank(candidates(), trials({"tanh(x)": (0.8,), "relu(x)": (0.7,), "erf(x)": (0.9,)}))
    middle = choose_next(first, 3, 2)
    late = {"tanh(x)": (0.8, 0.9), "erf(x)": (0.9, 0.95)}
    second = rank(middle, [trial(n, late.get(n, (0.6, 0.65)), 30) for n in middle["name"]])
    finalists = choose_next(second, 2, 1)
    stages = [
        {"functions": 4, "seeds": [20], "recipe": {"epochs": 3}},
        {"functions": 2, "seeds": [30, 31], "recipe": {}},
    ]
    test = {"tanh(x)": BEST, "erf(x)": shifted(0.03)}
    runs = [make_trial(name, test.get(name, OTHER)) for name in finalists["name"]]
    return compare(runs, finalists, 0.05, stages=summary([first, second], finalists, stages))


def test_a_comparison_lists_its_stages() -> None:
    result = compared()
    assert json.loads(json.dumps(result)) == result
    first, second = result["stages"]
    assert (first["stage"], first["seeds"], first["recipe"]) == (0, [20], {"epochs": 3})
    assert [f["name"] for f in first["functions"] if f["went_on"]][:2] == ["tanh(x)", "relu(x)"]
    assert len(first["functions"]) == 12 and len(second["functions"]) == 5
    assert first["functions"][0]["deviation"] is None
    best = second["functions"][0]
    assert (best["name"], best["n_runs"], best["went_on"]) == ("tanh(x)", 2, True)
    assert best["validation_score"] == pytest.approx(0.85)
    assert best["deviation"] == pytest.approx(statistics.stdev([0.8, 0.9]))


def test_baselines_that_were_left_out_are_named_with_their_scores() -> None:
    result = compared()
    names = {f["name"] for f in result["functions"] if f["kind"] == "baseline"}
    out = {baseline["name"]: baseline for baseline in result["left_out"]}
    assert {*names, *out} == set(BASELINES) and len(out) == 6
    assert sorted(baseline["stage"] for baseline in out.values()) == [0] * 5 + [1]
    # By validation none of them was better than one that stayed.
    for stage in result["stages"]:
        scores = [
            (f["went_on"], f["validation_score"])
            for f in stage["functions"]
            if f["kind"] == "baseline"
        ]
        assert min(s for on, s in scores if on) >= max(s for on, s in scores if not on)
    assert result["best_baseline"] == "tanh(x)"
    assert (
        "6 of 8 baselines were left out earlier for their validation scores, and were not tested ("
        in result["conclusion"]
    )
    assert left_out(summary([], candidates(), [])) == []


def test_without_stages_a_comparison_says_nothing_of_them() -> None:
    chosen = choose_candidates(make_source({"erf(x)": 0.9}), [], 1)
    result = compare([make_trial(name, OTHER) for name in chosen["name"]], chosen, 0.05)
    assert not {"stages", "left_out"} & set(result)
    assert "left out" not in result["conclusion"]


def test_the_page_says_how_many_seeds_a_verdict_takes() -> None:
    page = (Path(__file__).parents[2] / "docs/final.md").read_text()
    listed = re.findall(r"^\| ([\d to]+) \| [\d to]+ \| (\d) \|$", page, re.MULTILINE)
    assert len(listed) == 5
    for finalists, seeds in listed:
        for n in map(int, finalists.split(" to ")):
            fewest = next(s for s in range(2, 20) if smallest_p(s, n - 1) < 0.05)
            assert fewest == int(seeds), finalists


def test_as_many_rankings_as_stages_are_needed() -> None:
    ranking = rank(candidates(), trials({}))
    with pytest.raises(ValueError, match="longer"):
        summary([ranking], candidates(), [])
