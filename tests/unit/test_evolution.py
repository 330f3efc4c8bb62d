"""Evolution on expression trees: children, and who their parents are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_tables import history_of, make_map

from actsearch.functions.baselines import BASELINES
from actsearch.functions.expressions import Expression, parse
from actsearch.functions.operators import BINARY, NARY, UNARY, read_token
from actsearch.search.candidates import COLUMNS
from actsearch.search.strategies.evolution import EVOLUTION, EvolutionStrategy, mutated

UNARY_NAMES = st.sampled_from(UNARY)
Trees = st.recursive(
    st.just("x"),
    lambda inner: (
        st.builds("{}({})".format, UNARY_NAMES, inner)
        | st.builds("{}({},{})".format, st.sampled_from(BINARY), inner, inner)
        | st.builds("{}({},{},{})".format, st.sampled_from(NARY), inner, inner, inner)
    ),
    max_leaves=6,
)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def kind(token: str) -> tuple[str, int]:
    """Whether an operator is unary, binary or n-ary, and of how many arguments."""
    operator, count = read_token(token)
    [found] = [
        name
        for name, kinds in (("unary", UNARY), ("binary", BINARY), ("nary", NARY))
        if operator.name in kinds
    ]
    return found, count


@given(Trees.filter(lambda name: name != "x"), st.integers(0, 99))
def test_a_child_is_one_change_away(name: str, seed: int) -> None:
    parent, child = parse(name), parse(mutated(name, generator(seed)))
    if len(parent.tokens) == 2:  # it grows
        root, *inner = child.tokens
        assert kind(root) == ("binary", 2)
        assert tuple(inner[:2]) == parent.tokens
        assert kind(inner[2])[0] == "unary" and inner[3:] == ["x"]
        return
    changed = [
        i
        for i, pair in enumerate(zip(parent.tokens, child.tokens, strict=True))
        if pair[0] != pair[1]
    ]
    [place] = changed
    assert kind(parent.tokens[place]) == kind(child.tokens[place])
    assert Expression(child.tokens).name == child.name


def test_every_place_and_every_operator_come_up() -> None:
    children = Counter(
        mutated("add(relu(x),tanh(x))", rng) for rng in [generator()] for _ in range(4000)
    )
    expected = {f"{op}(relu(x),tanh(x))" for op in BINARY if op != "add"}
    expected |= {f"add({op}(x),tanh(x))" for op in UNARY if op != "relu"}
    expected |= {f"add(relu(x),{op}(x))" for op in UNARY if op != "tanh"}
    names = {parse(name).name for name in expected}
    assert set(children) == names


@pytest.mark.parametrize("name", ["x", "nothing(x)", "f0(x)", "add(x", ""])
def test_what_cannot_change_stays(name: str) -> None:
    assert mutated(name, generator()) == name


def candidates_of(names: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(0.0, pd.Index(names, name="name"), COLUMNS)
    table.insert(0, "slug", [parse(name).slug for name in names])
    return table


PAIRS = [f"{a}({b}(x))" for a in UNARY for b in UNARY]


def one_away(one: str, other: str) -> bool:
    tokens = zip(parse(one).tokens, parse(other).tokens, strict=True)
    return sum(a != b for a, b in tokens) == 1


def test_proposals_are_children_of_the_best() -> None:
    evaluated = dict.fromkeys(PAIRS[::40], 0.1) | {"relu(tanh(x))": 0.9}
    all_of_them = EvolutionStrategy(tournament=1000)  # then the best is the only parent
    proposed = all_of_them.propose(history_of(evaluated), candidates_of(PAIRS), 12, generator())
    assert all(one_away(name, "relu(tanh(x))") for name, _ in proposed)
    assert all(np.isnan(prediction) for _, prediction in proposed)
    assert len({name for name, _ in proposed}) == 12


def test_the_oldest_die() -> None:
    """The best one was trained too long ago to be a parent."""
    names = [name for name in PAIRS if not one_away(name, "relu(tanh(x))")]
    evaluated = {"relu(tanh(x))": 0.9} | dict.fromkeys(names[:20], 0.1)
    young = EvolutionStrategy(population=20, tournament=20)
    proposed = young.propose(history_of(evaluated), candidates_of(PAIRS), 10, generator())
    # Of equal ones the first that was drawn: each child is one change from one that is alive.
    assert all(any(one_away(name, parent) for parent in names[:20]) for name, _ in proposed)
    old = EvolutionStrategy(population=21, tournament=21)
    proposed = old.propose(history_of(evaluated), candidates_of(PAIRS), 10, generator())
    assert all(one_away(name, "relu(tanh(x))") for name, _ in proposed)


def test_without_a_child_among_the_candidates_it_draws_any() -> None:
    candidates = candidates_of(["add(relu(x),tanh(x))", "add(abs(x),erf(x))"])
    history = history_of({"exp(exp(exp(exp(x))))": 0.9})
    drawn = {EVOLUTION.propose(history, candidates, 1, generator(seed))[0][0] for seed in range(12)}
    assert drawn == set(candidates.index)
    nobody = history_of({})
    assert len(EVOLUTION.propose(nobody, candidates, 2, generator())) == 2


def test_made_up_names_do_no_harm() -> None:
    table = make_map(40).set_index("name")
    history = history_of(dict.fromkeys(BASELINES, 0.5))
    assert len(EVOLUTION.propose(history, table, 32, generator())) == 32
