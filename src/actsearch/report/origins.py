"""Where the numbers of a section come from: files, their digests, and the commands that made them.

No time is among them, so that the same numbers give the same page; ``actsearch lineage`` and each
file's own provenance block have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_SECTIONS = {
    "summary": ("table", "costs", "history", "final"),
    "explorer": (
        *("table", "functions", "costs", "history", "final"),
        *("map", "surrogate", "predictions"),
    ),
    "across": ("table", "history", "final"),
    "benchmark": ("table", "costs", "functions"),
    "map": ("map", "spectra"),
    "surrogate": ("surrogate", "predictions", "characterisation"),
    "simulation": ("simulation",),
    "search": ("history", "screen", "screened"),
    "final": ("final", "activation"),
    "strategies": ("strategies",),
}


@dataclass(frozen=True)
class Origin:
    """A file behind the page.

    Attributes:
        kind: The option of the command ``report`` that takes it, such as ``table``.
        key: What that option calls it: a task, a task and a strategy, a space, or ``all``.
        path: As the workflow names it.
        link: From the page's folder.
        digest: Of what it says.
        command: What made it; None where its provenance does not say.
    """

    kind: str
    key: str
    path: str
    link: str
    digest: str | None = None
    command: str | None = None


def origins_of(
    origins: Iterable[Origin], section: str, task: str | None, space: str | None = None
) -> list[Origin]:
    """The files behind a section of a task, or behind one of all tasks where ``task`` is None."""
    kinds = _SECTIONS[section]

    def belongs(origin: Origin) -> bool:
        if origin.kind not in kinds:
            return False
        if task is None:
            return True
        return origin.key in {task, space} or origin.key.startswith(f"{task}/")

    return sorted(filter(belongs, origins), key=lambda o: kinds.index(o.kind))
