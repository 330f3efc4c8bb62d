"""Which tasks and data sets the wanted files are made from."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from small_experiment import SMALL

from actsearch.config import Config, ConfigError, parse_config
from actsearch.plan.experiment import Plan
from actsearch.plan.wanted import check_data, named_data, named_tasks, wanted

CIFAR = "data/CIFAR10/manifest.json"


def _configuration() -> Config:
    """Three tasks: ``tiny``, ``tiny-wide`` on other data, and ``moved`` with functions of both."""
    values = copy.deepcopy(SMALL)
    split = values["data"]["digits"]["split"]
    images = {"image_size": 32, "in_memory": False, "split": split}
    values["data"] |= {
        "cifar": {"source": "torchvision:CIFAR10", "split": split},
        "more-cifar": {"source": "torchvision:CIFAR10", "split": split | {"seed": 1}},
        "pets": {"source": "folder:pets", **images},
        "unused": {"source": "torchvision:CIFAR100", "split": split},
    }
    tiny = values["tasks"]["tiny"]
    bare = {key: tiny[key] for key in ("data", "model", "recipe")}
    final = {"functions": 1, "candidates_from": ["tiny", "tiny-wide"]}
    values["tasks"] |= {
        "tiny-wide": tiny | {"data": "cifar"},
        "moved": bare | {"data": "more-cifar", "final": final},
        "photographs": bare | {"data": "pets", "benchmark": {"space": "small"}},
    }
    return parse_config(values)


PLAN = Plan(_configuration())
[PETS] = [path for path in PLAN.manifests if path.startswith("data/folders/pets-")]
FETCH_PETS = f"fetch__{Path(PETS).parent.name.replace('-', '_')}"
ALL = {"tiny", "tiny-wide", "moved", "photographs"}


@pytest.mark.parametrize(
    "target, tasks",
    [
        ("all", ALL),
        ("report", ALL),
        ("results/report.html", ALL),
        ("results/audit.json", ALL),
        ("results/tiny/benchmark.parquet", {"tiny"}),
        ("results/tiny-wide/trials/relu.x.json", {"tiny-wide"}),
        ("results/tiny-wide/search/random/round-0/00.json", {"tiny-wide"}),
        ("results/spaces/small/functions.parquet", set()),
        ("results/nobody/final.json", set()),
        ("train__tiny__3", {"tiny"}),
        ("train__tiny_wide__3", {"tiny-wide"}),
        ("train__tiny_wide__final__0", {"tiny-wide"}),
        ("fim__tiny", {"tiny"}),
        ("fim__tiny_wide", {"tiny-wide"}),
        ("fim__moved", {"moved"}),
        ("fetch_data", set()),
        ("fetch__CIFAR10", set()),
        (CIFAR, set()),
        ("logs/tiny/benchmark.log", set()),
    ],
)
def test_tasks_of_a_target(target: str, tasks: set[str]) -> None:
    assert named_tasks(PLAN, target) == tasks


@pytest.mark.parametrize(
    "target, data",
    [
        (CIFAR, {"cifar", "more-cifar"}),
        ("fetch__CIFAR10", {"cifar", "more-cifar"}),
        (PETS, {"pets"}),
        (FETCH_PETS, {"pets"}),
        ("fetch__CIFAR100", set()),  # no task uses it
        ("fetch_data", set()),
        ("all", set()),
        ("results/tiny-wide/final.json", set()),
    ],
)
def test_data_of_a_target(target: str, data: set[str]) -> None:
    assert named_data(PLAN, target) == data


@pytest.mark.parametrize(
    "targets, tasks, data",
    [
        (["all"], sorted(ALL), ["cifar", "digits", "more-cifar", "pets"]),
        (["results/tiny/map.parquet"], ["tiny"], ["digits"]),
        (["./results//tiny/map.parquet"], ["tiny"], ["digits"]),
        (["fim__tiny", "fim__tiny_wide"], ["tiny", "tiny-wide"], ["cifar", "digits"]),
        (
            ["results/moved/final.json"],
            ["moved", "tiny", "tiny-wide"],
            ["cifar", "digits", "more-cifar"],
        ),
        (["fetch__CIFAR10"], [], ["cifar", "more-cifar"]),
        ([f"./{CIFAR}", "fim__tiny"], ["tiny"], ["cifar", "digits", "more-cifar"]),
        (["fetch_data"], [], []),
        (["results/spaces/small/functions.parquet"], [], []),
    ],
)
def test_what_targets_are_made_from(targets: list[str], tasks: list[str], data: list[str]) -> None:
    assert wanted(PLAN, targets) == (tasks, data)


def test_tables_of_other_tasks_are_asked_for_too() -> None:
    values = _configuration().model_dump(mode="json", exclude_none=True)
    values["tasks"]["tiny"]["prior_from"] = ["photographs"]
    plan = Plan(parse_config(values))
    tasks, _ = wanted(plan, ["results/moved/final.json"])  # of tiny, which asks photographs
    assert tasks == sorted(ALL)


def test_a_name_that_begins_like_another_is_not_taken_for_it() -> None:
    """``tiny`` and ``tiny-wide`` share their beginning, as do the names of their rules."""
    values = copy.deepcopy(SMALL)
    values["tasks"]["tiny-final"] = values["tasks"]["tiny"]
    plan = Plan(parse_config(values))
    assert named_tasks(plan, "train__tiny_final__0") == {"tiny-final"}
    assert named_tasks(plan, "train__tiny__final__0") == {"tiny"}


def test_data_that_a_rule_brings_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    names = ["cifar", "digits", "more-cifar"]
    check_data(PLAN, names, refused=True, warn=told.append)
    check_data(PLAN, [*names, "pets"], refused=False, warn=told.append)
    assert told == ["data.pets: no image folder at pets"]
    with pytest.raises(ConfigError, match=r"^data\.pets: no image folder at pets$"):
        check_data(PLAN, [*names, "pets"], refused=True, warn=pytest.fail)


@pytest.mark.parametrize("refused", [True, False])
def test_data_that_cannot_be_used_are_refused_in_any_case(
    refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        (tmp_path / "pets" / name / "one.png").touch()
    with pytest.raises(ConfigError, match=r"^data\.pets: .*pets"):
        check_data(PLAN, ["pets"], refused=refused, warn=pytest.fail)
    manifest = tmp_path / CIFAR
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{")
    with pytest.raises(ConfigError, match=rf"^data\.cifar: {CIFAR}"):
        check_data(PLAN, ["cifar"], refused=refused, warn=pytest.fail)
