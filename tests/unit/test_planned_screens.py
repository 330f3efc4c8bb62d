"""A screen in the plan: paths, sizes, settings, and what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_experiment import SMALL
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import ConfigError, parse_config
from actsearch.functions import enumeration, selection
from actsearch.plan.dependencies import step_settings
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_plan
from actsearch.plan.targets import check_targets
from actsearch.records.digests import settings_digest

Values = dict[str, Any]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def experiment(space: Values | None = None, **screen: Any) -> Values:
    """The small experiment with a screen of the four-node space, or of another."""
    values = copy.deepcopy(SMALL)
    values["spaces"]["whole"] = space or {"schemas": ["four-node"]}
    values["tasks"]["tiny"]["search"] |= {"space": "whole", "screen": screen}
    return values


def refusal(values: Values) -> str:
    with pytest.raises(ConfigError) as error:
        check_plan(Plan(parse_config(values)), look_into_files=False)
    return str(error.value)


def test_the_whole_space_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(space: Any, *_: Any) -> Any:
        assert space.size < 20_000, "the four-node space was enumerated"
        return listed(space)

    listed = enumeration.enumerate_space
    monkeypatch.setattr(selection, "enumerate_space", count)
    plan = Plan(parse_config(experiment(functions=50)))
    check_plan(plan, look_into_files=False)
    assert plan.screened == ["tiny"]
    assert plan.functions("tiny", "search/") == "results/tiny/search/functions.parquet"
    assert plan.outputs("tiny", "search/") == "results/tiny/search/outputs.npy"
    assert plan.functions("tiny") == "results/spaces/small/functions.parquet"
    assert plan.outputs("tiny") == "results/spaces/small/outputs.npy"
    assert len(plan.fim_parts("tiny", "search/")) == 4  # of 16 functions
    assert len(plan.fim_parts("tiny", "")) == 2
    files = plan.report_files()
    assert files["screen", "tiny"] == "results/tiny/search/screen.json"
    assert files["screened", "tiny"] == "results/tiny/search/functions.parquet"
    assert ("costs", "whole") not in files


def test_without_a_screen_nothing_is_screened() -> None:
    plan = Plan(parse_config(SMALL))
    assert plan.screened == []
    assert plan.functions("tiny", "search/") == "results/spaces/deep/functions.parquet"
    assert not {kind for kind, _ in plan.report_files()} & {"screen", "screened"}


def test_settings_of_a_screen_are_its_own() -> None:
    def digests(values: Values) -> dict[str, str]:
        config = parse_config(values)
        steps = ("screen", "train", "fim", "map", "propose", "finalists", "train-final", "report")
        return {step: settings_digest(step_settings(step, config, "tiny")) for step in steps}

    plain, usual = digests(SMALL), digests(experiment())
    assert {step for step in plain if plain[step] != usual[step]} == {"screen"}
    for change in ({"functions": 100}, {"chance": 0.5}, {"seed": 1}):
        other = digests(experiment(**change))
        assert {step for step in usual if usual[step] != other[step]} == {"screen"}
    told = step_settings("screen", parse_config(experiment()), "tiny")
    screen = {"functions": 2000, "chance": 0.1, "seed": 0}
    assert told["tasks"] == {"tiny": {"search": {"space": "whole", "screen": screen}}}
    assert set(told["spaces"]) == {"whole"}


def _without_table(values: Values) -> None:
    del values["tasks"]["tiny"]["benchmark"]


def _in_rounds(values: Values) -> None:
    values["tasks"]["tiny"]["search"]["rounds"] = 20


SMALL_SPACE = {"schemas": ["unary(x)"], "include": ["baselines"]}
REFUSED: dict[str, tuple[Values, Callable[[Values], None] | None, str]] = {
    "no table": (
        experiment(),
        _without_table,
        "search.screen predicts from the task's own table, but the task has none: give it a",
    ),
    "a sample": (
        experiment({"schemas": ["four-node"], "sample": 90}),
        None,
        "tasks.tiny.search.screen goes through a whole space, but space 'whole' has sample: 90",
    ),
    "no baselines": (
        experiment({"schemas": ["three-node"]}, functions=40),
        None,
        "tasks.tiny.search: space 'whole' lacks baselines",
    ),
    "more than the space holds": (
        experiment(SMALL_SPACE, functions=40),
        None,
        "tasks.tiny.search.screen.functions is 40, but space 'whole' has only ",
    ),
    "fewer than are included": (
        experiment({"schemas": ["four-node"], "include": ["literature"]}, functions=20),
        None,
        "tasks.tiny.search.screen.functions is 20, fewer than the ",
    ),
    "more names than there are": (
        experiment(functions=2_000_000),
        None,
        "screen.functions is 2000000, but space 'whole' has only 1023524 functions",
    ),
    "a space too large": (
        experiment({"schemas": ["n-ary(unary(x),unary(x),unary(x),unary(unary(x)))", "four-node"]}),
        None,
        "tasks.tiny.search.screen: space 'whole' has 58,419,152 names; allowed: 10,000,000",
    ),
    "fewer than the search trains": (
        experiment(functions=60),
        _in_rounds,
        "tasks.tiny.search asks for 68 functions, but its screen lists 60",
    ),
    "no share": (experiment(chance=1.5), None, "tasks.tiny.search.screen.chance"),
    "none": (experiment(functions=0), None, "tasks.tiny.search.screen.functions"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_screened_is_refused(case: str) -> None:
    values, change, expected = REFUSED[case]
    values = copy.deepcopy(values)
    if change:
        change(values)
    assert expected in refusal(values)


def test_exactly_what_a_small_space_holds_is_accepted() -> None:
    told = refusal(experiment(SMALL_SPACE, functions=40))
    most = int(told.split("only ")[1].split()[0])
    check_plan(Plan(parse_config(experiment(SMALL_SPACE, functions=most))), False)
    assert "has only" in refusal(experiment(SMALL_SPACE, functions=most + 1))


@pytest.mark.parametrize("name", ["functions.parquet", "outputs.npy", "screen.json"])
def test_a_file_of_a_screen_that_is_none_is_refused(name: str) -> None:
    target = f"results/tiny/search/{name}"
    with pytest.raises(ConfigError, match="the search of task 'tiny' has no section 'screen'"):
        check_targets(Plan(parse_config(SMALL)), [target])
    check_targets(Plan(parse_config(experiment())), [target])


def test_an_estimate_counts_the_listed_functions(folder: Path) -> None:
    load_commands()
    (folder / "config.yaml").write_text(yaml.safe_dump(experiment(functions=123)))
    done = CliRunner().invoke(app, ["estimate", "--json"], catch_exceptions=False)
    rows = json.loads(done.stdout)["stages"]
    assert [row["functions"] for row in rows if row["kind"] == "fim"] == [24, 123]
