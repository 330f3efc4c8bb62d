"""Random functions, the same in every run."""

from __future__ import annotations

import functools

from actsearch import config
from actsearch.functions.expressions import Expression
from actsearch.functions.selection import select

TYPICAL = "mul(sigmoid(x),erf(x))"
"""An ordinary function: two transcendental operators and a product."""


@functools.cache
def random_functions(n: int) -> tuple[Expression, ...]:
    """``n`` functions, half from the three-node space and half from the four-node one, by turns."""
    drawn = [
        select(config.Space(schemas=(name,), sample=n + 8, seed=0, finite_only=True))
        for name in ("three-node", "four-node")
    ]
    baselines = set(select(config.Space(include=("baselines",))))
    pairs = zip(*([f for f in space if f not in baselines] for space in drawn), strict=False)
    mixed = dict.fromkeys(function for pair in pairs for function in pair)
    return tuple(mixed)[:n]
