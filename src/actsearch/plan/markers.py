"""What tells Snakemake that images have changed: the time of a file that the fetching rule reads.

Images are no inputs of a rule: there may be a million of them, and one whose time alone is new is
the same image. A marker is newer than the manifest while the images are not those of the manifest,
and old otherwise; it is set whenever the workflow is read.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from actsearch.plan import layout
from actsearch.records.digests import digest_bytes

_OLD = 315_619_200  # 1980-01-02: no archive format knows an earlier day
NAME = "changed-images"


def marker(manifest: str) -> Path:
    """The marker of the images that ``manifest`` describes; it is made where there is none."""
    digest = digest_bytes(os.path.abspath(manifest).encode(errors="surrogateescape"))  # noqa: PTH100
    path = layout.SEEN_IMAGES / f"{Path(manifest).parent.name}-{digest[7:15]}" / NAME
    if not path.is_file():
        _set(path, None)
    return path


def mark(manifest: str, told: str | None) -> None:
    """Set the marker of ``manifest``: new where its images have changed, as is told, else old."""
    _set(marker(manifest), told)


def _set(path: Path, told: str | None) -> None:
    with contextlib.suppress(OSError):  # a folder that one may only read: nothing is made in it
        path.parent.mkdir(parents=True, exist_ok=True)
        # Snakemake takes a file with the content of last time for unchanged, whatever its time.
        text = f"{time.time_ns()} {told}" if told else ""
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        if not told:
            os.utime(path, (_OLD, _OLD))
