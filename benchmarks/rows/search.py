"""Listing a space, telling equal functions apart, suggesting the next one, replaying a search."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from actsearch.config import Simulation
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.spaces import SearchSpace
from actsearch.search.rounds import propose
from actsearch.search.simulation import simulate
from actsearch.search.strategies import register
from actsearch.search.strategies.greedy import GreedyStrategy
from actsearch.search.surrogates import nearest_neighbors
from benchmarks.children import spent
from benchmarks.made import function_map
from benchmarks.measuring import Row, Setting, compare, failed, in_turn
from benchmarks.textbook import space as textbook

NAMES = 1_023_524
SECONDS, MEMORY = 8.0, 0.5e9
SUGGESTION = 0.3
KNOWN, CANDIDATES = 2_913, 20_000
ENUMERATE = """
import json, os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.spaces import SearchSpace
started, used = time.perf_counter(), time.process_time()
found = enumerate_space(SearchSpace.named(sys.argv[1]))
print(json.dumps({"names": len(found.names), "distinct": int(found.representative.sum()),
                  "wall": time.perf_counter() - started, "cpu": time.process_time() - used}))
"""


def rows(setting: Setting) -> Iterator[Row]:
    """All of them."""
    yield three_nodes(setting)
    yield replay(setting)
    try:
        yield four_nodes(setting)
    except Exception as error:
        yield failed("enumeration and equals, four-node space", error)
    yield suggestion(setting)


def three_nodes(setting: Setting) -> Row:
    """5,103 names, one by one beside."""
    space = SearchSpace.named("three-node")
    return compare(
        "enumeration and equals, three-node space",
        lambda: enumerate_space(space),
        lambda: textbook.distinct(textbook.three_node()),
        "a loop over functions and a dictionary of their outputs",
        setting.turns(5),
        clock="cpu",
    )


def four_nodes(setting: Setting) -> Row:
    """In a process of its own, for its memory; the textbook's rate is that of some functions."""
    name = "three-node" if setting.tiny else "four-node"
    done = spent([sys.executable, "-W", "ignore", "-c", ENUMERATE, name])
    found = json.loads(done.said.splitlines()[-1])
    row = Row(f"enumeration and equals, {name} space", found["wall"])
    row.goal = f"{SECONDS:g} s on two cores, under {MEMORY / 1e9:g} GB"
    row.met = found["wall"] <= SECONDS and done.memory <= MEMORY
    rate = found["names"] / found["wall"]
    row.more = {
        "names": found["names"],
        "distinct": found["distinct"],
        "names_a_second": rate,
        "cpu_seconds_ours": found["cpu"],
        "memory_mb": done.memory / 1e6,
    }
    some = random.Random(0).sample(list(textbook.four_node()), 100 if setting.tiny else 5000)
    own = in_turn({"textbook": lambda: textbook.distinct(some)}, 1, warm=False)["textbook"]
    plain = own.cpu[0] / len(some)  # per name
    row.textbook = found["names"] * plain
    row.against = (
        "a loop over functions and a dictionary of their outputs, by its CPU seconds per name"
    )
    row.ratio, row.ratio_of = row.textbook / found["cpu"], "times as fast"
    row.more |= {"names_a_second_textbook": 1 / plain}
    return row


def suggestion(setting: Setting) -> Row:
    """The next functions of a search, with a benchmark table's functions known."""
    known, new = (40, 100) if setting.tiny else (KNOWN, CANDIDATES)
    table = function_map(known + new)
    names = table["name"].to_list()
    scores = np.random.default_rng(1).random(known)
    history = pd.DataFrame({"name": names[:known], "validation_score": scores})
    history = history.assign(round=0, status="completed")
    at = table[["union_x", "union_y"]].itertuples(index=False, name=None)
    places, of = dict(zip(names, at, strict=True)), dict(zip(names, scores, strict=False))
    row = compare(
        f"a suggestion, {known:,} known of {known + new:,}",
        lambda: propose("union-knr", table, history, slots=8, round=1, seed=0),
        lambda: textbook.propose(places, of, 8),
        "scikit-learn's nearest neighbours",
        1 if setting.tiny else 3,
    )
    row.goal, row.met = f"under {SUGGESTION:g} s", (row.ours or 9e9) < SUGGESTION
    return row


def replay(setting: Setting) -> Row:
    """A replayed search, beside a refit an evaluation."""
    functions = function_map(608)
    scores = np.random.default_rng(0).random(len(functions))
    table = pd.DataFrame({"name": functions["name"], "validation_score": scores})
    runs, evaluations = (1, 12) if setting.tiny else (2, 60)
    settings = Simulation(runs=runs, evaluations=evaluations)
    # Another regressor object of the same kind: the walk then fits it anew each time.
    register("refitted-knr", GreedyStrategy("union", lambda seed: nearest_neighbors(seed)))
    return compare(
        "replayed search, k-NN",
        lambda: simulate("union-knr", table, functions, settings),
        lambda: simulate("refitted-knr", table, functions, settings),
        "a refit an evaluation",
        setting.turns(5),
        clock="cpu",
    )
