"""Targets that no rule makes: the nearest file or rule that there is."""

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
from actsearch.plan.targets import check_made


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
            "no rule makes results/digits-cnn/benchmrk.parquet; did you mean "
            "results/digits-cnn/benchmark.parquet?",
        ),
        ("results/other/serch/map.parquet", "did you mean results/other/search/map.parquet?"),
        ("results/reprot.html", "did you mean results/report.html?"),
        ("results/other/trials/rleu.x.json", "did you mean results/other/trials/relu.x.json?"),
        ("reprt", "there is no rule, and no file, called reprt (did you mean 'report'?)"),
        ("results/digits-cnn/act_bench.parquet", "mean results/digits-cnn/benchmark.parquet?"),
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
