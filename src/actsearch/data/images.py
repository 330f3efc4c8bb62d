"""Sources that are image files: all decoded once into bytes, or each when it is needed."""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsearch.config import Data
from actsearch.data import decoding
from actsearch.data.arrays import moments
from actsearch.data.dataset import PARTS, Dataset, numbered_parts, split_rows
from actsearch.data.examples import Examples, MemoryExamples
from actsearch.data.image_files import ImageFileExamples, ImageFiles, Request
from actsearch.data.sources.folders import Listing
from actsearch.data.sources.places import Place
from actsearch.records.code import source_digest
from actsearch.records.digests import settings_digest
from actsearch.records.files import written_beside
from actsearch.records.formats import content_digest

Progress = Callable[[int, int], None] | None
SCALED_BY = 2_000
"""Training images whose moments scale all; a million need not be decoded for three numbers."""
_IMAGES_AT_ONCE = 64


def image_dataset(
    data: Data, place: Place, listing: Listing, workers: int, progress: Progress
) -> Dataset:
    """The images of ``listing`` as squares of ``data.image_size``, split and scaled.

    Channels are scaled by up to 2,000 images of the training part, drawn by the split's seed.
    With ``in_memory``, every image of the source is decoded once (the middle square, see
    :func:`actsearch.data.decoding.middle`) and kept as a file of bytes beside the manifest, which
    every later job reads; random crops are then taken from these squares.

    Returns:
        The three parts.

    Raises:
        DataError: for sizes above what there is, and for a file that cannot be read.
        ValueError: when ``data`` has no ``image_size``.
    """
    size = data.image_size
    if size is None:
        raise ValueError("image files need an image_size")
    images = [*listing.train, *(listing.test or [])]
    labels = np.array([number for _, number in images], dtype=np.int64)
    n_train = None if listing.test is None else len(listing.train)
    chosen = split_rows(labels, data.split, n_train)
    files = ImageFiles(listing.root, [path for path, _ in images], size, workers)
    used = np.concatenate([chosen[name] for name in PARTS])
    rows = numbered_parts({name: len(chosen[name]) for name in PARTS})
    train = np.sort(chosen["train"])
    draw = np.random.default_rng(data.split.seed)
    sample = draw.choice(train, min(SCALED_BY, len(train)), replace=False)
    taken = torch.from_numpy(labels[used])
    examples: Examples
    if data.in_memory:
        decoded = _decoded(files, place, progress)
        mean, deviation = _float(*moments(decoded, sample))
        examples = MemoryExamples(torch.from_numpy(decoded[used]), taken, mean, deviation)
    else:
        some = np.concatenate([*_decode(files, sample, None)])
        files.rest()  # those that feed a GPU are others
        mean, deviation = _float(*moments(some, np.arange(len(some))))
        examples = ImageFileExamples(files, torch.from_numpy(used), taken, mean, deviation)
    return Dataset(examples, rows, len(listing.classes))


def _float(*arrays: NDArray[np.float64]) -> Iterator[torch.Tensor]:
    return (torch.from_numpy(array.astype(np.float32)) for array in arrays)


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
    key = settings_digest([content_digest(place.manifest), *shape, *_decoder()])[7:19]
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
    source = Path(decoding.__file__).read_text(encoding="utf-8")
    versions = (importlib.metadata.version(name) for name in ("pillow", "torch"))
    return (source_digest(source), *versions)


def _write(path: Path, shape: tuple[int, ...], blocks: Iterator[NDArray[np.uint8]]) -> None:
    """An array of ``shape`` as NPY, block by block; a reader never sees half of it."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with written_beside(path) as beside, beside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
