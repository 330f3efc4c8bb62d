"""The audit of a finished experiment, and of one that somebody has tampered with."""

from __future__ import annotations

import copy as copying
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from experiment import BIN, SMALL, Experiment

from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

# The sources may be edited while tests run: what that finds is no matter here.
USUAL = ("--allow", "dirty")


def actsearch(experiment: Experiment, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "COLUMNS": "200"}
    return subprocess.run(
        [str(BIN / "actsearch"), *arguments],
        cwd=experiment.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def named(experiment: Experiment, kind: str) -> list[str]:
    """Files that an audit finds something of this kind about; it fails."""
    before = _state(experiment)
    done = actsearch(experiment, "audit", "--list", kind, *USUAL)
    assert done.returncode == 1, done.stdout + done.stderr
    assert _state(experiment) == before, "an audit changed something"
    return done.stdout.split()


def _state(experiment: Experiment) -> dict[str, tuple[int, int]]:
    files = [path for path in experiment.path("").rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def test_a_finished_experiment_passes(finished: Experiment) -> None:
    done = actsearch(finished, "audit", *USUAL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_run_leaves_its_audit(finished: Experiment) -> None:
    found = read_json(finished.path("audit.json"))
    assert set(found["findings"]) <= {"dirty"}
    assert found["files"] > 60
    assert read_provenance(finished.path("audit.json"))["step"] == "audit"


def test_a_flipped_byte(copy: Experiment) -> None:
    path = copy.path("tiny/map.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(content)
    found = named(copy, "altered") + named(copy, "unreadable")
    assert found == ["results/tiny/map.parquet"]


def test_a_cut_file(copy: Experiment) -> None:
    path = copy.path("tiny/trials/relu.x.json")
    path.write_bytes(path.read_bytes()[:500])
    assert named(copy, "unreadable") == ["results/tiny/trials/relu.x.json"]


def test_an_edited_block(copy: Experiment) -> None:
    path = copy.path("tiny/final.json")
    edited = re.sub(r'"clean": (true|false)', '"clean":  true', path.read_text())
    assert edited != path.read_text()
    path.write_text(edited)
    assert named(copy, "altered") == ["results/tiny/final.json"]


def test_swapped_files(copy: Experiment) -> None:
    one, two = (copy.path(f"tiny/trials/{name}.x.json") for name in ("elu", "relu"))
    kept = one.read_bytes()
    shutil.copy(two, one)
    two.write_bytes(kept)
    trials = [f"results/tiny/trials/{name}.x.json" for name in ("elu", "relu")]
    assert named(copy, "moved") == trials
    assert "results/tiny/benchmark.parquet" in named(copy, "inputs")


def test_a_stray_file(copy: Experiment) -> None:
    copy.path("tiny/by-hand.csv").write_text("a\n1\n")
    copy.path("old").mkdir()
    copy.path("old/report.html").write_text("x")
    assert named(copy, "stray") == ["results/old/report.html", "results/tiny/by-hand.csv"]


def test_a_trial_of_another_configuration(copy: Experiment, finished: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.02
    copy.configure(config)
    trial = "results/tiny/trials/relu.x.json"
    (copy.folder / trial).unlink()
    copy.snakemake("--cores", "1", trial)
    copy.configure(SMALL)
    # the copy's trials are the finished ones again, but for this one
    for path in finished.path("tiny/trials").glob("*.json"):
        if path.name != Path(trial).name:
            shutil.copy(path, copy.path("tiny/trials"))
    assert named(copy, "settings") == [trial]
    done = actsearch(copy, "audit", *USUAL)
    assert "tasks.tiny.recipe.learning_rate: 0.02 -> 0.01" in done.stdout


def test_a_changed_configuration_is_told_by_key(copy: Experiment) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["fisher"]["examples"] = 9
    copy.configure(config)
    found = named(copy, "settings")
    assert "results/tiny/fim/part-0.npz" in found
    assert not [path for path in found if "/trials/" in path]


def test_show_and_lineage(finished: Experiment) -> None:
    shown = actsearch(finished, "show", "results/tiny/trials/relu.x.json")
    assert "as it was written" in shown.stdout and "digits-cnn" in shown.stdout
    block = json.loads(actsearch(finished, "show", "results/tiny/map.parquet", "--json").stdout)
    assert block == read_provenance(finished.path("tiny/map.parquet"))
    tree = actsearch(finished, "lineage", "results/tiny/final.json").stdout
    assert "24 files results/tiny/trials/*.json" in tree
    assert "data digits: digits, split by seed 0" in tree
    forward = actsearch(finished, "lineage", "--forward", "results/tiny/trials/relu.x.json").stdout
    assert "results/report.html" in forward
    data = json.loads(
        actsearch(finished, "lineage", "--json", "results/tiny/benchmark.parquet").stdout
    )
    assert len(data["files"]) == 26


def test_a_lineage_is_drawn_into_a_file_that_says_what_made_it(
    finished: Experiment, tmp_path: Path
) -> None:
    drawing = tmp_path / "lineage.svg"
    actsearch(finished, "lineage", "results/tiny/map.parquet", "--svg", str(drawing))
    assert read_provenance(drawing)["step"] == "lineage"
    assert list(read_provenance(drawing)["inputs"]) == ["results/tiny/map.parquet"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "results/nowhere.json"], "results/nowhere.json: no such file"),
        (["lineage", "results/nowhere.json"], "results/nowhere.json: no such file"),
        (["show", "config.yaml"], "config.yaml: carries no provenance"),
        (["audit", "--allow", "nonsense"], "no kind of finding 'nonsense'; kinds: unreadable"),
        (["audit", "elsewhere"], "elsewhere: no such folder"),
    ],
)
def test_a_wrong_question_is_one_message(
    finished: Experiment, arguments: list[str], message: str
) -> None:
    done = actsearch(finished, *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
