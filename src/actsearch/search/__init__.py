"""Who is trained next: predictors on the map, strategies, searches, and the final verdict.

The public names are loaded on first use: importing the room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actsearch.config import DEFAULT_STRATEGY as DEFAULT_STRATEGY
    from actsearch.search.strategies.base import Strategy as Strategy
    from actsearch.search.strategies.check import StrategyError as StrategyError
    from actsearch.search.strategies.check import check_strategy as check_strategy

_HOMES = {
    "DEFAULT_STRATEGY": "actsearch.config",
    "Strategy": "actsearch.search.strategies.base",
    "StrategyError": "actsearch.search.strategies.check",
    "check_strategy": "actsearch.search.strategies.check",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
