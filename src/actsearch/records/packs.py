"""Several files made by one job: what is finished stays, what already stands is not made again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actsearch.records.embedded import read_provenance
from actsearch.records.formats import ArtifactError, write_json
from actsearch.records.provenance import says


class Pack:
    """The JSON files of one job, one an item.

    A finished item is held under a hidden name beside its place, and moves there when all are
    finished: a workflow manager that removes the outputs of a failed job then removes nothing that
    was finished. An item stands when its record has the same item and the same identity.
    """

    def __init__(
        self,
        items: Mapping[Path, str],
        identity: Mapping[str, Any],
        further: Mapping[Path, Mapping[str, Any]] | None = None,
    ) -> None:
        """Take the files with the item each holds, and what their records must say.

        Args:
            items: the item of each file.
            identity: what all records must say.
            further: what the record of a file must say besides; it is written there.
        """
        self._items = dict(items)
        self._identity = dict(identity)
        self._further = further or {}

    def _own(self, path: Path) -> dict[str, Any]:
        """What the record of one file says besides the identity."""
        return {**self._further.get(path, {}), "item": self._items[path]}

    def _stands(self, path: Path, place: Path) -> bool:
        """Whether what lies at ``path`` is the finished file that belongs to ``place``."""
        try:
            block = read_provenance(path, ".json")
        except ArtifactError:
            return False
        return says(block, self._identity | self._own(place))

    @staticmethod
    def _held(path: Path) -> Path:
        return path.with_name(f".{path.name}.finished")

    def to_do(self) -> list[Path]:
        """Files that neither stand nor were finished by an earlier job."""
        return [
            path
            for path in self._items
            if not self._stands(path, path) and not self._stands(self._held(path), path)
        ]

    def finish(self, path: Path, content: Mapping[str, Any], provenance: dict[str, Any]) -> None:
        """Write one item; it is safe from now on."""
        block = provenance | {key: value for key, value in self._own(path).items() if value}
        write_json(self._held(path), content, block, place=path)

    def release(self) -> None:
        """Move every finished item to its place, unless a later job has made it meanwhile.

        Raises:
            ArtifactError: when an item was not finished, or its place has what a later job made
                with other settings or code; the others are moved all the same.
        """
        problems = []
        for path in self._items:
            held = self._held(path)
            if self._stands(path, path):
                held.unlink(missing_ok=True)
            elif not self._stands(held, path):
                problems.append(f"{path}: not finished")
            elif _job_started(path) > _job_started(held):
                problems.append(f"{path}: a later job has made it otherwise; left alone")
            else:
                held.replace(path)
        if problems:
            raise ArtifactError("\n".join(problems))


def _job_started(path: Path) -> str:
    """Start of the job that made ``path``, as ISO 8601 in UTC; empty where that is unknown."""
    try:
        return str(read_provenance(path, ".json").get("job_started", ""))
    except ArtifactError:
        return ""
