"""What a record says of an execution."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from actsearch.config import ConfigError, Stage, load_config
from actsearch.plan.dependencies import step_code, step_settings
from actsearch.plan.steps import STEPS
from actsearch.records import provenance
from actsearch.records.formats import ArtifactError, content_digest, write_json
from actsearch.records.provenance import Execution

CONFIG = load_config(Path(__file__).parents[2] / "config.yaml")
TASK = "digits-resnet"
OF_STAGES = ("stage", "train-stage")
"""Steps of a task that has stages, which those of the default experiment have not."""


def test_a_block_is_plain_and_complete(tmp_path: Path) -> None:
    source = tmp_path / "input.json"
    write_json(source, {"a": 1}, {"step": "test", "note": "x"})
    execution = Execution(
        "step",
        settings={"b": 2},
        code=[STEPS["train"].module],
        inputs=[source],
        data=source,
        seeds={"runs": [0]},
    )
    block = json.loads(json.dumps(execution.block(task="t")))
    assert block["inputs"] == {str(source): content_digest(source)}
    assert block["settings"] == {"b": 2} and block["task"] == "t"
    assert block["data"] == {str(source): content_digest(source)}
    known = {key: value for key, value in execution.identity.items() if value}
    assert known.items() <= block.items()
    assert block["environment"]["versions"]["torch"]
    started, ended = (datetime.fromisoformat(block[key]) for key in ("started", "ended"))
    assert started <= ended and started.tzinfo is not None


def test_what_is_not_known_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SLURM_JOB_ID", "SLURMD_NODENAME", "SLURM_JOB_PARTITION", "SLURM_STEP_GPUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))  # no git
    block = Execution("step").block()
    unknown = {"slurm", "git", "code_digest", "data", "inputs", "seeds"}
    assert not unknown & set(block)
    assert None not in block.values()


def test_a_state_of_the_tree_that_git_does_not_tell_is_not_made_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {"rev-parse": "0123", "status": None}
    monkeypatch.setattr(provenance, "_git", lambda verb, *_: answers[verb])
    assert Execution("step").block()["git"] == {"commit": "0123"}


def test_a_slurm_job_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURMD_NODENAME", "n2")
    monkeypatch.setenv("SLURM_STEP_GPUS", "1")
    told = {"job": "17", "node": "n2", "gpus": "1"}
    assert Execution("step").block()["slurm"].items() >= told.items()


def test_what_stands_is_known_by_settings_code_and_inputs(tmp_path: Path) -> None:
    given, made = tmp_path / "in.json", tmp_path / "out.json"
    write_json(given, {"a": 1}, {"step": "test"})

    def execution(step: str = "fim", seed: int = 0) -> Execution:
        return Execution(step, settings={"seed": seed}, inputs=[given])

    assert not execution().made(made)
    write_json(made, {"b": 2}, execution().block())
    assert execution().made(made)
    assert not execution(seed=1).made(made)
    assert not execution("map").made(made)
    write_json(given, {"a": 2}, {"step": "test"})
    assert not execution().made(made)
    made.write_text("{")
    assert not execution().made(made)


def test_a_missing_input_is_named() -> None:
    with pytest.raises(ArtifactError, match=r"nowhere\.json: no such file"):
        Execution("step", inputs=["nowhere.json"])


@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_settings_and_code(step: str) -> None:
    wildcards: dict[str, Any] = {
        "enumerate": {"space": "three-node-sample"},
        "fetch": {"data": "digits"},
    }
    config = CONFIG
    if step in OF_STAGES:
        stage = Stage(functions=3, seeds=(20,), recipe={"epochs": 2})
        task = CONFIG.tasks[TASK]
        assert task.final is not None
        final = task.final.model_copy(update={"stages": (stage,)})
        staged = task.model_copy(update={"final": final})
        config = CONFIG.model_copy(update={"tasks": {**CONFIG.tasks, TASK: staged}})
        wildcards[step] = {"stage": 0}
    settings = step_settings(step, config, TASK, **wildcards.get(step, {}))
    assert json.loads(json.dumps(settings)) == settings
    assert step_code(step, CONFIG, TASK).startswith("sha256:")


def test_a_recipe_reaches_training_and_a_bin_only_the_map() -> None:
    task = CONFIG.tasks[TASK]
    recipe = task.recipe.model_copy(update={"learning_rate": 0.5})
    fisher = task.fisher.model_copy(update={"minimum_bins": 7})
    changed = {
        "recipe": _steps_that_change(task.model_copy(update={"recipe": recipe})),
        "bins": _steps_that_change(task.model_copy(update={"fisher": fisher})),
        "packs": _steps_that_change(task.model_copy(update={"functions_per_job": 3})),
    }
    assert changed == {
        "recipe": {"train", "train-final", "report"},
        "bins": {"export", "map", "report"},
        "packs": set(),
    }


def _steps_that_change(task: object) -> set[str]:
    other = CONFIG.model_copy(update={"tasks": {**CONFIG.tasks, TASK: task}})
    steps = [step for step in STEPS if step not in ("enumerate", "fetch", *OF_STAGES)]
    return {s for s in steps if step_settings(s, CONFIG, TASK) != step_settings(s, other, TASK)}


def test_a_missing_section_is_named() -> None:
    task = CONFIG.tasks[TASK].model_copy(update={"search": None})
    other = CONFIG.model_copy(update={"tasks": {TASK: task}})
    with pytest.raises(ConfigError, match="task 'digits-resnet' has no section 'search'"):
        step_settings("propose", other, TASK)
