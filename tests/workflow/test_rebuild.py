"""What an edit of the code or of the configuration makes again, with sources of one's own."""

from __future__ import annotations

import copy as copying
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from experiment import SMALL, SOURCES, Experiment, make_experiment
from PIL import Image

from actsearch.config import parse_config
from actsearch.plan.data_files import data_file
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import content_digest

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TRAINING = "train__"
TABLES = ("benchmark.parquet", "map.parquet", "surrogate.parquet")
PACKAGE = "src/actsearch"


def test_editing_the_fisher_code_retrains_nothing(copy: Experiment, sources: Path) -> None:
    fisher = sources / PACKAGE / "features/fisher.py"
    fisher.write_text(fisher.read_text() + "\n_EDITED = True\n")
    planned = copy.planned("results/tiny/map.parquet", "results/tiny/benchmark.parquet")
    assert planned == {"fim__tiny": 2, "map_functions": 1}
    first_round = copy.planned("results/tiny/search/union-knr/round-0/proposals.csv")
    assert first_round == {"fim__tiny": 2, "map_functions": 1, "propose": 1}
    done = copy.actsearch("why", "--json", "results/tiny/map.parquet")
    told = json.loads(done.stdout)["files"]["results/tiny/fim/part-0.npz"]["causes"]
    assert told == [{"kind": "code", "what": "actsearch.features.fisher"}]
    copy.snakemake("--cores", "2", "results/tiny/map.parquet")
    assert not copy.planned("results/tiny/map.parquet")
    # What a live search trains follows from the map; without one nothing is trained at all.
    assert not {name for name in copy.planned() if re.match(r"train__tiny__\d", name)}
    config = copying.deepcopy(SMALL)
    del config["tasks"]["tiny"]["search"], config["tasks"]["tiny"]["final"]
    copy.configure(config)
    planned = copy.planned()
    assert "report" in planned
    assert not {name for name in planned if name.startswith(TRAINING)}


def test_editing_words_makes_nothing_again(copy: Experiment, sources: Path) -> None:
    for path in (sources / PACKAGE).rglob("*.py"):
        text = path.read_text().replace('"""', '"""Edited. ', 1)
        path.write_text(f"# A comment.\n{text}\n\n\n# Another.\n")
    for path in (copy.folder / "workflow/rules").glob("*.smk"):
        path.write_text(f"{path.read_text()}\n# A comment.\n")
    assert "Nothing to be done" in copy.snakemake("-n").stdout


def test_another_lock_makes_nothing_again_and_is_found(copy: Experiment, sources: Path) -> None:
    lock = sources / "envs/requirements.lock"
    lock.write_text(lock.read_text().replace("plotly==", "plotly==99."))
    assert "Nothing to be done" in copy.snakemake("-n").stdout
    found = copy.actsearch("audit", "--list", "lock")
    assert found.returncode == 1
    listed = found.stdout.split()
    assert "results/tiny/trials/relu.x.json" in listed
    for path in listed:  # the recipe of docs/audit.md
        (copy.folder / path).unlink()
    planned = copy.planned()
    assert {"enumerate_space", "train__tiny__0", "fim__tiny", "report", "crate"} <= set(planned)
    assert planned["fim__tiny"] == 4


def test_a_second_run_gives_the_same_and_a_changed_rate_retrains_its_task_alone(
    copy: Experiment,
) -> None:
    config = copying.deepcopy(SMALL)
    tiny = config["tasks"]["tiny"]
    twin = {key: value for key, value in tiny.items() if key not in ("search", "final")}
    config["tasks"]["twin"] = twin
    copy.configure(config)
    targets = [f"results/{task}/{name}" for task in ("tiny", "twin") for name in TABLES]
    copy.snakemake("--cores", "2", *targets)
    assert "Nothing to be done" in copy.snakemake("-n", *targets).stdout
    for name in TABLES:
        made = content_digest(copy.path(f"twin/{name}"))
        assert made == content_digest(copy.path(f"tiny/{name}")), name
    twin["recipe"] = twin["recipe"] | {"learning_rate": 0.02}
    copy.configure(config)
    planned = copy.planned()
    trained = {name for name in planned if name.startswith(TRAINING)}
    assert trained == {f"train__twin__{number}" for number in range(3)}
    assert planned["benchmark_table"] == planned["cross_validate"] == 1
    assert not {"fim__twin", "fim__tiny", "map_functions", "enumerate_space"} & set(planned)


SINE = """import numpy as np
from actsearch import Operator, register

register(Operator("sine", 1, numpy=np.sin, torch="torch.sin"))
"""


def test_a_new_operator_reruns_no_finished_trial(copy: Experiment) -> None:
    module = copy.folder / "my_operators.py"
    module.write_text(SINE)
    config = copying.deepcopy(SMALL) | {"operators": ["my_operators"]}
    config["spaces"]["unused"] = {"schemas": ["binary(unary(x),x)"], "unary": ["sine"]}
    copy.configure(config)
    assert "Nothing to be done" in copy.snakemake("-n").stdout
    config["spaces"]["small"] |= {"include": ["baselines", "sine(x)"], "sample": 25}
    copy.configure(config)
    table = "results/tiny/benchmark.parquet"
    added = {"enumerate_space": 1, "train__tiny__3": 1, "benchmark_table": 1}
    assert copy.planned(table, "results/tiny/search/map.parquet") == added
    trial = "results/tiny/trials/sine.x.json"
    copy.snakemake("--cores", "1", trial)
    assert list(read_provenance(copy.folder / trial)["operators"]) == ["my_operators"]
    assert "operators" not in read_provenance(copy.path("tiny/trials/relu.x.json"))
    assert not copy.planned(trial)
    module.write_text(SINE.replace("np.sin,", "np.cos,"))
    assert copy.planned(table, "results/tiny/trials/relu.x.json") == added
    told = json.loads(copy.actsearch("why", "--json", trial).stdout)["files"][trial]
    assert told["causes"] == [{"kind": "code", "what": "my_operators"}]


def test_touched_files_make_nothing_again(copy: Experiment) -> None:
    paths = [path for name in (*SOURCES, "results") for path in (copy.folder / name).rglob("*")]
    random.Random(0).shuffle(paths)
    for number, path in enumerate(paths):
        os.utime(path, (2e9 + number, 2e9 + number))
    assert "Nothing to be done" in copy.snakemake("-n").stdout


def test_copied_results_make_nothing_again_until_something_changes(
    finished: Experiment, tmp_path: Path
) -> None:
    clone = make_experiment(tmp_path / "clone")
    shutil.copytree(finished.path(""), clone.path(""), copy_function=shutil.copyfile)
    paths = [path for path in clone.path("").rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in paths}
    random.Random(0).shuffle(paths)
    for number, path in enumerate(paths):
        os.utime(path, (1e9 + number, 1e9 + number))
    output = clone.snakemake("-n").stdout
    assert "are what would be made: noted" in output and "Nothing to be done" in output
    assert contents == {path: path.read_bytes() for path in paths}
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.02
    clone.configure(config)
    planned = clone.planned("results/tiny/benchmark.parquet")
    assert planned == {f"train__tiny__{n}": 1 for n in range(3)} | {"benchmark_table": 1}


def test_copied_results_of_another_configuration_are_named(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.02
    copy.configure(config)
    shutil.rmtree(copy.folder / ".snakemake")
    done = copy.snakemake("-n", check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert "tasks.tiny.recipe.learning_rate: 0.01 -> 0.02" in done.stdout
    assert "results/tiny/final/00.json: settings" in done.stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda config: config["tasks"]["tiny"]["search"].update(rounds=1),
            "union-knr/history.parquet: inputs, .*round-2/.* not used any more",
        ),
        (
            lambda config: config["simulation"].update(strategies=["random"]),
            "report.html: inputs, .*simulation/union-knr.parquet not used any more",
        ),
    ],
)
def test_copied_results_made_from_other_files_are_named(
    copy: Experiment, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    config = copying.deepcopy(SMALL)
    change(config)
    copy.configure(config)
    assert re.search(told.replace(": inputs,", "", 1), _why(copy))
    shutil.rmtree(copy.folder / ".snakemake")
    done = copy.snakemake("-n", check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert re.search(told, done.stdout)


def _why(experiment: Experiment) -> str:
    """Files that would be made again because of their inputs, and what of these."""
    files = json.loads(experiment.actsearch("why", "--json").stdout)["files"]
    return "\n".join(
        f"{path} {cause['what']}"
        for path, file in files.items()
        for cause in file["causes"]
        if cause["kind"] == "inputs"
    )


def test_a_trial_by_name_and_data_of_others_are_no_doubt(copy: Experiment) -> None:
    copy.snakemake("--cores", "1", "results/tiny/trials/cosh.x.json")  # the crate lacks it
    shutil.rmtree(copy.folder / ".snakemake")
    assert "are what would be made: noted" in copy.snakemake("-n").stdout
    assert not copy.planned("results/report.html", "results/tiny/trials/cosh.x.json")


def test_copied_results_are_noted_without_their_data_and_data_are_left_alone(
    copy: Experiment,
) -> None:
    config = copying.deepcopy(SMALL)
    split = {"train": 8, "validation": 4, "test": 4, "seed": 0}
    config["data"]["pets"] = {"source": "folder:pets", "split": split, "image_size": 8}
    keys = ("model", "recipe", "fisher", "map", "benchmark")
    tiny = {key: config["tasks"]["tiny"][key] for key in keys}
    config["tasks"]["pets"] = tiny | {"data": "pets"}
    copy.configure(config | {"data_folder": "shared"})
    for name in ("strategies.parquet", "report.html", "ro-crate-metadata.json", "audit.json"):
        copy.path(name).unlink()  # which are made of all tasks
    shutil.rmtree(copy.folder / ".snakemake")
    output = copy.snakemake("-n").stdout
    assert "are what would be made: noted" in output and "data.pets" in output

    for number in range(20):
        folder = copy.folder / f"pets/{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(folder / f"{number}.png")
    name = str(data_file(parse_config(config | {"data_folder": "shared"}), "pets"))
    manifest = copy.folder / name
    copy.actsearch("fetch", "--data", "pets", "--out", name)
    os.utime(manifest, (1e9, 1e9))
    shutil.rmtree(copy.folder / ".snakemake")
    assert "are what would be made: noted" in copy.snakemake("-n").stdout
    assert manifest.stat().st_mtime == 1e9
