"""Search that other tasks inform, each by how well it predicts here so far.

Ranks on other tasks are a prior for the scores here. A Gaussian process learns what it leaves open.
A prior that orders what was trained here no better than chance gets no weight, and what is left is
the search without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.candidates import prior_columns
from actsearch.search.strategies.base import known, proposals
from actsearch.search.strategies.gaussian import Process
from actsearch.search.surrogates import N_NEIGHBORS
from actsearch.search.targets import Targets

Floats = NDArray[np.float64]
CAUTION = 8.0
"""Trained functions at which the agreement seen counts half."""


def agreement(prior: Floats, targets: Floats) -> float:
    """How far a prior is believed: Kendall's tau-b with what is known, shrunk while that is little.

    Returns:
        From 0 (no better than chance, or nothing to compare) to 1.
    """
    from scipy.stats import kendalltau

    n = len(targets)
    if np.ptp(prior) == 0 or np.ptp(targets) == 0:
        return 0.0
    tau = float(kendalltau(prior, targets).statistic)
    return max(tau, 0.0) * n / (n + CAUTION)


@dataclass(frozen=True)
class TransferStrategy:
    """Expected improvement of a Gaussian process that starts from other tasks' ranks."""

    weight: float
    """Of what the other tasks say: 1 takes them at their word, as far as they are believed."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``; without priors it is ``gp-ei``.

        Returns:
            ``n`` pairs of a name and its prediction, in the order chosen.

        Raises:
            ValueError: Also when fewer than three evaluated functions are on the map.
        """
        state = known(history, candidates, n, least=N_NEIGHBORS)
        targets = Targets(state.scores)
        guess = self.weight * _guess(candidates, state.trained, targets.values)
        process = Process(candidates, state, targets.values, guess)
        chosen = process.improving(n, rng)
        return proposals(candidates, state.left[chosen], targets.scores(process.mean[chosen]))


def _guess(candidates: pd.DataFrame, trained: NDArray[np.intp], targets: Floats) -> Floats:
    """What other tasks say of every candidate (n,), in deviations; 0 where nothing is known."""
    from scipy.special import ndtri

    size = len(candidates)
    priors = candidates[prior_columns(candidates)].to_numpy(dtype=float)
    deviates = ndtri(np.clip(priors, 0.5 / size, 1 - 0.5 / size))
    trust = np.array([agreement(column[trained], targets) for column in deviates.T])
    if not trust.any():
        return np.zeros(size)
    # The more a prior agrees, the more of the mixture it is, and the more the mixture counts.
    mixture: Floats = deviates @ (trust**2 / (trust**2).sum())
    return float(trust.max()) * mixture


TRANSFER = TransferStrategy(1.0)
