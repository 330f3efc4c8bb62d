"""From an entry of the configuration to a data set that networks are trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from actsearch.config import Config, Data
from actsearch.data import torchvision_sets
from actsearch.data.arrays import dataset_of, read_arrays, shape_of, split_arrays
from actsearch.data.dataset import Dataset, DataShape
from actsearch.data.images import Images, image_dataset
from actsearch.data.sources.checks import images_now
from actsearch.data.sources.folders import Listing, list_source
from actsearch.data.sources.kinds import levels_of, notes_of
from actsearch.data.sources.manifests import read_manifest, refuse_changed, same_files
from actsearch.data.sources.parts import OwnParts
from actsearch.data.sources.places import (
    DataError,
    MissingDataError,
    Place,
    image_folder,
    is_function,
    place_of,
    require_fetched,
)
from actsearch.data.user_arrays import (
    Named,
    call,
    call_twice,
    entries,
    refuse_others,
    refuse_unsaid,
)
from actsearch.records.digests import DigestError


def task_dataset(
    config: Config,
    name: str,
    progress: Callable[[int, int], None] | None = None,
    twice: bool = False,
) -> Dataset:
    """The data of the task called ``name``; see :func:`load_dataset`.

    Returns:
        Its three parts.

    Raises:
        DataError: when they are not there, or not what they were.
    """
    task = config.task(name)
    workers = task.resources.threads
    return load_dataset(config.data[task.data], config.data_folder, workers, progress, twice)


def task_shape(config: Config, name: str) -> DataShape:
    """What of a task's data shapes a network; image files are not opened for it.

    Returns:
        What of them shapes a network.

    Raises:
        DataError: when they cannot be used, or are not there to tell it.
    """
    return data_shape(config.data[config.task(name).data], config.data_folder)


def load_dataset(
    data: Data,
    data_folder: str | Path = "data",
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
    twice: bool = False,
) -> Dataset:
    """Read the source of ``data`` and split it. Nothing is downloaded.

    Args:
        data: the source and its split.
        data_folder: where data sets lie that were fetched.
        workers: processes that decode image files beside this one; no number hangs on it.
        progress: called with the number of images done and of all, while many are decoded.
        twice: whether a function of the user's is called once more, to see that it is steady.

    Returns:
        The three parts, scaled by the training part.

    Raises:
        DataError: when the source is unknown, not fetched, not what it was when it was fetched, or
            broken, holds too few examples, or is a function that gives other arrays every time.
    """
    try:
        if is_function(data):
            arrays = _of_function(data, data_folder, twice)
            refuse_unsaid(data, arrays)
            return split_arrays(arrays, data.split, data.arrays)
        place = place_of(data, data_folder)
        if place is None:
            return split_arrays(read_arrays(data.source), data.split, data.arrays)
        require_fetched(place)
        if data.made:
            return _of_made(data, place)
        if data.of_files:
            return image_dataset(data, place, images_of(data, place), workers, progress)
        return _arrays(data, place)
    except DataError as error:
        raise type(error)(f"data source {data.source!r}: {error}") from None


def _of_function(data: Data, data_folder: str | Path, twice: bool) -> Named:
    """What a function of the user's returns, which must be what was noted of it, if it was."""
    arrays = call_twice(data.source) if twice else call(data.source)
    with contextlib.suppress(DigestError):  # without a file, as in an interactive session
        place = place_of(data, data_folder)
        if place is not None and place.manifest.is_file():
            noted = read_manifest(place).get("files", [])
            refuse_others(data.source, arrays, noted, place.manifest)
    return arrays


def _of_made(data: Data, place: Place) -> Dataset:
    """What was made here, if it is as it was made."""
    if not place.arrays.is_file():
        raise MissingDataError(
            f"{place.arrays} is gone; make it again: remove {place.manifest}, and run snakemake "
            "or actsearch fetch"
        )
    arrays = read_arrays(f"npz:{place.arrays}")
    manifest = read_manifest(place)
    refuse_changed(place, manifest, {**manifest, "files": entries(arrays)})
    return split_arrays(arrays, data.split, data.arrays)


def _arrays(data: Data, place: Place) -> Dataset:
    manifest = read_manifest(place)
    now = {**manifest, "files": same_files(manifest.get("files", []), place.folder)}
    refuse_changed(place, manifest, now)
    found = torchvision_sets.read_arrays(data, place.folder)
    shape = DataShape(found.x.shape[1:], len(found.classes))
    return dataset_of(found.x, found.y, shape, data.split, OwnParts(found.n_train))


def images_of(data: Data, place: Place) -> Images:
    """The images of a source of image files, if they are as they were when it was fetched."""
    listing = list_images(data, place)
    manifest = read_manifest(place)
    contents = images_now(listing, place, manifest)
    kinds = manifest["kinds"]
    notes = (*listing.notes, *notes_of(data, kinds))
    return Images(listing, contents, levels_of(data, kinds), notes)


def list_images(data: Data, place: Place) -> Listing:
    """The images of a source of image files."""
    if data.source.startswith("folder:"):
        return list_source(data)
    return torchvision_sets.list_images(data, place.folder)


def data_shape(data: Data, data_folder: str | Path = "data") -> DataShape:
    """What the data of ``data`` look like, before any of them are needed.

    Known for torchvision's sets, and those that are made here, without having them. No image file
    is opened. Arrays are read, and functions of the user's are called, since what is wrong with
    their values is found in no other way.

    Returns:
        What of them shapes a network.

    Raises:
        DataError: when the source cannot be read, or used.
    """
    if known := data.published:
        side = data.image_size or known.side
        return DataShape((known.channels, side, side), known.classes)
    if made := data.made:
        return DataShape(made.example, made.n_outputs, made.inputs, made.targets)
    try:
        if data.of_files:
            return DataShape(
                (3, data.image_size or 0, data.image_size or 0), _classes(data, data_folder)
            )
        if data.source.startswith("npz:"):
            return shape_of(read_arrays(data.source), data.split, data.arrays)
    except DataError as error:
        raise type(error)(f"data source {data.source!r}: {error}") from None
    return load_dataset(data, data_folder).shape


def _classes(data: Data, data_folder: str | Path) -> int:
    """Number of classes of an image folder: as it is, or as it was when it was fetched."""
    place = place_of(data, data_folder)
    folder = image_folder(data)
    if place is not None and place.manifest.is_file() and not folder.exists():
        return len(read_manifest(place)["classes"])
    return len(list_source(data).classes)
