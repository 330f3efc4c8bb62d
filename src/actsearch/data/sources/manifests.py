"""Manifests: what a source held when it was first used, and whether it still does.

A manifest is JSON: ``source``, ``classes`` in the order of their numbers, ``examples`` in ``train``
(all outside the source's own test part) and ``test``, and what tells other data apart. For data
sets in few files these are ``files``: each with ``path``, ``bytes`` and ``sha256``. For images they
are ``folders``, one for each part of each class: ``folder``, number of ``images``, their ``bytes``,
and ``names``, a SHA-256 over the sorted paths; no image need be opened. Beside the manifest,
``checksums.sha256``, where somebody asked for it, has the SHA-256 of every image in the form that
``sha256sum`` checks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from actsearch.config import Data
from actsearch.config.data import check_split
from actsearch.data.sources.folders import Listing, list_folder
from actsearch.data.sources.headers import check_arrays
from actsearch.data.sources.places import (
    DataError,
    Place,
    image_folder,
    place_of,
    require_imagenet,
)
from actsearch.records.formats import read_json

Manifest = Mapping[str, Any]


def file_entry(root: Path, path: str) -> dict[str, Any]:
    """The entry of one file under ``root``."""
    with (root / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path, "bytes": (root / path).stat().st_size, "sha256": digest}


def folder_entries(listing: Listing, sizes: bool = True) -> list[dict[str, Any]]:
    """The entries of a listing, one for each part of each class.

    Args:
        listing: the images.
        sizes: whether to look at every file, which takes minutes for a million of them on a file
            system of a network.

    Returns:
        Entries of a manifest, with ``bytes`` if asked for sizes.
    """
    groups: dict[str, list[str]] = {}
    for part, images in (("train", listing.train), ("test", listing.test or [])):
        for path, number in images:
            groups.setdefault(f"{part}: {listing.classes[number]}", []).append(path)
    entries = []
    for name, paths in groups.items():
        digest = hashlib.sha256("\n".join(sorted(paths)).encode(errors="surrogateescape"))
        entry: dict[str, Any] = {"folder": name, "images": len(paths), "names": digest.hexdigest()}
        if sizes:
            entry["bytes"] = sum((listing.root / path).stat().st_size for path in paths)
        entries.append(entry)
    return entries


def counts(listing: Listing) -> dict[str, int]:
    """Number of examples in each part of a listing, as manifests have it."""
    test = {} if listing.test is None else {"test": len(listing.test)}
    return {"train": len(listing.train), **test}


def read_manifest(place: Place) -> Manifest:
    """The manifest of a place that has one."""
    manifest = read_json(place.manifest)
    if missing := {"source", "classes", "examples"} - set(manifest):
        raise DataError(f"{place.manifest} lacks {', '.join(sorted(missing))}: fetch it again")
    return manifest


def difference(then: Manifest, now: Manifest) -> str | None:
    """The first thing that two manifests of a source say differently.

    What only one of them says of a file or a folder (its bytes) is not compared.

    Returns:
        What it is, named; None where they say the same.
    """
    for key, name in (("files", "path"), ("folders", "folder")):
        old = {entry[name]: entry for entry in then.get(key, [])}
        new = {entry[name]: entry for entry in now.get(key, [])}
        for item in sorted(old.keys() | new.keys()):
            if item not in old or item not in new:
                return f"{item} is {'new' if item not in old else 'missing'}"
            for fact in old[item].keys() & new[item].keys():
                if old[item][fact] != new[item][fact]:
                    return f"{item}: {fact} was {old[item][fact]}, now {new[item][fact]}"
    for key in ("source", "classes", "examples"):
        if json.dumps(then.get(key)) != json.dumps(now.get(key)):
            return f"{key} differ"
    return None


def refuse_changed(place: Place, then: Manifest, now: Manifest) -> None:
    """Raise DataError, with the file or folder, where the data are not what was first used."""
    if told := difference(then, now):
        raise DataError(
            f"the data changed since {place.manifest} was written: {told}. Bring the old data "
            f"back, or remove {place.manifest} to use the new ones"
        )


def check_sizes(data: Data, manifest: Manifest) -> None:
    """Raise DataError where the split asks for more examples than the source holds."""
    examples = manifest["examples"]
    try:
        check_split(data.split, examples["train"], examples.get("test"), data.source)
    except ValueError as error:
        raise DataError(str(error)) from None


def check_source(data: Data, data_folder: str | Path) -> None:
    """Find before any job what is wrong with a source: missing, no classes, too few examples.

    A source that a rule downloads may be missing. Nothing is opened but the manifest, or folders
    where there is none, or the headers of an ``.npz`` file.

    Raises:
        MissingDataError: when it is missing and no program can bring it.
        DataError: when it cannot be used.
    """
    place = place_of(data, data_folder)
    if data.source.startswith("npz:"):
        shape = check_arrays(Path(data.source.removeprefix("npz:")))
        check_sizes(data, {"examples": {"train": shape[0]}})
    if place is None:
        return
    if place.manifest.is_file():
        check_sizes(data, read_manifest(place))
    elif data.source == "torchvision:ImageNet":
        require_imagenet(place.folder)
    elif data.source.startswith("folder:"):
        listing = list_folder(image_folder(data))
        check_sizes(data, {"examples": counts(listing)})


def same_files(entries: Iterable[Mapping[str, Any]], root: Path) -> list[dict[str, Any]]:
    """The entries of the same files as they are now; those that are gone are left out."""
    paths = [str(entry["path"]) for entry in entries]
    return [file_entry(root, path) for path in paths if (root / path).is_file()]
