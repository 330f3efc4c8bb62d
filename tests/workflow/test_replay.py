"""Files made again from their records."""

from __future__ import annotations

import contextlib
import copy as copying
import shutil
from pathlib import Path

import pytest
from experiment import SMALL, Experiment
from forked import start
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.cli.questions import replay, scratch
from actsearch.records.formats import read_json, write_json
from actsearch.records.lineage import Artifact

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TRIAL = "results/tiny/trials/relu.x.json"
ONE_OF_EACH = [
    "spaces/small/functions.parquet",
    "spaces/small/outputs.npy",
    "tiny/trials/relu.x.json",
    "tiny/fim/part-0.npz",
    "tiny/search/map.parquet",
    "tiny/surrogate.parquet",
    "tiny/characterisation.parquet",
    "tiny/simulation/random.parquet",
    "strategies.parquet",
    "tiny/search/union-knr/round-1/proposals.csv",
    "tiny/search/union-knr/round-1/00.json",
    "tiny/search/union-knr/history.parquet",
    "tiny/final/candidates.csv",
    "tiny/final/00.json",
    "tiny/final.json",
    "tiny/final_activation.py",
    "tiny/benchmark.parquet",
    "tiny/benchmark.json",
    "report.html",
]
IMPORTING = ("import-act-bench", "imported-table", "published-features", "export-imported")
"""Steps that test_act_bench.py replays, of a table that is imported."""
STAGED = ("stage", "train-stage", "rank-stage")
"""Steps that test_stages.py replays."""
SCREENING = ("screen",)
"""What test_screen.py replays."""
INFORMED = ("priors",)
"""What test_search_strategies.py replays."""
TIMED = ("spaces/small/costs.parquet", "tiny/final/costs.csv")
"""What is timed is never timed the same again."""


@pytest.fixture
def here(finished: Experiment, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Commands in this process, which has imported all, in the folder of the experiment."""

    def run(home: Path, artifact: Artifact, words: list[str]) -> None:
        configuration = str(scratch.relative_configuration(artifact.block))
        with contextlib.chdir(home), monkeypatch.context() as patched:
            patched.setenv("ACTSEARCH_CONFIG", configuration)
            made = CliRunner().invoke(app, words, catch_exceptions=False)
        assert made.exit_code == 0, made.output

    load_commands()
    monkeypatch.chdir(finished.folder)
    monkeypatch.setattr(replay, "_run", run)
    return CliRunner()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_step_gives_the_same_again(here: CliRunner, name: str) -> None:
    done = here.invoke(app, ["replay", f"results/{name}"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert f"results/{name}: identical" in done.stdout


def test_so_does_the_command_by_itself(finished: Experiment) -> None:
    done = start("actsearch", "replay", TRIAL, folder=finished.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{TRIAL}: identical" in done.stdout


def test_one_of_each_step_is_tried(finished: Experiment) -> None:
    from actsearch.plan.steps import STEPS
    from actsearch.records.embedded import read_provenance

    tried = {read_provenance(finished.path(name))["step"] for name in ONE_OF_EACH}
    assert tried == {step.name for step in STEPS.values() if step.replayable} - {
        *IMPORTING,
        *STAGED,
        *SCREENING,
        *INFORMED,
    }


@pytest.mark.parametrize("name", TIMED)
def test_what_was_timed_cannot_be_replayed(here: CliRunner, name: str) -> None:
    done = here.invoke(app, ["replay", f"results/{name}"])
    assert "cannot be made again by itself" in str(done.exception)


def test_an_old_configuration_is_put_back(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.5
    config["tasks"]["tiny"]["seeds"] = [3]
    copy.configure(config)
    done = copy.actsearch("replay", TRIAL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_result_is_told_with_its_place(copy: Experiment, tmp_path: Path) -> None:
    trial = read_json(copy.folder / TRIAL)
    block = trial.pop("provenance")
    write_json(copy.folder / TRIAL, trial | {"validation_score": 2.0}, block, place=Path(TRIAL))
    scratch = tmp_path / "kept"
    done = copy.actsearch("replay", TRIAL, "--keep", str(scratch))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "validation_score: 2.0 -> " in done.stdout
    assert read_json(scratch / TRIAL)["runs"] == trial["runs"]
    assert read_json(copy.folder / TRIAL)["validation_score"] == 2.0


def test_what_cannot_be_replayed_is_one_message(copy: Experiment) -> None:
    def message(path: str) -> str:
        done = copy.actsearch("replay", path)
        assert done.returncode == 2, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "results/nowhere.json: no such file" in message("results/nowhere.json")
    assert "step 'audit' cannot be made again by itself" in message("results/audit.json")
    other = copy.path("tiny/trials/elu.x.json")
    shutil.copy(copy.folder / TRIAL, other)
    told = message("results/tiny/benchmark.parquet")
    assert "results/tiny/trials/elu.x.json: is not what it was when" in told
    (copy.folder / TRIAL).write_text((copy.folder / TRIAL).read_text().replace("0.", "1."))
    assert f"{TRIAL}: altered since it was written" in message(TRIAL)
