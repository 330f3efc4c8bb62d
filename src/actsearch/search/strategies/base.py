"""What a strategy is, and what they share: what is left, which of it is best, a whole search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.surrogates import without_noise

HISTORY = ("validation_score", "failed")
"""Columns of what strategies see of the functions that were trained."""

Floats = NDArray[np.float64]


class Strategy(Protocol):
    """Proposes which functions to train next; ``check_strategy`` tries one."""

    def propose(
        self,
        history: pd.DataFrame,
        candidates: pd.DataFrame,
        n: int,
        rng: np.random.Generator,
    ) -> list[tuple[str, float]]:
        """The next ``n`` functions, most wanted first.

        Args:
            history: Functions trained so far, indexed by name, in the order of training:
                ``validation_score``, any finite number, higher is better; ``failed``, whether a run
                of it diverged. Some may be no candidates. Not to be changed.
            candidates: Functions of the map, indexed by name: ``slug``, the coordinates
                ``outputs_x`` ... ``union_y`` and the principal components ``outputs_1`` ...
                ``fisher_8``, all finite; where the task has ``prior_from``, ``prior_{task}`` for
                each task in it, the function's rank there from 0 to 1. Trained ones are among
                them. Not to be changed.
            n: Number of proposals.
            rng: Source of every random decision.

        Returns:
            ``n`` pairs (name, predicted score; NaN where nothing is predicted): names from
            ``candidates``, none of them trained, none twice.

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
        scores: Floats,
        first: NDArray[np.intp],
        evaluations: int,
        rng: np.random.Generator,
    ) -> NDArray[np.intp]:
        """The functions in the order in which repeated proposals of one would evaluate them.

        Args:
            candidates: See ``Strategy.propose``.
            scores: Validation score of each of them (n,), finite, known once evaluated.
            first: Positions of the functions that the search begins with.
            evaluations: Functions evaluated in all, the first ones included.
            rng: Source of every random decision; the same draws as by ``propose``.

        Returns:
            Positions in ``candidates`` (evaluations,), ``first`` at the beginning.
        """


def walk_through(
    strategy: Strategy,
    candidates: pd.DataFrame,
    seen: pd.DataFrame,
    first: NDArray[np.intp],
    evaluations: int,
    rng: np.random.Generator,
    at_once: int = 1,
) -> NDArray[np.intp]:
    """A whole search: the strategy's own ``walk`` where it has one, else proposal by proposal.

    Args:
        strategy: Who proposes.
        candidates: See ``Strategy.propose``.
        seen: What a training of each of them tells, in the same order: the columns ``HISTORY``.
        first: Positions of the functions that the search begins with.
        evaluations: Functions evaluated in all, the first ones included.
        rng: Source of every random decision.
        at_once: Functions proposed before the next results are known.

    Returns:
        Positions in ``candidates`` (evaluations,), in the order of evaluation.

    Raises:
        ValueError: When the strategy proposes a function that is no candidate or was evaluated
            before, another number than asked for, or its own walk is no such order.
    """
    if at_once == 1 and isinstance(strategy, Walker):
        scores = seen["validation_score"].to_numpy(dtype=float)
        walk = strategy.walk(candidates, scores, first, evaluations, rng)
        if len(walk) != evaluations or len(np.unique(walk)) != evaluations:
            raise ValueError(
                f"the strategy's walk visits {len(np.unique(walk))} functions in {len(walk)} "
                f"steps; asked for: {evaluations}"
            )
        within = set(walk) <= set(range(len(candidates)))
        if not (within and np.array_equal(walk[: len(first)], first)):
            raise ValueError(
                "the strategy's walk must begin with the functions given, and hold positions from "
                f"0 to {len(candidates) - 1}"
            )
        return walk
    told = seen.set_axis(candidates.index)[list(HISTORY)]
    taken = [int(position) for position in first]
    while len(taken) < evaluations:
        n = min(at_once, evaluations - len(taken))
        proposed = strategy.propose(told.iloc[taken], candidates, n, rng)
        taken += require_proposals(proposed, candidates, candidates.index[taken], n)
    return np.array(taken, dtype=np.intp)


def require_proposals(
    proposed: list[tuple[str, float]], candidates: pd.DataFrame, trained: pd.Index[str], n: int
) -> list[int]:
    """What a strategy proposed, checked.

    Returns:
        Positions in ``candidates``, in the order proposed.

    Raises:
        ValueError: When they are not ``n``, or one is no candidate, was trained, or comes twice.
    """
    if len(proposed) != n:
        raise ValueError(f"the strategy proposed {len(proposed)} functions; asked for: {n}")
    before = set(trained)
    for name, _ in proposed:
        if name not in candidates.index:
            raise ValueError(f"the strategy proposed {name!r}, which is not among the candidates")
        if name in before:
            raise ValueError(f"the strategy proposed {name!r} a second time")
        before.add(name)
    names = pd.Index([name for name, _ in proposed])
    positions: list[int] = candidates.index.get_indexer(names).tolist()
    return positions


@dataclass(frozen=True)
class Known:
    """A search so far, as positions in the candidates."""

    left: NDArray[np.intp]
    """Candidates that were not trained (m,), ascending."""
    trained: NDArray[np.intp]
    """Candidates that were (k,), in the order of training."""
    scores: Floats
    """Their scores (k,)."""
    failed: NDArray[np.bool_]
    """Whether a run of each diverged (k,)."""


def known(history: pd.DataFrame, candidates: pd.DataFrame, n: int, least: int = 0) -> Known:
    """What was trained among the candidates, and what is left to propose.

    Args:
        history: See ``Strategy.propose``.
        candidates: See ``Strategy.propose``.
        n: Number of proposals asked for.
        least: Trained candidates that a prediction needs.

    Returns:
        Positions and scores.

    Raises:
        ValueError: When ``n`` is below one or more than are left, or too few were trained.
    """
    positions = candidates.index.get_indexer(history.index)
    there = positions >= 0
    untrained: NDArray[np.bool_] = np.ones(len(candidates), dtype=bool)
    untrained[positions[there]] = False
    if not 1 <= n <= untrained.sum():
        raise ValueError(
            f"cannot propose {n} functions: {untrained.sum()} of {len(candidates)} on the map are "
            "left"
        )
    if there.sum() < least:
        raise ValueError(
            f"a prediction needs at least {least} evaluated functions on the map, "
            f"found {there.sum()}"
        )
    return Known(
        np.flatnonzero(untrained),
        positions[there],
        history["validation_score"].to_numpy(dtype=float)[there],
        history["failed"].to_numpy(dtype=bool)[there],
    )


def best(predictions: Floats, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The ``n`` highest of ``predictions``.

    Equal predictions, of which k-NN makes many, are put in an order drawn from ``rng``.

    Returns:
        Their positions, shape (n,), the highest first.
    """
    shuffled = rng.permutation(len(predictions))
    order = np.argsort(-without_noise(predictions[shuffled]), kind="stable")
    chosen: NDArray[np.intp] = shuffled[order[:n]]
    return chosen


def proposals(
    candidates: pd.DataFrame, positions: NDArray[np.intp], predictions: Floats
) -> list[tuple[str, float]]:
    """Pairs of a name and its prediction, as ``Strategy.propose`` returns them."""
    return list(zip(candidates.index[positions], predictions.tolist(), strict=True))
