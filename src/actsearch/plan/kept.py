"""Answers that take long, kept in Snakemake's hidden folder from one command to the next."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from actsearch.plan.environment import is_asked_for_outputs
from actsearch.records.digests import digest_bytes
from actsearch.records.files import written_beside

T = TypeVar("T")


def kept(path: Path, make: Callable[[], T]) -> T:
    """The answer in a file, which is made where there is none.

    The file may be removed at any time; one that was damaged counts as none. Nothing is written
    outside of an experiment's folder, and nothing where ``make`` raises.

    Args:
        path: the file, two levels below the experiment's folder; its name depends on all that the
            answer depends on.
        make: makes the answer, of what JSON holds.

    Returns:
        The answer.
    """
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
