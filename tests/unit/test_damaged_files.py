"""Damaged files of every format: each is a finding that names it, and the audit goes on."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from each_format import KINDS, write

from actsearch.records import files
from actsearch.records.audit import Finding, Rules, audit
from actsearch.records.embedded import input_digest, read_provenance
from actsearch.records.folders import entries_under
from actsearch.records.formats import ArtifactError, content_digest, read_csv, read_json, write_json
from actsearch.records.lineage import Lineage, read_artifacts, read_sources
from actsearch.records.packs import Pack
from actsearch.records.provenance import Execution
from actsearch.records.reasons import reasons

FLIPS = 400
"""Bytes of a file that are flipped, drawn where it has more."""
OTHER = "results/other.json"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()


def findings() -> list[Finding]:
    root = Path("results")
    artifacts = read_artifacts(root)
    everything = Rules(
        can_make=lambda path: Path(path).suffix != "" and "stray" not in path,
        make_always=lambda path: "stray" not in path,
        once_made=lambda artifact: False,
    )
    return audit(
        artifacts,
        entries=entries_under(root),
        rules=everything,
        reasons_of=lambda artifact: reasons(artifact, artifacts),
        environment={},
    )


def _damaged(whole: bytes) -> Iterator[bytes]:
    """Single bits flipped, bytes lost, cut short, nothing left, and what is of no format."""
    draw = random.Random(0)
    places = range(len(whole))
    for place in places if len(whole) <= FLIPS else draw.sample(places, FLIPS):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << draw.randrange(8)
        yield bytes(flipped)
    for place in draw.sample(places, 50):
        yield whole[:place]
        yield whole[:place] + whole[place + 1 :]
    yield from (b"", b"\0" * 300, b"\xff\xfe", b"PK\x05\x06" + b"\0" * 18, b"[" * 100_000)


@pytest.mark.parametrize("kind", KINDS)
def test_any_damage_is_named_and_hides_nothing(kind: str) -> None:
    path = Path(f"results/file.{kind}")
    write(kind, path, "first")
    write_json(OTHER, {"a": 1}, {"step": "test"})
    Path(OTHER).write_text(Path(OTHER).read_text().replace('"a": 1', '"a": 2'))
    whole = path.read_bytes()
    assert [finding.path for finding in findings()] == [OTHER]
    for damaged in _damaged(whole):
        path.write_bytes(damaged)
        found = {finding.path: finding.kind for finding in findings()}
        assert found.keys() == {str(path), OTHER}
        assert found[str(path)] in ("altered", "unreadable")
        for ask in (content_digest, input_digest, read_provenance):
            try:
                ask(path)
            except ArtifactError as error:
                assert str(error).startswith(f"{path}: ")
                assert "\n" not in str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_step_made_is_never_raw_data(kind: str) -> None:
    path = Path(f"results/file.{kind}")
    write(kind, path, "first")
    whole = path.read_bytes()
    assert input_digest(path, made=True) == content_digest(path)
    for damaged in _damaged(whole):
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"results/file\.") as caught:
            input_digest(path, made=True)
        assert "remove it" in str(caught.value)


def test_a_step_refuses_such_an_input_and_takes_raw_data() -> None:
    for path in ("results/trial.json", "mine.json"):
        Path(path).write_text('{"accuracy": 1.0}')
    record = Execution("test", inputs=["mine.json"], is_made=lambda path: "results" in str(path))
    assert list(record.block()["inputs"]) == ["mine.json"]
    with pytest.raises(ArtifactError, match=r"results/trial\.json: carries no provenance; a step"):
        Execution("test", inputs=["results/trial.json"], is_made=lambda path: True)
    with pytest.raises(ArtifactError, match=r"results/trial\.json: carries no provenance; a step"):
        Execution("test", data="results/trial.json", is_made=lambda path: True)


def _things() -> dict[str, str]:
    """Things that are no files, each in the place of one; what is said of them."""
    os.mkfifo("results/pipe.json")
    here = socket.socket(socket.AF_UNIX)
    here.bind("results/socket.csv")
    here.close()
    Path("results/folder.npz").mkdir()
    Path("results/device.html").symlink_to("/dev/zero")
    Path("results/loop.svg").symlink_to("loop.svg")
    Path("results/nothing.py").symlink_to("nowhere.py")
    return {
        "results/pipe.json": "a pipe",
        "results/socket.csv": "a socket",
        "results/folder.npz": "a folder",
        "results/device.html": "a device",
        "results/loop.svg": "a link that leads nowhere",
        "results/nothing.py": "a link that leads nowhere",
    }


def test_what_is_no_file_is_named_and_not_opened() -> None:
    told = _things()
    write_json(OTHER, {}, {"step": "test"})
    found = {finding.path: finding for finding in findings()}
    assert found.keys() == told.keys()
    for path, what in told.items():
        assert found[path].kind == "unreadable"
        assert f"is {what}" in found[path].message
        for ask in (content_digest, input_digest, read_provenance, read_json, read_csv):
            with pytest.raises(ArtifactError, match=rf"^{path}: is {what}.*, no file"):
                ask(path)


def test_what_is_no_file_is_a_stray_where_no_rule_makes_one() -> None:
    os.mkfifo("results/stray.json")
    os.mkfifo("results/.hidden.checkpoint")
    assert {(f.kind, f.path) for f in findings()} == {
        ("stray", "results/stray.json"),
        ("stray", "results/.hidden.checkpoint"),
    }


def test_a_file_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(OTHER, {}, {"step": "test"})

    def refuse(path: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "kind_of", refuse)
    (found,) = findings()
    assert (found.kind, found.message) == ("unreadable", "cannot be read (Permission denied)")


MISSHAPEN = {
    "no object": '"train"',
    "a list": "[]",
    "nothing": "null",
    "no step": "{}",
    "a step that is a list": '{"step": ["train"]}',
    "git that is true": '{"step": "train", "git": true}',
    "git that is null": '{"step": "train", "git": null}',
    "clean in words": '{"step": "train", "git": {"clean": "yes"}}',
    "a task that is a list": '{"step": "train", "task": []}',
    "wildcards that are lists": '{"step": "train", "wildcards": {"space": []}}',
    "inputs that are a list": '{"step": "train", "inputs": ["a"]}',
    "digests that are numbers": '{"step": "train", "inputs": {"a": 1}}',
    "settings in words": '{"step": "train", "settings": "all"}',
    "versions of numbers": '{"step": "train", "environment": {"versions": {"a": 1}}}',
    "no number": '{"step": "train", "seconds": NaN}',
    "no end": '{"step": "train", "settings": {"a": 1e999}}',
    "a number too large": '{"step": "train", "seconds": 1' + "0" * 400 + "}",
    "half a character": '{"step": "train", "task": "\\ud800"}',
    "half a character in a key": '{"step": "train", "settings": {"\\udcff": 1}}',
    "a zero byte": '{"step": "train", "inputs": {"a\\u0000": "1"}}',
    "a deep nest": '{"step": "train", "settings": ' + '{"a": ' * 100 + "1" + "}" * 101,
    "a nest without end": '{"step": "train", "settings": ' + "[" * 50_000 + "]" * 50_000 + "}",
}


@pytest.mark.parametrize("block", MISSHAPEN.values(), ids=MISSHAPEN)
def test_a_block_of_another_shape_is_a_finding_everywhere(block: str) -> None:
    path = Path("results/file.json")
    path.write_text(f'{{"a": 1, "provenance": {block}}}')
    (found,) = findings()
    assert (found.kind, found.path) == ("unreadable", str(path))
    with pytest.raises(ArtifactError, match=r"^results/file\.json: "):
        read_provenance(path)
    with pytest.raises(ArtifactError, match="no raw data"):
        input_digest(path, made=True)
    assert Pack({path: "x"}, {"step": "train", "data": {"a": "1"}}).to_do() == [path]
    assert not Execution("train").made(path)
    graph = Lineage(read_sources(str(path)))
    assert graph.made_from(str(path)) == []
    assert graph.artifacts[str(path)].problem is not None


def test_a_later_version_may_say_more() -> None:
    write_json(OTHER, {}, {"step": "test", "energy": {"kWh": [1.5, None]}})
    assert findings() == []
    assert read_provenance(OTHER)["energy"] == {"kWh": [1.5, None]}
