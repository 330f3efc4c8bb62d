"""What is known of a source before any job: its arrays, and the score of what is learned."""

from __future__ import annotations

from pathlib import Path

from actsearch.config import SCORE_OF_TARGETS, Data, Score
from actsearch.data.sources.headers import Held, check_arrays, check_parts
from actsearch.data.sources.layouts import Array
from actsearch.data.sources.manifests import read_manifest
from actsearch.data.sources.places import DataError, place_of


def arrays_of(data: Data, data_folder: str | Path) -> Held | None:
    """What the user's arrays are, by their headers or their manifest.

    Args:
        data: the source.
        data_folder: where data sets lie that were fetched.

    Returns:
        What they are; None of sources that are no such arrays, and of those that are not here yet
        or cannot be used, which others refuse.
    """
    if not data.of_arrays:
        return None
    kind, _, rest = data.source.partition(":")
    try:
        if kind == "npz":
            return check_arrays(Path(rest), data.arrays)
        place = place_of(data, data_folder)
        if place is None or not place.manifest.is_file():
            return None
        files = read_manifest(place)["files"]
        arrays = {file["path"]: Array(tuple(file["shape"]), file["dtype"]) for file in files}
        return check_parts(arrays, data.arrays)
    except DataError:
        return None


def score_of(data: Data, data_folder: str | Path) -> Score | None:
    """What functions are compared by on a source, which its targets say.

    Args:
        data: the source.
        data_folder: where data sets lie that were fetched.

    Returns:
        The score; None for arrays that are not known.
    """
    targets = data.known_targets
    if targets is None:
        held = arrays_of(data, data_folder)
        targets = held.layout.targets if held else None
    return SCORE_OF_TARGETS[targets] if targets else None
