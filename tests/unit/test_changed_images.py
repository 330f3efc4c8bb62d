"""Images that are mended in place: seen before any job, by jobs, and by what is kept of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import data_files
import numpy as np
import pytest
from data_files import fetched, folder_entry
from PIL import Image

from actsearch.config import Data
from actsearch.data.examples import together
from actsearch.data.fetching import fetch, forget_older
from actsearch.data.loading import load_dataset
from actsearch.data.sources import checks, contents
from actsearch.data.sources.checks import check_source
from actsearch.data.sources.places import ChangedDataError, DataError, Place, place_of
from actsearch.records.formats import write_json

SPLIT = {"train": 4, "validation": 2, "test": 2}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for k, name in enumerate(("bright", "dark")):
        for i in range(5):
            paint(tmp_path / "scans" / name / f"{i}.bmp", 10 * k + i)
    return tmp_path / "scans"


def paint(path: Path, seed: int) -> None:
    """An image whose file always has the same size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(data_files.pixels(12, 12, 3, seed=seed)).save(path)


def mend(path: Path) -> None:
    """Other contents of the same size, with the time of the old ones."""
    state = path.stat()
    paint(path, 999)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)


def settle(place: Place) -> None:
    """Let what is known of files be relied on, as it is some seconds after they were written."""
    known = contents.read_known(place.known)
    assert known is not None
    root = Path(place.folder).parents[2] / "scans"
    stamps = contents.stamps_of(root, known.paths)
    contents.write_known(place.known, known._replace(stamps=stamps), 2**62)


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_mended_image_is_noticed_before_jobs_and_by_them(
    in_memory: bool, settled: bool, scans: Path, tmp_path: Path
) -> None:
    data = folder_entry(scans, in_memory=in_memory)
    place = fetched(data, tmp_path / "data")
    if settled:
        settle(place)
    before = together(load_dataset(data, tmp_path / "data").part("train"))[0]
    assert check_source(data, tmp_path / "data") is None
    mend(scans / "dark" / "3.bmp")
    told = check_source(data, tmp_path / "data")
    assert told is not None and "scans/dark/3.bmp has other contents" in told
    with pytest.raises(ChangedDataError, match=r"dark/3\.bmp has other contents\. Bring the old"):
        load_dataset(data, tmp_path / "data")
    # What is fetched anew is read anew, though pixels of the old ones lie there.
    again = fetched(data, tmp_path / "data")
    for number in range(5):
        mend(scans / "bright" / f"{number}.bmp")
    fetched(data, tmp_path / "data")
    assert again == place and check_source(data, tmp_path / "data") is None
    after = together(load_dataset(data, tmp_path / "data").part("train"))[0]
    assert not np.allclose(before, after)


def test_pixels_of_other_images_are_not_reused(scans: Path, tmp_path: Path) -> None:
    data = folder_entry(scans)
    place = fetched(data, tmp_path / "data")
    first = together(load_dataset(data, tmp_path / "data").part("test"))[0]
    [kept] = place.folder.glob("decoded-*.npy")
    for path in scans.rglob("*.bmp"):
        mend(path)
        paint(path, hash(path.name) % 1000)
    place.manifest.unlink()
    place.known.unlink()
    fetched(data, tmp_path / "data")
    second = together(load_dataset(data, tmp_path / "data").part("test"))[0]
    assert not np.allclose(first, second)
    assert len([*place.folder.glob("decoded-*.npy")]) == 2
    forget_older(place, checksums=True)
    assert not [*place.folder.glob("decoded-*.npy")] and kept.parent.is_dir()


def test_images_that_were_only_touched_are_the_same(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = folder_entry(scans)
    place = fetched(data, tmp_path / "data")
    settle(place)
    manifest = place.manifest.read_bytes()
    read: list[str] = []
    whole = contents.digests_of

    def counted(root: Path, paths: list[str]) -> Any:
        read.extend(paths)
        return whole(root, paths)

    monkeypatch.setattr(checks, "digests_of", counted)
    assert check_source(data, tmp_path / "data") is None and read == []
    for path in scans.glob("dark/*"):
        os.utime(path)
    assert check_source(data, tmp_path / "data") is None
    assert read == [f"dark/{number}.bmp" for number in range(5)]  # and no other
    copied = tmp_path / "copied"
    shutil.copytree(scans, copied)
    shutil.rmtree(scans)
    shutil.move(copied, scans)
    assert check_source(data, tmp_path / "data") is None
    assert place.manifest.read_bytes() == manifest
    assert load_dataset(data, tmp_path / "data").shape.n_outputs == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: paint(f / "dark/9.bmp", 9), "train: dark: images was 5, now 6"),
        (lambda f: (f / "dark/2.bmp").unlink(), "train: dark: images was 5, now 4"),
        (lambda f: (f / "dark/2.bmp").rename(f / "dark/7.bmp"), "train: dark: names was"),
        (lambda f: paint(f / "grey/1.bmp", 3), "train: grey is new"),
    ],
)
def test_images_that_are_new_or_gone_are_noticed(
    change: Any, told: str, scans: Path, tmp_path: Path
) -> None:
    data = folder_entry(scans)
    fetched(data, tmp_path / "data")
    change(scans)
    found = check_source(data, tmp_path / "data")
    assert found is not None and told in found
    with pytest.raises(ChangedDataError, match=told):
        load_dataset(data, tmp_path / "data")


def test_a_manifest_without_contents_is_written_again(scans: Path, tmp_path: Path) -> None:
    data = folder_entry(scans)
    place = place_of(data, tmp_path / "data")
    assert place is not None
    whole = fetch(data, place, print).manifest
    folders = [{k: v for k, v in f.items() if k != "contents"} for f in whole["folders"]]
    old = {k: v for k, v in whole.items() if k != "kinds"} | {"folders": folders}
    write_json(place.manifest, old, {"step": "fetch"})
    told = check_source(data, tmp_path / "data")
    assert told is not None and "written by an earlier version, without digests" in told


@pytest.mark.parametrize("content", [b"", b"no npz", b"PK\x03\x04"])
def test_what_is_known_may_be_lost(content: bytes, scans: Path, tmp_path: Path) -> None:
    data = folder_entry(scans)
    place = fetched(data, tmp_path / "data")
    place.known.write_bytes(content)
    assert check_source(data, tmp_path / "data") is None
    assert contents.read_known(place.known) is not None
    mend(scans / "dark" / "3.bmp")
    assert "dark/3.bmp" in str(check_source(data, tmp_path / "data"))


def test_what_is_known_is_kept_where_the_place_cannot_be_written(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = folder_entry(scans)
    place = fetched(data, tmp_path / "data")
    known = contents.read_known(place.known)
    assert known is not None
    place.known.unlink()
    place.known.mkdir()  # nothing can take its place
    settled = known._replace(stamps=contents.stamps_of(scans, known.paths))
    contents.write_known(place.known, settled, 2**62)
    with monkeypatch.context() as patched:
        patched.setattr(checks, "digests_of", lambda root, paths: iter(["read"] * len(paths)))
        assert check_source(data, tmp_path / "data") is None  # nothing is read again
    mend(scans / "dark" / "3.bmp")
    told = check_source(data, tmp_path / "data")
    assert told is not None and "dark/3.bmp has other contents" in told
    place.known.rmdir()
    contents.write_known(place.known, known, 2**62)
    assert place.known.is_file() and not [*Path(".snakemake/contents").iterdir()]


def test_an_image_that_changes_under_a_job_is_an_error(scans: Path, tmp_path: Path) -> None:
    data = folder_entry(scans, in_memory=False)
    fetched(data, tmp_path / "data")
    dataset = load_dataset(data, tmp_path / "data")
    for path in scans.rglob("*.bmp"):
        os.utime(path)
    together(dataset.part("train"))  # touched alone
    for path in scans.rglob("*.bmp"):
        mend(path)
    with pytest.raises(DataError, match=r"\.bmp: changed while a job was reading the data"):
        together(dataset.part("train"))


def test_a_fetched_set_that_was_altered_is_refused_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_files.write_mnist(tmp_path / "MNIST", monkeypatch)
    data = Data.model_validate({"source": "torchvision:MNIST", "split": SPLIT})
    fetched(data, tmp_path)
    assert check_source(data, tmp_path) is None
    file = tmp_path / "MNIST/MNIST/raw/t10k-images-idx3-ubyte"
    state = file.stat()
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(ChangedDataError, match=r"t10k-images-idx3-ubyte has other contents"):
        check_source(data, tmp_path)


def test_a_constant_training_part_is_an_error_and_a_faint_channel_is_said(tmp_path: Path) -> None:
    data = folder_entry(tmp_path / "scans")
    rng = np.random.default_rng(0)

    def write(red: Any, green: Any) -> None:
        for name in ("a", "b"):
            for number in range(5):
                pixels = np.zeros((12, 12, 3), np.uint8)
                pixels[..., 0], pixels[..., 1] = red(), green()
                path = tmp_path / "scans" / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)

    for in_memory in (True, False):
        data = folder_entry(tmp_path / "scans", in_memory=in_memory)
        write(lambda: 7, lambda: 7)
        fetched(data, tmp_path / "data")
        with pytest.raises(DataError, match="is constant: all pixels of its 4 images"):
            load_dataset(data, tmp_path / "data")
        same = rng.integers(0, 256, (12, 12))
        write(lambda same=same: same, lambda: 7)
        fetched(data, tmp_path / "data")
        with pytest.raises(DataError, match="training part is 4 times the same image"):
            load_dataset(data, tmp_path / "data")
        write(lambda: rng.integers(0, 256, (12, 12)), lambda: rng.integers(0, 2, (12, 12)))
        fetched(data, tmp_path / "data")
        notes = load_dataset(data, tmp_path / "data").notes
        assert notes[0].startswith("channel 3 of 3 is constant over the training part (0)")
        assert notes[1].startswith("channel 2 of 3 hardly varies: its deviation is 0.")
