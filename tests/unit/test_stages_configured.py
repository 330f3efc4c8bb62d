"""Stages of a configuration: what is refused, what is counted, and what depends on what."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_experiment import SMALL
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.cli.questions.replay import _in_lists
from actsearch.config import Config, ConfigError, parse_config
from actsearch.plan.counts import Trainings, stage_baselines, stage_slots, trainings
from actsearch.plan.dependencies import step_settings
from actsearch.plan.environment import merged
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_finalists

Change = Callable[[dict[str, Any]], Any]
STAGES = [
    {"functions": 5, "seeds": [20]},
    {"functions": 3, "baselines": 4, "seeds": [20, 21], "recipe": {"epochs": 2}},
    {"functions": 3, "seeds": [30]},
]


def values(change: Change = lambda final: None, **task: Any) -> dict[str, Any]:
    """The small experiment with three stages, changed."""
    found = copy.deepcopy(SMALL)
    final = found["tasks"]["tiny"]["final"]
    final |= {"stages": copy.deepcopy(STAGES), "baselines": 2}
    change(final)
    found["tasks"]["tiny"] |= task
    return found


def moved(change: Change = lambda final: None) -> dict[str, Any]:
    """The same for functions of another task."""
    found = copy.deepcopy(SMALL)
    task = {k: v for k, v in found["tasks"]["tiny"].items() if k not in ("benchmark", "search")}
    task["final"] = values(change)["tasks"]["tiny"]["final"] | {"candidates_from": ["tiny"]}
    found["tasks"]["moved"] = task
    return found


def staged(config: Config, task: str = "tiny") -> list[Any]:
    return [config.task(task).in_stage(number) for number in range(3)]


def test_a_stage_trains_by_its_recipe_and_seeds() -> None:
    config = parse_config(values())
    task = config.task("tiny")
    first, second, third = staged(config)
    assert first.recipe == third.recipe == task.recipe
    assert second.recipe == task.recipe.model_copy(update={"epochs": 2})
    assert [each.seeds for each in (first, second, third)] == [(20,), (20, 21), (30,)]
    assert config.in_stage("tiny", 1).task("tiny") == second
    assert config.in_stage("tiny", 1).data == config.data


@pytest.mark.parametrize("number", [3, -1])
def test_a_stage_that_is_none_is_refused(number: int) -> None:
    config = parse_config(values())
    with pytest.raises(ConfigError, match=rf"tasks.tiny.final has no stage {number}; stages: 0, 1"):
        config.in_stage("tiny", number)
    with pytest.raises(ConfigError, match="no stage 0; stages: none"):
        parse_config(SMALL).in_stage("tiny", 0)


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda f: f["stages"][1].update(functions=6), "stages[1].functions is 6, but only 5 func"),
        (lambda f: f.update(functions=4), "functions is 4, but only 3 functions are trained in"),
        (lambda f: f.update(stages=[]), "baselines is 2, but stages choose which ones"),
        (lambda f: f["stages"][0].update(baselines=3), "the first stage trains all baselines"),
        (
            lambda f: f["stages"][0].update(seeds=[1]),
            "stages[0].seeds must be new: [1] are in seeds",
        ),
        (lambda f: f["stages"][0].update(seeds=[8]), "[8] are in final.seeds"),
        (
            lambda f: f["stages"][2].update(seeds=[20]),
            "[20] are in final.stages[0].seeds, of the sa",
        ),
        (
            lambda f: f["stages"][1].update(recipe={}),
            "[20] are in final.stages[0].seeds, of the same",
        ),
        # By another way to write the same recipe.
        (
            lambda f: f["stages"][1].update(recipe={"epochs": 1}),
            "[20] are in final.stages[0].seeds",
        ),
        (lambda f: f["stages"][1].update(recipe={"epoch": 2}), "unknown 'epoch' (did you mean 'ep"),
        (lambda f: f["stages"][1].update(recipe={"epochs": 0}), "final.stages[1].recipe.epochs: "),
        (
            lambda f: f["stages"][1].update(recipe={"schedule": "step"}),
            "final.stages[1].recipe: sch",
        ),
        (lambda f: f["stages"][1].update(seeds=[20, 20]), "a seed appears twice"),
        (lambda f: f["stages"][1].update(functions=0), "got 0"),
        (lambda f: f["stages"][1].update(epochs=3), "unknown key; allowed: baselines, functions"),
    ],
)
def test_a_bad_stage_is_named(change: Change, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(values(change))
    assert expected in str(error.value)


def test_the_seed_of_the_fisher_features_is_none_of_a_stage() -> None:
    with pytest.raises(ConfigError, match=r"\[30\] are in fisher.seed"):
        parse_config(values(fisher={"examples": 8, "seed": 30}))


def test_processes_need_an_example_of_every_batch_of_a_stage() -> None:
    def change(final: dict[str, Any]) -> None:
        final["stages"][1]["recipe"] = {"batch_size": 1}

    with pytest.raises(
        ConfigError, match=r"final.stages\[1\].recipe.batch_size is 1, but resources"
    ):
        parse_config(values(change, resources={"processes": 2}))


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda f: f.update(baselines=5), "final.baselines is 5, but only 4 baselines are trained"),
        (
            lambda f: f.pop("baselines"),
            "final.baselines is 8, but only 4 baselines are trained in the stage before; say how",
        ),
        (lambda f: f["stages"][1].update(baselines=9), "stages[1].baselines is 9, but only 8"),
        (lambda f: f["stages"][0].update(functions=23), "stages[0] asks for 23 functions besides"),
    ],
)
@pytest.mark.parametrize("make, task", [(values, "tiny"), (moved, "moved")])
def test_more_than_there_are_is_refused(
    make: Callable[[Change], dict[str, Any]], task: str, change: Change, expected: str
) -> None:
    plan = Plan(parse_config(make(change)))
    with pytest.raises(ConfigError) as error:
        check_finalists(plan, task)
    assert f"tasks.{task}.final" in str(error.value) and expected in str(error.value)


def test_as_many_as_there_are_is_allowed() -> None:
    for make in (values, moved):
        config = parse_config(make(lambda final: final["stages"][0].update(functions=22)))
        check_finalists(Plan(config), list(config.tasks)[-1])


def test_sizes_are_fixed() -> None:
    final = parse_config(values()).task("tiny").final
    assert final is not None
    assert stage_baselines(final, 8) == [8, 4, 4]
    assert [stage_slots(final, 8, number) for number in range(3)] == [range(13), range(7), range(7)]
    found = list(trainings(parse_config(values()).task("tiny"), 8, 24, 200, 100, 50))
    assert found[2:] == [
        Trainings("stage", functions=13, runs=1, fitted=200, measured=100, stage=0),
        Trainings("stage", functions=7, runs=2, fitted=200, measured=100, stage=1),
        Trainings("stage", functions=7, runs=1, fitted=200, measured=100, stage=2),
        Trainings("final", functions=4, runs=2, fitted=300, measured=50),
    ]
    other = parse_config(moved()).task("moved")
    assert list(trainings(other, 8, 0, 200, 100, 50))[-1].functions == 4


def test_the_plan_has_the_files_of_all_stages() -> None:
    plan = Plan(parse_config(values()))
    assert plan.staged == ["tiny"]
    assert [len(plan.stage_trials("tiny", number)) for number in range(3)] == [13, 7, 7]
    assert len(plan.final_trials("tiny")) == 4
    table, history = (
        "results/tiny/benchmark.parquet",
        "results/tiny/search/union-knr/history.parquet",
    )
    assert plan.stage_sources("tiny", 0) == [("--table ", table), ("", history)]
    rankings = [f"results/tiny/final/stage-{number}/ranking.csv" for number in range(3)]
    assert plan.stage_rankings("tiny") == rankings
    assert plan.stage_sources("tiny", 1) == [("--ranking ", rankings[0])]
    assert plan.final_sources("tiny") == [("--ranking ", rankings[2])]
    # Ranked together is what was trained by the same recipe: the first and the third stage, and
    # table and search.
    trials = [plan.stage_trials("tiny", number) for number in range(3)]
    assert plan.ranked_trials("tiny", 0) == trials[0]
    assert plan.ranked_trials("tiny", 1) == trials[1]
    assert plan.ranked_trials("tiny", 2) == [*trials[0], *trials[2]]
    own = [("--table ", table), ("--history ", history)]
    assert [plan.ranked_sources("tiny", number) for number in range(3)] == [own, [], own]


def test_an_imported_table_says_nothing_of_its_runs() -> None:
    plan = Plan(parse_config(values(benchmark={"space": "small", "act_bench": "cnn"})))
    assert [plan.ranked_sources("tiny", number) for number in range(3)] == [[], [], []]


def test_scores_on_other_tasks_are_never_ranked_by() -> None:
    plan = Plan(parse_config(moved()))
    assert plan.stage_sources("moved", 0)[0] == ("--from tiny=", "results/tiny/benchmark.parquet")
    assert [plan.ranked_sources("moved", number) for number in range(3)] == [[], [], []]


# What depends on what


def told(step: str, change: Change = lambda final: None, **more: Any) -> dict[str, Any]:
    return step_settings(step, parse_config(values(change)), "tiny", **more)


def test_a_training_depends_on_its_own_stage_alone() -> None:
    def others(final: dict[str, Any]) -> None:
        final["stages"][0] |= {"seeds": [99], "functions": 9}
        final["stages"][1]["functions"] = 4
        final.update(functions=1, seeds=[70, 71], baselines=1)

    assert told("train-stage", others, stage=1) == told("train-stage", stage=1)
    for key, value in (("seeds", [22]), ("recipe", {"epochs": 3})):
        changed = told(
            "train-stage", lambda f, k=key, v=value: f["stages"][1].update({k: v}), stage=1
        )
        assert changed != told("train-stage", stage=1)
    final = told("train-stage", stage=1)["tasks"]["tiny"]["final"]
    assert final == {"stages": {"1": {"seeds": [20, 21], "recipe": {"epochs": 2}}}}


def test_what_a_stage_changes_of_the_recipe_is_no_matter_of_the_tasks() -> None:
    longer = parse_config(values(recipe=SMALL["tasks"]["tiny"]["recipe"] | {"epochs": 9}))
    assert step_settings("train-stage", longer, "tiny", stage=1) == told("train-stage", stage=1)
    assert step_settings("train-stage", longer, "tiny", stage=0) != told("train-stage", stage=0)


def test_a_choice_depends_on_how_many_are_chosen() -> None:
    assert told("stage", stage=0)["tasks"]["tiny"]["final"] == {"stages": {"0": {"functions": 5}}}
    third = {"stages": {"2": {"functions": 3, "baselines": 4}}}
    assert told("stage", stage=2)["tasks"]["tiny"]["final"] == third
    assert told("finalists")["tasks"]["tiny"]["final"] == {"functions": 2, "baselines": 2}
    assert told("final")["tasks"]["tiny"]["final"]["stages"][1]["recipe"] == {"epochs": 2}


def test_without_stages_nothing_depends_on_them() -> None:
    for step in ("finalists", "final", "train-final", "final-costs", "train"):
        settings = step_settings(step, parse_config(SMALL), "tiny")["tasks"]["tiny"]
        assert not {"stages", "baselines"} & set(settings.get("final", {}))


def test_settings_of_a_stage_can_be_put_back() -> None:
    now = values(lambda f: f["stages"][1].update(seeds=[77], recipe={"epochs": 8}, functions=4))
    for number in range(3):
        for step in ("train-stage", "stage"):
            then = told(step, stage=number)
            whole = parse_config(merged(now, _in_lists(now, then)))
            assert step_settings(step, whole, "tiny", stage=number) == then
    few = values(lambda f: f.update(stages=STAGES[:1]))
    with pytest.raises(ConfigError, match="no stage 2 any more"):
        _in_lists(few, told("train-stage", stage=2))


# Commands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    load_commands()
    return tmp_path


@pytest.mark.parametrize(
    "words, expected",
    [
        ("stage --stage 3 --out c.csv", "tasks.tiny.final has no stage 3; stages: 0, 1, 2"),
        (
            "stage --stage 1 --out c.csv --table t.parquet",
            "--stage 1 chooses from the stage before",
        ),
        ("stage --stage 1 --out c.csv", "alone: give --ranking"),
        ("stage --stage 0 --out c.csv --ranking r.csv", "there is no --ranking yet"),
        ("finalists --out c.csv --ranking r.csv --table t.parquet", "no other file is read"),
        ("rank-stage --stage 5 --candidates c.csv --out r.csv 00.json", "has no stage 5"),
        ("train-stage --stage 5 --candidates c.csv 00.json", "has no stage 5"),
    ],
)
def test_commands_refuse_what_does_not_fit(folder: Path, words: str, expected: str) -> None:
    error = CliRunner().invoke(app, [*words.split(), "--task", "tiny"]).exception
    assert isinstance(error, ConfigError) and expected in str(error)
