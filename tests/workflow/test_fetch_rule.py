"""The rule that fetches data: before all that reads them, and once."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from experiment import SMALL, Experiment
from PIL import Image

from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json

pytestmark = pytest.mark.workflow


def _with_data(experiment: Experiment, **sources: dict[str, Any]) -> None:
    """A task of the small experiment for each source."""
    config = copy.deepcopy(SMALL)
    tiny = config["tasks"].pop("tiny")
    for name, source in sources.items():
        split = {"train": 12, "validation": 6, "test": 6}
        config["data"][name] = {"split": split, **source}
        config["tasks"][name] = {**tiny, "data": name}
    experiment.configure(config)


def test_what_is_missing_is_planned_or_told(fresh: Experiment) -> None:
    images = {"image_size": 8, "in_memory": False}
    _with_data(
        fresh,
        cifar={"source": "torchvision:CIFAR10"},
        imagenet={"source": "torchvision:ImageNet", **images},
    )
    said = fresh.snakemake("--dry-run").stdout
    assert "fetch__CIFAR10 " in said and "fetch__ImageNet " in said
    assert "data.imagenet: ImageNet cannot be downloaded by a program: data/ImageNet" in said
    # Data sets are targets too, by file and by rule.
    for target in ("data/CIFAR10/manifest.json", "fetch__CIFAR10", "train__cifar__0"):
        assert "ImageNet" not in fresh.snakemake("--dry-run", target).stdout
    # A part of the programme can be made without the data of the rest.
    target = "results/cifar/benchmark.parquet"
    assert "ImageNet" not in fresh.snakemake("--dry-run", target).stdout


def test_a_folder_is_described_once_and_read_by_what_trains(fresh: Experiment) -> None:
    rng = np.random.default_rng(0)
    for number in range(24):
        path = fresh.folder / "my pets & co" / f"class-{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).save(path)
    _with_data(fresh, pets={"source": "folder:my pets & co", "image_size": 8})
    trial = "results/pets/trials/zero.x.json"
    fresh.snakemake("--cores", "1", "fetch_data", trial)
    [manifest] = (fresh.folder / "data" / "folders").glob("my_pets_co-*/manifest.json")
    assert read_json(manifest)["examples"] == {"train": 24}
    assert not [rule for rule in fresh.planned("fetch_data") if rule.startswith("fetch__")]
    # Another entry of the same source, first by name, is no other data.
    images = {"source": "folder:my pets & co", "image_size": 8}
    _with_data(fresh, pets=images, cats=images)
    assert not [rule for rule in fresh.planned("fetch_data", trial) if "fetch__" in rule]
    block = read_provenance(fresh.folder / trial)
    digest = read_provenance(manifest)["content_digest"]
    assert block["data"] == {str(manifest.relative_to(fresh.folder)): digest}
