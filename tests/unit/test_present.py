"""What files would be made with today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actsearch.config import Config, parse_config
from actsearch.plan.data_files import data_file, data_now
from actsearch.plan.staleness import present_of
from actsearch.records.formats import write_json


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
        write_json(manifest.replace(folder, f"new-{folder}"), {"images": 1}, {"step": "test"})
        moved = config(data_folder=f"new-{folder}")
        found.append(present_of(moved)({"step": "train", "task": "t"}).data)
    (one, then), (two, now) = (next(iter(data.items())) for data in found)
    assert one != two and then == now is not None
    assert data_now("surrogate", config(), "t") == {}


def test_data_that_the_configuration_lacks_are_told() -> None:
    present = present_of(config())
    block = {"step": "fetch", "wildcards": {"data": "gone"}}
    assert present(block).problem == "no data 'gone'; data: pets"
