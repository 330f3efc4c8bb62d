"""Trials packed into one table, from which each file comes back to the byte.

What trials of a job say alike (settings, modules, versions, command) is one text, which Parquet
holds once. So a packed trial is a few hundred bytes in place of ten thousand, and loses nothing:
its own digests can be checked as if the file were there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from actsearch.records.digests import PROVENANCE_KEY
from actsearch.records.formats.json_files import object_text

OWN = frozenset(
    {"file", "item", "operators", "started", "ended", "seconds", "content_digest", "file_digest"}
)
"""Keys of a block that belong to one trial; the others are those of its job."""
COLUMNS = ("slug", "trial", "provenance", "job")


class PackingError(ValueError):
    """Trials that cannot be packed, or a table of trials that cannot be unpacked."""


def pack_trials(texts: Iterable[str]) -> pd.DataFrame:
    """Pack trials.

    Args:
        texts: the files of trials, as they stand.

    Returns:
        One row a trial, sorted by slug, all columns text: slug; trial, what it says, as JSON;
        provenance, the part of its block that is its own; job, the block with these keys null.

    Raises:
        PackingError: when a file would not come back as it is.
    """
    rows = []
    for text in texts:
        trial = json.loads(text)
        row = _row(trial)
        if object_text(_trial(row)) != text:
            raise PackingError(f"{trial['slug']}: its file would not come back to the byte")
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("slug", ignore_index=True)


def unpack_trials(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The trials of a packed table.

    Yields:
        What a trial says, with its ``provenance``, in the order of rows.

    Raises:
        PackingError: when a column is missing, or a row is no trial.
    """
    if missing := [column for column in COLUMNS if column not in table.columns]:
        raise PackingError(f"columns are missing: {', '.join(missing)}")
    for row in table[list(COLUMNS)].to_dict("records"):
        try:
            yield _trial(row)
        except (ValueError, TypeError, AttributeError, KeyError):
            raise PackingError(f"{row['slug']}: is no packed trial") from None


def _row(trial: Mapping[str, Any]) -> dict[str, str]:
    block = trial[PROVENANCE_KEY]
    own = {key: value for key, value in block.items() if key in OWN}
    return {
        "slug": trial["slug"],
        "trial": _compact({key: value for key, value in trial.items() if key != PROVENANCE_KEY}),
        "provenance": _compact(own),
        "job": _compact({key: None if key in OWN else value for key, value in block.items()}),
    }


def _trial(row: Mapping[Any, Any]) -> dict[str, Any]:
    own = json.loads(row["provenance"])
    job = json.loads(row["job"])
    # The order of keys is that of the job's block, which is that of the file.
    block = {key: own[key] if key in OWN else value for key, value in job.items()}
    return {**json.loads(row["trial"]), PROVENANCE_KEY: block}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def runs_table(trials: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The runs of trials, for whoever wants each seed's numbers.

    Returns:
        One row a function and seed, sorted by both: name, slug, seed, status (completed, diverged),
        epochs, and for the parts train and validation score and loss (of a diverged run the score
        of a network that knows nothing, and NaN), and errors where numbers are predicted.
    """
    rows = [
        {"name": trial["function"], "slug": trial["slug"], **run}
        for trial in trials
        for run in trial["runs"]
    ]
    table = pd.DataFrame(rows)
    for column in table.columns:
        if column.endswith(("_score", "_loss")):
            table[column] = table[column].astype("float64")
    return table.sort_values(["name", "seed"], ignore_index=True)
