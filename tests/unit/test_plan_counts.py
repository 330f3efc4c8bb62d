"""How many functions, rounds, slots and parts there are, and that the plan has as many files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_experiment import SMALL

from actsearch.config import Config, Final, Search, parse_config
from actsearch.plan.counts import (
    Trainings,
    fim_parts,
    final_slots,
    packs,
    search_rounds,
    search_size,
    search_slots,
    trained_besides_baselines,
    trainings,
)
from actsearch.plan.experiment import Plan

SEARCH = Search(space="deep", rounds=2, slots=3)


def configured(*without: str, **sections: Any) -> Config:
    """The small experiment with a second task: ``tiny`` with other sections."""
    values = copy.deepcopy(SMALL)
    tiny = values["tasks"]["tiny"]
    other = {key: value for key, value in tiny.items() if key not in without}
    values["tasks"]["other"] = other | sections
    return parse_config(values)


def test_a_search_trains_the_baselines_and_then_rounds_of_slots() -> None:
    assert search_rounds(SEARCH) == range(3)
    assert search_slots(SEARCH, 8, 0) == range(8)
    assert search_slots(SEARCH, 8, 1) == search_slots(SEARCH, 8, 2) == range(3)
    assert search_slots(SEARCH, 15, 0) == range(15)
    assert search_slots(SEARCH, 15, 1) == range(3)
    assert search_size(SEARCH, 8) == 8 + 2 * 3
    assert search_size(Search(space="deep", rounds=1, slots=1), 3) == 4


def test_finalists_are_of_the_task_itself_or_of_each_task_asked() -> None:
    assert final_slots(Final(functions=2), 8) == range(8 + 2)
    assert final_slots(Final(functions=2, candidates_from=("a",)), 15) == range(15 + 2)
    assert final_slots(Final(functions=2, candidates_from=("a", "b", "c")), 8) == range(8 + 6)


@pytest.mark.parametrize(
    "functions, parts", [(0, 0), (1, 1), (15, 1), (16, 1), (17, 2), (32, 2), (2791, 175)]
)
def test_the_last_part_may_be_smaller(functions: int, parts: int) -> None:
    assert fim_parts(functions, 16) == range(parts)


@given(st.lists(st.integers()), st.integers(1, 20))
def test_packs_are_the_items_in_order_and_no_larger_than_asked(items: list[int], size: int) -> None:
    found = packs(iter(items), size)
    assert [item for pack in found for item in pack] == items
    assert all(len(pack) == size for pack in found[:-1])
    assert all(0 < len(pack) <= size for pack in found)
    assert len(found) == len(fim_parts(len(items), size))


def test_what_a_task_with_all_sections_trains() -> None:
    task = parse_config(SMALL).task("tiny")
    assert list(trainings(task, 8, 24, train=200, validation=100, test=50)) == [
        Trainings("table", functions=24, runs=2, fitted=200, measured=100),
        Trainings("search", functions=14, runs=2, fitted=200, measured=100),
        Trainings("final", functions=10, runs=2, fitted=300, measured=50),
    ]


def test_each_strategy_of_a_search_trains_by_itself() -> None:
    search = SMALL["tasks"]["tiny"]["search"] | {"strategies": ["random", "union-knr"]}
    task = configured("benchmark", "final", search=search, seeds=[0, 1, 2]).task("other")
    assert list(trainings(task, 8, 0, train=200, validation=100, test=50)) == [
        Trainings("search", functions=28, runs=3, fitted=200, measured=100)
    ]


def test_functions_of_other_tasks_are_fitted_on_training_data_alone() -> None:
    final = {"functions": 2, "seeds": [7, 8, 9], "candidates_from": ["tiny"]}
    task = configured("benchmark", "search", final=final).task("other")
    assert list(trainings(task, 8, 0, train=200, validation=100, test=50)) == [
        Trainings("final", functions=10, runs=3, fitted=200, measured=150)
    ]


def test_functions_are_fitted_on_training_data_alone_where_that_is_said() -> None:
    for fit_on, fitted in ((None, 300), ("train-and-validation", 300), ("train", 200)):
        final = {"functions": 2, "seeds": [7, 8, 9], "fit_on": fit_on}
        task = configured("search", final=final).task("other")
        found = list(trainings(task, 8, 24, train=200, validation=100, test=50))[-1]
        # Of 350 examples, those that are not fitted are measured.
        assert (found.fitted, found.measured) == (fitted, 350 - fitted)


def test_an_imported_table_is_not_trained() -> None:
    imported = {"space": "small", "act_bench": "cnn"}
    task = configured("search", "final", benchmark=imported).task("other")
    assert list(trainings(task, 8, 24, train=200, validation=100, test=50)) == []


@pytest.mark.parametrize(
    "without, table_size, expected",
    [((), 24, 22), (("search",), 24, 16), (("benchmark",), 0, 6), (("benchmark", "search"), 0, 0)],
)
def test_finalists_can_be_chosen_from_what_is_trained(
    without: tuple[str, ...], table_size: int, expected: int
) -> None:
    final = {"functions": 2, "candidates_from": ["tiny"]}
    task = configured(*without, final=final).task("other")
    assert trained_besides_baselines(task, 8, table_size) == expected


def test_the_plan_has_as_many_files_as_are_counted() -> None:
    search = SMALL["tasks"]["tiny"]["search"] | {"strategies": ["random", "union-knr"]}
    plan = Plan(configured(search=search))
    for name, task in plan.tasks.items():
        assert task.search is not None and task.final is not None
        size = plan.space_size("small")
        counted = {t.kind: t.functions for t in trainings(task, 8, size, 1, 1, 1)}
        assert len(plan.trial_files(name)) == counted["table"] == 24
        strategies = task.search.strategies
        rounds = [plan.all_rounds(name, strategy) for strategy in strategies]
        assert sum(len(each["trials"]) for each in rounds) == counted["search"]
        assert all(len(each["proposals"]) == len(search_rounds(task.search)) for each in rounds)
        assert len(plan.histories(name)) == len(strategies)
        assert len(plan.final_trials(name)) == counted["final"] == 10
        # 24 functions, and 30, in parts of 16.
        assert len(plan.fim_parts(name, "")) == len(plan.fim_parts(name, "search/")) == 2
        files = [file for _, pack in plan.trial_packs(name) for file in pack]
        assert files == plan.trial_files(name)
        assert [len(pack) for _, pack in plan.trial_packs(name)] == [9, 9, 6]


def test_rounds_come_in_order_and_each_knows_those_before_it() -> None:
    plan = Plan(parse_config(SMALL))
    assert plan.earlier_rounds("tiny", "random", 0) == {"proposals": [], "trials": []}
    folder = "results/tiny/search/random"
    second = plan.earlier_rounds("tiny", "random", 2)
    assert second == {
        "proposals": [f"{folder}/round-0/proposals.csv", f"{folder}/round-1/proposals.csv"],
        "trials": [f"{folder}/round-0/0{slot}.json" for slot in range(8)]
        + [f"{folder}/round-1/0{slot}.json" for slot in range(3)],
    }
    whole = plan.all_rounds("tiny", "random")
    assert whole["trials"][: len(second["trials"])] == second["trials"]
    assert [Path(path).name for path in whole["trials"][-3:]] == ["00.json", "01.json", "02.json"]


def test_finalists_are_chosen_from_own_files_or_from_those_of_the_tasks_asked() -> None:
    transfer = {"functions": 2, "candidates_from": ["tiny"]}
    plan = Plan(configured("benchmark", "search", final=transfer))
    [strategy] = plan.search("tiny").strategies
    table, history = (
        "results/tiny/benchmark.parquet",
        f"results/tiny/search/{strategy}/history.parquet",
    )
    assert plan.final_sources("tiny") == [("--table ", table), ("", history)]
    assert plan.final_sources("other") == [("--from tiny=", table), ("--from tiny=", history)]
    assert plan.tables("other") == plan.histories("other") == []


def test_every_trial_of_a_pack_uses_the_same_operators() -> None:
    plan = Plan(parse_config(SMALL))
    assert {digest for digest, _ in plan.trial_packs("tiny")} == {plan.operators()}
