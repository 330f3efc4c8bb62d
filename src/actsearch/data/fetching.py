"""Bringing a data set to its place, and writing down what it holds.

Downloads are torchvision's, with its checksums. They go to a folder beside and move to their place
when they are whole: torchvision takes whatever lies under the right name for a whole data set. That
is a folder, which moves file by file over what stands, so it is no ``written_beside``. ``pooch``
would not do: addresses, checksums and unpacking are torchvision's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from actsearch.config import Data
from actsearch.config.data import MadeData
from actsearch.data.arrays import read_arrays as read_arrays_of
from actsearch.data.arrays import split_arrays
from actsearch.data.loading import list_images
from actsearch.data.making import made_arrays
from actsearch.data.pixels import look_at
from actsearch.data.sources.contents import (
    Contents,
    digests_of,
    read_contents,
    read_known,
    stamps_of,
    write_known,
)
from actsearch.data.sources.folders import Listing
from actsearch.data.sources.headers import named_parts
from actsearch.data.sources.kinds import kinds_of
from actsearch.data.sources.manifests import counts, file_entry, folder_entries
from actsearch.data.sources.places import (
    IMAGENET_ARCHIVES,
    IMAGENET_UNPACKED,
    DataError,
    Place,
    is_function,
    made_options,
    made_with,
    require_imagenet,
)
from actsearch.data.torchvision_sets import array_files, open_set, read_arrays
from actsearch.data.user_arrays import call_twice, entries, refuse_unsaid
from actsearch.records.files import written_beside

Say = Callable[[str], None]
Progress = Callable[[int, int], None]
CHECKSUMS = "checksums.sha256"
_ARCHIVES = (".tgz", ".tar.gz")
_SECONDS_OF_SILENCE = 60.0


class Fetched(NamedTuple):
    """What was found of a data set."""

    manifest: dict[str, Any]
    """See :mod:`actsearch.data.sources.manifests`."""
    contents: Contents | None
    """Its files; None where it has none."""
    begun: int
    """When they were first looked at, in nanoseconds of the epoch."""
    listing: Listing | None = None
    """Of image files."""

    def keep(self, place: Place) -> None:
        """Keep what is known of the files, so that they need not be read again."""
        if self.contents is not None:
            write_known(place.known, self.contents, self.begun)


def fetch(data: Data, place: Place, say: Say, progress: Progress | None = None) -> Fetched:
    """Bring the data set to its place where it is not there yet, and describe it.

    What is made here is made where its file or its manifest is missing.

    Args:
        data: a source with a place.
        place: its place.
        say: takes a line for people.
        progress: called with the number of images that are read, and of all of these.

    Returns:
        Its manifest, and what is known of its files.

    Raises:
        DataError: when it cannot be downloaded, is damaged, or is an image folder that cannot be
            used.
    """
    if data.source == "torchvision:ImageNet":
        _unpack_imagenet(place.folder, say)
    elif data.source.startswith("torchvision:") and not _is_here(data, place.folder):
        say(f"downloading {data.source} to {place.folder}")
        _download(data, place.folder)
    if data.made:
        return _make(data, data.made, place, say)
    say(f"reading {data.source}")
    fetched = _describe(data, place, progress)
    found, published = fetched.manifest["examples"], data.published
    if published and (found["train"], found["test"]) != (published.train, published.test):
        raise DataError(
            f"{place.folder} holds {found['train']} train and {found['test']} test examples of "
            f"{data.source}, which has {published.train} and {published.test}: remove what was not "
            "unpacked to its end, and fetch it again"
        )
    return fetched


def _make(data: Data, made: MadeData, place: Place, say: Say) -> Fetched:
    begun = time.time_ns()
    if not place.arrays.is_file() or not place.manifest.is_file():
        say(f"making {data.source} in {place.folder}")
        arrays = made_arrays(data)
        split_arrays(arrays, data.split, data.arrays)  # it must do for a job
        with written_beside(place.arrays) as beside, beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    arrays = read_arrays_of(f"npz:{place.arrays}")
    manifest = {
        "source": data.source,
        "classes": [str(n) for n in range(made.n_outputs)] if made.targets == "classes" else [],
        "examples": {part: len(arrays[x]) for part, (x, _) in named_parts(arrays).items()},
        "files": entries(arrays),
        "made": {"options": made_options(made), "with": made_with(made)},
    }
    paths = [place.arrays.name]
    stamps = stamps_of(place.folder, paths)
    digests = [file_entry(place.folder, path)["sha256"] for path in paths]
    return Fetched(manifest, Contents(paths, stamps, digests, [""]), begun)


def _is_here(data: Data, folder: Path) -> bool:
    try:
        for test in (False, True):
            open_set(data, folder, test=test)
    except DataError:
        return False
    return True


def _download(data: Data, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with _beside(folder) as fresh, _impatient():
        try:
            for test in (False, True):
                open_set(data, fresh, test=test, download=True)
        except DataError as error:
            raise DataError(
                f"{data.source} cannot be downloaded: {error.__cause__}. Where there is no "
                f"internet, fetch it on another machine and copy what it has in {folder}"
            ) from error
        for path in sorted(fresh.iterdir()):
            if not path.name.endswith(_ARCHIVES):  # they are unpacked
                _replace(path, folder / path.name)


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder on the same file system, removed at the end."""
    fresh = Path(tempfile.mkdtemp(prefix=".fetch-", dir=folder))
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """A server that says nothing for a minute is an error: a node without a route waits forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_OF_SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _replace(fresh: Path, place: Path) -> None:
    """Move to ``place``, instead of what torchvision found unusable there."""
    if place.is_dir():
        shutil.rmtree(place)
    os.replace(fresh, place)  # noqa: PTH105 - also over a file


def _unpack_imagenet(folder: Path, say: Say) -> None:
    """Unpack what is not unpacked yet, through torchvision's own functions."""
    from torchvision.datasets import imagenet

    require_imagenet(folder)
    unpack: tuple[Callable[[str], None], ...] = (
        lambda _: imagenet.parse_devkit_archive(folder),
        lambda name: imagenet.parse_train_archive(folder, folder=name),
        lambda name: imagenet.parse_val_archive(folder, folder=name),
    )
    for archive, name, parse in zip(IMAGENET_ARCHIVES, IMAGENET_UNPACKED, unpack, strict=True):
        if (folder / name).exists():
            continue
        say(f"checking and unpacking {folder / archive}: minutes to hours")
        with _beside(folder) as fresh:
            try:
                parse(f"{fresh.name}/{name}")
            except (RuntimeError, OSError) as error:
                raise DataError(f"{folder / archive}: {error}") from error
            if (fresh / name).exists():
                os.replace(fresh / name, folder / name)  # noqa: PTH105


def _describe(data: Data, place: Place, progress: Progress | None) -> Fetched:
    begun = time.time_ns()
    if is_function(data):
        return Fetched(_describe_function(data), None, begun)
    if data.of_files:
        listing = list_images(data, place)
        known = read_known(place.known)
        contents = read_contents(listing.root, listing.paths, known, look_at, progress)
        manifest = {
            "source": data.source,
            "classes": [*listing.classes],
            "examples": counts(listing),
            "folders": folder_entries(listing, contents),
            "kinds": kinds_of(contents.paths, contents.facts),
        }
        return Fetched(manifest, contents, begun, listing)
    found = read_arrays(data, place.folder)
    paths = array_files(data, place.folder)
    stamps = stamps_of(place.folder, paths)
    files = [file_entry(place.folder, path) for path in paths]
    manifest = {
        "source": data.source,
        "classes": [*found.classes],
        "examples": {"train": found.n_train, "test": len(found.y) - found.n_train},
        "files": files,
    }
    digests = [entry["sha256"] for entry in files]
    return Fetched(manifest, Contents(paths, stamps, digests, [""] * len(paths)), begun)


def forget_older(place: Place, *, checksums: bool) -> None:
    """Remove what was made of images that are not there any more: decoded ones, and checksums."""
    for path in place.folder.glob("decoded-*.npy"):
        path.unlink(missing_ok=True)
    if checksums:
        (place.folder / CHECKSUMS).unlink(missing_ok=True)


def _describe_function(data: Data) -> dict[str, Any]:
    try:
        arrays = call_twice(data.source)
        refuse_unsaid(data, arrays)
        dataset = split_arrays(arrays, data.split, data.arrays)  # it must do for a job
    except DataError as error:
        raise DataError(f"data source {data.source!r}: {error}") from None
    parts = named_parts(arrays)
    ys = [arrays[y] for _, y in parts.values()]
    is_class = dataset.shape.targets == "classes"
    return {
        "source": data.source,
        "classes": [str(name) for name in np.unique(np.concatenate(ys))] if is_class else [],
        "examples": {part: len(arrays[x]) for part, (x, _) in parts.items()},
        "files": entries(arrays),
    }


def check_images(data: Data, place: Place, progress: Progress) -> int:
    """Read every image: write its checksum on first use, and compare with it later.

    Returns:
        The number of images.

    Raises:
        DataError: naming the first file that is not what it was, is gone, or is new.
    """
    listing = list_images(data, place)
    now = _checksums(listing, progress)
    path = place.folder / CHECKSUMS
    if not path.is_file():
        lines = (f"{digest}  {name}\n" for name, digest in now.items())
        with written_beside(path) as beside:
            beside.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
        return len(now)
    then = _read_checksums(path)
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            state = "new" if name not in then else "gone" if name not in now else "not the same"
            raise DataError(
                f"{listing.root / name} is {state} since {path} was written; bring the old file "
                "back, or remove the checksums and the manifest beside them"
            )
    return len(now)


def _checksums(listing: Listing, progress: Progress) -> Mapping[str, str]:
    images = listing.paths
    found = {}
    for path, digest in zip(images, digests_of(listing.root, images), strict=True):
        found[path] = digest
        progress(len(found), len(images))
    return found


def _read_checksums(path: Path) -> Mapping[str, str]:
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
