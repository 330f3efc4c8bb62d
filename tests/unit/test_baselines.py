"""Baselines of the user's choice: what is accepted, what hangs on them, and who takes them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from final_trials import make_source
from report_example import make_report
from report_page import Page
from search_tables import make_map, make_table
from small_experiment import SMALL
from space_classes import names
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import Config, ConfigError, Simulation, Space, parse_config
from actsearch.functions.baselines import BASELINES, MODERN, baselines_of
from actsearch.functions.equivalence import classes, outputs
from actsearch.functions.expressions import parse
from actsearch.functions.listing import list_functions
from actsearch.functions.selection import known_size, select
from actsearch.functions.spaces import SearchSpace, names_baselines
from actsearch.plan.dependencies import space_operators, step_settings
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_plan
from actsearch.plan.steps import STEPS
from actsearch.records.digests import settings_digest
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_csv, read_table, write_table
from actsearch.report.page import render
from actsearch.search.finalists import choose_candidates, choose_from_tasks
from actsearch.search.history import build_history
from actsearch.search.rounds import propose
from actsearch.search.simulation import simulate

OWN = ("gelu(x)", "relu(x)", "mul(x,tanh(x))")
ADDED = MODERN[len(BASELINES) :]


def experiment(baselines: Any = None, **changes: Any) -> Config:
    """The small experiment with other baselines; its replayed searches are long enough."""
    values = copy.deepcopy(SMALL) | changes
    values["simulation"] = values["simulation"] | {"evaluations": 16}
    if baselines is not None:
        values["baselines"] = baselines if isinstance(baselines, str) else list(baselines)
    return parse_config(values)


# What is accepted


def test_a_set_is_named_and_a_list_holds_names() -> None:
    assert baselines_of(experiment()) == baselines_of(experiment("paper")) == BASELINES
    assert baselines_of(experiment("modern")) == MODERN
    assert baselines_of(experiment(OWN)) == OWN


def test_blanks_in_a_name_do_not_count() -> None:
    assert baselines_of(experiment([" relu( x )", "mul(x ,\ttanh (x))\n"])) == (
        "relu(x)",
        "mul(x,tanh(x))",
    )


def test_the_modern_ones_are_those_of_the_paper_and_different_functions() -> None:
    assert MODERN[: len(BASELINES)] == BASELINES
    assert names(map(parse, MODERN)) == list(MODERN)
    assert len(set(classes(MODERN))) == len(MODERN) == 15
    assert np.isfinite(outputs(map(parse, MODERN))).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("papr", "baselines: unknown 'papr'; allowed: paper, modern, or a list of names of funct"),
        ("relu(x)", "baselines: unknown 'relu(x)'; allowed: paper, modern, or a list"),
        ([], "baselines: the list is empty; allowed: paper, modern, or a list"),
        (None, "baselines: unknown None; allowed"),
        ({"relu(x)": 1}, "baselines: unknown a mapping of 1; allowed"),
        (["relu(x)", 3], "baselines: 3 is not the name of a function; all"),
        ([["relu(x)"]], "baselines: ['relu(x)'] is not the name of a function; all"),
        (["relu(x)", "relu( x)"], "baselines: 'relu(x)' is given twice"),
    ],
)
def test_what_is_no_choice_is_one_error(value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(copy.deepcopy(SMALL) | {"baselines": value})
    assert message in str(error.value)
    assert str(error.value).count("baselines:") == 1


def _of_small(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda values: values["spaces"]["small"].update(changes)


def _alone(values: dict[str, Any], simulated: str, searching: str) -> None:
    values["simulation"]["strategies"] = [simulated]
    values["tasks"]["tiny"]["search"]["strategies"] = [searching]


@pytest.mark.parametrize(
    ("baselines", "change", "message"),
    [
        (["relu(x)", "foo(x)", "elu(x)"], None, "baselines: unknown operator 'foo'"),
        (["relu", "elu(x)", "tanh(x)"], None, "baselines: 'relu' lacks its argument: write relu"),
        (
            ["relu(x)", "tanh(x)", "max(x,zero(x))"],
            None,
            "baselines: 'max(x,zero(x))' is the same function as 'relu(x)' on the normal samples",
        ),
        (["relu(x)", "relu6(x)", "elu(x)"], None, "'relu6(x)' is the same function as 'relu(x)'"),
        (
            ["relu(x)", "reciprocal(zero(x))", "tanh(x)"],
            None,
            "baselines: 'reciprocal(zero(x))' is not finite on every normal sample",
        ),
        (
            ["relu(x)", "gelu(x)"],
            None,
            "baselines: 'union-knr' of simulation.strategies predicts from trained functions, and "
            "must begin with 3; the list has 2",
        ),
        (
            ["relu(x)", "gelu(x)"],
            lambda c: _alone(c, "random", "union-knr"),
            "baselines: 'union-knr' of tasks.tiny.search.strategies predicts",
        ),
        (
            ["relu(x)", "gelu(x)"],
            lambda c: _alone(c, "evolution", "trees-ucb@0.5"),
            "baselines: 'trees-ucb@0.5' of tasks.tiny.search.strategies predicts",
        ),
        (
            "modern",
            lambda c: c["simulation"].update(evaluations=14),
            "simulation.evaluations is 14, fewer than the 15 baselines",
        ),
        (
            "modern",
            _of_small(include=list(BASELINES)),
            "tasks.tiny.benchmark: space 'small' lacks baselines; give it include: [baselines]",
        ),
        (
            "modern",
            lambda c: c["tasks"]["tiny"]["benchmark"].update(act_bench="cnn"),
            "the public table act-bench-cnn lacks 'gelu(x)' and 5 more",
        ),
        (
            "modern",
            _of_small(sample=14),
            "sample: 14 is fewer than the 15 included functions",
        ),
        (
            ["relu(x)", "mul(x,sigmoid(x))", "tanh(x)"],
            _of_small(include=["swish(x)", "baselines"]),
            "space 'small' includes 'swish(x)' before the baseline 'mul(x,sigmoid(x))', which is "
            "the same function: name baselines first",
        ),
    ],
)
def test_baselines_that_no_search_can_start_from_are_one_error(
    baselines: Any, change: Callable[[dict[str, Any]], None] | None, message: str
) -> None:
    values = experiment(baselines).model_dump(mode="json")
    if change:
        change(values)
    with pytest.raises(ValueError) as error:
        check_plan(Plan(parse_config(values)), look_into_files=True)
    assert message in str(error.value)
    assert type(error.value).__module__.startswith("actsearch.")


@pytest.mark.parametrize("baselines", ["modern", OWN, ["gelu(x)"]])
def test_baselines_that_can_be_are_accepted(baselines: Any) -> None:
    values = experiment(baselines).model_dump(mode="json")
    if baselines == ["gelu(x)"]:
        _alone(values, "random", "evolution")
    check_plan(Plan(parse_config(values)), look_into_files=False)


# What hangs on them


def settings(config: Config) -> dict[str, str]:
    """Digests of settings by step, and of each space by itself."""
    few: dict[str, dict[str, Any]] = {
        "fetch": {"data": "digits"},
        "propose": {"strategy": "random", "round": 1},
        "simulate": {"strategy": "random"},
        "stage": {"stage": 0},
        "train-stage": {"stage": 0},
    }
    values = config.model_dump(mode="json")
    values["tasks"]["tiny"]["final"]["stages"] = [{"functions": 2, "seeds": [20]}]
    config = parse_config(values)
    steps = {
        step: step_settings(step, config, "tiny", **few.get(step, {}))
        for step in STEPS
        if step not in ("enumerate", "import-act-bench")
    }
    steps |= {s: step_settings("enumerate", config, space=s) for s in config.spaces}
    return {step: settings_digest(values) for step, values in steps.items()}


def test_the_papers_own_are_in_no_settings() -> None:
    for same in ("paper", BASELINES):
        assert settings(experiment(same)) == settings(experiment())
    for space in ("small", "deep"):
        told = step_settings("enumerate", experiment(), space=space)
        assert told == {"spaces": {space: experiment().space(space).as_settings()}}
    assert "baselines" not in step_settings("report", experiment())


@pytest.mark.parametrize("baselines", ["modern", OWN, tuple(reversed(BASELINES))])
def test_others_are_settings_of_exactly_what_takes_them(baselines: Any) -> None:
    alone = {"alone": {"schemas": ["unary(x)"]}}
    before = settings(experiment(spaces=SMALL["spaces"] | alone))
    after = settings(experiment(baselines, spaces=SMALL["spaces"] | alone))
    changed = {step for step in before if before[step] != after[step]}
    assert changed == {
        *("small", "deep", "screen", "simulate", "judge", "propose", "stage", "finalists", "report")
    }


def test_a_set_and_the_list_of_its_functions_are_the_same_settings() -> None:
    assert settings(experiment("modern")) == settings(experiment(MODERN))
    told = step_settings("simulate", experiment("modern"), "tiny", strategy="random")
    assert told["baselines"] == list(MODERN)
    # In the configuration's own form, so that a replay can put it there.
    assert baselines_of(experiment(told["baselines"])) == MODERN


def test_spaces_that_have_baselines_are_known() -> None:
    assert names_baselines(Space(schemas=("unary(x)",), include=("relu(x)", "baselines")))
    assert names_baselines(Space(schemas=(" four-node",)))
    assert not names_baselines(Space(schemas=("three-node",), include=("relu(x)", "literature")))


def test_the_plan_has_a_slot_for_each() -> None:
    plan = Plan(experiment("modern"))
    assert plan.search_slots("tiny", 0) == range(15)
    assert plan.search_slots("tiny", 1) == range(3)
    assert plan.final_slots("tiny") == range(15 + 2)
    first = plan.earlier_rounds("tiny", "random", 1)["trials"]
    assert first[8:] == [f"results/tiny/search/random/round-0/{n:02d}.json" for n in range(8, 15)]
    assert plan.slugs("small")[:15] == [parse(name).slug for name in MODERN]
    assert {"gelu", "sin"} <= space_operators(plan.config, "small")
    assert space_operators(experiment(), "small").isdisjoint(["gelu", "sin"])


# Spaces


def test_the_word_stands_for_those_that_are_chosen() -> None:
    space = Space(schemas=("four-node",), include=("exp(x)", "baselines"))
    assert names(SearchSpace.from_config(space, OWN).include) == [*OWN, "exp(x)"]
    assert SearchSpace.from_config(space, MODERN).size == 1_023_524 + len(ADDED) + 1
    listed = list_functions(Space(schemas=("unary(x)",), include=("baselines",)), baselines=OWN)
    assert names(listed.selected[:3]) == list(OWN)
    assert listed.n_names == 27 + 3
    assert known_size("s", Space(schemas=("four-node",), sample=20), OWN) == 20


@pytest.mark.parametrize("schema", ["three-node", "four-node"])
@pytest.mark.parametrize("baselines", [MODERN, OWN])
def test_a_sample_is_the_same_but_for_them_and_what_gives_way(
    schema: str, baselines: tuple[str, ...]
) -> None:
    space = Space(schemas=(schema,), include=("baselines",), sample=300, seed=5)
    before, after = names(select(space)), names(select(space, baselines))
    assert after[: len(baselines)] == list(baselines)
    assert len(after) == len(set(classes(after))) == 300
    # Of those of before, the baselines may go, and what gives way to new ones.
    moved = len(set(BASELINES) ^ set(baselines))
    assert len(set(before) - set(after)) <= moved
    assert names(select(space, BASELINES)) == before
    larger = space.model_copy(update={"sample": 320})
    assert set(after) < set(names(select(larger, baselines)))
    sampled = list_functions(space, baselines=baselines)
    assert names(sampled.selected) == after


def test_a_sample_under_other_baselines_is_uniform_too() -> None:
    # 27 functions without an include; 3 are baselines, and 7 of the paper's are free to be drawn.
    space = Space(schemas=("unary(x)",), include=("baselines",), sample=4)
    drawn = [select(space.model_copy(update={"seed": s}), OWN)[3].name for s in range(1300)]
    counts = {name: drawn.count(name) for name in set(drawn)}
    assert len(counts) == 26  # all but relu
    assert set(BASELINES) - {"relu(x)"} <= set(counts)
    assert all(20 < count < 90 for count in counts.values())  # 50 each, deviation 7


# Searches and comparisons


def _map_of(baselines: tuple[str, ...], n: int = 40) -> pd.DataFrame:
    """A made-up map that begins with ``baselines``."""
    table = make_map(n)
    table.loc[: len(baselines) - 1, "name"] = list(baselines)
    table.loc[: len(baselines) - 1, "slug"] = [parse(name).slug for name in baselines]
    return table


@pytest.mark.parametrize("strategy", ["random", "union-knr"])
@pytest.mark.parametrize("baselines", [MODERN, OWN])
def test_searches_start_from_them(strategy: str, baselines: tuple[str, ...]) -> None:
    places = _map_of(baselines)
    n = len(baselines)
    asked = Simulation(runs=2, evaluations=n + 2)
    runs = simulate(strategy, make_table(places), places, asked, baselines)
    for _, run in runs.groupby("run"):
        assert run["name"].to_list()[:n] == list(baselines)
    first = propose(strategy, places, build_history([]), 2, 0, 0, baselines)
    assert first["name"].to_list() == list(baselines)
    with pytest.raises(ValueError, match=rf"allowed: {n} \(the baselines\) to 40"):
        simulate(strategy, make_table(places), places, Simulation(evaluations=n - 1), baselines)


def test_a_search_that_lacks_one_says_which() -> None:
    with pytest.raises(ValueError, match=r"lacks the baselines gelu\(x\).* begins with all 3"):
        propose("random", make_map(40), build_history([]), 2, 0, 0, OWN)


def test_what_is_a_baseline_is_never_called_found() -> None:
    table = make_source(dict.fromkeys(OWN, 0.9) | {"sinh(x)": 0.6, "swish(x)": 0.7})
    candidates = choose_candidates(table, [], 2, OWN)
    assert candidates["name"].to_list() == [*OWN, "swish(x)", "sinh(x)"]
    assert candidates["kind"].to_list() == ["baseline"] * 3 + ["found"] * 2
    equal = make_source({"mul(tanh(x),x)": 0.95, "erf(x)": 0.6})
    chosen = choose_from_tasks({"a": [equal], "b": [table]}, 1, OWN)
    assert chosen["name"].to_list() == [*OWN, "erf(x)", "swish(x)"]
    assert chosen["from_task"].to_list()[3:] == ["a", "b"]


# The page


def test_the_report_draws_those_that_are_chosen() -> None:
    data = make_report(60, 4)
    data = type(data)(**{**vars(data), "baselines": ("softsign(x)", "gelu(x)", "erf(x)")})
    html = render(data)
    ground = re.search(r'id="curve-ground">(.*?)</g>', html, re.DOTALL)
    assert ground is not None and ground.group(1).count('class="ghost"') == 3
    text = Page(html).text("task-1-benchmark")
    below = text.partition("The baselines and their ranks")[2]
    assert "softsign(x)" in below and "relu(x)" not in below.split()
    assert ">3</th>" in html  # regret is told after three evaluations, not after eight


# The commands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    load_commands()
    return tmp_path


def run(folder: Path, baselines: Any, *words: str) -> None:
    config = experiment(baselines).model_dump(mode="json", exclude_none=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = CliRunner().invoke(app, list(words))
    assert done.exception is None, done.exception


def test_every_command_takes_them_and_says_so(folder: Path) -> None:
    block = {"step": "test"}
    write_table(folder / "map.parquet", _map_of(MODERN), block)
    write_table(folder / "table.parquet", make_table(_map_of(MODERN)), block)
    files = ("--map", "map.parquet", "--strategy", "random", "--task", "tiny")
    run(folder, "modern", "simulate", *files, "--table", "table.parquet", "--out", "s.parquet")
    assert read_table(folder / "s.parquet")["name"].to_list()[:15] == list(MODERN)
    run(folder, "modern", "propose", *files, "--round", "0", "--out", "p.csv")
    assert read_csv(folder / "p.csv")["name"].to_list() == list(MODERN)
    found = make_source(dict.fromkeys(MODERN, 0.5) | {"erf(x)": 0.6, "sinh(x)": 0.5})
    write_table(folder / "found.parquet", found, block)
    words = ("finalists", "--task", "tiny", "--table", "found.parquet", "--out", "f.csv")
    run(folder, "modern", *words)
    assert read_csv(folder / "f.csv")["name"].to_list() == [*MODERN, "erf(x)", "sinh(x)"]
    run(folder, "modern", "enumerate", "--space", "small", "--out", "e.parquet")
    assert read_table(folder / "e.parquet")["name"].to_list()[:15] == list(MODERN)
    run(folder, "modern", "report", "--out", "r.html")
    assert (folder / "r.html").read_text().count('class="ghost"') == 15
    for name in ("s.parquet", "p.csv", "f.csv", "e.parquet", "r.html"):
        assert read_provenance(folder / name)["settings"]["baselines"] == list(MODERN)
    run(folder, "paper", "enumerate", "--space", "small", "--out", "e.parquet")
    assert "baselines" not in read_provenance(folder / "e.parquet")["settings"]
