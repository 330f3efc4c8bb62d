"""What features tell of functions that were not trained: the paper's second step.

Some functions are known, the scores of others are predicted from features alone. How well that goes
is asked for each feature and both, for the two dimensions of the map and for principal components,
and for more and more known functions. Whether a function fails to train is predicted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsearch.config import Surrogate
from actsearch.search.candidates import (
    FEATURES,
    components,
    coordinates,
    measured_on_map,
    require_columns,
)
from actsearch.search.resampled_metrics import CENTRAL, Held
from actsearch.search.surrogates import N_NEIGHBORS, make_regressor, without_noise

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Results = dict[str, Floats]
"""Of each metric: a row a draw, a column a resample (draws, 1 + resamples)."""

DIMENSIONS: dict[str, Callable[[str], list[str]]] = {"map": coordinates, "components": components}
RESAMPLES = 400
TREES = 50
"""Trees of a forest: half the library's, since most of the time goes there."""
CONFIDENCE = 0.95
MOST_HELD_OUT = 1000
"""Functions that a draw predicts; further ones would cost time and tell little."""
_LEAST_HELD_OUT = 5
_HELD_OUT_SHARE = 0.2
COMPARED = ("r2", "spearman", "kendall", "auc")
"""Metrics of which differences between features are taken."""
COLUMNS = [
    *("target", "known", "dimensions", "regressor", "features", "minus", "metric"),
    *("value", "low", "high", "draws", "held_out", "functions", "left_out"),
]


@dataclass(frozen=True)
class _Target:
    """What is predicted: a number of each function, and of which functions."""

    values: Floats
    among: Bools
    """Functions that are fitted on and judged; others are passed over."""


@dataclass(frozen=True)
class _Draw:
    """One draw of functions: the first ones become known, the last ones are predicted."""

    seed: int
    order: NDArray[np.intp]
    held: dict[str, tuple[NDArray[np.intp], Held]]
    """Functions to predict, by target."""


def admitted(sizes: tuple[int, ...], functions: int) -> tuple[list[int], list[int]]:
    """Which numbers of known functions leave enough to predict: a fifth, and five or more.

    Returns:
        Those admitted and those left out, both ascending.
    """
    least = max(_LEAST_HELD_OUT, _HELD_OUT_SHARE * functions)
    kept = [size for size in sorted(sizes) if functions - size >= least]
    return kept, sorted(set(sizes) - set(kept))


def characterise(map_table: pd.DataFrame, table: pd.DataFrame, settings: Surrogate) -> pd.DataFrame:
    """How well features predict scores and failures, by the number of functions known.

    Each draw puts the functions in a random order. The first ``known`` are fitted on; the last
    ones, the same for every ``known``, are predicted. All combinations see the same draws, so that
    their differences are paired.

    Targets: ``all``, the validation score of every function, those that failed included;
    ``completed``, that of functions of which every run completed, fitted on such alone;
    ``failure``, whether a run diverged, by the same regressors fitted on 0 and 1.

    Regressors: ``knr``, the three nearest neighbours; ``et``, extremely randomised trees (Geurts et
    al. 2006); ``svr``, support vectors; ``mean``, the yardstick, which uses no features. What is
    thought possible of a function: the scores of its neighbours; a score from each tree, which are
    the weights of a quantile regression forest (Meinshausen 2006); all known scores. Support
    vectors say nothing of that kind, and have no coverage.

    Metrics: ``r2``, ``spearman`` (rho), ``kendall`` (tau-b); ``slope``, ``coverage_50`` and
    ``coverage_90`` for calibration; of failures ``auc`` alone. See ``resampled_metrics``. Each is a
    mean over draws. Intervals are percentiles of a bootstrap that resamples functions, the same in
    all draws, and draws as well (Owen 2007).

    Args:
        map_table: See ``candidates.on_map``.
        table: Benchmark table: ``name``, ``validation_score`` and ``status``.
        settings: ``known``, ``draws`` and ``seed``; draw ``d`` uses ``seed + d``.

    Returns:
        One row for each target, number known, dimensions, regressor, features and metric, with the
        columns ``COLUMNS``: ``value``, and ``low`` and ``high`` of its 95% interval, NaN where
        undefined in all draws; ``draws``, in how many it is defined; ``held_out``, functions
        predicted a draw; ``functions``, in all; ``left_out``, numbers known that were asked for and
        leave too few to predict. Where ``minus`` names a feature or ``map``, ``value`` is the
        difference to the same with those in place. No row where no number known is admitted.

    Raises:
        ValueError: When a column is missing, a name appears twice or a score is not finite.
    """
    require_columns(table, ["status"], "benchmark table")
    functions = measured_on_map(map_table, table)
    known, left_out = admitted(settings.known, len(functions))
    if not known:
        return pd.DataFrame(columns=COLUMNS)
    status = table.set_index("name")["status"].reindex(functions.index)
    targets = _targets(functions["validation_score"].to_numpy(), (status != "completed").to_numpy())
    counts = _resamples(len(functions), settings.seed)
    picks = _resamples(settings.draws, settings.seed + 1)
    draws = [
        _draw(targets, counts, known[-1], settings.seed + number)
        for number in range(settings.draws)
    ]
    rows = [
        row | {"functions": len(functions), "left_out": left_out}
        for size in known
        for row in _of_size(functions, targets, draws, picks, size)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _targets(scores: Floats, failed: Bools) -> dict[str, _Target]:
    """The three targets; scores in a unit that no square of one exceeds."""
    everyone = np.ones(len(scores), dtype=bool)
    largest = np.abs(scores).max()
    scores = scores / largest if largest > 0 else scores
    return {
        "all": _Target(scores, everyone),
        "completed": _Target(scores, ~failed),
        "failure": _Target(failed.astype(float), everyone),
    }


def _resamples(n: int, seed: int) -> Floats:
    """How often each of ``n`` is taken (1 + RESAMPLES, n): once each first, then at random."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return np.vstack([np.ones(n), drawn])


def _draw(targets: dict[str, _Target], counts: Floats, most_known: int, seed: int) -> _Draw:
    order = np.random.default_rng(seed).permutation(counts.shape[1])
    last = order[most_known:][:MOST_HELD_OUT]
    held = {}
    for name, target in targets.items():
        chosen = last[target.among[last]]
        if len(chosen):
            held[name] = chosen, Held(target.values[chosen], counts[:, chosen])
    return _Draw(seed, order, held)


def _of_size(
    functions: pd.DataFrame,
    targets: dict[str, _Target],
    draws: list[_Draw],
    picks: Floats,
    known: int,
) -> Iterator[dict[str, Any]]:
    """Rows of one number of known functions."""
    for name, target in targets.items():
        held_out = round(np.mean([len(d.held[name][0]) if name in d.held else 0 for d in draws]))
        same = {"target": name, "known": known, "held_out": held_out}
        nowhere = np.zeros((len(functions), 1))
        of_mean = _judged(nowhere, target, name, draws, known, "mean")
        alone = same | {"dimensions": "none", "regressor": "mean", "features": "none"}
        yield from _rows(alone, of_mean, picks)
        for regressor in ("knr", "et", "svr"):
            on_map: dict[str, Results] = {}
            for dimensions, columns in DIMENSIONS.items():
                found = {}
                for features in FEATURES:
                    points = functions[columns(features)].to_numpy(dtype=float)
                    found[features] = _judged(points, target, name, draws, known, regressor)
                of = same | {"dimensions": dimensions, "regressor": regressor}
                for features, results in found.items():
                    yield from _rows(of | {"features": features}, results, picks)
                for other in ("outputs", "fisher"):
                    apart = _difference(found["union"], found[other])
                    yield from _rows(of | {"features": "union", "minus": other}, apart, picks)
                if dimensions == "map":
                    on_map = found
                    continue
                for features, results in found.items():
                    apart = _difference(results, on_map[features])
                    yield from _rows(of | {"features": features, "minus": "map"}, apart, picks)


def _judged(
    points: Floats, target: _Target, name: str, draws: list[_Draw], known: int, regressor: str
) -> Results:
    """Metrics in every draw."""
    metrics = ("auc",) if name == "failure" else ("r2", "spearman", "kendall", "slope", *CENTRAL)
    columns = 1 + RESAMPLES
    results = {metric: np.full((len(draws), columns), np.nan) for metric in metrics}
    for number, draw in enumerate(draws):
        seen = draw.order[:known]
        seen = seen[target.among[seen]]
        if len(seen) < N_NEIGHBORS or name not in draw.held:
            continue
        chosen, held = draw.held[name]
        votes = _votes(regressor, draw.seed, points[seen], target.values[seen], points[chosen])
        predicted = without_noise(votes.mean(axis=1))
        for metric, into in results.items():
            if metric in CENTRAL:
                into[number] = held.coverage(votes, CENTRAL[metric])
            else:
                into[number] = getattr(held, metric)(predicted)
    return results


def _votes(regressor: str, seed: int, x: Floats, y: Floats, new: Floats) -> Floats:
    """Scores thought possible at ``new`` (m, d), equally likely, after fitting on ``x`` and ``y``.

    Returns:
        (m, votes); their mean is what the regressor predicts.
    """
    if regressor == "knr":
        from scipy.spatial import KDTree

        return np.asarray(y[KDTree(x).query(new, N_NEIGHBORS)[1]])
    if regressor == "et":
        from sklearn.ensemble import ExtraTreesRegressor

        trees = ExtraTreesRegressor(TREES, random_state=seed).fit(x, y).estimators_
        narrow = new.astype(np.float32)  # as trees take it
        return np.column_stack([tree.predict(narrow, check_input=False) for tree in trees])
    if regressor == "mean":
        return np.broadcast_to(y, (len(new), len(y)))
    fitted = make_regressor(regressor, seed)
    fitted.fit(x, y)
    return np.asarray(fitted.predict(new)).reshape(-1, 1)


def _difference(of: Results, other: Results) -> Results:
    return {metric: of[metric] - other[metric] for metric in COMPARED if metric in of}


def _rows(same: dict[str, Any], results: Results, picks: Floats) -> Iterator[dict[str, Any]]:
    """A row a metric: means over draws, with intervals over resampled draws and functions."""
    for metric, values in results.items():
        defined = np.isfinite(values)
        drawn = picks.T * defined
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (np.where(defined, values, 0.0) * drawn).sum(axis=0) / drawn.sum(axis=0)
        low = high = float("nan")
        resampled = means[1:][np.isfinite(means[1:])]
        if np.isfinite(means[0]) and len(resampled):
            tail = (1 - CONFIDENCE) / 2
            low, high = np.quantile(resampled, [tail, 1 - tail])
        yield (
            {"minus": ""}
            | same
            | {
                "metric": metric,
                "value": float(means[0]),
                "low": float(low),
                "high": float(high),
                "draws": int(defined[:, 0].sum()),
            }
        )
