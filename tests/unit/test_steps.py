"""What a training depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actsearch.cli.steps import describe_task, step_settings
from actsearch.config import Config, load_config

CONFIG = load_config(Path(__file__).parents[2] / "config.yaml")
TASK = "digits-cnn"


def changed(**changes: Any) -> Config:
    values = CONFIG.model_dump(mode="json")
    values["tasks"][TASK] |= changes
    return Config.model_validate(values)


@pytest.mark.parametrize("step", ["train", "train-final"])
def test_processes_are_a_setting_only_where_there_are_several(step: str) -> None:
    alone = step_settings(step, CONFIG, TASK)["tasks"][TASK]
    own = {"model", "replace", "data", "recipe", "seeds", "deterministic"}
    assert set(alone) == own | ({"final"} if step == "train-final" else set())
    several = step_settings(step, changed(resources={"processes": 2}), TASK)
    assert several["tasks"][TASK] == alone | {"resources": {"processes": 2}}


@pytest.mark.parametrize(
    "change",
    [{"checkpoint_minutes": 0}, {"resources": {"processes": 2, "gpu": 2, "nodes": 2}}],
)
def test_what_changes_no_number_is_no_setting(change: dict[str, Any]) -> None:
    processes = change.get("resources", {}).get("processes", 1)
    like = changed(resources={"processes": processes})
    assert step_settings("train", changed(**change), TASK) == step_settings("train", like, TASK)


@pytest.mark.parametrize("step", ["train", "train-final", "fim"])
def test_options_of_the_network_are_a_setting_where_there_are_some(step: str) -> None:
    options = {"width": 8}
    settings = step_settings(step, changed(model_options=options), TASK)
    assert settings["tasks"][TASK].pop("model_options") == options
    assert settings == step_settings(step, CONFIG, TASK)
    assert describe_task(changed(model_options=options), TASK)["Network"] == f"{TASK} (width: 8)"


def test_features_do_not_depend_on_the_processes_of_a_training() -> None:
    several = changed(resources={"processes": 2})
    assert step_settings("fim", several, TASK) == step_settings("fim", CONFIG, TASK)


def test_people_are_told_who_shares_a_batch() -> None:
    assert "processes" not in describe_task(CONFIG, TASK)["Recipe"]
    recipe = describe_task(changed(resources={"processes": 2}), TASK)["Recipe"]
    assert "shared by 2 processes, weight decay" in recipe
