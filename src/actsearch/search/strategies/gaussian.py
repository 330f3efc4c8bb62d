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
from actsearch.search.strategies.base import Known, best, known, proposals
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
        targets = Targets(state.scores)
        process = Process(candidates, state, targets.values)
        choose = process.improving if self.acquisition == "expected improvement" else process.drawn
        chosen = choose(n, rng)
        return proposals(candidates, state.left[chosen], targets.scores(process.mean[chosen]))


class Process:
    """A Gaussian process on what was trained, asked for all that is left.

    Args:
        candidates: See ``Strategy.propose``.
        state: What was trained, and what is left (m,).
        targets: Of what was trained (k,).
        guess: Of every candidate, what the process is a deviation from; 0 when left out.

    Attributes:
        mean: Its mean at what is left (m,), the guess included.
        deviation: That of what a training there would tell (m,), its noise included. Without it
            searches took 18.6 and 19.6 trainings on average, with it 16.9 and 20.9 (24 runs each
            on a part of one table, seeing one seed and the score): no difference to be relied on.
    """

    def __init__(
        self, candidates: pd.DataFrame, state: Known, targets: Floats, guess: Floats | None = None
    ) -> None:
        points = candidates[components("union")].to_numpy(dtype=float)
        points = points / (points.std(axis=0).max() or 1.0)
        base = np.zeros(len(points)) if guess is None else guess
        seen, self._at, self._base = points[state.trained], points[state.left], base[state.left]
        self._process = _fit(seen, targets - base[state.trained])
        mean, self.deviation = self._process.predict(self._at, return_std=True)
        self.mean: Floats = mean + self._base
        self._highest = float((self._process.predict(seen) + base[state.trained]).max())

    def improving(self, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """A batch by expected improvement; each member lowers the deviation around it.

        What is too far from a member for the kernel keeps its deviation, what equals a member loses
        it: ``deviation^2 (1 - correlation^2)``, as if trainings had no noise, and exact for what is
        far from all that is known.

        Returns:
            Positions (n,) in what is left, in the order taken.
        """
        from scipy.stats import norm

        signal = self._process.kernel_.k1
        level = signal.k1.constant_value
        spread, free = self.deviation.copy(), np.ones(len(self._at), dtype=bool)
        taken: list[int] = []
        for _ in range(n):
            z = (self.mean - self._highest) / np.maximum(spread, 1e-12)
            # The logarithm, for the gain of hopeless ones is too small for a number.
            gain = np.log(np.maximum(spread, 1e-12)) + _log_gain(z, norm)
            left = np.flatnonzero(free)
            taken.append(int(left[best(gain[left], 1, rng)[0]]))
            free[taken[-1]] = False
            correlation = signal(self._at, self._at[taken[-1]][None])[:, 0] / level
            spread = spread * np.sqrt(np.maximum(1 - correlation**2, 0))
        return np.array(taken, dtype=np.intp)

    def drawn(self, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """A batch by Thompson sampling: the best of trainings drawn from the process, for each.

        Returns:
            Positions (n,) in what is left, in the order drawn.
        """
        bound = self.mean + 2 * self.deviation
        some = best(bound, min(max(DRAWN_AMONG, n), len(bound)), rng)
        seed = int(rng.integers(2**31))
        drawn = self._process.sample_y(self._at[some], n, random_state=seed)
        drawn = drawn + self._base[some][:, None]
        taken: list[int] = []
        for values in drawn.T:
            values[taken] = -np.inf
            taken.append(int(values.argmax()))
        return np.asarray(some[taken])


def _log_gain(z: Floats, norm: Any) -> Floats:
    """log(z cdf(z) + pdf(z)); far below 0 by its limit, pdf(z) / z^2."""
    near = np.maximum(z, -20.0)
    exact = np.log(near * norm.cdf(near) + norm.pdf(near))
    limit = norm.logpdf(z) - 2 * np.log(np.maximum(-z, 1.0))
    return np.asarray(np.where(z > -20.0, exact, limit))


def _fit(points: Floats, targets: Floats) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    signal = ConstantKernel(1.0, (0.05, 20.0)) * Matern(1.0, (0.02, 50.0), nu=2.5)
    kernel = signal + WhiteKernel(0.1, (1e-4, 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a parameter at its bound, of few points, is no fault
        first = GaussianProcessRegressor(kernel).fit(points[-FITTED_ON:], targets[-FITTED_ON:])
        if len(points) <= FITTED_ON:
            return first
        return GaussianProcessRegressor(first.kernel_, optimizer=None).fit(points, targets)


EXPECTED_IMPROVEMENT = GaussianStrategy("expected improvement")
THOMPSON_SAMPLING = GaussianStrategy("thompson")
