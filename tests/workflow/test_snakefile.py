"""The Snakefile: light and static; `make lint` sees that it is clean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from experiment import Experiment

pytestmark = pytest.mark.workflow


def test_it_never_imports_torch(fresh: Experiment) -> None:
    program = (
        "import sys; from snakemake.cli import main\n"
        "try: main(['--dry-run', '--quiet', 'all'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=fresh.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_the_search_stands_in_the_dry_run(fresh: Experiment) -> None:
    planned = fresh.planned()
    assert planned["propose"] == 3
    assert planned["train__tiny__baselines__0"] == 1
    assert planned["train__tiny__slots__0"] == 2
    assert planned["train__tiny__final__1"] == 1


def test_another_configuration_takes_the_place_of_the_default(fresh: Experiment) -> None:
    text = (fresh.folder / "config.yaml").read_text().replace("tiny:", "other:")
    (fresh.folder / "other.yaml").write_text(text)
    planned = fresh.planned("--configfile", "other.yaml")
    assert "train__other__0" in planned and "train__tiny__0" not in planned


def test_single_values_can_be_overridden(fresh: Experiment) -> None:
    output = fresh.snakemake("-n", "--config", "simulation={strategies: [random]}").stdout
    assert "simulating searches by random" in output
    assert "simulating searches by union-knr" not in output


def test_overridden_values_are_numbers_in_options_of_a_model_too(fresh: Experiment) -> None:
    (fresh.folder / "mine.py").write_text(
        "from actsearch.networks.models.digits_cnn import DigitsCNN\n"
        "def build(image_shape, n_classes, rate=0.0, width=1):\n"
        "    assert (rate, width) == (0.001, 8) and type(width) is int\n"
        "    return DigitsCNN(image_shape, n_classes)\n"
    )
    given = "tasks={tiny: {model: 'mine:build', model_options: {rate: 1e-3, width: 8}}}"
    target = "results/tiny/trials/relu.x.json"
    fresh.snakemake("--cores", "1", target, "--config", given)
    assert (fresh.folder / target).is_file()


def test_the_profile_of_a_cluster_is_planned_with_anywhere(
    fresh: Experiment, tmp_path: Path
) -> None:
    planned = fresh.planned("--profile", "slurm")
    assert planned["fim__tiny"] == 4
    elsewhere = ("--directory", str(tmp_path / "elsewhere"), "--configfile", "config.yaml")
    assert fresh.planned("--profile", "slurm", *elsewhere) == planned
