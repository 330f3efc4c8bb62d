"""Strategies by name, and how to add one.

Any object with the method ``propose`` of ``Strategy`` is one; with ``walk`` of ``Walker`` it brings
a faster way through a whole simulated search. From Python, another regressor takes one line, and
``propose`` and ``simulate`` then know its name::

    register("union-gp", SurrogateStrategy("union", lambda seed: GaussianProcessRegressor()))

A configuration names the strategies listed in ``actsearch.config.STRATEGIES``, which are registered
below; one that is to be used from there is added in both places.
"""

from __future__ import annotations

from actsearch.search.strategies.base import Strategy, Walker, best, unevaluated
from actsearch.search.strategies.neighbors import NeighborsStrategy
from actsearch.search.strategies.random import RandomStrategy
from actsearch.search.strategies.surrogate import SurrogateStrategy
from actsearch.search.surrogates import random_forest, support_vectors

__all__ = [
    "NeighborsStrategy",
    "RandomStrategy",
    "Strategy",
    "SurrogateStrategy",
    "Walker",
    "best",
    "get_strategy",
    "register",
    "strategy_names",
    "unevaluated",
]

_REGISTRY: dict[str, Strategy] = {}


def register(name: str, strategy: Strategy) -> None:
    """Make ``strategy`` known as ``name``.

    Raises:
        ValueError: When the name is taken.
    """
    if name in _REGISTRY:
        raise ValueError(f"a strategy called {name!r} is already registered")
    _REGISTRY[name] = strategy


def get_strategy(name: str) -> Strategy:
    """The strategy called ``name``.

    Returns:
        The strategy as it was registered.

    Raises:
        ValueError: When there is none, listing the known ones.
    """
    if name not in _REGISTRY:
        raise ValueError(f"unknown strategy {name!r}; allowed: {', '.join(strategy_names())}")
    return _REGISTRY[name]


def strategy_names() -> tuple[str, ...]:
    """Names of the registered strategies, in the order of their registration."""
    return tuple(_REGISTRY)


register("random", RandomStrategy())
register("union-knr", NeighborsStrategy("union"))
register("union-rf", SurrogateStrategy("union", random_forest))
register("union-svr", SurrogateStrategy("union", support_vectors))
register("outputs-knr", NeighborsStrategy("outputs"))
register("fisher-knr", NeighborsStrategy("fisher"))
