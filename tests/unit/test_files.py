"""Files written beside their place, and what a killed job leaves of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from actsearch.records.audit import Rules, audit
from actsearch.records.checkpoints import CheckpointFile
from actsearch.records.files import ArtifactError, copy_file, nearest, written_beside
from actsearch.records.folders import Entry


class Stopped(BaseException):
    """As a signal would."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
def test_the_old_file_stands_until_the_new_one_is_whole(durable: bool, tmp_path: Path) -> None:
    path = tmp_path / "made" / "f"
    for content in ("one", "two"):
        with written_beside(path, durable=durable) as beside:
            beside.write_text(content)
            assert not path.exists() or path.read_text() == "one"
        assert path.read_text() == content
    assert names(path.parent) == ["f"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Stopped()])
def test_nothing_is_left_of_a_file_given_up(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(type(error)), written_beside(path) as beside:
        beside.write_text("ha")
        raise error
    assert path.read_text() == "old" and names(tmp_path) == ["f"]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("content")
    with pytest.raises(ArtifactError, match=r"f/g: cannot be written"):
        copy_file(tmp_path / "f", tmp_path / "f" / "g")


def checkpoint(path: Path, said: list[str], number: int = 1) -> CheckpointFile:
    identity = {"number": number}
    return CheckpointFile(path, identity, 0, said.append, work="the work", kin="numbers")


def load(path: Path) -> tuple[str, str]:
    stamp, content = path.read_text().splitlines()
    return stamp, content


def write(held: CheckpointFile, content: str) -> None:
    def save(file: BinaryIO) -> None:
        file.write(f"{held.stamp}\n{content}".encode())

    held.write(save)


def test_a_checkpoint_is_of_one_job(tmp_path: Path) -> None:
    path, said = tmp_path / "c", list[str]()
    assert checkpoint(path, said).read(load) is None
    write(checkpoint(path, said), "content")
    assert checkpoint(path, said).read(load) == "content"
    assert said == []
    assert checkpoint(path, said, 2).read(load) is None
    assert said == [f"{path}: ignored, it is of other numbers"]
    further = checkpoint(path, said)
    further.belong_to(device="cpu")
    assert further.read(load) is None
    path.write_text("half")
    assert checkpoint(path, said).read(load) is None
    assert said[2].startswith(f"{path}: ignored, it cannot be read (")


KILLED = """
import os, signal, sys
from pathlib import Path
from actsearch.records.checkpoints import CheckpointFile

def killed(file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

CheckpointFile(Path(sys.argv[1]), {"number": 1}, 0, print, work="", kin="").write(killed)
"""


def test_what_a_killed_job_leaves_is_known_to_the_audit_and_goes_in_the_end(tmp_path: Path) -> None:
    path, said = tmp_path / ".f.json.checkpoint", list[str]()
    write(checkpoint(path, said), "content")
    done = subprocess.run([sys.executable, "-c", KILLED, path], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    left = names(tmp_path)
    assert len(left) == 2 and path.name in left
    findings = audit(
        {},
        entries=[Entry(os.fspath(Path("results") / name)) for name in left],
        rules=Rules(*3 * [lambda _: False]),
        reasons_of=lambda artifact: pytest.fail("nothing is made"),
        environment={},
    )
    assert findings == []
    held = checkpoint(path, said)
    assert held.read(load) == "content"
    held.remove()
    assert names(tmp_path) == [] and said == []


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("results/digits-cn/benchmark.json", "results/digits-cnn/benchmark.json"),
        ("results/digits-cnn/benchmrk.json", "results/digits-cnn/benchmark.json"),
        ("result/digits-cn/benchmrk.json", "results/digits-cnn/benchmark.json"),
        ("results/digits-cnn/quite-another.json", None),
        ("results/digits-cn", None),  # a folder
    ],
)
def test_the_nearest_file_is_named(
    asked: str, meant: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/digits-cnn").mkdir(parents=True)
    (tmp_path / "results/digits-cnn/benchmark.json").write_text("{}")
    for path in (Path(asked), tmp_path / asked):
        expected = None if meant is None else path.parents[asked.count("/")] / meant
        assert nearest(path) == expected
