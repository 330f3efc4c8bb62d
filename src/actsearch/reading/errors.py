"""What is raised where results are asked for that are not there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from actsearch.config.base import guess
from actsearch.config.plain import show
from actsearch.records.names import printable_name


class ResultsError(ValueError):
    """Results that are not there; the message says which exist, or what makes them."""


def require_known(what: str, name: object, known: Iterable[str], place: object) -> None:
    """Raise ResultsError, with a guess at what was meant, unless ``name`` is among ``known``."""
    names = sorted(known)
    if name not in names:
        there = f"there are: {', '.join(names)}" if names else "there are none yet"
        raise ResultsError(f"{place}: no {what} {show(name)}{guess(str(name), names)}; {there}")


def require_made(path: Path, target: str) -> Path:
    """``path``, if there is such a file.

    Args:
        path: of the file.
        target: what Snakemake calls it.

    Returns:
        ``path``.

    Raises:
        ResultsError: with the command that makes it.
    """
    if path.is_file():
        return path
    raise ResultsError(
        f"{printable_name(str(path))} does not exist yet; it is made by: "
        f"snakemake --cores all {target}"
    )
