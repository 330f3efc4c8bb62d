"""Digests of this package's sources, kept from one command to the next: all take a second to make.

Each is kept by the content of its source, so a source that was edited has none that is kept.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

from actsearch.records.digests import digest_bytes
from actsearch.records.files import written_beside

_FOLDER = ".snakemake"
_NAME = "code.json"
# Versions of Python may write a syntax tree as other text.
_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


class KeptDigests:
    """Digests by the content of what they are of, in Snakemake's folder of an experiment.

    The file may be removed at any time, and one that cannot be read counts as empty. Nothing is
    written where there is no such folder.

    Args:
        home: the experiment's folder.
        maker: the source of what makes digests: another one makes others.
    """

    def __init__(self, home: Path, maker: Path) -> None:
        self._path = home / _FOLDER / _NAME
        self._made_by = f"{_PYTHON} {digest_bytes(maker.read_bytes())}"
        self._known: dict[str, str] = {}
        self._is_new = False
        with contextlib.suppress(OSError, ValueError, RecursionError):
            known = json.loads(self._path.read_bytes())
            self._known = known if isinstance(known, dict) else {}

    def digest(self, content: bytes, kind: str, make: Callable[[], str]) -> str:
        """The digest of ``content``.

        Args:
            content: what it is of.
            kind: tells digests of the same content apart that are made in other ways.
            make: makes it, where none is kept.

        Returns:
            ``sha256:<hex>``.
        """
        key = f"{self._made_by} {kind} {digest_bytes(content)}"
        digest = self._known.get(key)
        if not (isinstance(digest, str) and digest.startswith("sha256:")):
            digest = self._known[key] = make()
            self._is_new = True
        return digest

    def forget(self) -> None:
        """Have all made anew, here and in commands that follow: for who trusts no such file."""
        self._known = {}
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Keep what was made since; a folder that cannot be written is left as it is."""
        if self._is_new and self._path.parent.is_dir():
            self._is_new = False
            with contextlib.suppress(OSError), written_beside(self._path) as beside:
                beside.write_text(json.dumps(self._known))
