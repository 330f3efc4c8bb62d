"""Several files made by one job: what is finished stays, what already stands is not made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actsearch.records.artifacts import ArtifactError, read_provenance, write_json

UNFINISHED = ".unfinished"


class Pack:
    """The JSON files of one job, one an item.

    An item is written to a folder beside its place and moves there when all are finished: a
    workflow manager that removes the outputs of a failed job then removes nothing finished. An item
    stands when its record says the same settings, code and item.
    """

    def __init__(self, items: Mapping[Path, str], identity: tuple[str, str | None]) -> None:
        """Take the files with the item each holds, and what their records must say."""
        self._items = dict(items)
        self._settings, self._code = identity

    def _stands(self, path: Path, item: str) -> bool:
        try:
            block = read_provenance(path)
        except ArtifactError:
            return False
        found = block.get("settings_digest"), block.get("code_digest"), block.get("item")
        return found == (self._settings, self._code, item)

    @staticmethod
    def _held(path: Path) -> Path:
        return path.parent / UNFINISHED / path.name

    def to_do(self) -> list[Path]:
        """Files that neither stand nor were finished by an earlier job."""
        return [
            path
            for path, item in self._items.items()
            if not self._stands(path, item) and not self._stands(self._held(path), item)
        ]

    def finish(self, path: Path, content: Mapping[str, Any], provenance: dict[str, Any]) -> None:
        """Write one item; it is safe from now on."""
        write_json(self._held(path), content, {**provenance, "item": self._items[path]})

    def release(self) -> None:
        """Move every finished item to its place."""
        for path, item in self._items.items():
            held = self._held(path)
            if self._stands(held, item) and not self._stands(path, item):
                held.replace(path)
            else:
                held.unlink(missing_ok=True)
        for folder in {self._held(path).parent for path in self._items}:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
