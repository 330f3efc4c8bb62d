"""What stands in a folder, whatever its names are made of and wherever its links lead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actsearch.plan.made import is_made, step_makes
from actsearch.plan.steps import STEPS
from actsearch.records.files import FILE
from actsearch.records.folders import FOLDER, entries_under
from actsearch.records.formats import ArtifactError, write_json
from actsearch.records.names import printable, printable_name
from actsearch.records.provenance import Execution


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def found(folder: str = "results") -> dict[str, str]:
    return {entry.path: entry.what for entry in entries_under(Path(folder))}


def put(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("x")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("results/relu.x.json", "results/relu.x.json"),
        ("größe ✓.json", "größe ✓.json"),
        (os.fsdecode(b"\xff.json"), r"\xff.json"),
        ("a\nb\x1b[31m", r"a\nb\x1b[31m"),
        ("a\u202eb\ud800\u00a0", r"a\u202eb\ud800\u00a0"),
    ],
)
def test_names_are_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    shown.encode()


def test_different_names_stay_different() -> None:
    names = [os.fsdecode(b"\xff"), r"\xff", "\xff", "\n", r"\n", "\u0080", os.fsdecode(b"\x80")]
    assert len({printable_name(name) for name in names}) == len(names)


def test_files_and_folders_are_found_and_caches_of_python_are_not() -> None:
    put("results/b/c.json")
    put("results/a.json")
    put("results/__pycache__/d.pyc")
    put("results/.hidden/e")
    assert found() == {
        "results/.hidden": FOLDER,
        "results/.hidden/e": FILE,
        "results/a.json": FILE,
        "results/b": FOLDER,
        "results/b/c.json": FILE,
    }


def test_links_are_followed_once_and_never_in_a_circle() -> None:
    put("results/task/map.json")
    put("../outside/inner/far.json")
    put("../alone.json")
    for name, target in {
        "results/elsewhere": "../../outside",
        "results/again": "../../outside",
        "results/alone.json": "../../alone.json",
        "results/inside": "task",
        "results/itself": ".",
        "results/above": "../..",
        "results/root": "/",
        "../outside/back": "../here/results",
        "../outside/itself": ".",
    }.items():
        Path(name).symlink_to(target)
    told = found()
    followed = {path for path, what in told.items() if what == FILE}
    assert followed == {
        "results/again/inner/far.json",
        "results/alone.json",
        "results/task/map.json",
    }
    links = {path for path, what in told.items() if what.startswith("a link to a folder")}
    assert links == {
        *("results/elsewhere", "results/inside", "results/itself", "results/above"),
        *("results/root", "results/again/back", "results/again/itself"),
    }


def test_the_folder_itself_may_be_a_link() -> None:
    put("../scratch/task/map.json")
    Path("results").symlink_to("../scratch")
    assert found() == {"results/task": FOLDER, "results/task/map.json": FILE}


def test_a_folder_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    put("results/a/b.json")
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert found() == {"results/a": "a folder that cannot be read (Permission denied)"}


def test_no_record_names_a_file_that_it_cannot_write() -> None:
    name = os.fsdecode(b"\xff.json")
    Path(name).write_text("{}")
    with pytest.raises(ArtifactError, match=r"^\\xff\.json: its name is no UTF-8"):
        Execution("test", inputs=[name])
    with pytest.raises(ArtifactError, match=r"^\\xff\.json: its name is no UTF-8"):
        write_json(name, {}, {"step": "test"})


def test_every_step_knows_the_files_that_it_makes() -> None:
    for step in STEPS.values():
        for made in step.makes:
            path = made.replace("{scope}", "search/")
            for name in ("task", "space", "strategy", "slug", "part", "round", "slot", "source"):
                path = path.replace(f"{{{name}}}", "3")
            if path.startswith("results/"):
                assert is_made(path) and is_made(Path(path).absolute()), path
                assert step_makes(step.name, path)
    others = ("mine.npz", "results/notes.json", "data/t/map.parquet", "results/t/map.parquet.bak")
    assert not any(map(is_made, others))
    assert not step_makes("map", "results/t/trials/relu.x.json")
    assert not step_makes("of a later version", "results/t/map.parquet")


def test_a_link_to_what_a_step_makes_is_no_way_round() -> None:
    put("results/t/map.parquet")
    Path("brought.parquet").symlink_to("results/t/map.parquet")
    Path("same").symlink_to("results")
    assert is_made("brought.parquet") and is_made("same/t/map.parquet")
    assert is_made("../here/./results/t/map.parquet")
