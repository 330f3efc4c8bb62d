"""What an experiment takes: counted from the configuration, measured where there is something."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from trials_of_today import CONFIG, identity, write_trial
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.cli.questions.estimate import Stage
from actsearch.config import ConfigError, Recipe, Resources, Task, parse_config
from actsearch.data.dataset import DataShape
from actsearch.networks import cost
from actsearch.networks.cost import count_work
from actsearch.networks.work import Work
from actsearch.records.formats import write_json

ROOT = Path(__file__).parents[2]


def stages(folder: Path, config: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    load_commands()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    arguments = ["estimate", "--json", "--config", str(folder / "config.yaml")]
    done = CliRunner().invoke(app, [*arguments, str(folder / "results")])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["stages"]
    return {(row["task"], f"{row['kind']} {row['functions']}"): row for row in rows}


def test_stages_are_those_of_the_configuration(tmp_path: Path) -> None:
    found = stages(tmp_path, CONFIG)
    assert set(found) == {
        ("t", "table 50"),
        ("t", "search 20"),
        ("t", "final 10"),
        ("t", "fim 50"),
        ("t", "fim 700"),
    }
    assert [found["t", key]["runs"] for key in ("table 50", "final 10")] == [2, 3]
    assert not any(row["measured"] or row["done"] for row in found.values())
    table, final = found["t", "table 50"], found["t", "final 10"]
    assert table["hours_left"] == pytest.approx(100 * table["seconds"] / 3600)
    assert final["seconds"] > table["seconds"] > 0  # fitted on the validation part too


def test_measured_seconds_take_the_place_of_estimates(tmp_path: Path) -> None:
    for slug, seconds in (("relu.x", 10.0), ("tanh.x", 30.0), ("elu.x", 80.0)):
        write_trial(tmp_path / f"results/t/trials/{slug}.json", seconds, 2)
    write_trial(tmp_path / "results/t/trials/swish.x.json", 30.0, 2, epochs=11)
    # Of no function of the space, and of a strategy that is none any more.
    write_trial(tmp_path / "results/t/trials/no.one.x.json", 30.0, 2)
    write_trial(tmp_path / "results/t/search/gone/round-0/00.json", 30.0, 2)
    found = stages(tmp_path, CONFIG)
    table = found["t", "table 50"]
    assert (table["measured"], table["seconds"], table["done"]) == (True, 15.0, 3)
    assert table["hours_left"] == pytest.approx(47 * 2 * 15 / 3600)
    assert found["t", "search 20"]["seconds"] == 15.0


def test_stages_have_their_own_recipes_and_times(tmp_path: Path) -> None:
    config = copy.deepcopy(CONFIG)
    own = [
        {"functions": 6, "seeds": [20]},
        {"functions": 3, "baselines": 2, "seeds": [20, 21], "recipe": {"epochs": 5}},
    ]
    config["tasks"]["t"]["final"] |= {"stages": own, "baselines": 1}
    found = stages(tmp_path, config)
    assert ("t", "final 3") in found
    first, second = found["t", "stage 0 14"], found["t", "stage 1 5"]
    assert (first["runs"], second["runs"]) == (1, 2)
    assert first["seconds"] == found["t", "table 50"]["seconds"]
    assert 0.5 < second["seconds"] / first["seconds"] < 0.6  # it is evaluated as often
    # Measured on the task's recipe, a stage of half the epochs takes half as long; until it is
    # measured itself.
    write_trial(tmp_path / "results/t/trials/relu.x.json", 30.0, 2)
    second = stages(tmp_path, config)["t", "stage 1 5"]
    assert (second["seconds"], second["measured"], second["done"]) == (7.5, False, 0)
    block = {"seconds": 16.0, "seeds": {"runs": [20, 21]}}
    path = tmp_path / "results/t/final/stage-1/03.json"
    path.parent.mkdir(parents=True)
    write_json(path, {}, block | identity("train-stage", config, stage=1))
    found = stages(tmp_path, config)
    second = found["t", "stage 1 5"]
    assert (second["seconds"], second["measured"], second["done"]) == (8.0, True, 1)
    assert found["t", "final 3"]["done"] == 0


def test_imagenet_takes_few_enough_hours_for_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from actsearch.search.paired import smallest_p

    (tmp_path / ".snakemake").mkdir()
    monkeypatch.chdir(tmp_path)
    programme = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    name = "imagenet-resnet50"
    found = stages(tmp_path, programme)
    imagenet = {kind: row for (task, kind), row in found.items() if task == name}
    assert set(imagenet) == {"stage 0 17", "stage 1 5", "final 2"}
    assert 300 < sum(row["hours_left"] for row in imagenet.values()) < 400
    final = parse_config(programme).task(name).final
    assert final is not None
    assert smallest_p(len(final.seeds), imagenet["final 2"]["functions"] - 1) < final.significance


def test_a_network_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".snakemake").mkdir()
    monkeypatch.chdir(tmp_path)
    counted = []

    def count(task: Task, shape: DataShape) -> Work:
        counted.append(task.recipe.epochs)
        return count_work(task, shape)

    monkeypatch.setattr(cost, "count_work", count)
    longer, wider = copy.deepcopy(CONFIG), copy.deepcopy(CONFIG)
    longer["tasks"]["t"]["recipe"]["epochs"] = 20
    wider["tasks"]["t"]["model"] = "resnet-56"
    first, again = stages(tmp_path, CONFIG), stages(tmp_path, CONFIG)
    assert first == again
    assert first["t", "fim 50"]["memory"] > 0
    twice = stages(tmp_path, longer)["t", "table 50"]["seconds"]
    assert 1.9 < twice / first["t", "table 50"]["seconds"] < 2
    assert counted == [10]
    stages(tmp_path, wider)
    assert len(counted) == 2


def test_all_gpus_of_a_job_count(tmp_path: Path) -> None:
    config = copy.deepcopy(CONFIG)
    config["tasks"]["t"]["resources"] = {"gpu": 4, "processes": 4}
    one, four = (stages(tmp_path, each)["t", "table 50"] for each in (CONFIG, config))
    assert four["gpus"] == 4
    assert four["seconds"] < one["seconds"]
    assert four["hours_left"] >= one["hours_left"]


def test_a_cpu_is_not_guessed_at(tmp_path: Path) -> None:
    config = copy.deepcopy(CONFIG)
    config["tasks"]["t"]["resources"] = {"gpu": 0}
    assert stages(tmp_path, config)["t", "table 50"]["seconds"] is None


def test_what_is_done_takes_no_hours() -> None:
    stage = Stage("t", "fim", 20, 20, 0, 1, 0, None, False)
    assert stage.hours_left == 0
    assert replace(stage, done=19).hours_left is None


def test_a_network_that_cannot_take_the_images_is_one_error(tmp_path: Path) -> None:
    config = copy.deepcopy(CONFIG)
    config["tasks"]["t"] |= {
        "model": "timm:vit_tiny_patch16_224",
        "model_options": {"img_size": 224, "depth": 1},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    load_commands()
    done = CliRunner().invoke(app, ["estimate", "--config", str(tmp_path / "config.yaml")])
    assert isinstance(done.exception, ConfigError)
    assert "model 'timm:vit_tiny_patch16_224': AssertionError: Input height" in str(done.exception)


def test_an_image_folder_is_not_opened(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "pets" / name).mkdir(parents=True)
        (tmp_path / "pets" / name / "1.png").write_text("no image")
    config = copy.deepcopy(CONFIG)
    config["data"]["cifar"] |= {"source": f"folder:{tmp_path}/pets", "image_size": 32}
    assert stages(tmp_path, config)["t", "table 50"]["seconds"] > 0


def test_an_imported_table_takes_no_training(tmp_path: Path) -> None:
    config = copy.deepcopy(CONFIG)
    config["tasks"]["t"]["benchmark"] |= {"act_bench": "cnn", "published_features": True}
    assert set(stages(tmp_path, config)) == {
        ("t", "search 20"),
        ("t", "final 10"),
        ("t", "fim 700"),
    }


def test_the_arithmetic_is_that_of_the_layers() -> None:
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=8)
    task = Task(data="cifar", model="all-cnn-c", recipe=recipe, resources=Resources(gpu=1))
    work = count_work(task, DataShape((3, 32, 32), 10))
    # fan-in, outputs and positions of the nine convolutions
    layers = [(27, 96, 1024), (864, 96, 1024), (864, 96, 256), (864, 192, 256)]
    layers += [(1728, 192, 256), (1728, 192, 64), (1728, 192, 64), (192, 192, 64), (192, 10, 64)]
    assert work.forward_flops == sum(2 * a * b * t for a, b, t in layers)
    assert work.activation_values == sum(b * t for _, b, t in layers)
    assert work.input_factor_flops == sum(2 * t * a * a for a, _, t in layers)
    assert work.gradient_factor_flops == sum(2 * t * b * b for _, b, t in layers)


def test_the_programme_of_the_paper_is_a_configuration() -> None:
    from actsearch.config import load_config

    config = load_config(ROOT / "config/paper.yaml")
    assert len([task for task in config.tasks.values() if task.benchmark]) == 3
    for task in config.tasks.values():
        if task.search:  # 100 evaluations, as in the paper
            assert 8 + task.search.rounds * task.search.slots == 100
