"""Strategies by name: built in, with a weight, of the user's; and which code each name is."""

from __future__ import annotations

import copy
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from small_experiment import SMALL
from users_modules import folder as folder
from users_modules import write

from actsearch.config import (
    STRATEGIES,
    Config,
    ConfigError,
    named_strategy,
    parse_config,
    users_strategy,
)
from actsearch.config.strategies import BUILT_IN_STRATEGIES, WEIGHTED_STRATEGIES
from actsearch.plan.dependencies import (
    named_strategies,
    refuse_edited,
    refuse_shadowed,
    step_code,
    step_modules,
    users_code,
    users_strategies,
)
from actsearch.plan.environment import CODE_VARIABLE
from actsearch.plan.experiment import Plan
from actsearch.plan.steps import STEPS
from actsearch.records.code import module_digests, reached_modules, read_again
from actsearch.search.strategies import get_strategy

MINE = """
from actsearch.search.strategies.random import RandomStrategy

class Mine(RandomStrategy):
    depth = 1

BEST = Mine()
NUMBER = 3
"""
OTHERS = {
    name: named_strategy(name).module
    for name in STRATEGIES
    if named_strategy(name).module != named_strategy("gp-ei").module
}


def config(*simulated: str, searched: tuple[str, ...] = ("random",)) -> Config:
    values = copy.deepcopy(SMALL)
    values["simulation"]["strategies"] = list(simulated) or ["random"]
    values["tasks"]["tiny"]["search"]["strategies"] = list(searched)
    return parse_config(values)


@pytest.mark.parametrize("name", STRATEGIES)
def test_built_in_names_are_found_where_they_are_said_to_be(name: str) -> None:
    found = named_strategy(name)
    assert (found.family, found.weight) == (name, None)
    module = importlib.import_module(found.module)
    assert get_strategy(name) is getattr(module, found.attribute)
    assert users_strategy(name) == ""
    assert (name in WEIGHTED_STRATEGIES) == hasattr(get_strategy(name), "weight")


@pytest.mark.parametrize("name", WEIGHTED_STRATEGIES)
@pytest.mark.parametrize("weight", ["0", "0.5", "2", "0.0001", "100", "12.25"])
def test_a_weight_makes_a_variant(name: str, weight: str) -> None:
    variant: Any = get_strategy(f"{name}@{weight}")
    plain: Any = get_strategy(name)
    assert variant.weight == float(weight)
    assert type(variant) is type(plain)
    assert get_strategy(name) is plain and plain.weight == get_strategy(name).weight  # type: ignore[attr-defined]
    found = named_strategy(f"{name}@{weight}")
    assert (found.family, found.module) == (name, named_strategy(name).module)
    assert users_strategy(f"{name}@{weight}") == ""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("trees-ucb@0.50", "0.5"), ("trees-ucb@1.0", "1"), ("two-stage@007", "7")],
)
def test_a_weight_has_one_form_for_it_is_part_of_a_path(name: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.*: write the weight as {wanted}$"):
        named_strategy(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "guess", "Random", "random ", "trees-ucb@", "trees-ucb@-1", "trees-ucb@nan",
        "trees-ucb@1e3", "trees-ucb@0.12345", "random@1", "gp-ei@1", "@1", "mine:", ":best",
        "mine:best.more", "mine.:best", "mine/other:best", "1mine:best", "mine:best@1", "a b:c",
        "../mine:best", "mine:best\n",
    ],
)  # fmt: skip
def test_other_names_are_refused_with_what_is_allowed(name: str) -> None:
    allowed = r"unknown strategy .*; allowed: random, union-knr, .*: neighbors-ucb, .*package\.mod"
    with pytest.raises(ValueError, match=allowed):
        named_strategy(name)


def test_a_slip_is_recognised() -> None:
    with pytest.raises(ValueError, match=r"'trees_ucb' \(did you mean 'trees-ucb'\?\)"):
        named_strategy("trees_ucb")


@pytest.mark.parametrize("name", ["mine:Mine", "mine:BEST", "pkg.inner.mine:best_2", "_a:_b"])
def test_objects_of_the_users(name: str) -> None:
    found = named_strategy(name)
    assert f"{found.module}:{found.attribute}" == found.family == name
    assert users_strategy(name) == found.module


def test_the_configuration_takes_them_and_names_what_it_does_not() -> None:
    names = ("gp-ei", "trees-ucb@0.5", "mine:Mine")
    assert config(*names).simulation.strategies == names
    assert config(searched=names).task("tiny").search.strategies == names  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match=r"simulation\.strategies.*'guess'"):
        config("random", "guess")
    with pytest.raises(ConfigError, match=r"tasks\.tiny\.search\.strategies.*'guess'"):
        config(searched=("guess",))
    with pytest.raises(ConfigError, match="random"):
        config("random", "random")


def test_objects_are_imported_and_classes_called(folder: Path) -> None:
    write(folder, {"mine.py": MINE, "pkg/__init__.py": "", "pkg/inner.py": MINE})
    for name in ("mine:Mine", "mine:BEST", "pkg.inner:Mine"):
        assert get_strategy(name).depth == 1  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="strategy 'mine:Other': 'mine' has no 'Other'"):
        get_strategy("mine:Other")
    with pytest.raises(ConfigError, match=r"strategy 'mine:NUMBER' is 3; allowed: an object, or a"):
        get_strategy("mine:NUMBER")
    with pytest.raises(ConfigError, match="strategy 'yours:Best': cannot import 'yours'"):
        get_strategy("yours:Best")
    for name in ("mine", "pkg", "pkg.inner"):
        del sys.modules[name]


# Code


@pytest.mark.parametrize("step", ["simulate", "propose"])
def test_the_code_of_a_strategy_is_that_of_its_own_module_alone(step: str) -> None:
    chosen = config()
    assert STEPS[step].strategy_code
    without = set(step_modules(step, chosen, "tiny"))
    for name in STRATEGIES:
        module = named_strategy(name).module
        assert set(step_modules(step, chosen, "tiny", name)) == without | {module}
    reached = reached_modules(step_modules(step, chosen, "tiny", "gp-ei"))
    assert named_strategy("gp-ei").module in reached
    assert not set(OTHERS.values()) & set(reached)


def test_variants_and_strategies_of_one_module_share_their_code() -> None:
    codes = {
        name: step_code("simulate", config(), "tiny", name)
        for name in ("trees-ucb", "trees-ucb@2", "neighbors-ucb", "gp-ei", "gp-ts", "random")
    }
    assert codes["trees-ucb"] == codes["trees-ucb@2"] == codes["neighbors-ucb"]
    assert codes["gp-ei"] == codes["gp-ts"]
    assert len(set(codes.values())) == 3


def test_no_built_in_strategy_is_code_of_the_common_part() -> None:
    common = reached_modules(step_modules("simulate", config(), "tiny"))
    homes = {text.partition(":")[0] for text in BUILT_IN_STRATEGIES.values()}
    assert not homes & set(common)
    for step in ("train", "fim", "judge", "priors"):
        modules = step_modules(step, config(), "tiny", "gp-ei")
        assert not homes & set(reached_modules(modules if step in ("judge", "priors") else []))
        assert modules == step_modules(step, config(), "tiny")


def test_users_strategies_are_listed_with_the_key_that_names_them() -> None:
    chosen = config("random", "mine:Mine", searched=("pkg.best:BEST", "gp-ei"))
    assert named_strategies(chosen) == [
        ("simulation.strategies", "random"),
        ("simulation.strategies", "mine:Mine"),
        ("tasks.tiny.search.strategies", "pkg.best:BEST"),
        ("tasks.tiny.search.strategies", "gp-ei"),
    ]
    assert users_strategies(chosen) == {"mine", "pkg.best"}
    assert users_strategies(config()) == set()


def test_the_plan_knows_all_strategies() -> None:
    plan = Plan(config("trees-ucb@2", searched=("gp-ei", "mine:Mine")))
    assert plan.strategies == [*STRATEGIES, "trees-ucb@2", "mine:Mine"]


def test_an_edit_of_the_users_module_changes_its_own_code_alone(folder: Path) -> None:
    write(folder, {"mine.py": MINE, "other.py": MINE})
    chosen = config("mine:Mine", "other:Mine")

    def codes() -> dict[str, str]:
        read_again()
        module_digests.cache_clear()
        return {
            name: step_code("simulate", chosen, "tiny", name)
            for name in ("mine:Mine", "other:Mine", "random")
        }

    before = codes()
    write(folder, {"mine.py": f"# A comment.\n{MINE}"})
    assert codes() == before
    write(folder, {"mine.py": MINE.replace("depth = 1", "depth = 2")})
    after = codes()
    assert after["mine:Mine"] != before["mine:Mine"]
    assert {name: after[name] for name in ("other:Mine", "random")} == {
        name: before[name] for name in ("other:Mine", "random")
    }


def test_what_the_users_module_imports_is_its_code(folder: Path) -> None:
    write(folder, {"mine.py": f"import helper\n{MINE}", "helper.py": "depth = 1"})
    modules = step_modules("simulate", config("mine:Mine"), "tiny", "mine:Mine")
    found = module_digests(*modules)
    assert {"mine", "helper", "actsearch.search.strategies.random"} <= set(found)


@pytest.mark.parametrize("searched", [False, True])
def test_a_module_with_a_name_that_is_taken_is_refused(searched: bool, folder: Path) -> None:
    write(folder, {"queue.py": MINE})
    chosen = config(searched=("queue:Mine",)) if searched else config("queue:Mine")
    key = r"tasks\.tiny\.search\.strategies" if searched else r"simulation\.strategies"
    with pytest.raises(ConfigError, match=rf"{key}: 'queue:Mine' is queue\.py in the working"):
        refuse_shadowed(chosen)
    refuse_shadowed(config())  # nobody names it


def test_code_that_was_edited_after_the_run_began_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"mine.py": MINE})
    chosen = config("mine:Mine")
    monkeypatch.setenv(CODE_VARIABLE, users_code(chosen))
    refuse_edited(chosen, None, "mine:Mine")
    write(folder, {"mine.py": MINE.replace("depth = 1", "depth = 2")})
    read_again()
    module_digests.cache_clear()
    with pytest.raises(ConfigError, match=r"the code of 'mine', .* edited after this run began"):
        refuse_edited(chosen, None, "mine:Mine")
    refuse_edited(chosen, None, "random")  # whose code it is not
    refuse_edited(chosen, "tiny")
