"""What files would be made with today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import data_files
import pandas as pd
import pytest
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import Config, parse_config
from actsearch.plan import data_files as data_module
from actsearch.plan.data_files import data_file, data_now
from actsearch.plan.proposed import still_proposed
from actsearch.plan.staleness import present_of
from actsearch.records.embedded import input_digest, read_provenance
from actsearch.records.formats import write_csv, write_json
from actsearch.records.lineage import Artifact
from actsearch.records.reasons import Present, reasons

load_commands()


def config(**changes: Any) -> Config:
    split = {"train": 200, "validation": 10, "test": 10, "seed": 0}
    recipe = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 1, "batch_size": 64}
    task = {"data": "pets", "model": "digits-cnn", "recipe": recipe}
    task |= {"benchmark": {"space": "small"}}
    values = {
        "data": {"pets": {"source": "folder:pets", "split": split, "image_size": 8}},
        "spaces": {"small": {"schemas": ["three-node"], "sample": 24, "seed": 1}},
        "tasks": {"t": task},
    }
    return parse_config(values | changes)


def test_data_are_looked_for_where_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for folder in ("here", "there"):
        moved = config(data_folder=folder)
        manifest = str(data_file(moved, "t"))
        assert data_now("train", moved, "t") == {manifest: None}
        manifest_there = manifest.replace(folder, f"new-{folder}")
        write_json(manifest_there, {"images": 1}, {"step": "test"})  # images are gone
        moved = config(data_folder=f"new-{folder}")
        found.append(present_of(moved)({"step": "train", "task": "t"}).data)
    (one, then), (two, now) = (next(iter(data.items())) for data in found)
    assert one != two and then == now is not None
    assert data_now("surrogate", config(), "t") == {}


def test_images_that_changed_are_told_of_what_was_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data_files.write_classes(tmp_path / "pets", 120, ("cat", "dog"), width=8, height=8)
    (tmp_path / "config.yaml").write_text(config().model_dump_json(exclude_none=True))
    asked = CliRunner().invoke(app, ["fetch", "--data", "pets"], catch_exceptions=False)
    assert asked.exit_code == 0
    [manifest] = Path("data/folders").glob("pets-*/manifest.json")
    record = read_provenance(manifest)
    trained = {"step": "train", "task": "t", "data": {"elsewhere": record["content_digest"]}}

    def told(block: dict[str, Any]) -> list[str]:
        artifact = Artifact(str(block.get("file", "a")), block)
        found = reasons(artifact, {}, None, Present(data=data_now_of(block)))
        return [reason.text for reason in found if reason.kind == "inputs"]

    def data_now_of(block: dict[str, Any]) -> Any:
        name = block.get("wildcards", {}).get("data")
        return data_now(block["step"], config(), block.get("task"), name)

    assert told(record) == told(trained) == []
    data_files.write_image(tmp_path / "pets/cat/cat_0.JPEG", 8, 8, seed=999)
    data_module._is_changed.cache_clear()
    assert told(record) == told(trained) == ["pets changed"]


def test_data_that_the_configuration_lacks_are_told() -> None:
    present = present_of(config())
    block = {"step": "fetch", "wildcards": {"data": "gone"}}
    assert present(block).problem == "no data 'gone'; data: pets"


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"step": "of a later version"}, "no step 'of a later version'"),
        ({"step": "train"}, "this step has a task"),
        ({"step": "train", "task": "gone"}, "gone"),
        ({"step": "enumerate"}, "not called with these wildcards: none"),
        ({"step": "enumerate", "wildcards": {"config": 1}}, "these wildcards: config"),
        ({"step": "train", "task": "t", "wildcards": {"task": "t"}}, "these wildcards: task"),
    ],
)
def test_a_record_that_fits_no_step_is_told(block: dict[str, Any], problem: str) -> None:
    assert problem in str(present_of(config())(block).problem)


def test_a_task_whose_module_is_gone_is_told() -> None:
    values = config().model_dump(mode="json")
    values["tasks"]["t"]["model"] = "a_module_that_is_gone:build"
    present = present_of(Config.model_validate(values))({"step": "train", "task": "t"})
    assert "a_module_that_is_gone" in str(present.problem)


LIST = "results/t/final/candidates.csv"


def _listed(*names: str) -> None:
    table = pd.DataFrame({"slot": range(len(names)), "name": names})
    write_csv(LIST, table, {"step": "finalists"})


def test_a_trial_stands_as_long_as_its_row_names_its_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _listed("relu(x)", "elu(x)")
    then = input_digest(LIST)
    block = {"step": "train-final", "item": "elu.x", "inputs": {LIST: then}}
    trial = Artifact("results/t/final/01.json", block)
    assert still_proposed(trial, LIST)
    _listed("selu(x)", "elu(x)", "relu(x)")
    assert input_digest(LIST) != then
    assert still_proposed(trial, LIST)
    assert not still_proposed(Artifact("results/t/final/00.json", block), LIST)
    assert not still_proposed(Artifact("results/t/final/03.json", block), LIST)
    assert not still_proposed(Artifact(trial.path, {**block, "step": "final"}), LIST)
    assert not still_proposed(Artifact(trial.path, {**block, "item": "relu.x"}), LIST)
    Path(LIST).write_text(Path(LIST).read_text().replace("selu", "gelu"))
    assert not still_proposed(trial, LIST)  # nobody knows what an edited list said
    Path(LIST).unlink()
    assert not still_proposed(trial, LIST)
