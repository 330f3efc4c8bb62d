"""Files that carry their provenance, and digests that leave it out."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actsearch.records.artifacts import (
    ArtifactError,
    read_array,
    read_arrays,
    read_csv,
    read_json,
    read_provenance,
    read_table,
    write_array,
    write_arrays,
    write_csv,
    write_html,
    write_json,
    write_table,
)
from actsearch.records.digests import content_digest

TABLE = pd.DataFrame({"name": ["relu(x)", 'a,"b"'], "value": [0.5, np.nan], "runs": [[1.0], []]})
FLAT = TABLE.drop(columns="runs")
ARRAY = np.array([[1.0, np.nan], [np.inf, -0.0]])
PAGE = "<html><head><title>t</title>\n</head><body>x</body></html>"


def _write(kind: str, path: Path, note: str, *, changed: bool = False) -> None:
    """A file of ``kind`` with ``note`` in its provenance; ``changed`` alters its content."""
    provenance = {"note": note, "tag": "</script>"}
    if kind == "json":
        write_json(path, {"a": [1, 2.5, None], "b": "c" if changed else "é"}, provenance)
    elif kind == "parquet":
        write_table(path, TABLE.assign(value=2.0) if changed else TABLE, provenance)
    elif kind == "csv":
        write_csv(path, FLAT.assign(value=2.0) if changed else FLAT, provenance)
    elif kind == "npz":
        write_arrays(path, {"a": ARRAY + changed, "b": np.array(["x"])}, provenance)
    elif kind == "npy":
        write_array(path, ARRAY + changed, provenance)
    else:
        write_html(path, PAGE.replace("x<", "y<") if changed else PAGE, provenance)


KINDS = ["json", "parquet", "csv", "npz", "npy", "html"]


@pytest.mark.parametrize("kind", KINDS)
def test_provenance_comes_back(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / f"file.{kind}"
    _write(kind, path, "first")
    block = read_provenance(path)
    assert block["note"] == "first"
    assert block["tag"] == "</script>"


@pytest.mark.parametrize("kind", KINDS)
def test_digest_covers_content_and_not_provenance(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.{kind}" for number in range(3)]
    _write(kind, paths[0], "first")
    _write(kind, paths[1], "second, and longer")
    _write(kind, paths[2], "first", changed=True)
    same, again, other = map(content_digest, paths)
    assert same == again != other
    assert paths[0].read_bytes() != paths[1].read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_no_half_file_is_left(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    _write(kind, path, "first")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    _write(kind, path, "first")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtifactError, match=r"file\."):
        read_provenance(path)


def test_content_comes_back(tmp_path: Path) -> None:
    _write("json", tmp_path / "f.json", "n")
    assert read_json(tmp_path / "f.json")["a"] == [1, 2.5, None]
    _write("parquet", tmp_path / "f.parquet", "n")
    assert read_table(tmp_path / "f.parquet")["runs"].map(list).tolist() == [[1.0], []]
    _write("csv", tmp_path / "f.csv", "n")
    pd.testing.assert_frame_equal(read_csv(tmp_path / "f.csv"), FLAT)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "f.csv", comment="#"), FLAT)
    _write("npz", tmp_path / "f.npz", "n")
    arrays = read_arrays(tmp_path / "f.npz")
    assert sorted(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["a"], ARRAY)
    _write("npy", tmp_path / "f.npy", "n")
    assert isinstance(read_array(tmp_path / "f.npy"), np.memmap)
    np.testing.assert_array_equal(np.load(tmp_path / "f.npy"), ARRAY)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.json"
    write_json(path, {"a": 1}, {"note": "old"})

    def full_disk(self: Path, text: str, **options: str) -> int:
        self.write_bytes(text.encode()[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(ArtifactError, match=r"f\.json: cannot be written \(No space left"):
        write_json(path, {"a": 2}, {"note": "new"})
    assert read_json(path)["a"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["f.json"]


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_a_damaged_file_is_named_or_still_whole(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    _write(kind, path, "first")
    whole, digest = path.read_bytes(), content_digest(path)
    read = {"npz": read_arrays, "parquet": read_table}[kind]
    named = 0
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            read(path)
        except ArtifactError as error:
            assert path.name in str(error)
            named += 1
    assert named > 10
    path.write_bytes(whole)
    assert content_digest(path) == digest


def test_missing_files_and_missing_provenance_are_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nowhere\.json: no such file"):
        read_json(tmp_path / "nowhere.json")
    (tmp_path / "bare.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(ArtifactError, match=r"bare\.json: carries no provenance"):
        read_provenance(tmp_path / "bare.json")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ArtifactError, match="holds no JSON object"):
        read_json(tmp_path / "list.json")
    np.save(tmp_path / "bare.npy", ARRAY)
    with pytest.raises(ArtifactError, match="carries no provenance"):
        read_provenance(tmp_path / "bare.npy")
