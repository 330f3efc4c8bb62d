"""Regularised evolution on expression trees (Real et al. 2019), the classic rival.

It sees no features: parents are chosen by their scores, children differ from them in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actsearch.functions.expressions import Expression, ExpressionError, parse
from actsearch.functions.operators import BINARY, LEAF, NARY, UNARY, make_token, read_token
from actsearch.search.strategies.base import known, proposals

ATTEMPTS = 200
"""Children tried before a function is drawn at random: most are no candidates."""


@dataclass(frozen=True)
class EvolutionStrategy:
    """The oldest die: parents are the best of a random few among the last ones trained."""

    population: int = 50
    """Last functions trained, which are alive."""
    tournament: int = 10
    """Of these drawn; the best of them is the parent."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``; nothing is predicted (NaN)."""
        left = known(history, candidates, n).left
        free = dict(zip(candidates.index[left], left.tolist(), strict=True))
        alive = history["validation_score"].iloc[-self.population :]
        chosen: list[int] = []
        for _ in range(n):
            child = self._child(alive, free, rng)
            chosen.append(free.pop(child))
        return proposals(candidates, np.array(chosen), np.full(n, np.nan))

    def _child(
        self, alive: pd.Series[float], free: dict[str, int], rng: np.random.Generator
    ) -> str:
        for _ in range(ATTEMPTS if len(alive) else 0):
            drawn = rng.choice(len(alive), size=min(self.tournament, len(alive)), replace=False)
            parent = str(alive.index[drawn[alive.to_numpy()[drawn].argmax()]])
            child = mutated(parent, rng)
            if child in free:
                return child
        return str(rng.choice(list(free)))


def mutated(name: str, rng: np.random.Generator) -> str:
    """A function one change away: another operator of the same kind in one place.

    A function of one operator grows instead, as baselines must to get into a space of larger ones:
    ``binary(f(x),unary(x))``.

    Returns:
        A name; ``name`` itself where it is no function of this package, or nothing can change.
    """
    try:
        tokens = parse(name).tokens
    except ExpressionError:
        return name
    if len(tokens) == 2:
        grown = (str(rng.choice(BINARY)), *tokens, str(rng.choice(UNARY)), LEAF)
        return Expression(grown).name
    places = [place for place, token in enumerate(tokens) if token != LEAF]
    if not places:
        return name
    place = int(rng.choice(places))
    operator, count = read_token(tokens[place])
    kind = next((kind for kind in (UNARY, BINARY, NARY) if operator.name in kind), ())
    others = [other for other in kind if other != operator.name]
    if not others:
        return name
    new = make_token(str(rng.choice(others)), count)
    return Expression((*tokens[:place], new, *tokens[place + 1 :])).name


EVOLUTION = EvolutionStrategy()
