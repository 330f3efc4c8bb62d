"""Whether a strategy keeps the contract, tried on made-up searches."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.spaces import SearchSpace
from actsearch.search.candidates import COLUMNS, PRIOR
from actsearch.search.strategies import get_strategy
from actsearch.search.strategies.base import HISTORY, require_proposals

CANDIDATES = 60


class StrategyError(ValueError):
    """A strategy that breaks its contract; the message says how."""


def check_strategy(strategy: Any) -> None:
    """Try a strategy as searches will use it, in the manner of scikit-learn's check_estimator.

    Made-up searches over 60 functions: batches of one and of many, down to the last candidate;
    scores that tie, that are huge, that failed; trained functions that are no candidates; priors
    of other tasks. Proposals must be as many as asked for, candidates, new and distinct, their
    predictions numbers; the generator must be the only source of chance; and what is given must be
    left as it is.

    Args:
        strategy: An object with ``propose``, or the name of one.

    Raises:
        StrategyError: With the first thing that is wrong. What ``propose`` itself raises comes out
            as its cause.
        ValueError: When there is no strategy of that name.
    """
    chosen = get_strategy(strategy) if isinstance(strategy, str) else strategy
    if isinstance(chosen, type) or not callable(getattr(chosen, "propose", None)):
        raise StrategyError(
            f"{strategy!r} is not a strategy; allowed: an object with the method "
            "propose(history, candidates, n, rng)"
        )
    for priors in (0, 2):
        candidates = _candidates(priors)
        for what, scores in _scores(candidates).items():
            _try(chosen, what, candidates, scores)
    for left, n in ((0, 1), (1, 2)):
        _too_few_left(chosen, _candidates(0), left, n)


def _try(strategy: Any, what: str, candidates: pd.DataFrame, scores: pd.DataFrame) -> None:
    for trained in (8, 20, CANDIDATES - 7):
        history = scores.iloc[:trained]
        if trained == 20:  # one that is no candidate
            elsewhere = history.iloc[:1].set_axis(["elsewhere(x)"])
            history = pd.concat([history, elsewhere])
        for n in (1, 7):
            first = _proposed(strategy, what, history, candidates, n, 3)
            if first != _proposed(strategy, what, history, candidates, n, 3):
                raise StrategyError(
                    f"{what}: the same generator gave other proposals; every random decision must "
                    "come from rng"
                )


def _proposed(
    strategy: Any, what: str, history: pd.DataFrame, candidates: pd.DataFrame, n: int, seed: int
) -> list[tuple[str, float | None]]:
    """Checked pairs; a prediction that is missing is None, so that pairs compare."""
    given = history.copy(), candidates.copy()
    where = f"{what}, {len(history)} trained, {n} asked for"
    try:
        proposed = strategy.propose(history, candidates, n, np.random.default_rng(seed))
    except Exception as error:
        raise StrategyError(f"{where}: propose raised {type(error).__name__}: {error}") from error
    if not (history.equals(given[0]) and candidates.equals(given[1])):
        raise StrategyError(f"{where}: propose changed the history or the candidates in place")
    if not isinstance(proposed, list) or not all(
        isinstance(pair, tuple) and len(pair) == 2 for pair in proposed
    ):
        raise StrategyError(f"{where}: propose must return a list of pairs (name, prediction)")
    try:
        require_proposals(proposed, candidates, history.index, n)
    except (TypeError, ValueError) as error:  # the former for what is no name at all
        raise StrategyError(f"{where}: {error}") from None
    for name, prediction in proposed:
        if not isinstance(prediction, Real) or math.isinf(prediction):
            raise StrategyError(
                f"{where}: the prediction of {name!r} is {prediction!r}; allowed: a finite number, "
                "or NaN"
            )
    return [(name, None if math.isnan(value) else float(value)) for name, value in proposed]


def _too_few_left(strategy: Any, candidates: pd.DataFrame, left: int, n: int) -> None:
    history = _scores(candidates)["usual scores"].iloc[left:]
    where = f"{left} left, {n} asked for"
    try:
        strategy.propose(history, candidates, n, np.random.default_rng(0))
    except ValueError:
        return
    except Exception as error:
        raise StrategyError(
            f"{where}: propose raised {type(error).__name__}; allowed: ValueError"
        ) from error
    raise StrategyError(f"{where}: propose must raise ValueError when too few are left")


def _candidates(priors: int) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    listed = enumerate_space(SearchSpace(("unary(unary(x))",)))
    names = [listed.names[i] for i in np.flatnonzero(listed.representative)[:CANDIDATES]]
    table = pd.DataFrame(rng.normal(size=(CANDIDATES, len(COLUMNS))), names, COLUMNS)
    table.insert(0, "slug", [name.replace("(", ".").replace(")", "") for name in names])
    for number in range(priors):
        table[f"{PRIOR}task-{number}"] = rng.permutation(CANDIDATES) / (CANDIDATES - 1)
    table.index.name = "name"
    return table


def _scores(candidates: pd.DataFrame) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(11)
    usual = 0.5 + 0.1 * candidates["fisher_1"].to_numpy() + 0.01 * rng.normal(size=CANDIDATES)
    huge = usual.copy()
    huge[::3] = -1e30
    kinds = {
        "usual scores": (usual, rng.random(CANDIDATES) < 0.2),
        "equal scores": (np.full(CANDIDATES, 0.1), np.zeros(CANDIDATES, bool)),
        "huge scores": (huge, np.arange(CANDIDATES) % 3 == 0),
        "failures alone": (np.zeros(CANDIDATES), np.ones(CANDIDATES, bool)),
    }
    return {
        what: pd.DataFrame(dict(zip(HISTORY, columns, strict=True)), index=candidates.index)
        for what, columns in kinds.items()
    }
