"""What a strategy is, and what they share: what is left, which of it is best, a whole search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.surrogates import without_noise


class Strategy(Protocol):
    """Proposes which functions to train next."""

    def propose(
        self,
        candidates: pd.DataFrame,
        evaluated: Mapping[str, float],
        n: int,
        rng: np.random.Generator,
    ) -> list[tuple[str, float]]:
        """The next ``n`` functions, most wanted first.

        Args:
            candidates: Functions of the map, indexed by name: ``slug`` and the coordinates
                ``outputs_x`` ... ``union_y``, all finite. Evaluated ones are among them.
            evaluated: Validation score of each function trained so far, by name; any finite number,
                higher is better.
            n: Number of proposals.
            rng: Source of every random decision.

        Returns:
            ``n`` pairs (name, predicted score; NaN where nothing is predicted): names from
            ``candidates``, none of them evaluated, none twice.

        Raises:
            ValueError: When fewer than ``n`` functions are left.
        """


@runtime_checkable
class Walker(Strategy, Protocol):
    """A strategy with a faster way through a whole search than one proposal after another.

    Whoever changes ``propose`` in a subclass has ``walk`` to change with it.
    """

    def walk(
        self,
        candidates: pd.DataFrame,
        scores: NDArray[np.float64],
        first: NDArray[np.intp],
        evaluations: int,
        rng: np.random.Generator,
    ) -> NDArray[np.intp]:
        """The functions in the order in which repeated proposals of one would evaluate them.

        Args:
            candidates: See ``Strategy.propose``.
            scores: Validation score of each of them (n,), finite, told once evaluated.
            first: Positions of the functions that the search begins with.
            evaluations: Functions evaluated in all, the first ones included.
            rng: Source of every random decision; the same draws as by ``propose``.

        Returns:
            Positions in ``candidates`` (evaluations,), ``first`` at the beginning.
        """


def walk_through(
    strategy: Strategy,
    candidates: pd.DataFrame,
    scores: NDArray[np.float64],
    first: NDArray[np.intp],
    evaluations: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """A whole search: the strategy's own ``walk`` where it has one, else proposal by proposal.

    Args and result are those of ``Walker.walk``.

    Returns:
        Positions in ``candidates`` (evaluations,), in the order of evaluation.

    Raises:
        ValueError: When the strategy proposes a function that is no candidate or was evaluated
            before, or its own walk is no such order.
    """
    if isinstance(strategy, Walker):
        walk = strategy.walk(candidates, scores, first, evaluations, rng)
        if len(walk) != evaluations or len(np.unique(walk)) != evaluations:
            raise ValueError(
                f"the strategy's walk visits {len(np.unique(walk))} functions in {len(walk)} "
                f"steps; asked for: {evaluations}"
            )
        return walk
    known = dict(zip(candidates.index, scores.tolist(), strict=True))
    evaluated = {name: known[name] for name in candidates.index[first]}
    while len(evaluated) < evaluations:
        [(name, _)] = strategy.propose(candidates, evaluated, 1, rng)
        if name not in known:
            raise ValueError(f"the strategy proposed {name!r}, which is not among the candidates")
        if name in evaluated:
            raise ValueError(f"the strategy proposed {name!r} a second time")
        evaluated[name] = known[name]
    return candidates.index.get_indexer(pd.Index(list(evaluated)))


def unevaluated(
    candidates: pd.DataFrame, evaluated: Mapping[str, float], n: int
) -> NDArray[np.intp]:
    """The functions left to propose.

    Returns:
        Their positions in ``candidates``, ascending, shape (left,).

    Raises:
        ValueError: When ``n`` is below one or more than are left.
    """
    left: NDArray[np.bool_] = np.ones(len(candidates), dtype=bool)
    positions = candidates.index.get_indexer(pd.Index(list(evaluated)))
    left[positions[positions >= 0]] = False
    if not 1 <= n <= left.sum():
        raise ValueError(
            f"cannot propose {n} functions: {left.sum()} of {len(candidates)} on the map are left"
        )
    return np.flatnonzero(left)


def best(predictions: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The ``n`` highest of ``predictions``.

    Equal predictions, of which k-NN makes many, are put in an order drawn from ``rng``.

    Returns:
        Their positions, shape (n,), the highest first.
    """
    shuffled = rng.permutation(len(predictions))
    order = np.argsort(-without_noise(predictions[shuffled]), kind="stable")
    chosen: NDArray[np.intp] = shuffled[order[:n]]
    return chosen
