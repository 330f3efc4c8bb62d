"""Seconds and memory of what is done with many functions: enumeration, proposal, map.

    python -m benchmarks.growth_functions [enumeration | proposal | map ...]

Spaces are five-node ones that a few unary operators, drawn by a seed, fill. A proposal has as many
functions known as left. Each case runs in a process of its own; seconds are those of the processor,
without imports; memory is the largest resident set of the process, imports included. ``growth`` is
the exponent since the case above: 1 where ten times the functions take ten times as long.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from actsearch import config
from actsearch.functions.operators import UNARY
from actsearch.functions.spaces import SearchSpace

FIVE_NODES = (
    "binary(unary(unary(x)),unary(unary(x)))",
    "binary(unary(unary(unary(x))),unary(x))",
    "n-ary(unary(x),unary(x),unary(x),unary(x))",
)
SLOTS = 8

Row = dict[str, float | str]


class Case(NamedTuple):
    """What is measured, which of its kinds, and for how many functions (or unary operators)."""

    part: str
    kind: str
    n: int


CASES = (
    *(Case("enumeration", "five-node", unary) for unary in (5, 9, 15, 27)),
    *(Case("proposal", kind, 10**e) for kind in ("random", "union-knr") for e in (3, 4, 5)),
    *(Case("proposal", kind, 10**e) for kind in ("union-rf", "union-svr") for e in (3, 4)),
    *(Case("map", "all", n) for n in (1000, 3000, 10_000)),
)


def _enumeration(kind: str, n: int) -> tuple[int, Callable[[], object]]:
    from actsearch.functions.enumeration import enumerate_space

    space = SearchSpace(FIVE_NODES, unary=random.Random(0).sample(UNARY, n))
    return space.size, lambda: enumerate_space(space)


def _proposal(kind: str, n: int) -> tuple[int, Callable[[], object]]:
    from actsearch.search.rounds import propose
    from benchmarks.made import function_map

    points = function_map(2 * n)
    scores = np.random.default_rng(1).random(n)
    history = pd.DataFrame({"name": points["name"][:n], "validation_score": scores})
    history = history.assign(round=0, status="completed")
    few = propose(kind, points[:100], history[:50], SLOTS, 1, 0)  # what libraries load meanwhile
    assert len(few) == SLOTS
    return n, lambda: propose(kind, points, history, SLOTS, 1, 0)


def _map(kind: str, n: int) -> tuple[int, Callable[[], object]]:
    from actsearch.features.embedding import embed
    from benchmarks.map import features

    outputs, cdfs = features(n)
    names = [function.name for function in itertools.islice(SearchSpace.named("four-node"), n)]
    embed(names[:100], outputs[:100], cdfs[:100], config.Map())  # UMAP is compiled
    return n, lambda: embed(names, outputs, cdfs, config.Map())


PARTS = {"enumeration": _enumeration, "proposal": _proposal, "map": _map}


def run(case: Case) -> Row:
    """Seconds and memory of a case, in this process."""
    functions, work = PARTS[case.part](case.kind, case.n)
    started = time.process_time()
    work()
    seconds = time.process_time() - started
    memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "part": case.part,
        "kind": case.kind,
        "functions": functions,
        "seconds": seconds,
        "memory": memory,
    }


def rows(parts: tuple[str, ...] = tuple(PARTS)) -> list[Row]:
    """The cases of some parts: ``part``, ``kind``, ``functions``, ``seconds``, ``memory`` bytes."""
    found = []
    for number, case in enumerate(CASES):
        if case.part in parts:
            command = [sys.executable, "-m", "benchmarks.growth_functions", "--one", str(number)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def growth(first: Row, second: Row) -> float:
    """Exponent of the seconds in the number of functions."""
    ratios = (float(second[key]) / float(first[key]) for key in ("seconds", "functions"))
    seconds, functions = map(math.log, ratios)
    return seconds / functions


def main() -> None:
    """Run one case and print it as JSON, or the parts asked for or all as a table."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(run(CASES[int(sys.argv[2])])))
        return
    table = Table("what", "kind", "functions", "s", "us a function", "memory GB", "growth")
    before: Row = {}
    for row in rows(tuple(sys.argv[1:]) or tuple(PARTS)):
        same = before and all(before[key] == row[key] for key in ("part", "kind"))
        seconds, functions = float(row["seconds"]), float(row["functions"])
        table.add_row(
            str(row["part"]), str(row["kind"]), f"{functions:,.0f}", f"{seconds:.3g}",
            f"{1e6 * seconds / functions:.3g}", f"{float(row['memory']) / 1e9:.2f}",
            f"{growth(before, row):.2f}" if same else "",
        )  # fmt: skip
        before = row
    Console().print(table)


if __name__ == "__main__":
    main()
