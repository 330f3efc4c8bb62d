"""Strategies by name, and how to add one.

Any object with the method ``propose`` of ``Strategy`` is one; ``check_strategy`` tries it. A
configuration names it as ``package.module:object``. With ``walk`` of ``Walker`` it brings a faster
way through a whole simulated search. From Python, another regressor takes one line::

    register("union-gp", GreedyStrategy("union", lambda seed: GaussianProcessRegressor()))

Built-in ones are imported when asked for: each is code of its own proposals alone.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any, cast

from actsearch.config import STRATEGIES, ConfigError, named_strategy
from actsearch.search.strategies.base import Strategy, Walker, best, known

__all__ = ["Strategy", "Walker", "best", "get_strategy", "known", "register", "strategy_names"]

_REGISTRY: dict[str, Strategy] = {}


def register(name: str, strategy: Strategy) -> None:
    """Make ``strategy`` known as ``name``.

    Raises:
        ValueError: When the name is taken.
    """
    if name in strategy_names():
        raise ValueError(f"a strategy called {name!r} is already registered")
    _REGISTRY[name] = strategy


def get_strategy(name: str) -> Strategy:
    """The strategy called ``name``.

    Args:
        name: A built-in name, ``name@number`` (the variant with that weight), one that was
            registered, or ``package.module:object``; an object that is a class is called.

    Returns:
        The strategy.

    Raises:
        ValueError: When there is none, with what is allowed.
        ConfigError: When the module or the object cannot be found, or it has no ``propose``.
    """
    if name in _REGISTRY:
        return _REGISTRY[name]
    try:
        named = named_strategy(name)
    except ValueError as error:
        more = f"; registered: {', '.join(_REGISTRY)}" if _REGISTRY else ""
        raise ValueError(f"{error}{more}") from None
    found = _imported(name, named.module, named.attribute)
    if named.weight is not None:
        found = dataclasses.replace(found, weight=named.weight)
    return cast("Strategy", found)


def _imported(name: str, module: str, attribute: str) -> Any:
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise ConfigError(f"strategy {name!r}: cannot import {module!r} ({error})") from None
    if found is None:
        raise ConfigError(f"strategy {name!r}: {module!r} has no {attribute!r}")
    if isinstance(found, type):
        found = found()
    if not callable(getattr(found, "propose", None)):
        raise ConfigError(
            f"strategy {name!r} is {found!r}; allowed: an object, or a class that takes no "
            "arguments, with the method propose(history, candidates, n, rng)"
        )
    return found


def strategy_names() -> tuple[str, ...]:
    """Names of the built-in strategies, then of those that were registered."""
    return (*STRATEGIES, *_REGISTRY)
