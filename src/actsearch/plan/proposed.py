"""Trials that stand though the list that proposed them was made again.

A trial of a search round or of the last comparison depends on one row of a list: which function has
its slot. A longer list, or another choice in other slots, leaves it as it would be made again, and
its job keeps it.
"""

from __future__ import annotations

import functools
from pathlib import Path

from actsearch.functions.expressions import parse
from actsearch.plan.steps import step_called
from actsearch.records.embedded import input_digest
from actsearch.records.formats import read_csv
from actsearch.records.lineage import Artifact


def still_proposed(artifact: Artifact, path: str) -> bool:
    """Whether the list at ``path`` still has the function of a trial in the trial's slot."""
    step, slot = step_called(artifact.step), Path(artifact.path).stem
    if step is None or not step.packed or not path.endswith(".csv"):
        return False
    item = artifact.block.get("item")
    if item is None or not slot.isdecimal() or not Path(path).is_file():
        return False
    changed = Path(path).stat().st_mtime_ns
    return bool(_slugs(str(Path(path).absolute()), changed).get(int(slot)) == item)


@functools.cache
def _slugs(path: str, changed: int) -> dict[int, str]:
    """Slugs of the functions in a list, by slot; nothing of a list that cannot be relied on."""
    try:
        input_digest(path, made=True)
        rows = read_csv(path)
        names = zip(rows["slot"].tolist(), rows["name"].tolist(), strict=True)
        return {int(slot): parse(str(name)).slug for slot, name in names}
    except (ValueError, KeyError, TypeError):
        return {}
