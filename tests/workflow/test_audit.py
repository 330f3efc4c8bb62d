"""The audit of a finished experiment, and of one that somebody has tampered with."""

from __future__ import annotations

import copy as copying
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from experiment import SMALL, Experiment

from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json, write_json

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

# The sources may be edited while tests run: what that finds is no matter here.
USUAL = ("--allow", "dirty")
TAMPERED = ("relu", "elu", "selu")
CUT = "results/tiny/trials/relu.x.json"


def audited(experiment: Experiment) -> tuple[dict[str, dict[str, str]], str]:
    """Messages of an audit that finds something, by kind and file, and its page."""
    before = _state(experiment)
    done = experiment.actsearch("audit", "--out", "findings.json", *USUAL)
    assert done.returncode == 1, done.stdout + done.stderr
    assert _state(experiment) == before, "an audit changed something"
    return read_json(experiment.folder / "findings.json")["findings"], done.stdout


def _state(experiment: Experiment) -> dict[str, tuple[int, int]]:
    files = [path for path in experiment.path("").rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def test_a_finished_experiment_passes(finished: Experiment) -> None:
    done = finished.actsearch("audit", *USUAL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_run_leaves_its_audit(finished: Experiment) -> None:
    found = read_json(finished.path("audit.json"))
    assert set(found["findings"]) <= {"dirty"}
    assert found["files"] > 60
    assert read_provenance(finished.path("audit.json"))["step"] == "audit"


def test_the_digest_of_an_audit_finds_a_forger_too(copy: Experiment) -> None:
    def digest() -> str:
        copy.actsearch("audit", "--out", "again.json")
        return str(read_json(copy.folder / "again.json")["digest"])

    kept = read_json(copy.path("audit.json"))["digest"]
    assert digest() == kept
    place = Path("results/tiny/final/00.json")
    path = copy.folder / place
    trial = read_json(path)
    block = trial.pop("provenance")
    # Sealed anew: to the audit it is as good as any.
    write_json(path, trial, block, place=place)
    assert digest() == kept
    write_json(path, trial | {"test_score": 1.0}, block, place=Path("results/tiny/final/00.json"))
    assert digest() != kept


def _flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(content)


def _edit_the_block(path: Path) -> None:
    edited = re.sub(r'"clean": (true|false)', '"clean":  true', path.read_text())
    assert edited != path.read_text()
    path.write_text(edited)


def _swap(one: Path, two: Path) -> None:
    kept = one.read_bytes()
    shutil.copy(two, one)
    two.write_bytes(kept)


def test_every_tampered_file_is_found_and_no_other(copy: Experiment) -> None:
    flipped, edited, cut, elu, selu = (
        copy.path(f"tiny/{name}")
        for name in ("map.parquet", "final.json", *(f"trials/{f}.x.json" for f in TAMPERED))
    )
    _flip_a_byte(flipped)
    _edit_the_block(edited)
    cut.write_bytes(cut.read_bytes()[:500])
    _swap(elu, selu)
    copy.path("tiny/by-hand.csv").write_text("a\n1\n")
    copy.path("old").mkdir()
    copy.path("old/report.html").write_text("x")

    findings, _ = audited(copy)
    altered, unreadable, stray = (findings[kind] for kind in ("altered", "unreadable", "stray"))
    assert list(stray) == ["results/old/report.html", "results/tiny/by-hand.csv"]
    assert sorted({*altered, *unreadable} - {*stray}) == [
        "results/tiny/final.json",
        "results/tiny/map.parquet",
        CUT,
    ]
    assert "results/tiny/final.json" in altered
    assert [path for path in unreadable if "/trials/" in path] == [CUT]
    assert CUT not in altered
    assert list(findings["moved"]) == [f"results/tiny/trials/{f}.x.json" for f in TAMPERED[1:]]
    # What was made from the swapped ones is not made from what stands now, nor the crate.
    assert "results/tiny/benchmark.parquet" in findings["inputs"]
    assert "results/ro-crate-metadata.json" in findings["inputs"]

    listed = copy.actsearch("audit", "--list", "stray", *USUAL)
    assert listed.returncode == 1
    assert listed.stdout.split() == list(stray)


def test_files_of_another_configuration_are_told_with_the_keys(
    copy: Experiment, finished: Experiment
) -> None:
    config = copying.deepcopy(SMALL)
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.02
    copy.configure(config)
    trial = "results/tiny/trials/relu.x.json"
    (copy.folder / trial).unlink()
    copy.snakemake("--cores", "1", trial)
    # the copy's trials are the finished ones again, but for this one
    for path in finished.path("tiny/trials").glob("*.json"):
        if path.name != Path(trial).name:
            shutil.copy(path, copy.path("tiny/trials"))
    config["tasks"]["tiny"]["recipe"]["learning_rate"] = 0.01
    config["tasks"]["tiny"]["fisher"]["examples"] = 9
    copy.configure(config)
    findings, page = audited(copy)
    rates, features = (
        {path for path, message in findings["settings"].items() if key in message}
        for key in ("learning_rate", "examples")
    )
    assert rates == {trial}
    assert "results/tiny/fim/part-0.npz" in features
    assert not [path for path in features if "/trials/" in path]
    assert rates | features == set(findings["settings"])
    assert "tasks.tiny.recipe.learning_rate: 0.02 -> 0.01" in page


def test_show_and_lineage(finished: Experiment) -> None:
    shown = finished.actsearch("show", "results/tiny/trials/relu.x.json")
    assert "as it was written" in shown.stdout and "digits-cnn" in shown.stdout
    block = json.loads(finished.actsearch("show", "results/tiny/map.parquet", "--json").stdout)
    assert block == read_provenance(finished.path("tiny/map.parquet"))
    tree = finished.actsearch("lineage", "results/tiny/final.json").stdout
    assert "24 files results/tiny/trials/*.json" in tree
    assert "data digits: digits, split by seed 0" in tree
    forward = finished.actsearch("lineage", "--forward", "results/tiny/trials/relu.x.json").stdout
    assert "results/report.html" in forward
    data = json.loads(
        finished.actsearch("lineage", "--json", "results/tiny/benchmark.parquet").stdout
    )
    assert len(data["files"]) == 26


def test_a_lineage_is_drawn_into_a_file_that_says_what_made_it(
    finished: Experiment, tmp_path: Path
) -> None:
    drawing = tmp_path / "lineage.svg"
    finished.actsearch("lineage", "results/tiny/map.parquet", "--svg", str(drawing))
    assert read_provenance(drawing)["step"] == "lineage"
    assert list(read_provenance(drawing)["inputs"]) == ["results/tiny/map.parquet"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "results/nowhere.json"], "results/nowhere.json: no such file"),
        (["lineage", "results/nowhere.json"], "results/nowhere.json: no such file"),
        (["show", "config.yaml"], "config.yaml: carries no provenance"),
        (["audit", "--allow", "nonsense"], "no kind of finding 'nonsense'; kinds: unreadable"),
        (["audit", "config.yaml"], "config.yaml: is not a folder"),
    ],
)
def test_a_wrong_question_is_one_message(
    finished: Experiment, arguments: list[str], message: str
) -> None:
    done = finished.actsearch(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("make", [False, True])
def test_nothing_there_is_said_and_is_no_success(fresh: Experiment, make: bool) -> None:
    if make:
        fresh.path("").mkdir()
    done = fresh.actsearch("audit")
    assert done.returncode == 1
    assert "results/: nothing is there" in done.stderr and "no problems found" not in done.stdout
    fresh.path("notes.txt").parent.mkdir(exist_ok=True)
    fresh.path("notes.txt").write_text("x")
    done = fresh.actsearch("audit")
    assert done.returncode == 1
    assert "results/notes.txt: no rule makes it" in done.stdout


ODD_NAMES = {
    b"\xff.json": r"results/\xff.json",
    b"a\nb.csv": r"results/a\nb.csv",
    b"\x1b[31mred.txt": r"results/\x1b[31mred.txt",
    b"tiny/trials/\xfe.json": r"results/tiny/trials/\xfe.json",
    "\u202enosj.html".encode(): r"results/\u202enosj.html",
}


def test_odd_names_and_pipes_are_told_by_every_command(copy: Experiment) -> None:
    trial = copy.path("tiny/trials/relu.x.json").read_bytes()
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(copy.path("")) + b"/" + name)).write_bytes(trial)
    # A number that nobody can count up to.
    copy.path("tiny/search/union-knr/round-99999999999").mkdir()
    far = "tiny/search/union-knr/round-99999999999/proposals.csv"
    copy.path(far).write_bytes(trial)
    os.mkfifo(copy.path("pipe"))
    os.mkfifo(copy.path("tiny/trials/cosh.x.json"))
    findings, page = audited(copy)
    told = {path for kind in ("stray", "moved") for path in findings[kind]}
    assert told == {*ODD_NAMES.values(), "results/pipe", f"results/{far}"}
    assert "is a pipe" in findings["stray"]["results/pipe"]
    assert "is a pipe" in findings["unreadable"]["results/tiny/trials/cosh.x.json"]
    assert page.isascii() and "\x1b" not in page
    for question in (["why"], ["lineage", "--forward", "results/tiny/final/00.json"]):
        done = copy.actsearch(*question)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
    for path in ("results/pipe", "results/tiny/trials/cosh.x.json"):
        for question in ("show", "lineage", "replay"):
            done = copy.actsearch(question, path)
            assert done.returncode == 2 and "is a pipe, no file" in done.stderr
    done = copy.snakemake("--cores", "1", "--forcerun", "crate")
    (told_of,) = re.findall("left out, as they are not what was written: (.*)", done.stdout)
    assert r"results/tiny/trials/\xfe.json" in told_of
    crate = copy.path("ro-crate-metadata.json").read_text()
    assert "/cosh.x.json" not in crate and "\\xfe" not in crate and "\\udcfe" not in crate


def _without_record(path: Path) -> None:
    content = read_json(path)
    del content["provenance"]
    path.write_text(json.dumps(content | {"validation_score": 1.0}))


def _without_first_line(path: Path) -> None:
    path.write_text(path.read_text().partition("\n")[2])


@pytest.mark.parametrize(
    ("name", "damage", "target"),
    [
        ("tiny/trials/relu.x.json", _without_record, "tiny/benchmark.parquet"),
        ("tiny/final/candidates.csv", _without_first_line, "tiny/final.json"),
        ("tiny/benchmark.parquet", _flip_a_byte, "report.html"),
        ("tiny/final_activation.py", lambda path: path.write_text("x = 1\n"), "report.html"),
    ],
)
def test_a_result_without_its_record_is_no_raw_data(
    copy: Experiment, name: str, damage: Callable[[Path], object], target: str
) -> None:
    damage(copy.path(name))
    done = copy.snakemake("--cores", "1", f"results/{target}", check=False)
    assert done.returncode != 0
    assert re.search(rf"error: results/{name}: .*remove it", done.stdout)
    audit = copy.actsearch("audit", "--exit-zero", "--list", "unreadable").stdout.split()
    altered = copy.actsearch("audit", "--exit-zero", "--list", "altered").stdout.split()
    assert f"results/{name}" in audit + altered
