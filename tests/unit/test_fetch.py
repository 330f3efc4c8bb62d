"""Downloads from a server on this machine, and the command that writes manifests."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import data_files as files
import pytest
import yaml
from torchvision import datasets
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_json

load_commands()
SPLIT = {"train": 20, "validation": 10, "test": 12, "seed": 3}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of a server, and the folder it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch, **data: dict[str, object]) -> None:
    """A configuration with these data sets in the working folder."""
    task = {
        "data": next(iter(data)),
        "model": "all-cnn-c",
        "recipe": {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 4},
        "fisher": {"examples": 2},
    }
    values = {"data": data, "spaces": {}, "tasks": {"t": task}}
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(folder)


def fetch(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["fetch", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def serve_cifar(
    address: str, served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_cifar(tmp_path / "made", monkeypatch)
    archive = served / datasets.CIFAR10.filename
    archive.write_bytes(files.tarred(tmp_path / "made", "w:gz"))
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{address}/{archive.name}")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", files.md5(archive))


def test_a_data_set_is_downloaded_once_and_described(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_cifar(*server, tmp_path, monkeypatch)
    cifar = {"source": "torchvision:CIFAR10", "split": SPLIT}
    configured(tmp_path, monkeypatch, cifar=cifar)
    said = fetch("--data", "cifar", "--out", "data/CIFAR10/manifest.json")
    assert "downloading torchvision:CIFAR10 to data/CIFAR10" in said
    manifest = read_json("data/CIFAR10/manifest.json")
    assert manifest["examples"] == {"train": files.N_TRAIN, "test": files.N_TEST}
    paths = [entry["path"] for entry in manifest["files"]]
    assert paths[0] == "cifar-10-batches-py/batches.meta" and len(paths) == 7
    block = read_provenance("data/CIFAR10/manifest.json")
    assert block["step"] == "fetch" and block["wildcards"] == {"data": "cifar"}
    # Nothing else is left: neither the archive nor the folder that it was unpacked in.
    assert sorted(path.name for path in Path("data/CIFAR10").iterdir()) == [
        "cifar-10-batches-py",
        "contents.npz",
        "manifest.json",
    ]
    stood = Path("data/CIFAR10/manifest.json").stat()
    (server[1] / datasets.CIFAR10.filename).unlink()
    assert "is up to date and is kept" in fetch("--data", "cifar")
    assert "is up to date and is kept" in fetch("--out", "data/CIFAR10/manifest.json")
    assert Path("data/CIFAR10/manifest.json").stat() == stood


def test_other_data_than_were_first_used_are_an_error(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_cifar(*server, tmp_path, monkeypatch)
    cifar = {"source": "torchvision:CIFAR10", "split": SPLIT}
    configured(tmp_path, monkeypatch, cifar=cifar)
    fetch("--data", "cifar")
    file = Path("data/CIFAR10/cifar-10-batches-py/batches.meta")
    file.write_bytes(file.read_bytes().replace(b"class 3", b"class 4"))
    sums = {**datasets.CIFAR10.meta, "md5": files.md5(file)}
    monkeypatch.setattr(datasets.CIFAR10, "meta", sums)
    with pytest.raises(ValueError, match=r"cifar-10-batches-py/batches\.meta: sha256 was"):
        fetch("--data", "cifar")


def test_mnist_and_imagenette_come_from_their_servers(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, served = server
    files.write_mnist(tmp_path / "made", monkeypatch)
    for file in (tmp_path / "made/MNIST/raw").glob("*.gz"):
        file.rename(served / file.name)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{address}/gone/", f"{address}/"])
    files.write_imagenette(tmp_path / "nette", monkeypatch)
    archive = served / "imagenette2-160.tgz"
    archive.write_bytes(files.tarred(tmp_path / "nette", "w:gz"))
    archives = {
        **datasets.Imagenette._ARCHIVES,
        "160px": (f"{address}/{archive.name}", files.md5(archive)),
    }
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", archives)
    few = {"train": 6, "validation": 3, "test": 5}
    configured(
        tmp_path,
        monkeypatch,
        digits={"source": "torchvision:MNIST", "split": SPLIT},
        nette={"source": "torchvision:Imagenette", "split": few, "image_size": 16},
    )
    fetch("--data", "digits")
    assert read_json("data/MNIST/manifest.json")["examples"]["train"] == files.N_TRAIN
    fetch("--data", "nette", "--checksums")
    assert read_json("data/Imagenette-160px/manifest.json")["examples"] == {"train": 12, "test": 6}
    assert len(Path("data/Imagenette-160px/checksums.sha256").read_text().splitlines()) == 18


def test_a_server_that_does_not_have_it_is_one_error(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_cifar(*server, tmp_path, monkeypatch)
    (server[1] / datasets.CIFAR10.filename).write_bytes(b"cut short")
    configured(tmp_path, monkeypatch, cifar={"source": "torchvision:CIFAR10", "split": SPLIT})
    with pytest.raises(ValueError, match=r"cannot be downloaded: .*corrupted"):
        fetch("--data", "cifar")
    (server[1] / datasets.CIFAR10.filename).unlink()
    with pytest.raises(ValueError, match=r"cannot be downloaded: HTTP Error 404.*no internet"):
        fetch("--data", "cifar")
    assert [*Path("data/CIFAR10").iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "cifra"), r"unknown 'cifra' \(did you mean 'cifar'\?\)"),
        ((), "give --data, an entry of the configuration's data, or --out"),
        (("--out", "a.json"), r"--out a\.json: no manifest of these data; data/CIFAR10/manifest"),
        (("--data", "own"), r"data 'own' \(digits\) need no fetching"),
        (
            ("--data", "cifar", "--out", "elsewhere.json"),
            r"the manifest of data 'cifar' is data/CIFAR10/manifest\.json",
        ),
        (("--data", "cifar", "--checksums"), "--checksums goes with image files"),
    ],
)
def test_bad_arguments(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cifar = {"source": "torchvision:CIFAR10", "split": SPLIT}
    own = {"source": "digits", "split": SPLIT}
    configured(tmp_path, monkeypatch, cifar=cifar, own=own)
    with pytest.raises(ValueError, match=message):
        fetch(*arguments)


def painted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image folder that is configured as pets."""
    files.write_classes(folder / "pets", 2, ("cat", "dog"))
    few = {"train": 2, "validation": 1, "test": 1}
    configured(folder, monkeypatch, pets={"source": "folder:pets", "split": few, "image_size": 8})
    return folder / "pets"


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def test_checksums_are_compared_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = painted(tmp_path, monkeypatch) / "dog" / "dog_1.JPEG"
    fetch("--data", "pets", "--checksums")
    [manifest] = Path("data/folders").glob("pets-*/manifest.json")
    kept = manifest.parent / "checksums.sha256"
    stood, before = kept.read_text(), manifest.read_text()
    damage(image)
    with pytest.raises(ValueError, match=r"pets/dog/dog_1\.JPEG is not the same"):
        fetch("--data", "pets", "--checksums")
    assert (kept.read_text(), manifest.read_text()) == (stood, before)
    manifest.unlink()  # gone for another reason: that tells nothing of the images
    with pytest.raises(ValueError, match=r"pets/dog/dog_1\.JPEG is not the same"):
        fetch("--data", "pets", "--checksums")
    fetch("--data", "pets")
    assert kept.read_text() == stood


def test_checksums_go_with_the_images_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = painted(tmp_path, monkeypatch) / "dog" / "dog_1.JPEG"
    fetch("--data", "pets", "--checksums")
    [kept] = Path("data/folders").glob("pets-*/checksums.sha256")
    decoded = kept.parent / "decoded-8-x.npy"
    decoded.touch()
    manifest = kept.parent / "manifest.json"
    for older in ("kinds", None):
        if older:  # as an earlier version wrote it
            values = read_json(manifest)
            manifest.write_text(json.dumps({k: v for k, v in values.items() if k != older}))
            assert "digests of contents are new" in fetch("--data", "pets")
        else:
            manifest.unlink()
            fetch("--data", "pets")
        assert kept.is_file() and decoded.is_file()
    damage(image)
    assert "is written again" in fetch("--data", "pets")
    assert not kept.exists() and not decoded.exists()
