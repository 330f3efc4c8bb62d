"""What a training depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actsearch.config import Config, load_config
from actsearch.plan.data_files import act_bench_file
from actsearch.plan.dependencies import step_settings
from actsearch.report.descriptions import describe_task

CONFIG = load_config(Path(__file__).parents[2] / "config.yaml")
TASK = "digits-resnet"


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


def test_people_are_told_what_differs_from_the_defaults() -> None:
    usual = changed(recipe=CONFIG.tasks[TASK].recipe.model_dump() | {"gradient_clip": None})
    plain = describe_task(usual, TASK)["Recipe"]
    recipe = CONFIG.tasks[TASK].recipe.model_dump() | {
        "schedule": "step",
        "milestones": (0.5, 0.75),
        "label_smoothing": 0.1,
        "gradient_clip": 2,
        "augmentation": {"flip": True, "resized_crop": (0.2, 1)},
        "precision": "bfloat16",
        "compile": "network",
    }
    told = describe_task(changed(recipe=recipe), TASK)["Recipe"]
    assert told == plain.replace("one-cycle", "step") + (
        ", falling after 0.5, 0.75 of it, label smoothing 0.1, gradients clipped at 2, flips, "
        "crops of 0.2 to 1 of the area, bfloat16, compiled network"
    )
    data = CONFIG.data[CONFIG.tasks[TASK].data].model_copy(
        update={"source": "folder:pets", "image_size": 64, "in_memory": False}
    )
    images = CONFIG.model_copy(update={"data": {CONFIG.tasks[TASK].data: data}})
    told = describe_task(images, TASK)["Data"]
    assert told.endswith("(folder:pets), 64 x 64 pixels, decoded when needed")


def test_functions_of_other_tasks_are_a_setting_where_there_are_any() -> None:
    own = {"functions": 1, "seeds": [100, 101]}
    others = own | {"candidates_from": ["mnist1d-cnn"]}
    for step, key in (("finalists", "functions"), ("train-final", "seeds")):
        alone = step_settings(step, changed(final=own), TASK)["tasks"][TASK]["final"]
        assert alone == {key: own[key]}
        from_others = step_settings(step, changed(final=others), TASK)["tasks"][TASK]["final"]
        assert from_others == alone | {"candidates_from": ["mnist1d-cnn"]}


def test_what_finalists_are_fitted_on_is_a_setting_where_it_is_said() -> None:
    own = {"functions": 1, "seeds": [100, 101]}
    for step, keys in (
        ("finalists", {"functions"}),
        ("train-final", {"seeds", "fit_on"}),
        ("final", {"significance", "fit_on"}),
    ):
        told = step_settings(step, changed(final=own | {"fit_on": "train"}), TASK)["tasks"][TASK][
            "final"
        ]
        assert set(told) == keys
        silent = step_settings(step, changed(final=own), TASK)
        usual = own | {"fit_on": "train-and-validation"}
        assert step_settings(step, changed(final=usual), TASK) == silent
        others = own | {"candidates_from": ["mnist1d-cnn"]}
        of_others = step_settings(step, changed(final=others), TASK)
        assert step_settings(step, changed(final=others | {"fit_on": "train"}), TASK) == of_others
        silent = step_settings(step, changed(final=own), TASK)["tasks"][TASK]["final"]
        assert set(silent) == keys - {"fit_on"}


def test_people_are_told_that_a_table_is_imported() -> None:
    assert "Table" not in describe_task(CONFIG, TASK)
    space = CONFIG.tasks[TASK].benchmark.space
    imported = {"space": space, "act_bench": "cnn", "published_features": True}
    told = describe_task(changed(benchmark=imported, search=None), TASK)
    assert told["Table"].endswith("(cnn); as published, each number the median of 3 runs")
    assert told["FIM"] == "the published features of the imported table"
    own = changed(benchmark={"space": space, "act_bench": "mine/table.json"})
    assert "does not say of how many runs" in describe_task(own, TASK)["Table"]
    assert describe_task(own, TASK)["FIM"] == describe_task(CONFIG, TASK)["FIM"]


def test_the_map_of_published_features_does_not_depend_on_our_bins() -> None:
    space = CONFIG.tasks[TASK].benchmark.space
    benchmark = {"space": space, "act_bench": "cnn", "published_features": True}
    one = changed(benchmark=benchmark)
    other = changed(benchmark=benchmark, fisher={"weights_per_bin": 7, "log_range": [-9, 9]})
    assert step_settings("map", one, TASK) != step_settings("map", other, TASK)
    published = step_settings("map", one, TASK, published=True)
    assert published == step_settings("map", other, TASK, published=True)
    assert published["tasks"][TASK]["benchmark"] == {"published_features": True}


def test_public_tables_lie_in_the_data_folder() -> None:
    space = CONFIG.tasks[TASK].benchmark.space
    assert act_bench_file(CONFIG, TASK) is None
    public = changed(benchmark={"space": space, "act_bench": "vit"})
    assert act_bench_file(public, TASK) == Path("data/act-bench/act-bench-vit.json")
    own = changed(benchmark={"space": space, "act_bench": "mine/table.json"})
    assert act_bench_file(own, TASK) == Path("mine/table.json")
