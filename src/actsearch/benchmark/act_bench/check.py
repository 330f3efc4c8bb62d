"""A look at an Act-Bench file before any job starts. Imports neither pandas nor torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from actsearch.benchmark.act_bench.format import read_act_bench
from actsearch.benchmark.act_bench.matching import cdf_length, match, require_functions
from actsearch.functions.expressions import Expression
from actsearch.functions.spaces import SearchSpace
from actsearch.records.digests import settings_digest

PUBLIC_SPACE = "three-node"
"""The space whose functions the public tables hold."""


def check_file(path: Path, slugs: Sequence[str], *, published: bool, memory: Path) -> None:
    """Refuse a file that the functions ``slugs`` cannot be imported from.

    Of a public file that is still to be fetched, the space is known. A file that was found good is
    not read again until it or the functions change: that takes seconds for a large one.

    Args:
        path: the file, or where a public one will be.
        slugs: the functions of the task's space.
        published: whether its Fisher features are wanted.
        memory: folder of empty files, named after what was found good.

    Raises:
        ActBenchError: when the file is not in the format, or lacks a function or the features.
    """
    state = path.stat() if path.is_file() else None
    stamp = [state.st_size, state.st_mtime_ns] if state else []
    what = [str(path.absolute()), stamp, list(slugs), published]
    seen = memory / settings_digest(what).removeprefix("sha256:")[:16]
    if seen.exists():
        return
    names = [Expression.from_slug(slug).name for slug in slugs]
    if state:
        bench = read_act_bench(path)
        match(names, bench)
        if published:
            cdf_length(bench)
    else:
        whole = SearchSpace.named(PUBLIC_SPACE).names()
        require_functions(names, whole, f"the public table {path.stem}")
    seen.parent.mkdir(parents=True, exist_ok=True)
    seen.touch()
