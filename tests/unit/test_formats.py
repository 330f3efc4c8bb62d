"""Files that carry their provenance, and digests that leave it out."""

from __future__ import annotations

import errno
import json
import math
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from each_format import ARRAY, FLAT, KINDS, SOURCE, TABLE, write

from actsearch.records.digests import (
    canonical_json,
    digest_bytes,
    digest_file,
    settings_digest,
)
from actsearch.records.embedded import input_digest, read_provenance
from actsearch.records.formats import (
    FORMATS,
    ArtifactError,
    content_digest,
    read_array,
    read_arrays,
    read_csv,
    read_json,
    read_table,
    write_json,
    write_python,
    write_table,
)
from actsearch.records.formats.parquet_files import PARQUET_KEY
from actsearch.records.lineage import read_artifact

DIGESTS = {
    "json": "41a039b5a690a0e490a416507920c9993f5d12a59eb496d685026408ea22b407",
    "parquet": "0ff2676401424fc69efe360d43b5b5f0043cae642d23e759996ad6176295884a",
    "csv": "d06abb737cf1c49e9b119ec7ad0844658643eada8e4460234a0710deeac10cbe",
    "npz": "0aba25ce66395c9c9bd88a6495c34b900ebfbf2a50d4cc1062c6c57c68d78384",
    "npy": "fac148c9efd91f98b19e842b21c4f8a3f9957810defb17452d63aa85ec87d457",
    "html": "34341aaf1fd8c00f47bb5156a1729e573f259006b1ee66d254f80fdabc99ba93",
    "svg": "b790b0036a1272523a921665ea5c5f866a974f16924d17e3abec939441b441cd",
    "py": "ee0385afa2a36e5fd551e692d56f225cc98c47ce0b5080cec76140f096221abf",
    "graph.json": "cc3919f092d2e53ed5a21357a260f32e75850ccf6f021df54415c1500046bd05",
}
"""Content digests of what ``write`` writes: they stand in records, and must not change."""


def test_every_format_is_tested() -> None:
    assert set(FORMATS) == {Path(kind).suffix or f".{kind}" for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_digest_is_what_it_was_in_earlier_versions(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    write(kind, path, "first")
    assert content_digest(path) == f"sha256:{DIGESTS[kind]}"


def test_the_formats_import_no_reader_before_they_need_it() -> None:
    heavy = "{'numpy', 'pandas', 'pyarrow', 'torch'}"
    code = f"import sys, actsearch.records.formats; sys.exit(str({heavy} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("kind", KINDS)
def test_provenance_comes_back(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / f"file.{kind}"
    write(kind, path, "first")
    block = read_provenance(path)
    assert block["note"] == "first"
    assert block["tag"] == "</script>"


@pytest.mark.parametrize("kind", KINDS)
def test_digest_covers_content_and_not_provenance(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.{kind}" for number in range(3)]
    write(kind, paths[0], "first")
    write(kind, paths[1], "second, and longer")
    write(kind, paths[2], "first", changed=True)
    same, again, other = map(content_digest, paths)
    assert same == again != other
    assert paths[0].read_bytes() != paths[1].read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_no_half_file_is_left(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    write(kind, path, "first")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{kind}"
    write(kind, path, "first")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtifactError, match=r"file\."):
        read_provenance(path)


@pytest.mark.parametrize("kind", KINDS)
def test_any_altered_byte_is_noticed(kind: str, tmp_path: Path) -> None:
    name = f"file.{kind}"
    path = tmp_path / name
    write(kind, path, "first")
    whole = path.read_bytes()
    assert read_artifact(name, tmp_path).problem is None
    for position in range(len(whole)):
        flipped = bytes([whole[position] ^ 1])
        path.write_bytes(whole[:position] + flipped + whole[position + 1 :])
        assert read_artifact(name, tmp_path).problem, position
    path.write_bytes(whole + b" ")
    assert read_artifact(name, tmp_path).problem


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_holds_the_digest_of_its_content(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"file.{kind}"
    write(kind, path, "first")
    block = read_provenance(path)
    assert block["content_digest"] == content_digest(path) == input_digest(path)
    assert block["file"] == path.name


def test_an_altered_input_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    write_json(path, {"a": 1}, {"step": "test"})
    whole = path.read_text()
    path.write_text(whole.replace('"a": 1', '"a": 2'))
    with pytest.raises(ArtifactError, match=r"f\.json: altered since it was written"):
        input_digest(path)
    path.write_text(whole.replace('"step": "test"', '"step": ["test"]'))
    with pytest.raises(ArtifactError, match=r"f\.json: its provenance .*step: .* valid string"):
        input_digest(path)
    path.write_text('{"a": 3}')  # without provenance it is data that somebody brought
    assert input_digest(path) == digest_file(path)


def test_a_table_says_in_its_schema_what_made_it(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    write("parquet", path, "first")
    metadata = pq.read_schema(path).metadata
    assert json.loads(metadata[PARQUET_KEY])["note"] == "first"
    pd.testing.assert_frame_equal(pd.read_parquet(path, columns=["name"]), TABLE[["name"]])


def test_what_a_table_says_is_not_how_it_is_packed(tmp_path: Path) -> None:
    write("parquet", tmp_path / "f.parquet", "first")
    packed = pa.Table.from_pandas(TABLE, preserve_index=False)
    pq.write_table(packed, tmp_path / "g.parquet", compression="gzip", use_dictionary=False)
    assert content_digest(tmp_path / "f.parquet") == content_digest(tmp_path / "g.parquet")


def test_content_comes_back(tmp_path: Path) -> None:
    write("json", tmp_path / "f.json", "n")
    assert read_json(tmp_path / "f.json")["a"] == [1, 2.5, None]
    write("parquet", tmp_path / "f.parquet", "n")
    assert read_table(tmp_path / "f.parquet")["runs"].map(list).tolist() == [[1.0], []]
    write("csv", tmp_path / "f.csv", "n")
    pd.testing.assert_frame_equal(read_csv(tmp_path / "f.csv"), FLAT)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "f.csv", comment="#"), FLAT)
    write("npz", tmp_path / "f.npz", "n")
    arrays = read_arrays(tmp_path / "f.npz")
    assert sorted(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["a"], ARRAY)
    write("npy", tmp_path / "f.npy", "n")
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
    write(kind, path, "first")
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


def test_python_runs_with_its_provenance(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    write_python(path, SOURCE, {"step": "test", "note": "a\nb \u2028 c"})
    assert read_provenance(path)["note"] == "a\nb \u2028 c"
    assert runpy.run_path(str(path))["TWICE"] == "2 \u2028"
    with pytest.raises(ValueError, match="does not end in a line break"):
        write_python(path, "TWICE = 2", {})


def test_large_content_is_digested_in_pieces_as_if_it_were_one_text(tmp_path: Path) -> None:
    content = {"b": [1.5, {"d": None, "c": "\u00e9"}], "a": {}, "\u00e9": True}
    for path in (tmp_path / "one.json", tmp_path / "two.json"):
        write_json(path, content, {"step": path.stem})
        assert content_digest(path) == settings_digest(content)
    lists = [[], [0.1, math.nan], None] * 50
    table = pa.table({"n": pa.array(range(150)), "a.b": pa.array(lists), "a": pa.array([""] * 150)})
    write_table(tmp_path / "t.parquet", table, {})
    numbers = np.packbits(np.ones(150, bool)).tobytes() + np.arange(150, dtype="<i8").tobytes()
    parts = [b"150\n", canonical_json(["n", "int64"]) + numbers]
    parts += [canonical_json(["a.b", lists]), canonical_json(["a", [""] * 150])]
    assert content_digest(tmp_path / "t.parquet") == digest_bytes(b"".join(parts))
