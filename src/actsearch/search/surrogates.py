"""Predictors of a function's score from its place on the map, and how good they are.

The paper compares k-nearest neighbours (k = 3), a random forest and support vector regression, each
as it comes from the library, on the two-dimensional map (section "Surrogate"). A constant predictor
is the yardstick they have to beat.

scikit-learn is imported where it is used: that takes longer than a proposal by nearest neighbours,
which does without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.config import Surrogate
from actsearch.search.candidates import FEATURES, coordinates, measured_on_map

Floats = NDArray[np.float64]

N_NEIGHBORS = 3
_DECIMALS = 12


def without_noise(predictions: Floats) -> Floats:
    """Predictions of any shape, with those made equal that sums in another order tell apart.

    The mean of the same three scores, summed in another order, differs in its last bit. Kept are 12
    decimals, and of what lies 10 or more from 0, as scores without a lower end may, the digits that
    numbers near 1 have: each by its own size, so that a huge one leaves the others apart.

    Returns:
        The rounded predictions.
    """
    size = 10.0 ** np.floor(np.log10(np.maximum(np.abs(predictions), 1.0)))
    return np.round(predictions / size, _DECIMALS) * size


class Regressor(Protocol):
    """What is used of a scikit-learn regressor."""

    def fit(self, x: Floats, y: Floats, /) -> Any:
        """Fit on ``x`` (n, 2) and ``y`` (n,)."""

    def predict(self, x: Floats, /) -> Floats:
        """Predictions (n,) at ``x`` (n, 2)."""


class NearestNeighbors:
    """Mean of the three nearest functions: scikit-learn's ``KNeighborsRegressor``, to the bit.

    Of functions that lie exactly as far from a third, which is its neighbour is left open in both.
    """

    def fit(self, x: Floats, y: Floats, /) -> None:
        """See ``Regressor.fit``; three points or more."""
        from scipy.spatial import KDTree

        self._tree, self._values = KDTree(x), y

    def predict(self, x: Floats, /) -> Floats:
        """See ``Regressor.predict``."""
        nearest = self._tree.query(x, N_NEIGHBORS)[1]
        return np.asarray(self._values[nearest].mean(axis=1))


def nearest_neighbors(seed: int) -> Regressor:
    """Mean of the three nearest functions; ``seed`` is not used."""
    return NearestNeighbors()


def random_forest(seed: int) -> Regressor:
    """Random forest with the library's defaults."""
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(random_state=seed)  # type: ignore[no-any-return]


def support_vectors(seed: int) -> Regressor:
    """Support vector regression with the library's defaults, on the standardised target.

    The default tube of 0.1 is meant for targets of unit deviation. On scores it swallows the
    differences a search is about: where they lie between 0.85 and 0.93 the raw regressor predicts
    a constant (Spearman 0.0; standardised 0.7). ``seed`` is not used. Beside a huge score
    all others become one when standardised, of which the library would warn at every fit.

    Returns:
        The unfitted regressor.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    return TransformedTargetRegressor(  # type: ignore[no-any-return]
        SVR(), transformer=StandardScaler(), check_inverse=False
    )


def mean(seed: int) -> Regressor:
    """The mean of the scores seen, wherever the function lies; ``seed`` is not used."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="mean")  # type: ignore[no-any-return]


REGRESSORS: dict[str, Callable[[int], Regressor]] = {
    "knr": nearest_neighbors,
    "rf": random_forest,
    "svr": support_vectors,
    "mean": mean,
}


def make_regressor(name: str, seed: int) -> Regressor:
    """The unfitted regressor called ``name``.

    Returns:
        The regressor, its random decisions drawn from ``seed``.

    Raises:
        ValueError: When there is no such regressor.
    """
    if name not in REGRESSORS:
        raise ValueError(f"unknown regressor {name!r}; allowed: {', '.join(REGRESSORS)}")
    return REGRESSORS[name](seed)


def cross_validated_predictions(
    map_table: pd.DataFrame, table: pd.DataFrame, settings: Surrogate
) -> pd.DataFrame:
    """Predictions for functions that the predictor was not fitted on.

    Repeated shuffled k-fold cross-validation. Every feature set and regressor sees the same
    functions (those with both features and in the table) in the same folds.

    Args:
        map_table: Coordinates, one row a function.
        table: Benchmark table: ``name`` and ``validation_score``.
        settings: Folds, repeats and seed; repeat ``r`` uses ``seed + r``.

    Returns:
        One row for each feature set, regressor, repeat and function: ``features``, ``regressor``,
        ``repeat`` (from 0), ``fold`` (from 0), ``name``, ``measured``, ``predicted``.

    Raises:
        ValueError: When too few functions are on the map and in the table, a name appears twice
            or a score is not finite.
    """
    from sklearn.model_selection import KFold

    functions = measured_on_map(map_table, table)
    _require_enough(len(functions), settings.folds)
    measured = functions["validation_score"].to_numpy()
    points = {key: functions[coordinates(key)].to_numpy(dtype=float) for key in FEATURES}
    pieces = []
    for repeat in range(settings.repeats):
        seed = settings.seed + repeat
        splits = KFold(settings.folds, shuffle=True, random_state=seed).split(measured)
        for fold, (seen, held_out) in enumerate(splits):
            for features, x in points.items():
                for name in REGRESSORS:
                    regressor = make_regressor(name, seed)
                    regressor.fit(x[seen], measured[seen])
                    pieces.append(
                        pd.DataFrame(
                            {
                                "features": features,
                                "regressor": name,
                                "repeat": repeat,
                                "fold": fold,
                                "name": functions.index[held_out],
                                "measured": measured[held_out],
                                "predicted": regressor.predict(x[held_out]),
                            }
                        )
                    )
    return pd.concat(pieces, ignore_index=True)


def score(predictions: pd.DataFrame) -> pd.DataFrame:
    """Scores of out-of-fold predictions.

    R2 and Spearman's rank correlation are taken once a repeat, over the pooled predictions of its
    folds, then averaged. A predictor that is constant within every fold ranks nothing: its
    Spearman is NaN (pooled it would come out negative, since a fold that lost its best functions
    has a lower mean). Both scores are NaN where all measured scores are equal. Deviations are
    over repeats (ddof 1), NaN for a single one; they tell the spread over folds, not over tasks.

    Args:
        predictions: As returned by ``cross_validated_predictions``.

    Returns:
        One row for each feature set and regressor: ``features``, ``regressor``, ``n`` (functions),
        ``r2_mean``, ``r2_std``, ``spearman_mean``, ``spearman_std``.
    """
    rows = []
    for (features, regressor), group in predictions.groupby(["features", "regressor"], sort=False):
        repeats = [repeat for _, repeat in group.groupby("repeat")]
        scores = pd.DataFrame(
            {"r2": [_r2(r) for r in repeats], "spearman": [_spearman(r) for r in repeats]}
        )
        rows.append(
            {
                "features": features,
                "regressor": regressor,
                "n": len(repeats[0]),
                "r2_mean": scores["r2"].mean(),
                "r2_std": scores["r2"].std(),
                "spearman_mean": scores["spearman"].mean(),
                "spearman_std": scores["spearman"].std(),
            }
        )
    return pd.DataFrame(rows)


def _require_enough(n: int, folds: int) -> None:
    """Each fold needs a function, and its complement as many as k-NN has neighbours."""
    needed = folds
    while needed - -(-needed // folds) < N_NEIGHBORS:
        needed += 1
    if n < needed:
        raise ValueError(
            f"cross-validation with {folds} folds needs at least {needed} functions that are on "
            f"the map and in the benchmark table, found {n}"
        )


def _r2(repeat: pd.DataFrame) -> float:
    from sklearn.metrics import r2_score

    if repeat["measured"].nunique() == 1:
        return float("nan")
    return float(r2_score(repeat["measured"], repeat["predicted"]))


def _spearman(repeat: pd.DataFrame) -> float:
    from scipy.stats import spearmanr

    predicted = pd.Series(without_noise(repeat["predicted"].to_numpy()), index=repeat.index)
    ranks = predicted.groupby(repeat["fold"]).nunique().max() > 1
    if not ranks or repeat["measured"].nunique() == 1:
        return float("nan")
    return float(spearmanr(repeat["measured"], predicted).statistic)
