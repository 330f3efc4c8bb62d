"""Manifests: what a source held when it was first used, and whether it still does.

A manifest is JSON: ``source``, ``classes`` in the order of their numbers, ``examples`` in ``train``
(all outside the source's own other parts), ``validation`` and ``test``, and what tells other data
apart. For data sets in few files these are ``files``: each with ``path``, ``bytes`` and ``sha256``.
For images they are ``folders``, one for each part of each class: ``folder``, number of ``images``,
their ``bytes``, ``names``, a SHA-256 over the sorted paths, and ``contents``, one over the SHA-256
of every image with its path; and ``kinds``, what images there are (see
:mod:`actsearch.data.sources.kinds`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from actsearch.config import Data
from actsearch.config.data import check_split
from actsearch.data.sources.contents import Contents
from actsearch.data.sources.folders import Listing
from actsearch.data.sources.places import FOLDERS, ChangedDataError, DataError, Place
from actsearch.records.digests import settings_digest
from actsearch.records.formats import read_json

Manifest = Mapping[str, Any]


def file_entry(root: Path, path: str) -> dict[str, Any]:
    """The entry of one file under ``root``."""
    with (root / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path, "bytes": (root / path).stat().st_size, "sha256": digest}


def folder_entries(listing: Listing, contents: Contents | None = None) -> list[dict[str, Any]]:
    """The entries of a listing, one for each part of each class.

    Args:
        listing: the images.
        contents: their sizes and digests, in the order of the listing.

    Returns:
        Entries of a manifest, with ``bytes`` and ``contents`` where these are given.
    """
    groups: dict[str, list[int]] = {}
    paths = listing.paths
    rows = iter(range(len(paths)))
    for part, images in listing.parts.items():
        for (_, number), row in zip(images, rows, strict=False):
            groups.setdefault(f"{part}: {listing.classes[number]}", []).append(row)
    entries = []
    for name, members in groups.items():
        members.sort(key=paths.__getitem__)
        names = (paths[row] for row in members)
        entry: dict[str, Any] = {"folder": name, "images": len(members), "names": _digest(names)}
        if contents is not None:
            lines = (f"{contents.digests[row]}  {paths[row]}" for row in members)
            entry["bytes"] = int(contents.stamps[members, 0].sum())
            entry["contents"] = _digest(lines)
        entries.append(entry)
    return entries


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def contents_digest(manifest: Manifest) -> str:
    """One digest of all images that a manifest describes: names, which tell classes, contents."""
    return settings_digest([entry.get("contents") for entry in manifest["folders"]])


def counts(listing: Listing) -> dict[str, int]:
    """Number of examples in each part of a listing, as manifests have it."""
    return {part: len(images) for part, images in listing.parts.items()}


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
            for fact in old[item]:
                if fact in new[item] and old[item][fact] != new[item][fact]:
                    return f"{item}: {fact} was {old[item][fact]}, now {new[item][fact]}"
    for key in ("source", "classes", "examples"):
        if json.dumps(then.get(key)) != json.dumps(now.get(key)):
            return f"{key} differ"
    return None


def refuse_changed(place: Place, then: Manifest, now: Manifest) -> None:
    """Raise ChangedDataError, with the file or folder, where data are not what was first used."""
    if told := difference(then, now):
        refuse(place, told)


def refuse(place: Place, told: str) -> NoReturn:
    """Raise ChangedDataError, with what of the data is not as the manifest says."""
    of_user = place.folder.parent.name == FOLDERS
    new = "run snakemake, or actsearch fetch," if of_user else f"remove {place.manifest}"
    raise ChangedDataError(
        f"the data changed since {place.manifest} was written: {told}. Bring the old data back, or "
        f"{new} to use the new ones"
    )


def check_sizes(data: Data, manifest: Manifest) -> None:
    """Raise DataError where the split asks for more examples than the source holds."""
    examples = manifest["examples"]
    try:
        check_split(
            data.split,
            examples["train"],
            examples.get("test"),
            data.source,
            examples.get("validation"),
        )
    except ValueError as error:
        raise DataError(str(error)) from None


def same_files(entries: Iterable[Mapping[str, Any]], root: Path) -> list[dict[str, Any]]:
    """The entries of the same files as they are now; those that are gone are left out."""
    paths = [str(entry["path"]) for entry in entries]
    return [file_entry(root, path) for path in paths if (root / path).is_file()]
