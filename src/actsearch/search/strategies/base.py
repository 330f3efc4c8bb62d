"""What a strategy is, and the two steps they share: what is left, and which of it is best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.surrogates import DECIMALS


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
            evaluated: Validation accuracy in [0, 1] of each function trained so far, by name.
            n: Number of proposals.
            rng: Source of every random decision.

        Returns:
            ``n`` pairs (name, predicted accuracy; NaN where nothing is predicted): names from
            ``candidates``, none of them evaluated, none twice.

        Raises:
            ValueError: When fewer than ``n`` functions are left.
        """


def unevaluated(
    candidates: pd.DataFrame, evaluated: Mapping[str, float], n: int
) -> NDArray[np.intp]:
    """Positions in ``candidates`` of the functions left to propose, in order.

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
    """Positions of the ``n`` highest ``predictions``, highest first.

    Equal predictions, of which k-NN makes many, are put in an order drawn from ``rng``.
    """
    shuffled = rng.permutation(len(predictions))
    order = np.argsort(-np.round(predictions[shuffled], DECIMALS), kind="stable")
    chosen: NDArray[np.intp] = shuffled[order[:n]]
    return chosen
