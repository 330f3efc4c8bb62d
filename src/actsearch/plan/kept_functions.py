"""What is found by evaluating functions, kept from one reading of the workflow to the next.

Which functions a space selects depends on the space alone; each 5,000 of them take a second.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, TypeVar

import numpy as np

from actsearch.config import Space
from actsearch.functions.equivalence import classes, outputs
from actsearch.functions.misspelt import parse
from actsearch.functions.selection import select
from actsearch.plan import layout
from actsearch.plan.kept import kept
from actsearch.records.code import module_digests
from actsearch.records.digests import settings_digest
from actsearch.records.provenance import environment

T = TypeVar("T")


class KeptFunctions:
    """Answers about functions, in Snakemake's hidden folder.

    An answer is made anew where code of operators or of spaces, NumPy, SciPy or Python is another.
    """

    def __init__(self, operators: Sequence[str] = ()) -> None:
        """Take the names of the modules that have registered operators of the user's."""
        self._operators = operators

    @functools.cached_property
    def _made_by(self) -> list[Any]:
        modules = module_digests("actsearch.functions.selection", *self._operators)
        if self._operators:  # the user's may call any package
            return [modules, environment()["digest"]]
        return [modules, sys.version, version("numpy"), version("scipy")]

    def slugs(self, space: Space, baselines: Sequence[str]) -> list[str]:
        """Slugs of the functions that a space selects; see `select`, whose errors are raised."""
        return self._kept(
            ["select", space.as_settings(), list(baselines)],
            lambda: [function.slug for function in select(space, baselines)],
        )

    def classes(self, names: Sequence[str]) -> list[int]:
        """Class of each of the functions called ``names``, as `classes` has it."""
        return self._kept(["classes", list(names)], lambda: classes(names))

    def finite(self, names: Sequence[str]) -> list[bool]:
        """Whether each is finite on every normal sample; ExpressionError for a name of none."""
        return self._kept(
            ["finite", list(names)],
            lambda: [bool(np.isfinite(row).all()) for row in outputs(map(parse, names))],
        )

    def _kept(self, asked: list[Any], make: Callable[[], T]) -> T:
        return kept(layout.SEEN_FUNCTIONS / settings_digest([asked, self._made_by])[7:23], make)
