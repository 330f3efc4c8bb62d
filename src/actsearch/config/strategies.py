"""Names of search strategies: built in, some of them with a weight, or an object of the user's.

Each stands for ``package.module:object``. That module is code of what the strategy proposes, and of
nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from actsearch.config.plain import guess, show

_HOME = "actsearch.search.strategies"
BUILT_IN_STRATEGIES = {
    "random": f"{_HOME}.random:RANDOM",
    "union-knr": f"{_HOME}.greedy:UNION_NEIGHBORS",
    "union-rf": f"{_HOME}.greedy:UNION_FOREST",
    "union-svr": f"{_HOME}.greedy:UNION_SUPPORT_VECTORS",
    "outputs-knr": f"{_HOME}.greedy:OUTPUTS_NEIGHBORS",
    "fisher-knr": f"{_HOME}.greedy:FISHER_NEIGHBORS",
    "neighbors-ucb": f"{_HOME}.bound:NEIGHBORS",
    "trees-ucb": f"{_HOME}.bound:TREES",
    "gp-ei": f"{_HOME}.gaussian:EXPECTED_IMPROVEMENT",
    "gp-ts": f"{_HOME}.gaussian:THOMPSON_SAMPLING",
    "two-stage": f"{_HOME}.two_stage:TWO_STAGE",
    "transfer": f"{_HOME}.transfer:TRANSFER",
    "evolution": f"{_HOME}.evolution:EVOLUTION",
}
STRATEGIES = tuple(BUILT_IN_STRATEGIES)
"""Names of the strategies that are built in."""
WEIGHTED_STRATEGIES = ("neighbors-ucb", "trees-ucb", "two-stage", "transfer")
"""Those of which ``name@number`` is a variant: the weight of the deviation in the bound."""
BLIND_STRATEGIES = ("random", "evolution")
"""Those that predict nothing: they may start from any number of functions."""
INFORMED_STRATEGIES = ("transfer",)
"""Built-in ones that ask how functions rank on other tasks; one of the user's may too."""
DEFAULT_STRATEGY = "gp-ei"
"""What live searches use where the configuration names none."""
PAPER_STRATEGY = "union-knr"
"""What Bingham and Miikkulainen (2023) search by."""

_OBJECT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_WEIGHT = re.compile(r"\d{1,3}(\.\d{1,4})?")


@dataclass(frozen=True)
class NamedStrategy:
    """Where a strategy is found."""

    module: str
    """Dotted name of the module."""
    attribute: str
    """Name of the object in it."""
    family: str
    """Its name without the weight."""
    weight: float | None = None
    """Weight of its variant, if it is one."""


def named_strategy(name: str) -> NamedStrategy:
    """What a strategy's name stands for.

    Args:
        name: a built-in name, ``name@number`` for one with a weight, or ``package.module:object``.

    Returns:
        The module and the object; nothing is imported.

    Raises:
        ValueError: for another name, with what is allowed.
    """
    family, at, number = name.partition("@")
    is_variant = at and family in WEIGHTED_STRATEGIES and _WEIGHT.fullmatch(number)
    weight = float(number) if is_variant else None
    if weight is not None and f"{weight:g}" != number:
        raise ValueError(f"strategy {name!r}: write the weight as {weight:g}")
    if is_variant or name in BUILT_IN_STRATEGIES:
        module, _, attribute = BUILT_IN_STRATEGIES[family].partition(":")
        return NamedStrategy(module, attribute, family, weight)
    if _OBJECT.fullmatch(name):
        module, _, attribute = name.partition(":")
        return NamedStrategy(module, attribute, name)
    raise ValueError(
        f"unknown strategy {show(name)}{guess(name, STRATEGIES)}; allowed: "
        f"{', '.join(STRATEGIES)}; with a weight, such as trees-ucb@0.5: "
        f"{', '.join(WEIGHTED_STRATEGIES)}; your own as package.module:object"
    )


def asks_other_tasks(name: str) -> bool:
    """Whether a strategy may read how functions rank on other tasks."""
    named = named_strategy(name)
    return named.family in INFORMED_STRATEGIES or named.family not in BUILT_IN_STRATEGIES


def users_strategy(name: str) -> str:
    """The module of a strategy that is not built in; empty for others."""
    named = named_strategy(name)
    return named.module if named.family not in BUILT_IN_STRATEGIES else ""
