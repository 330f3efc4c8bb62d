"""Trials packed into one table, from which each file comes back to the byte.

What trials of a job say alike (settings, modules, versions, command) is one text, which Parquet
holds once. So a packed trial is a few hundred bytes in place of ten thousand, and loses nothing:
its own digests can be checked as if the file were there.
"""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from actsearch.records.digests import PROVENANCE_KEY

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
    rows: list[dict[str, str]] = []
    texts_of: dict[str, str] = {}
    for text in texts:
        trial = json.loads(text)
        rows.append(_row(trial))
        if texts_of.setdefault(trial["slug"], text) != text:
            raise PackingError(f"{trial['slug']}: appears twice")
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("slug", ignore_index=True)
    for slug, text in trial_texts(table):
        if texts_of[slug] != text:
            raise PackingError(f"{slug}: its file would not come back to the byte")
    return table


def unpack_trials(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The trials of a packed table.

    Yields:
        What a trial says, with its ``provenance``, in the order of rows.

    Raises:
        PackingError: when a column is missing, or a row is no trial.
    """
    known: dict[str, dict[str, Any]] = {}
    for row in _rows(table):
        with _named(row):
            job = known.get(row["job"]) or known.setdefault(row["job"], _object(row["job"]))
            yield _trial(row, job)


def trial_texts(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """The files of the trials of a packed table.

    Yields:
        Slug and text, in the order of rows: the text is that of ``object_text``. What trials of a
        job share is made text once, which is nearly all of it.

    Raises:
        PackingError: when a column is missing, or a row is no trial.
    """
    known: dict[str, dict[str, str]] = {}
    for row in _rows(table):
        with _named(row):
            if row["job"] not in known:
                job = _object(row["job"])
                known[row["job"]] = {key: _indented(value) for key, value in job.items()}
            own = _object(row["provenance"])
            block = ",\n".join(
                f"  {_text(key)}: {_indented(own[key]) if key in OWN else text}"
                for key, text in known[row["job"]].items()
            )
            content = _text(_object(row["trial"])).removesuffix("\n}")
            text = f'{content},\n "{PROVENANCE_KEY}": {{\n{block}\n }}\n}}\n'
        yield row["slug"], text


def _rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    if missing := [column for column in COLUMNS if column not in table.columns]:
        raise PackingError(f"columns are missing: {', '.join(missing)}")
    for values in zip(*(table[column] for column in COLUMNS), strict=True):
        yield dict(zip(COLUMNS, values, strict=True))


@contextlib.contextmanager
def _named(row: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, AttributeError, KeyError):
        raise PackingError(f"{row['slug']}: is not a packed trial") from None


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"no object: {text}")
    return found


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


def _indented(value: Any) -> str:
    """The text of a value of a block: texts within JSON hold no line ends as they are."""
    return _text(value).replace("\n", "\n  ")


def _row(trial: Mapping[str, Any]) -> dict[str, str]:
    block = trial[PROVENANCE_KEY]
    own = {key: value for key, value in block.items() if key in OWN}
    return {
        "slug": trial["slug"],
        "trial": _compact({key: value for key, value in trial.items() if key != PROVENANCE_KEY}),
        "provenance": _compact(own),
        "job": _compact({key: None if key in OWN else value for key, value in block.items()}),
    }


def _trial(row: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    own = _object(row["provenance"])
    # The order of keys is that of the job's block, which is that of the file.
    block = {key: own[key] if key in OWN else value for key, value in job.items()}
    return {**_object(row["trial"]), PROVENANCE_KEY: block}


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


def not_of_its_runs(trial: Mapping[str, Any]) -> list[str]:
    """Whether medians and status of a trial are those of its runs.

    A score is the median over runs, a loss that over the runs which have one, and null if none has.
    The status is that of all runs, or ``partial``.

    Returns:
        Keys that the runs do not give; none where all holds.
    """
    runs = trial["runs"]
    states = {run["status"] for run in runs}
    expected: dict[str, Any] = {"status": states.pop() if len(states) == 1 else "partial"}
    for key in runs[0] if runs else ():
        if key.endswith(("_score", "_loss")):
            values = [run[key] for run in runs if run[key] is not None]
            expected[key] = statistics.median(values) if values else None
    return [key for key, value in expected.items() if key not in trial or trial[key] != value]
