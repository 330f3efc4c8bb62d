"""Bayesian optimisation by a Gaussian process on the principal components.

Expected improvement (Jones, Schonlau & Welch 1998) and Thompson sampling (Thompson 1933).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.search.candidates import components
from actsearch.search.strategies.base import best, known, proposals
from actsearch.search.surrogates import N_NEIGHBORS
from actsearch.search.targets import Targets

Floats = NDArray[np.float64]

FITTED_ON = 100
"""Functions, the last ones trained, by which the kernel is chosen: that takes their cube."""
DRAWN_AMONG = 500
"""Functions, the best by two deviations above the mean, that a sampled function is drawn for."""


@dataclass(frozen=True)
class GaussianStrategy:
    """A process with a Matérn kernel and noise, fitted by its likelihood."""

    acquisition: Literal["expected improvement", "thompson"]

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        """See ``Strategy.propose``; the prediction is the process's mean.

        Returns:
            ``n`` pairs of a name and its prediction, in the order chosen.

        Raises:
            ValueError: Also when fewer than three evaluated functions are on the map.
        """
        state = known(history, candidates, n, least=N_NEIGHBORS)
        points = candidates[components("union")].to_numpy(dtype=float)
        points = points / (points.std(axis=0).max() or 1.0)
        targets = Targets(state.scores)
        process = _fit(points[state.trained], targets.values)
        at = points[state.left]
        mean, deviation = process.predict(at, return_std=True)
        if self.acquisition == "thompson":
            chosen = _drawn(process, at, mean, deviation, n, rng)
        else:
            highest = process.predict(points[state.trained]).max()
            chosen = _improving(process, at, mean, deviation, float(highest), n, rng)
        return proposals(candidates, state.left[chosen], targets.scores(mean[chosen]))


def _fit(points: Floats, targets: Floats) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(1.0, (0.02, 50.0), nu=2.5) + WhiteKernel(
        0.1, (1e-4, 2.0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a parameter at its bound, of few points, is no fault
        first = GaussianProcessRegressor(kernel).fit(points[-FITTED_ON:], targets[-FITTED_ON:])
        if len(points) <= FITTED_ON:
            return first
        return GaussianProcessRegressor(first.kernel_, optimizer=None).fit(points, targets)


def _improving(
    process: Any,
    at: Floats,
    mean: Floats,
    deviation: Floats,
    highest: float,
    n: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """A batch by expected improvement; each member lowers the deviation around it for the next.

    What is as far as the kernel does not reach keeps its deviation, what equals a member loses it:
    ``deviation^2 (1 - correlation^2)``, which is exact for what is far from all that is known.

    Returns:
        Positions (n,), in the order taken.
    """
    from scipy.stats import norm

    signal = process.kernel_.k1
    level = signal.k1.constant_value
    spread, free = deviation.copy(), np.ones(len(at), dtype=bool)
    taken: list[int] = []
    for _ in range(n):
        sigma = np.maximum(spread, 1e-12)
        z = (mean - highest) / sigma
        gain = sigma * (z * norm.cdf(z) + norm.pdf(z))
        left = np.flatnonzero(free)
        taken.append(int(left[best(np.log(gain[left] + 1e-300), 1, rng)[0]]))
        free[taken[-1]] = False
        correlation = signal(at, at[taken[-1]][None])[:, 0] / level
        spread = spread * np.sqrt(np.maximum(1 - correlation**2, 0))
    return np.array(taken, dtype=np.intp)


def _drawn(
    process: Any,
    at: Floats,
    mean: Floats,
    deviation: Floats,
    n: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """A batch by Thompson sampling: the best of a function drawn from the process, for each.

    Returns:
        Positions (n,), in the order drawn.
    """
    some = best(mean + 2 * deviation, min(max(DRAWN_AMONG, n), len(at)), rng)
    drawn = process.sample_y(at[some], n, random_state=int(rng.integers(2**31)))
    taken: list[int] = []
    for values in drawn.T:
        values[taken] = -np.inf
        taken.append(int(values.argmax()))
    return np.asarray(some[taken])


EXPECTED_IMPROVEMENT = GaussianStrategy("expected improvement")
THOMPSON_SAMPLING = GaussianStrategy("thompson")
