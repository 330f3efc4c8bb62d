"""Which paths under results/ the steps make, whatever the configuration names."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from actsearch.plan import layout
from actsearch.plan.steps import STEPS

_WILDCARD = re.compile(r"\\\{(\w+)\\\}")
# A scope may be empty and holds a slash, a copy of a source lies at any depth.
_MATCHES = {"scope": "(?:search/)?", "source": ".+"}


def is_made(path: str | Path) -> bool:
    """Whether a path is one at which a step leaves a file: such a file is never raw data.

    Returns:
        The same for links to it and other ways to write it.
    """
    return any(re.search(_any_step(), name, re.DOTALL) for name in _inside(path))


def may_be_made(path: str) -> bool:
    """Whether a file is worth opening: of another folder than this one's results, each is."""
    return is_made(path) or not layout.is_result(path)


def step_makes(step: str, path: str) -> bool:
    """Whether the step called ``step`` makes files with such a path, under some configuration."""
    return step in STEPS and re.fullmatch(_pattern(step), path, re.DOTALL) is not None


def _inside(path: str | Path) -> Iterator[str]:
    """Names of a file below the folder of results: as it is written, and where its links lead."""
    for where in (os.path.abspath, os.path.realpath):  # the second seldom: it asks the disk
        place, results = where(path), where(layout.RESULTS)
        if place.startswith(results + os.sep):
            yield os.path.join(layout.RESULTS, os.path.relpath(place, results))  # noqa: PTH118


@functools.cache
def _any_step() -> str:
    return "|".join(rf"\A(?:{_pattern(step)})\Z" for step in STEPS)


@functools.cache
def _pattern(step: str) -> str:
    """Of the files of a step under results/; of one that has none it matches nothing."""
    made = [path for path in STEPS[step].makes if layout.is_result(path)]
    return "|".join(_WILDCARD.sub(_match, re.escape(path)) for path in made) or r"(?!)"


def _match(wildcard: re.Match[str]) -> str:
    return _MATCHES.get(wildcard.group(1), "[^/]+")
