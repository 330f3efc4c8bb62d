"""What functions are compared by on a source, as far as it is known before any job."""

from __future__ import annotations

from pathlib import Path

from actsearch.config import SCORE_OF_TARGETS, Data, Score
from actsearch.config.data import Targets
from actsearch.data.sources.headers import check_arrays, check_parts
from actsearch.data.sources.layouts import Array
from actsearch.data.sources.manifests import read_manifest
from actsearch.data.sources.places import DataError, place_of


def score_of(data: Data, data_folder: str | Path) -> Score | None:
    """The score of what is learned of ``data``.

    Targets say it: those of the configuration, or else the shapes and dtypes of the arrays.

    Args:
        data: the source.
        data_folder: where data sets lie that were fetched.

    Returns:
        The score; None for arrays that are not here yet, or cannot be used, which others refuse.
    """
    targets = data.known_targets or _targets_of_arrays(data, data_folder)
    return SCORE_OF_TARGETS[targets] if targets else None


def _targets_of_arrays(data: Data, data_folder: str | Path) -> Targets | None:
    kind, _, rest = data.source.partition(":")
    try:
        if kind == "npz":
            return check_arrays(Path(rest), data.arrays).layout.targets
        place = place_of(data, data_folder)
        if place is None or not place.manifest.is_file():
            return None
        files = read_manifest(place)["files"]
        arrays = {file["path"]: Array(tuple(file["shape"]), file["dtype"]) for file in files}
        return check_parts(arrays, data.arrays).layout.targets
    except DataError:
        return None
