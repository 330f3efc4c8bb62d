"""What files hold, by digests; a file is read again when its size or its times differ.

What is known is kept beside the manifest and may be removed at any time: then all is read again.
Times are those of the last change of the content and of anything else (mtime and ctime), so a file
that was replaced by one with the size and the time of the old one is noticed too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from actsearch.data.sources.places import DataError
from actsearch.records.files import written_beside

Stamps = NDArray[np.int64]
Look = Callable[[bytes], str]
"""Says in a line what a file is; raises ValueError for one that cannot be used."""
Progress = Callable[[int, int], None] | None
T = TypeVar("T")
R = TypeVar("R")
FRESH = 2_000_000_000
"""Nanoseconds: some file systems tell times no finer, so what changed just now may change again
unseen."""
_READERS = 8
_FILES_AT_ONCE = 256


class Contents(NamedTuple):
    """Files, in order, and what is known of them."""

    paths: list[str]
    stamps: Stamps
    """Bytes, and both times in nanoseconds: (N, 3); zeros where nothing is known."""
    digests: list[str]
    """SHA-256 in hexadecimal digits."""
    facts: list[str]
    """What each is, in the words of who looked at it; empty where nobody did."""


def stamp_of(path: str) -> tuple[int, int, int]:
    """Bytes of a file, and its times in nanoseconds.

    Returns:
        The three numbers.

    Raises:
        DataError: when it is missing, or is no file.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - many files
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(state.st_mode):
        raise DataError(f"{path}: not a file")
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def stamps_of(root: Path, paths: Sequence[str]) -> Stamps:
    """The same of many files below ``root``; a network's file system is asked in parallel.

    Returns:
        A row for each, (N, 3).

    Raises:
        DataError: naming the first that is missing, or is no file.
    """
    base = str(root)

    def some(start: int) -> list[tuple[int, int, int]]:
        return [stamp_of(f"{base}/{path}") for path in paths[start : start + _FILES_AT_ONCE]]

    starts = range(0, len(paths), _FILES_AT_ONCE)
    with ThreadPoolExecutor(_READERS) as pool:
        rows = [row for block in pool.map(some, starts) for row in block]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def read_known(path: Path) -> Contents | None:
    """What was known of files when it was written to ``path``; None where that cannot be read."""
    if (own := _own(path)).is_file():
        path = own
    try:
        with np.load(path, allow_pickle=False) as arrays:
            paths, facts = (_lines(arrays[name]) for name in ("paths", "facts"))
            stamps, digits = arrays["stamps"].astype(np.int64), arrays["digests"].tobytes().hex()
    except Exception:  # missing, cut short, of another version: it is made again
        return None
    digests = [digits[start : start + 64] for start in range(0, len(digits), 64)]
    if not len(paths) == len(facts) == len(stamps) == len(digests):
        return None
    return Contents(paths, stamps, digests, facts)


def write_known(path: Path, contents: Contents, begun: int) -> None:
    """Keep what is known; nothing where that cannot be written, since it can be found again.

    Args:
        path: where; if that cannot be written, Snakemake's hidden folder is taken.
        contents: what is known.
        begun: when files were first looked at, in nanoseconds of the epoch.
    """
    try:
        _write(path, contents, begun)
    except OSError:
        with contextlib.suppress(OSError):
            _write(_own(path), contents, begun)
    else:
        with contextlib.suppress(OSError):
            _own(path).unlink(missing_ok=True)


def _own(path: Path) -> Path:
    """Where an experiment keeps what it may not write to ``path``."""
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    return Path(".snakemake", "contents", f"{name}.npz")


def _write(path: Path, contents: Contents, begun: int) -> None:
    with written_beside(path) as beside, beside.open("wb") as file:
        np.savez(
            file,
            paths=_bytes(contents.paths),
            facts=_bytes(contents.facts),
            stamps=_reliable(contents.stamps, begun),
            digests=np.frombuffer(bytes.fromhex("".join(contents.digests)), np.uint8),
        )


def _bytes(lines: list[str]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(os.fsencode(line) + b"\0" for line in lines), np.uint8)


def _lines(array: NDArray[np.uint8]) -> list[str]:
    return os.fsdecode(array.tobytes()).split("\0")[:-1]


def aligned(known: Contents | None, paths: Sequence[str]) -> Contents:
    """What is known of these files, in this order; nothing of those that are new."""
    if known is not None and known.paths == list(paths):
        return known
    at = {path: row for row, path in enumerate(known.paths)} if known else {}
    rows = [at.get(path, -1) for path in paths]
    stamps = np.zeros((len(rows), 3), np.int64)
    if known and rows:
        found = np.array(rows)
        stamps[found >= 0] = known.stamps[found[found >= 0]]
    digests = [known.digests[row] if known and row >= 0 else "" for row in rows]
    facts = [known.facts[row] if known and row >= 0 else "" for row in rows]
    return Contents(list(paths), stamps, digests, facts)


def other_stamps(known: Contents, stamps: Stamps) -> list[int]:
    """Numbers of the files that must be read, since nothing is known of them as they are now."""
    return [int(row) for row in np.flatnonzero((known.stamps != stamps).any(axis=1))]


def _reliable(stamps: Stamps, begun: int) -> Stamps:
    """Zeros for files that had just changed, whose times may stay as they are."""
    kept = stamps.copy()
    kept[stamps[:, 2] > begun - FRESH] = 0
    return kept


def digests_of(root: Path, paths: Sequence[str]) -> Iterator[str]:
    """SHA-256 of files below ``root``, in order; several are read at a time.

    Returns:
        Hexadecimal digits of each.

    Raises:
        DataError: naming the first that cannot be read.
    """

    def digest(path: str) -> str:
        with _named(root / path), (root / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return _ahead(digest, paths)


def read_contents(
    root: Path, paths: Sequence[str], known: Contents | None, look: Look, progress: Progress
) -> Contents:
    """Digests of files, and what they are; those that are known and unchanged are not read.

    Args:
        root: the folder that paths are relative to.
        paths: the files.
        known: what was known of them.
        look: says what a file is.
        progress: called with the number of files done, and of all that are read.

    Returns:
        What is known now.

    Raises:
        DataError: naming the first that cannot be read or used.
    """
    stamps = stamps_of(root, paths)
    before = aligned(known, paths)
    digests, facts = list(before.digests), list(before.facts)
    unknown = set(other_stamps(before, stamps)) | {n for n, fact in enumerate(facts) if not fact}

    def read(row: int) -> tuple[str, str]:
        path = root / paths[row]
        with _named(path):
            content = path.read_bytes()
            return hashlib.sha256(content).hexdigest(), look(content)

    rows = sorted(unknown)
    for done, (row, found) in enumerate(zip(rows, _ahead(read, rows), strict=True), start=1):
        digests[row], facts[row] = found
        if progress:
            progress(done, len(rows))
    return Contents(list(paths), stamps, digests, facts)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what reading a file stumbles over into one error that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _ahead(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Results in order, by several threads, few enough ahead that an end leaves little undone."""
    with ThreadPoolExecutor(_READERS) as pool:
        left = iter(items)
        waiting = [pool.submit(function, item) for item in islice(left, 2 * _READERS)]
        try:
            while waiting:
                yield waiting.pop(0).result()
                waiting += [pool.submit(function, item) for item in islice(left, 1)]
        finally:
            for task in waiting:
                task.cancel()


class Guard:
    """Files as they were when a job looked at them: whether one still is."""

    def __init__(self, contents: Contents) -> None:
        """Take the files by their numbers."""
        self._stamps = contents.stamps
        self._digests = np.frombuffer(bytes.fromhex("".join(contents.digests)), np.uint8)

    def check(self, number: int, path: Path) -> None:
        """Raise DataError when the file has other contents now; it is read if its times differ."""
        if stamp_of(str(path)) == tuple(self._stamps[number]):
            return
        expected = self._digests[32 * number : 32 * number + 32].tobytes().hex()
        if next(digests_of(path.parent, [path.name])) != expected:
            raise DataError(f"{path}: changed while a job was reading the data")
