"""What is found by evaluating functions, kept from one reading of the workflow to the next.

Which functions a space selects hangs on the space alone, and takes a second for each 5,000 of them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, TypeVar

import numpy as np

from actsearch.config import Space
from actsearch.functions.equivalence import classes, outputs
from actsearch.functions.expressions import parse
from actsearch.functions.selection import select
from actsearch.plan import layout
from actsearch.plan.environment import is_asked_for_outputs
from actsearch.records.code import module_digests
from actsearch.records.digests import digest_bytes, settings_digest
from actsearch.records.files import written_beside

T = TypeVar("T")


class KeptFunctions:
    """Answers about functions, in Snakemake's hidden folder.

    An answer is made anew where code of operators or of spaces, NumPy, SciPy or Python is another.
    The files may be removed at any time; one that was damaged counts as none.
    """

    def __init__(self, operators: Sequence[str] = ()) -> None:
        """Take the names of the modules that have registered operators of the user's."""
        self._operators = operators

    @functools.cached_property
    def _made_by(self) -> list[Any]:
        modules = module_digests("actsearch.functions.selection", *self._operators)
        return [modules, sys.version, version("numpy"), version("scipy")]

    def slugs(self, space: Space, baselines: Sequence[str]) -> list[str]:
        """Slugs of the functions that a space selects; see `select`, whose errors are raised."""
        return self._kept(
            ["select", space.model_dump(mode="json"), list(baselines)],
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
        path = layout.SEEN_FUNCTIONS / settings_digest([asked, self._made_by])[7:23]
        # An audit asks for what the workflow makes: whoever wrote such a file, it is not believed.
        if not is_asked_for_outputs():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                digest, _, content = path.read_bytes().partition(b"\n")
                if digest.decode() == digest_bytes(content):
                    found: T = json.loads(content)
                    return found
        answer = make()
        content = json.dumps(answer).encode()
        if path.parents[1].is_dir():
            with contextlib.suppress(OSError), written_beside(path) as beside:
                beside.write_bytes(digest_bytes(content).encode() + b"\n" + content)
        return answer
