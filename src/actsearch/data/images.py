"""Sources that are image files: all decoded once into bytes, or each when it is needed."""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from actsearch.config import Data
from actsearch.data import decoding, pixels
from actsearch.data.dataset import PARTS, Dataset, DataShape, numbered_parts, split_rows
from actsearch.data.examples import Examples, MemoryExamples
from actsearch.data.image_files import ImageFileExamples, ImageFiles, Request
from actsearch.data.scaling import Scaling, scaling_by
from actsearch.data.sources.contents import Contents, Guard
from actsearch.data.sources.folders import Listing
from actsearch.data.sources.kinds import Levels
from actsearch.data.sources.parts import OwnParts
from actsearch.data.sources.places import Place
from actsearch.records.code import source_digest
from actsearch.records.digests import settings_digest
from actsearch.records.files import written_beside
from actsearch.records.formats import content_digest

Progress = Callable[[int, int], None] | None
SCALED_BY = 2_000
"""Training images whose moments scale all; a million need not be decoded for three numbers."""
FAINT = 2.0
"""Deviation of bytes below which a channel is said to hardly vary."""
_IMAGES_AT_ONCE = 64


class Images(NamedTuple):
    """The images of a source, as they were when this job looked at them."""

    listing: Listing
    contents: Contents
    levels: Levels
    notes: tuple[str, ...] = ()


def image_dataset(
    data: Data, place: Place, found: Images, workers: int, progress: Progress
) -> Dataset:
    """Images as squares of ``data.image_size``, split and scaled.

    Channels are scaled by up to 2,000 images of the training part, drawn by the split's seed.
    With ``in_memory``, every image of the source is decoded once (the middle square, see
    :func:`actsearch.data.decoding.middle`) and kept as a file of bytes beside the manifest, which
    every later job reads; random crops are then taken from these squares.

    Returns:
        The three parts.

    Raises:
        DataError: for sizes above what there is, for a file that cannot be read or that changes
            meanwhile, and for a constant training part.
        ValueError: when ``data`` has no ``image_size``.
    """
    size = data.image_size
    if size is None:
        raise ValueError("image files need an image_size")
    labels, files = _files(found, size, workers)
    chosen = split_rows(labels, data.split, own_parts(found.listing))
    used = np.concatenate([chosen[name] for name in PARTS])
    rows = numbered_parts({name: len(chosen[name]) for name in PARTS})
    sample = _sample(data, chosen["train"], SCALED_BY)
    taken = torch.from_numpy(labels[used])
    examples: Examples
    if data.in_memory:
        decoded = _decoded(files, place, progress)
        scaling = scaling_by(decoded, sample)
        images = torch.from_numpy(decoded[used])
        examples = MemoryExamples(images, taken, *_float(scaling))
    else:
        scaling = _scaling_by(files, sample)
        files.rest()  # those that feed a GPU are others
        examples = ImageFileExamples(files, torch.from_numpy(used), taken, *_float(scaling))
    notes = (*found.notes, *scaling.notes, *_faint(scaling))
    return Dataset(examples, rows, DataShape((3, size, size), len(found.listing.classes)), notes)


def notes_on_some(data: Data, found: Images, n: int) -> list[str]:
    """What is to be said of the images of a source, by up to ``n`` of its training part.

    Returns:
        Sentences.

    Raises:
        DataError: for sizes above what there is, for a file that cannot be read, and where these
            images are constant.
    """
    labels, files = _files(found, data.image_size or 1, 0)
    chosen = split_rows(labels, data.split, own_parts(found.listing))
    scaling = _scaling_by(files, _sample(data, chosen["train"], n))
    return [*found.notes, *scaling.notes, *_faint(scaling)]


def _files(found: Images, size: int, workers: int) -> tuple[NDArray[np.int64], ImageFiles]:
    """Labels (N,) of all images, and the files."""
    listing, guard = found.listing, Guard(found.contents)
    labels = np.array([number for _, number in listing.images], dtype=np.int64)
    return labels, ImageFiles(listing.root, listing.paths, size, workers, found.levels, guard)


def _sample(data: Data, train: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Up to ``n`` rows of the training part, drawn by the split's seed."""
    draw = np.random.default_rng(data.split.seed)
    return draw.choice(np.sort(train), min(n, len(train)), replace=False)


def _scaling_by(files: ImageFiles, sample: NDArray[np.int64]) -> Scaling:
    some = np.concatenate([*_decode(files, sample, None)])
    return scaling_by(some, np.arange(len(some)))


def own_parts(listing: Listing) -> OwnParts | None:
    """Where the rows of a listing's parts begin; None where it has one."""
    if listing.test is None:
        return None
    return OwnParts(len(listing.train), len(listing.validation or []))


def _faint(scaling: Scaling) -> list[str]:
    """Channels that are nearly constant, in sentences: their bytes take few values."""
    faint = np.flatnonzero((scaling.deviation < FAINT) & ~scaling.constant)
    return [
        f"channel {number + 1} of {len(scaling.mean)} hardly varies: its deviation is "
        f"{scaling.deviation[number]:.2g} of 255 over the training part"
        for number in faint
    ]


def _float(scaling: Scaling) -> tuple[torch.Tensor, torch.Tensor]:
    mean, deviation = (moment.astype(np.float32) for moment in scaling[:2])
    return torch.from_numpy(mean), torch.from_numpy(deviation)


def _decode(
    files: ImageFiles, rows: NDArray[np.int64], progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    """Images (n, 3, S, S) of the files ``rows``, some at a time."""
    starts = range(0, len(rows), _IMAGES_AT_ONCE)
    requests = (Request(part, part) for part in (rows[s : s + _IMAGES_AT_ONCE] for s in starts))
    done = 0
    for images in files.read(requests):
        yield images.numpy()
        done += len(images)
        if progress:
            progress(done, len(rows))


def _decoded(files: ImageFiles, place: Place, progress: Progress) -> NDArray[np.uint8]:
    """All files as one array (N, 3, S, S), from the disk where a job has kept it there."""
    shape = (len(files), 3, files.size, files.size)
    # The manifest has digests of the images' contents: other images have other files.
    known = [content_digest(place.manifest), *shape, *map(list, files.levels), *_decoder()]
    key = settings_digest(known)[7:19]
    path = place.folder / f"decoded-{files.size}-{key}.npy"
    if not path.is_file():
        images = _decode(files, np.arange(len(files)), progress)
        try:
            _write(path, shape, images)
        except OSError as error:  # a full disk, or a folder that jobs may only read
            warnings.warn(f"{path}: cannot be kept ({error}); every job decodes it", stacklevel=2)
            return np.concatenate([*_decode(files, np.arange(len(files)), progress)])
    found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def _decoder() -> tuple[str, ...]:
    """What the bytes hang on besides the files: the code that decodes, and those it calls."""
    sources = (Path(str(m.__file__)).read_text(encoding="utf-8") for m in (decoding, pixels))
    versions = (importlib.metadata.version(name) for name in ("pillow", "torch"))
    return (*map(source_digest, sources), *versions)


def _write(path: Path, shape: tuple[int, ...], blocks: Iterator[NDArray[np.uint8]]) -> None:
    """An array of ``shape`` as NPY, block by block; a reader never sees half of it."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with written_beside(path) as beside, beside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
