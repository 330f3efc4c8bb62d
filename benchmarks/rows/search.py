"""Listing a space, telling equal functions apart, suggesting the next one, replaying a search."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pandas as pd

from actsearch.config import Simulation
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.equivalence import outputs
from actsearch.functions.spaces import SearchSpace
from actsearch.search.candidates import COORDINATES, coordinates
from actsearch.search.rounds import propose
from actsearch.search.simulation import simulate
from actsearch.search.strategies import register
from actsearch.search.strategies.surrogate import SurrogateStrategy
from actsearch.search.surrogates import nearest_neighbors
from benchmarks.children import spent
from benchmarks.measuring import Row, Setting, compare, failed, in_turn

NAMES = 1_023_524
SECONDS, MEMORY = 8.0, 0.5e9
SUGGESTION = 0.3
KNOWN, CANDIDATES = 2_913, 20_000
ENUMERATE = """
import json, sys, time
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.spaces import SearchSpace
started, used = time.perf_counter(), time.process_time()
found = enumerate_space(SearchSpace.named(sys.argv[1]))
print(json.dumps({"names": len(found.names), "distinct": int(found.representative.sum()),
                  "wall": time.perf_counter() - started, "cpu": time.process_time() - used}))
"""


def rows(setting: Setting) -> Iterator[Row]:
    """All of them; those of the textbook need `benchmarks.textbook_space`."""
    yield three_nodes(setting)
    yield replay(setting)
    plain = textbook_space()
    try:
        yield four_nodes(setting, plain)
    except Exception as error:
        yield failed("enumeration and equals, four-node space", error)
    yield suggestion(setting, plain)


def textbook_space() -> ModuleType | None:
    """Spaces and proposals from their definitions, where they are."""
    try:
        return importlib.import_module("benchmarks.textbook_space")
    except ModuleNotFoundError:
        return None


def three_nodes(setting: Setting) -> Row:
    """5,103 names, beside one evaluation a function."""
    space = SearchSpace.named("three-node")

    def one_by_one() -> int:
        rounded = np.round(outputs(space), 6) + 0.0
        rounded[np.isnan(rounded)] = np.nan
        return len({row.tobytes() for row in rounded})

    return compare(
        "enumeration and equals, three-node space",
        lambda: enumerate_space(space),
        one_by_one,
        "one by one, with ours for each",
        setting.turns(5),
        clock="cpu",
    )


def four_nodes(setting: Setting, plain: ModuleType | None) -> Row:
    """In a process of its own, for its memory; the textbook's rate is that of the small space."""
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
    if plain is not None:
        counts: list[tuple[int, int]] = []

        def textbook() -> None:
            names, labels = plain.distinct(plain.three_node())
            counts.append((len(names), len(set(labels))))

        plain_rate_of = in_turn({"textbook": textbook}, 1, warm=False)["textbook"]
        plain_rate = counts[0][0] / plain_rate_of.median
        row.textbook = found["names"] / plain_rate
        row.against = "each function by itself, by its rate in the three-node space"
        row.ratio, row.ratio_of = rate / plain_rate, "times faster"
        row.more |= {"names_a_second_textbook": plain_rate, "distinct_textbook": counts[0][1]}
    return row


def points(names: list[str]) -> pd.DataFrame:
    """A made-up map."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(len(names), len(COORDINATES))), columns=COORDINATES)
    table.insert(0, "name", names)
    table.insert(1, "slug", names)
    return table


def suggestion(setting: Setting, plain: ModuleType | None) -> Row:
    """The next function of a search, with a benchmark table's functions known."""
    known, new = (40, 100) if setting.tiny else (KNOWN, CANDIDATES)
    names = [*BASELINES, *(f"f{number}" for number in range(known + new - len(BASELINES)))]
    table = points(names)
    scores = np.random.default_rng(1).random(known)
    history = pd.DataFrame({"name": names[:known], "validation_score": scores, "round": 0})
    where = table[list(coordinates("union"))].to_numpy().tolist()
    placed = dict(zip(names, map(tuple, where), strict=True))
    evaluated = dict(zip(names[:known], scores.tolist(), strict=True))

    def ours() -> object:
        return propose("union-knr", table, history, slots=1, round=1, seed=0)

    goal = f"under {SUGGESTION:g} s"
    name = f"a suggestion, {known:,} known of {known + new:,}"
    if plain is None:
        row = Row(name, in_turn({"ours": ours}, setting.turns(5))["ours"].median)
    else:
        row = compare(
            name,
            ours,
            lambda: plain.propose(placed, evaluated, 1),
            "scikit-learn's regressor, fitted anew",
            1 if setting.tiny else 3,
        )
    row.goal, row.met = goal, (row.ours or 9e9) < SUGGESTION
    return row


def replay(setting: Setting) -> Row:
    """A replayed search, beside a refit an evaluation."""
    names = [*BASELINES, *(f"f{number}" for number in range(600))]
    table = pd.DataFrame({"name": names, "validation_score": np.random.default_rng(0).random(608)})
    runs, evaluations = (1, 12) if setting.tiny else (2, 60)
    settings = Simulation(runs=runs, evaluations=evaluations)
    # Another regressor object of the same kind: the walk then refits scikit-learn's each time.
    register("refitted-knr", SurrogateStrategy("union", lambda seed: nearest_neighbors(seed)))
    return compare(
        "replayed search, k-NN",
        lambda: simulate("union-knr", table, points(names), settings),
        lambda: simulate("refitted-knr", table, points(names), settings),
        "a refit an evaluation",
        setting.turns(5),
        clock="cpu",
    )
