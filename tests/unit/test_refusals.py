"""What a configuration or a target asks for and cannot have, without Snakemake."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from bad_configurations import BAD
from small_experiment import SMALL

from actsearch.config import parse_config
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_plan, check_targets
from actsearch.plan.wanted import check_data, wanted


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def start(config: dict[str, Any], *targets: str) -> Plan:
    """What the Snakefile does while it is read, up to where networks are tried out."""
    plan = Plan(parse_config(config))
    check_plan(plan, look_into_files=True)
    check_targets(plan, targets)
    for task in plan.tasks:
        plan.code("train", task)
    check_data(plan, wanted(plan, targets or ["all"])[1], refused=True, warn=pytest.fail)
    return plan


def test_the_experiment_itself_is_not_refused() -> None:
    start(SMALL, "results/tiny/trials/relu.x.json", "results/report.html", "all")


# A network is built by another process: in tests/workflow alone.
@pytest.mark.parametrize("case", sorted(BAD.keys() - {"activations that are not there"}))
def test_bad_configurations_are_refused(case: str) -> None:
    change, expected = BAD[case]
    config = copy.deepcopy(SMALL)
    change(config)
    with pytest.raises(ValueError) as refused:
        start(config)
    assert expected in str(refused.value)
    assert type(refused.value).__module__.startswith("actsearch")  # told in one sentence


@pytest.mark.parametrize(
    "target, expected",
    [
        ("results/tinny/benchmark.parquet", "no task 'tinny'; tasks: tiny"),
        ("results/tiny/trials/mul.rleu.x.x.json", "did you mean 'relu'?"),
        ("results/tiny/trials/mul.relu.x.json", "bad slug 'mul.relu.x': the tokens end too early"),
        ("./results//tinny/map.parquet", "no task 'tinny'; tasks: tiny"),
    ],
)
def test_bad_targets_are_refused(target: str, expected: str) -> None:
    with pytest.raises(ValueError) as refused:
        start(SMALL, target)
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    "section, target",
    [("benchmark", "map.parquet"), ("search", "search/map.parquet"), ("final", "final.json")],
)
def test_targets_of_a_missing_section_are_refused(section: str, target: str) -> None:
    config = copy.deepcopy(SMALL)
    del config["tasks"]["tiny"][section]
    with pytest.raises(ValueError) as refused:
        start(config, f"results/tiny/{target}")
    expected = f"results/tiny/{target}: task 'tiny' has no section {section!r}"
    assert str(refused.value) == expected


def test_other_words_of_a_command_line_are_passed_over() -> None:
    words = ["--cores", "4", "fim__tiny", "logs/a", "results/report.html", "results/spaces/gone/a"]
    check_targets(Plan(parse_config(SMALL)), words)


def test_what_rules_make_is_asked_without_data() -> None:
    config = copy.deepcopy(SMALL)
    config["data"]["digits"]["source"] = "npz:nowhere.npz"
    plan = Plan(parse_config(config))
    check_plan(plan, look_into_files=True, with_files=False)
    said: list[str] = []
    check_data(plan, ["digits"], refused=False, warn=said.append)
    assert len(said) == 1 and said[0].startswith("data.digits: ") and "nowhere.npz" in said[0]
