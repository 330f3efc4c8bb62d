"""Targets that no rule makes: why, and the nearest file or rule that there is."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from small_experiment import SMALL

from actsearch.config import ConfigError, parse_config
from actsearch.plan import layout
from actsearch.plan.experiment import Plan
from actsearch.plan.products import Made
from actsearch.plan.targets import check_made, check_targets


def two_tasks() -> Plan:
    values = copy.deepcopy(SMALL)
    values["tasks"] = {"digits-cnn": values["tasks"]["tiny"], "other": values["tasks"]["tiny"]}
    return Plan(parse_config(values))


PLAN = two_tasks()
TASK = r"(?P<task>digits\-cnn|other)"
MADE = Made(
    frozenset({"report", "train__other__0", "all"}),
    frozenset({layout.REPORT, layout.trial("other", "relu.x")}),
    {
        "results/{task,digits-cnn|other}/benchmark.parquet": re.compile(
            f"results/{TASK}/benchmark\\.parquet"
        ),
        "results/{task}/{scope,(search/)?}map.parquet": re.compile(
            f"results/{TASK}/(?P<scope>(search/)?)map\\.parquet"
        ),
        # Of one task alone, as its rule constrains it.
        "results/{task}/act_bench.parquet": re.compile(
            r"results/(?P<task>other)/act_bench.parquet"
        ),
    },
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "results/digits-cnn/benchmrk.parquet",
            "no rule makes results/digits-cnn/benchmrk.parquet (did you mean "
            "results/digits-cnn/benchmark.parquet?)",
        ),
        ("results/other/serch/map.parquet", "did you mean results/other/search/map.parquet?)"),
        ("results/reprot.html", "did you mean results/report.html?)"),
        ("results/other/trials/rleu.x.json", "did you mean results/other/trials/relu.x.json?)"),
        (
            "report.html",
            "there is no rule, and no file, called report.html (did you mean results/report.html?)",
        ),
        ("reprt", "there is no rule, and no file, called reprt (did you mean 'report'?)"),
        ("results/digits-cnn/act_bench.parquet", "mean results/digits-cnn/benchmark.parquet?)"),
        ("quite/another/thing.txt", "no rule makes quite/another/thing.txt"),
    ],
)
def test_the_nearest_is_named(target: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_made(PLAN, ["all", target], lambda: MADE)
    assert str(error.value).endswith(message)


def test_what_is_made_or_is_there_is_no_matter(folder: Path) -> None:
    (folder / "mine.txt").touch()
    targets = ["results/./other/benchmark.parquet", "report", "mine.txt", layout.REPORT]
    check_made(PLAN, targets, lambda: MADE)


def test_nobody_is_asked_where_all_is_wanted() -> None:
    check_made(PLAN, ["all"], lambda: pytest.fail("rules were looked at"))


@pytest.mark.parametrize(
    "target, expected",
    [
        (
            "results/tinny/benchmark.parquet",
            "no task 'tinny' (did you mean results/tiny/benchmark.parquet?); tasks: tiny",
        ),
        ("results/other/benchmark.parquet", "no task 'other'; tasks: tiny"),
        (
            "results/tiny/trials/mul.rleu.x.x.json",
            "'mul.rleu.x.x' is not the slug of a function (did you mean "
            "results/tiny/trials/mul.relu.x.x.json?",
        ),
        (
            "results/tiny/trials/mul(tanh(x), relu(x)).json",
            "'results/tiny/trials/mul(tanh(x), relu(x)).json': a trial is named by the function's "
            "slug: ask for results/tiny/trials/mul.tanh.x.relu.x.json",
        ),
        (
            "mul(tanh(x), relu(x)).json",
            "a trial is named by its task and the function's slug: ask for "
            "results/tiny/trials/mul.tanh.x.relu.x.json",
        ),
        ("results/tiny/trials/gelu.json", "did you mean results/tiny/trials/gelu.x.json?"),
        ("results/tiny/trials/silu.x.json", "did you mean results/tiny/trials/swish.x.json?"),
        ("results/tiny/trials/mul.relu.x.json", "bad slug 'mul.relu.x': the tokens end too early"),
        (f"results/tiny/trials/{'abs.' * 60}x.json", "has 241 characters; allowed: 200"),
        (f"results/tiny/trials/{'abs.' * 20_000}x.json", "allowed: at most 10,000"),
    ],
)
def test_bad_target(target: str, expected: str) -> None:
    """What is known to be none before the rules are: a task, a section, a function."""
    with pytest.raises(ConfigError) as error:
        check_targets(Plan(parse_config(SMALL)), [target])
    assert expected in str(error.value)
