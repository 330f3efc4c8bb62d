"""The public Act-Bench files: where they are, their download, their checksums.

A file stays as published. Beside it lies a record of its SHA-256, taken when it was first seen; the
publisher names none. Whoever uses the file compares the two.

No ``pooch``: after every interruption it begins anew. So that a later call can go on, what has come
lies under a name of its own and stays after an error, unlike a file of ``written_beside``.
"""

from __future__ import annotations

import email.message
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from actsearch.benchmark.act_bench.format import ActBenchError
from actsearch.config import ACT_BENCH_TABLES
from actsearch.records.digests import digest_file

PUBLIC = {
    name: f"https://act-bench.s3.us-west-2.amazonaws.com/act-bench-{name}.json"
    for name in ACT_BENCH_TABLES
}
"""Addresses by the name of the table."""

Progress = Callable[[int, int], None]

ATTEMPTS = 5
_SECONDS = 60
_AT_ONCE = 1 << 20


class _InterruptedError(Exception):
    """A connection that was lost; what has come is kept."""


_LOST = (
    _InterruptedError,
    urllib.error.URLError,
    http.client.HTTPException,
    TimeoutError,
    ConnectionError,
)


def record_path(path: Path) -> Path:
    """Where the record of a file lies: ``act-bench-cnn.sha256.json`` beside it."""
    return path.with_name(f"{path.stem}.sha256.json")


def verify(path: Path) -> str:
    """Compare the file at ``path`` with its record, where there is one.

    Returns:
        Digest of the file, ``sha256:<hex>``.

    Raises:
        ActBenchError: when it differs from the record, or the record cannot be read.
    """
    found = digest_file(path)
    record = record_path(path)
    if not record.is_file():
        return found
    try:
        known = json.loads(record.read_text(encoding="utf-8"))["sha256"]
    except (ValueError, KeyError, TypeError):
        raise ActBenchError(f"{record}: holds no checksum; remove it to take a new one") from None
    if known != found.removeprefix("sha256:"):
        raise ActBenchError(
            f"{path}: its SHA-256 is {found.removeprefix('sha256:')}, but {record.name} beside it "
            f"says {known}: it was altered or cut short; remove it to fetch it again, or both if "
            "the new one is right"
        )
    return found


def download(
    address: str, path: Path, progress: Progress | None = None, pause: float = 3.0
) -> dict[str, str]:
    """Fetch ``address`` to ``path``, which appears when all of it is there.

    What has come lies beside under a hidden name. A later call goes on from there if the server can
    and still has the same file (by its ETag).

    Args:
        address: over https, or http for tests and mirrors.
        path: the file to make.
        progress: called with the bytes there and of all.
        pause: seconds before the second of ``ATTEMPTS`` attempts, longer before each further one.

    Returns:
        What the server says of the file: ``etag`` and ``last_modified``, where it does.

    Raises:
        ActBenchError: when it cannot be fetched, or not be written.
    """
    if urllib.parse.urlsplit(address).scheme not in ("https", "http"):
        raise ActBenchError(f"{address!r}: not an https address")
    attempt = 1
    while True:
        try:
            return _attempt(address, path, progress)
        except urllib.error.HTTPError as error:
            reason, is_final = f"{error.code} {error.reason}", error.code < 500
        except _LOST as error:
            reason, is_final = str(getattr(error, "reason", error)), False
        except OSError as error:
            raise ActBenchError(f"{path}: cannot be written ({error.strerror or error})") from None
        if is_final or attempt == ATTEMPTS:
            raise ActBenchError(
                f"{address} cannot be fetched ({reason}). What has arrived is kept: run it again "
                f"to continue. Without internet access, put the file at {path} yourself"
            )
        time.sleep(pause * attempt)
        attempt += 1


def _attempt(address: str, path: Path, progress: Progress | None) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    part, tag = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.etag")
    headers = {"User-Agent": "actsearch", "Accept-Encoding": "identity"}
    if part.is_file() and tag.is_file() and part.stat().st_size:
        # If-Range: all of the file comes unless it is the one of which we have the beginning.
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": tag.read_text("utf-8")}
    request = urllib.request.Request(address, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        part.unlink(missing_ok=True)  # longer than the file, or whole: begin anew
        raise _InterruptedError("what had come does not fit") from None
    with answer:
        resumed = answer.status == http.client.PARTIAL_CONTENT
        etag = answer.headers.get("ETag")
        if resumed and etag != headers["If-Range"]:
            part.unlink()
            raise _InterruptedError("the server has another file now")
        if not resumed:
            tag.unlink(missing_ok=True)
        with part.open("ab" if resumed else "wb") as file:
            if not resumed and etag and not etag.startswith("W/"):
                tag.write_text(etag, "utf-8")
            _receive(answer, file, progress)
            os.fsync(file.fileno())
    part.replace(path)
    tag.unlink(missing_ok=True)
    return _told(answer.headers)


def _receive(answer: http.client.HTTPResponse, file: BinaryIO, progress: Progress | None) -> None:
    """Write what comes behind what is there; _InterruptedError when less comes than was said."""
    there = file.seek(0, os.SEEK_END)
    length = answer.headers.get("Content-Length")
    total = there + int(length) if length is not None else None
    while True:
        try:
            block = answer.read(_AT_ONCE)
        except (OSError, http.client.HTTPException) as error:
            raise _InterruptedError(str(error) or type(error).__name__) from None
        if not block:
            break
        file.write(block)
        there += len(block)
        if progress:
            progress(there, total or there)
    if total is not None and there != total:
        raise _InterruptedError(f"{there:,} of {total:,} bytes came")


def _told(headers: email.message.Message) -> dict[str, str]:
    names = {"etag": "ETag", "last_modified": "Last-Modified"}
    return {key: str(headers[name]) for key, name in names.items() if headers[name]}


def fetch(
    address: str, path: Path, progress: Progress | None = None, pause: float = 3.0
) -> dict[str, Any] | None:
    """Have the file at ``path``, downloaded or as it stands, and what its record should say.

    Returns:
        ``sha256`` (hex), ``bytes``, and for a download ``address`` and what the server said; None
        when a record stands and the file agrees with it.

    Raises:
        ActBenchError: when the file cannot be fetched, or is not that of the record.
    """
    told: dict[str, Any] = {}
    if not path.is_file():
        told = {"address": address, **download(address, path, progress, pause)}
    digest = verify(path)
    if record_path(path).is_file():
        return None
    return {"sha256": digest.removeprefix("sha256:"), "bytes": path.stat().st_size, **told}
