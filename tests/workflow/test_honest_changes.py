"""Changes that anybody makes of a configuration: after a run that ended well nothing is wrong."""

from __future__ import annotations

import copy as copying
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from experiment import SMALL, Experiment

from actsearch.records.formats import read_json

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

Config = dict[str, Any]


def _task(config: Config) -> Config:
    task: Config = config["tasks"]["tiny"]
    return task


def _one_finalist_more(config: Config) -> None:
    _task(config)["final"]["functions"] = 3


def _one_finalist_less(config: Config) -> None:
    _task(config)["final"]["functions"] = 1


def _more_of_all(config: Config) -> None:
    _one_finalist_more(config)
    _task(config)["search"] |= {"rounds": 3, "slots": 4, "strategies": ["union-knr", "random"]}
    config["spaces"]["small"]["sample"] = 27
    config["spaces"]["deep"]["sample"] = 40
    config["simulation"]["strategies"] = ["random", "union-knr", "outputs-knr"]


def _less_of_all(config: Config) -> None:
    _one_finalist_less(config)
    _task(config)["search"] |= {"rounds": 1, "slots": 2, "strategies": ["random"]}
    _task(config)["fisher"]["functions_per_job"] = 30
    config["spaces"]["small"]["sample"] = 16
    config["spaces"]["deep"]["sample"] = 24
    config["simulation"] |= {"strategies": ["random"], "runs": 2}


def _other_packs(config: Config) -> None:
    _task(config)["functions_per_job"] = 5
    _task(config)["search"]["functions_per_job"] = 2
    _task(config)["final"]["functions_per_job"] = 3


def _other_seeds_and_split(config: Config) -> None:
    _task(config)["seeds"] = [0]
    _task(config)["final"] |= {"seeds": [9, 10, 11], "significance": 0.1}
    config["data"]["digits"]["split"]["seed"] = 1
    config["license"] = "CC0-1.0"


def _other_names(config: Config) -> None:
    config["spaces"]["listed"] = config["spaces"].pop("small")
    _task(config)["benchmark"]["space"] = "listed"
    config["tasks"]["large"] = config["tasks"].pop("tiny")


def _no_table(config: Config) -> None:
    del _task(config)["benchmark"]


def _table_alone(config: Config) -> None:
    del _task(config)["search"], _task(config)["final"]


CHANGES: list[tuple[tuple[Callable[[Config], None], ...], str]] = [
    ((_more_of_all, _other_packs), ""),
    ((_less_of_all,), "tiny/search/union-knr/history.parquet"),
    ((_other_seeds_and_split, _other_names), "tiny/final.json"),
    ((_no_table,), "tiny/benchmark.parquet"),
    ((_table_alone,), "tiny/search/map.parquet"),
]


def run_after(experiment: Experiment, *changes: Callable[[Config], None]) -> None:
    """Change the configuration and run."""
    config = copying.deepcopy(SMALL)
    for change in changes:
        change(config)
    experiment.configure(config)
    experiment.snakemake("--cores", "2")


def left_over(experiment: Experiment) -> list[str]:
    """What an audit tells, which finds nothing that is wrong."""
    done = experiment.actsearch("audit", "--out", "found.json", "--allow", "dirty")
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_json(experiment.folder / "found.json")["findings"]
    assert found.keys() <= {"dirty", "left-over"}
    assert "Nothing to be done" in experiment.snakemake("-n").stdout
    return [path.removeprefix("results/") for path in found.get("left-over", {})]


@pytest.mark.parametrize(
    ("changes", "left"), CHANGES, ids=[changes[0].__name__.strip("_") for changes, _ in CHANGES]
)
def test_after_a_change_and_a_run_nothing_is_wrong(
    copy: Experiment, changes: tuple[Callable[[Config], None], ...], left: str
) -> None:
    run_after(copy, *changes)
    told = left_over(copy)
    assert left in told if left else not told


def test_a_trial_that_was_kept_is_the_one_that_would_be_made(copy: Experiment) -> None:
    kept = copy.path("tiny/final/00.json")
    before = kept.read_bytes()
    run_after(copy, _one_finalist_more)
    assert not left_over(copy) and kept.read_bytes() == before
    assert copy.actsearch("replay", "results/tiny/final/00.json").returncode == 0
    tree = copy.actsearch("lineage", "results/tiny/final.json").stdout
    assert "have changed since" not in tree


def test_what_is_left_over_may_be_moved_away_and_is_found_when_edited(copy: Experiment) -> None:
    run_after(copy, _one_finalist_less)
    assert "tiny/final/09.json" in left_over(copy)
    left = copy.path("tiny/final/09.json")
    whole = left.read_text()
    shutil.rmtree(copy.folder / ".snakemake")  # as if brought from elsewhere
    assert "Nothing to be done" in copy.snakemake("-n").stdout
    left.write_text(whole.replace('"status": "completed"', '"status": "diverged"'))
    assert left.read_text() != whole
    done = copy.actsearch("audit", "--list", "altered")
    assert (done.returncode, done.stdout.split()) == (1, ["results/tiny/final/09.json"])
    left.unlink()
    done = copy.actsearch("audit", "--allow", "dirty")
    assert done.returncode == 0, done.stdout + done.stderr
