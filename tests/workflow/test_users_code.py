"""Code of the user's end to end: what it reaches, what it is called, what it returns."""

from __future__ import annotations

import copy as copying
import json
import os
import subprocess
from pathlib import Path

import pytest
from experiment import BIN, SMALL, Experiment
from forked import start

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TRIAL = "results/tiny/trials/relu.x.json"
NETWORK = """
from pathlib import Path
from torch import nn
from blocks import block

def build(image_shape, n_classes, scale):
    assert Path("widths.txt").read_text() and Path(scale).read_text()
    return nn.Sequential(block(image_shape[0]), nn.Flatten(), nn.Linear(4 * 64, n_classes))
"""
BLOCKS = """
from torch import nn

def block(channels):
    return nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU())
"""
LOADER = """
import os
import numpy as np

def load():
    chosen = np.random.default_rng(int(os.environ.get("SEED", 0)))
    y = np.arange(800) % 4
    return chosen.normal(size=(800, 8, 8)) + y[:, None, None], y
"""
TAKEN = ("profile", "queue", "torch", "yaml", "code", "random", "typing", "actsearch", "pandas")


@pytest.fixture
def own(fresh: Experiment) -> Experiment:
    """An experiment with a network and data of the user's, none of it run."""
    write(fresh, {"network.py": NETWORK, "blocks.py": BLOCKS, "mylab/loader.py": LOADER})
    write(fresh, {"widths.txt": "4", "scales/one.txt": "1"})
    config = copying.deepcopy(SMALL)
    split = {"train": 200, "validation": 200, "test": 200}
    config["data"] = {"mine": {"source": "mylab.loader:load", "split": split, "inputs": "images"}}
    tiny = config["tasks"]["tiny"] | {"data": "mine", "model": "network:build", "seeds": [0]}
    tiny |= {"model_options": {"scale": "scales/one.txt"}}
    del tiny["search"], tiny["final"]
    fresh.configure(config | {"tasks": {"tiny": tiny}})
    return fresh


def write(experiment: Experiment, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = experiment.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_no_file_in_the_folder_takes_the_place_of_a_module(own: Experiment) -> None:
    write(own, {f"{name}.py": "raise SystemExit('taken')" for name in TAKEN})
    for words in (["-n", TRIAL], ["--cores", "1", TRIAL]):
        done = start("snakemake", *words, folder=own.folder, together=True)
        assert done.returncode == 0 and "taken" not in done.stdout, done.stdout[-3000:]
    assert start("actsearch", "replay", TRIAL, folder=own.folder).returncode == 0
    write(own, {"queue.py": NETWORK})
    text = (own.folder / "config.yaml").read_text()
    (own.folder / "config.yaml").write_text(text.replace("network:build", "queue:build"))
    told = start("snakemake", "-n", folder=own.folder, together=True).stdout
    assert "'queue:build' is queue.py in the working folder" in told and "Traceback" not in told


def test_an_edit_of_what_a_network_imports_is_told_by_all(own: Experiment) -> None:
    own.snakemake("--cores", "1", TRIAL)
    assert not own.planned(TRIAL)
    write(own, {"unused.py": BLOCKS, "blocks.py": f"# Again.\n{BLOCKS}"})
    assert not own.planned(TRIAL)
    write(own, {"blocks.py": BLOCKS.replace("nn.ReLU()", "nn.ReLU(), nn.Tanh()")})
    write(own, {"widths.txt": "8", "scales/one.txt": "2"})
    assert own.planned(TRIAL) == {"train__tiny__0": 1}
    told = json.loads(own.actsearch("why", "--json", TRIAL).stdout)["files"][TRIAL]
    edited = "blocks, file:scales/one.txt, widths.txt"
    assert told["causes"] == [{"kind": "code", "what": edited}]
    assert TRIAL in own.actsearch("audit", "--list", "code").stdout


def test_every_job_compares_the_arrays_of_a_function(
    own: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = next(rule for rule in own.planned(TRIAL) if rule.startswith("fetch__"))
    own.snakemake("--cores", "2", TRIAL, "results/tiny/fim/part-0.npz")
    assert not own.planned(TRIAL)
    assert own.actsearch("replay", TRIAL).returncode == 0
    monkeypatch.setenv("SEED", "1")
    other = "results/tiny/trials/cosh.x.json"
    done = own.snakemake("--cores", "1", other, check=False)
    assert done.returncode != 0 and not (own.folder / other).exists()
    told = "gives other arrays than when its manifest was written"
    assert f"data source 'mylab.loader:load': {told}" in done.stdout
    replayed = own.actsearch("replay", TRIAL)
    assert replayed.returncode != 0 and told in replayed.stderr
    # What it reads has changed on purpose: everything is made again.
    (manifest,) = (own.folder / "data/functions").glob("*/manifest.json")
    manifest.unlink()
    own.snakemake("--cores", "2", fetch, TRIAL)
    assert own.planned("results/tiny/fim/part-0.npz") == {"fim__tiny": 1}
    listed = own.actsearch("audit", "--list", "inputs").stdout
    assert "results/tiny/fim/part-0.npz" in listed and TRIAL not in listed


def test_an_honest_edit_of_a_function_makes_all_again(own: Experiment) -> None:
    own.snakemake("--cores", "1", TRIAL)
    write(own, {"mylab/loader.py": LOADER.replace('"SEED", 0', '"SEED", 5')})
    planned = own.planned(TRIAL)
    assert {rule.split("__")[0] for rule in planned} == {"fetch", "train"}
    own.snakemake("--cores", "1", TRIAL)
    assert not own.planned(TRIAL)
    assert not own.actsearch("audit", "--list", "inputs").stdout


def test_a_job_on_a_cluster_starts_without_the_folder(own: Experiment) -> None:
    """What Snakemake starts there is `python -m snakemake`, in the environment of its run."""
    write(own, {"queue.py": "raise SystemExit('taken')"})
    shown = own.folder / "shown"
    text = (own.folder / "workflow/rules/run.smk").read_text()
    line = f"\nPath({str(shown)!r}).write_text(os.environ.get('PYTHONSAFEPATH', ''))\n"
    (own.folder / "workflow/rules/run.smk").write_text(text + line)
    own.snakemake("-n", TRIAL)
    safe = shown.read_text()
    environment = os.environ | {"PYTHONSAFEPATH": safe, "PATH": f"{BIN}:{os.environ['PATH']}"}
    command = [str(Path(BIN) / "python"), "-m", "snakemake", "-n", TRIAL]
    done = subprocess.run(
        command, cwd=own.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert safe and done.returncode == 0, done.stderr[-2000:]
