"""The rule that fetches data: before all that reads them, and once."""

from __future__ import annotations

import copy
import os
from pathlib import Path
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


def _paint(path: Path, seed: int) -> None:
    """An image whose file always has the same size, with the time of what it replaces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = path.stat() if path.exists() else None
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    if state is not None:
        assert path.stat().st_size == state.st_size
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_images_mended_in_place_are_made_new_use_of(fresh: Experiment) -> None:
    images = [fresh.folder / "pets" / f"class-{n % 2}" / f"{n}.bmp" for n in range(24)]
    for number, path in enumerate(images):
        _paint(path, number)
    _with_data(fresh, pets={"source": "folder:pets", "image_size": 8})
    trial = "results/pets/trials/zero.x.json"
    fresh.snakemake("--cores", "1", trial)
    [manifest] = (fresh.folder / "data" / "folders").glob("pets-*/manifest.json")
    first = read_provenance(fresh.folder / trial)["data"]
    for path in images:
        os.utime(path)
    assert fresh.planned(trial) == {}  # the same images, touched

    for number, path in enumerate(images):
        _paint(path, 100 + number)
    planned = fresh.planned(trial)
    assert {rule.split("__")[0] for rule in planned} == {"fetch", "train"}
    why = fresh.actsearch("why", trial).stdout
    assert "inputs: pets changed" in why and str(manifest.relative_to(fresh.folder)) in why
    # A trial that was asked for by name is left over, and is told.
    assert "pets changed" in fresh.actsearch("audit").stdout
    alone = fresh.actsearch(
        "train", "--task", "pets", "--function", "abs(x)", "--out", "results/pets/trials/abs.x.json"
    )
    assert alone.returncode == 2
    assert "pets/class-0/0.bmp has other contents" in alone.stderr
    assert "Traceback" not in alone.stderr

    assert "is written again: train: class-0" in fresh.snakemake("--cores", "1", trial).stdout
    second = read_provenance(fresh.folder / trial)["data"]
    assert second != first and second == {
        str(manifest.relative_to(fresh.folder)): read_provenance(manifest)["content_digest"]
    }
    assert len([*manifest.parent.glob("decoded-*.npy")]) == 1
    assert fresh.planned(trial) == {}
    assert "changed" not in fresh.actsearch("audit").stdout


def test_arrays_replaced_with_their_time_are_noticed(fresh: Experiment) -> None:
    path, trial = fresh.folder / "x.npz", "results/arrays/trials/zero.x.json"

    def write(seed: int) -> None:
        x = np.random.default_rng(seed).integers(0, 256, (24, 1, 8, 8), np.uint8)
        np.savez(path, x=x, y=np.arange(24) % 2)

    write(0)
    state = path.stat()
    _with_data(fresh, arrays={"source": "npz:x.npz"})
    fresh.snakemake("--cores", "1", trial)
    assert fresh.planned(trial) == {}
    write(1)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_size == state.st_size
    assert {rule.split("__")[0] for rule in fresh.planned(trial)} == {"train"}


def test_a_folder_of_parts_is_told_with_what_was_left_out(fresh: Experiment) -> None:
    for number in range(24):
        part = "Training" if number < 18 else "valid"
        _paint(fresh.folder / "pets" / part / f"class-{number % 2}" / f"{number}.bmp", number)
    (fresh.folder / "pets/Training/class-0/.thumbnails").mkdir()
    (fresh.folder / "pets/Training/class-0/a.heic").touch()
    _with_data(fresh, pets={"source": "folder:pets", "image_size": 8})
    said = [fresh.actsearch("check", "--task", "pets").stdout]
    fetched = fresh.actsearch("fetch", "--data", "pets")
    assert fetched.returncode == 0, fetched.stderr
    said += [fetched.stdout + fetched.stderr, fresh.actsearch("check", "--task", "pets").stdout]
    for text in said:
        assert "Training/ is the train part (18 images)" in text
        assert "valid/ is the test part (6 images)" in text
        assert "left out: 1 files .heic, such as 'Training/class-0/a.heic'" in text
    assert "2 classes" in said[0] and "not looked into yet: actsearch fetch" in said[0]
    [manifest] = (fresh.folder / "data" / "folders").glob("pets-*/manifest.json")
    assert read_provenance(manifest)["left_out"] == {
        "hidden": {"count": 1, "examples": ["Training/class-0/.thumbnails"]},
        "files .heic": {"count": 1, "examples": ["Training/class-0/a.heic"]},
    }


def test_what_is_made_here_is_made_once_and_read_by_what_trains(fresh: Experiment) -> None:
    config = copy.deepcopy(SMALL)
    tiny = config["tasks"].pop("tiny")
    split = {"train": 80, "validation": 20, "test": 20}
    config["data"]["signals"] = {"source": "mnist1d", "split": split}
    final = tiny["final"] | {"fit_on": "train"}
    config["tasks"]["signals"] = {**tiny, "data": "signals", "model": "conv1d", "final": final}
    fresh.configure(config)
    trial = "results/signals/trials/zero.x.json"
    fresh.snakemake("--cores", "1", trial)
    [manifest] = (fresh.folder / "data").glob("mnist1d-*/manifest.json")
    digest = read_provenance(manifest)["content_digest"]
    block = read_provenance(fresh.folder / trial)
    assert block["data"] == {str(manifest.relative_to(fresh.folder)): digest}
    assert fresh.planned(trial) == {}
    # Other options are other data, and the trial is made again of them.
    config["data"]["signals"]["options"] = {"seed": 7}
    fresh.configure(config)
    assert {rule.split("__")[0] for rule in fresh.planned(trial)} == {"fetch", "train"}
