"""What ``check`` says of a task's data: parts, what was left out, what is done with the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actsearch.config import Config, Data
from actsearch.data.sources.checks import check_source
from actsearch.data.sources.folders import left_out_lines, list_source
from actsearch.data.sources.places import Place, place_of, require_task_data

if TYPE_CHECKING:
    from actsearch.data.dataset import Dataset, DataShape

LOOKED_AT = 64
"""Images of the training part that are decoded."""
MANY_CLASSES = 20
"""With more of them, classes may be meant as numbers ..."""
FEW_EXAMPLES = 20
"""... where there are fewer examples of each, on the average."""


def require_data(config: Config, name: str) -> None:
    """Refuse a task whose data must be fetched first; an image folder is there without it."""
    if not config.data[config.task(name).data].source.startswith("folder:"):
        require_task_data(config, name)


def is_to_be_made(config: Config, name: str) -> bool:
    """Whether a task's data are made here, and are not made yet."""
    source = config.data[config.task(name).data]
    place = place_of(source, config.data_folder)
    return source.made is not None and place is not None and not place.manifest.is_file()


def data_lines(config: Config, name: str, data: Dataset | DataShape, *, shapes: bool) -> list[str]:
    """What is to be said of the data of a task.

    Args:
        config: the configuration.
        name: of the task.
        data: what was found of them.
        shapes: whether no image is to be opened.

    Returns:
        Sentences.

    Raises:
        DataError: when the images are not what they were, or cannot be used.
    """
    from actsearch.data.dataset import Dataset

    if isinstance(data, Dataset):
        return [*data.notes, *_asked(config.data[config.task(name).data], data)]
    entry = config.task(name).data
    source = config.data[entry]
    if source.made and not shapes:
        return [f"not made yet: snakemake makes it, or actsearch fetch --data {entry}"]
    if shapes or not source.of_files:
        return []
    place = place_of(source, config.data_folder)
    assert place is not None
    if not source.source.startswith("folder:"):
        return _on_images(source, place)
    told = check_source(source, config.data_folder)
    listing = list_source(source)
    if not place.manifest.is_file():
        told = f"not looked into yet: actsearch fetch --data {entry}"
    said = [*listing.notes, told] if told else _on_images(source, place)
    return [*said, *left_out_lines(listing)]


def _asked(source: Data, data: Dataset) -> list[str]:
    """Whether classes are meant, where there are many of them and few examples of each."""
    if not source.of_arrays or source.targets is not None or data.shape.targets != "classes":
        return []
    classes, examples = data.shape.n_outputs, len(data.examples)
    if classes <= MANY_CLASSES or examples >= FEW_EXAMPLES * classes or _are_texts(source):
        return []
    return [
        f"question: the targets take {classes} different values, of {examples / classes:.1f} "
        "examples each: are they numbers to predict? Then say targets: numbers of the data; if "
        "each is a class, targets: classes says so"
    ]


def _are_texts(source: Data) -> bool:
    """Whether the targets in a file are texts, which are classes without a question."""
    import numpy as np

    kind, _, path = source.source.partition(":")
    if kind != "npz":
        return False
    with np.load(path) as arrays:
        return any(arrays[name].dtype.kind in "SU" for name in ("y", "y_train") if name in arrays)


def _on_images(source: Data, place: Place) -> list[str]:
    from actsearch.data.images import notes_on_some
    from actsearch.data.loading import images_of

    return notes_on_some(source, images_of(source, place), LOOKED_AT)
