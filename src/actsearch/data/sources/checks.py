"""Whether a source still is what its manifest says, and can be used: asked before any job.

Nothing here imports torch: the workflow asks at every parse. Of image files names, sizes and times
are looked at, and contents where these differ from what is known.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from actsearch.config import Data
from actsearch.data.sources.contents import (
    Contents,
    aligned,
    digests_of,
    other_stamps,
    read_known,
    stamps_of,
    write_known,
)
from actsearch.data.sources.folders import Listing, list_source
from actsearch.data.sources.headers import check_arrays
from actsearch.data.sources.kinds import levels_of
from actsearch.data.sources.manifests import (
    Manifest,
    check_sizes,
    counts,
    folder_entries,
    read_manifest,
    refuse,
    refuse_changed,
)
from actsearch.data.sources.places import (
    ChangedDataError,
    DataError,
    Place,
    image_folder,
    place_of,
    require_imagenet,
)

_MANY = 10_000
"""Images from which it is said that they are read: this takes seconds and more."""


def check_source(data: Data, data_folder: str | Path) -> str | None:
    """Find before any job what is wrong with a source: missing, no classes, too few examples.

    A source that a rule downloads may be missing.

    Args:
        data: the source and its split.
        data_folder: where data sets lie that were fetched.

    Returns:
        What of an image folder is not as its manifest says, which is to be written again; None
        where nothing is, or where there is no manifest.

    Raises:
        MissingDataError: when it is missing and no program can bring it.
        ChangedDataError: when what was fetched is not what it was.
        DataError: when it cannot be used.
    """
    place = place_of(data, data_folder)
    if data.source.startswith("npz:"):
        held = check_arrays(Path(data.source.removeprefix("npz:")), data.arrays)
        check_sizes(data, {"examples": held.examples})
    if place is None:
        return None
    manifest = read_manifest(place) if place.manifest.is_file() else None
    if data.source.startswith("folder:"):
        return _check_folder(data, place, manifest)
    if manifest is not None:
        check_sizes(data, manifest)
        _check_version(place, manifest)
        _check_fetched(place, manifest)
    elif data.source == "torchvision:ImageNet":
        require_imagenet(place.folder)
    return None


def _check_folder(data: Data, place: Place, manifest: Manifest | None) -> str | None:
    folder = image_folder(data)
    if manifest is not None and not folder.exists():
        check_sizes(data, manifest)  # what was made of the images stands without them
        return None
    listing = list_source(data)
    check_sizes(data, {"examples": counts(listing)})
    if manifest is None:
        return None
    try:
        images_now(listing, place, manifest)
    except ChangedDataError as error:
        return str(error)
    levels_of(data, manifest["kinds"])
    return None


def is_changed(data: Data, data_folder: str | Path) -> bool:
    """Whether a source is not what its manifest says.

    Returns:
        No where it has no manifest, or is gone.

    Raises:
        ArtifactError: when the manifest cannot be read.
    """
    place = place_of(data, data_folder)
    if place is None or not place.manifest.is_file():
        return False
    of_user = data.source.startswith("folder:")
    if of_user and not image_folder(data).exists():
        return False
    try:
        manifest = read_manifest(place)
        if of_user:
            images_now(list_source(data), place, manifest)
        else:
            _check_fetched(place, manifest)
    except DataError:
        return True
    return False


def images_now(listing: Listing, place: Place, manifest: Manifest) -> Contents:
    """The images of a source, if they are those of its manifest.

    Args:
        listing: the images as they lie there.
        place: of the manifest; what was found out is kept there.
        manifest: what they were.

    Returns:
        Sizes, times and digests of all, as they are.

    Raises:
        ChangedDataError: naming what differs.
        DataError: naming a file that cannot be read.
    """
    begun = time.time_ns()
    entries = folder_entries(listing)
    facts = {"classes": [*listing.classes], "examples": counts(listing)}
    refuse_changed(place, manifest, {**manifest, **facts, "folders": entries})
    _check_version(place, manifest)
    paths = listing.paths
    stamps = stamps_of(listing.root, paths)
    known = aligned(read_known(place.known), paths)
    contents = known._replace(stamps=stamps, digests=list(known.digests))
    rows = other_stamps(known, stamps)
    if len(rows) >= _MANY:
        sys.stderr.write(f"{listing.root}: reading {len(rows):,} images, whose times are new\n")
    of_manifest = all(known.digests) and _digests(listing, contents) == [
        entry.get("contents") for entry in manifest["folders"]
    ]
    for row, digest in zip(rows, digests_of(listing.root, _of(paths, rows)), strict=True):
        if of_manifest and digest != contents.digests[row]:
            refuse(place, f"{listing.root / paths[row]} has other contents")
        contents.digests[row] = digest
    refuse_changed(place, manifest, {**manifest, "folders": folder_entries(listing, contents)})
    if rows:
        write_known(place.known, contents, begun)
    return contents


def _check_version(place: Place, manifest: Manifest) -> None:
    """Raise ChangedDataError for a manifest of image files that knows no contents."""
    if "folders" in manifest and "kinds" not in manifest:
        raise ChangedDataError(
            f"{place.manifest} was written by an earlier version, without digests of the images' "
            "contents: run actsearch fetch, which writes it again"
        )


def _digests(listing: Listing, contents: Contents) -> list[str]:
    return [entry["contents"] for entry in folder_entries(listing, contents)]


def _of(paths: Sequence[str], rows: Sequence[int]) -> list[str]:
    return [paths[row] for row in rows]


def _check_fetched(place: Place, manifest: Manifest) -> None:
    """Raise ChangedDataError for a file of a fetched data set that is not what it was.

    Files that are not known, or are gone, are left to the jobs: they know what they need.
    """
    begun = time.time_ns()
    known = read_known(place.known)
    if known is None:
        return
    there = [row for row, path in enumerate(known.paths) if (place.folder / path).is_file()]
    if len(there) < len(known.paths):
        return
    stamps = stamps_of(place.folder, known.paths)
    rows = other_stamps(known, stamps)
    for row, digest in zip(rows, digests_of(place.folder, _of(known.paths, rows)), strict=True):
        if digest != known.digests[row]:
            refuse(place, f"{known.paths[row]} has other contents")
    if rows:
        write_known(place.known, known._replace(stamps=stamps), begun)
