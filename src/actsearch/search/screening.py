"""A whole space screened by outputs: which of its functions are worth a Fisher spectrum.

Outputs cost microseconds a function, spectra and trainings seconds. Scores of known functions teach
a predictor that sees outputs alone. It goes through every function of the space that is finite on
the normal samples. The best predicted ones are listed as far as they differ from each other, and
some others at random, in case the predictor is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from actsearch import config
from actsearch.functions.baselines import BASELINES
from actsearch.functions.enumeration import Enumeration, enumerate_space
from actsearch.functions.equivalence import Digests, Floats, Integers
from actsearch.functions.numbered import outputs_in_parts
from actsearch.functions.spaces import SearchSpace
from actsearch.search.curves import different_ones, predictor, values_and_slopes
from actsearch.search.surrogates import without_noise

POOL = 5
"""So many times as many functions as are listed by prediction: they are chosen among these."""
FOLDS = 5
BY = ("baseline", "included", "prediction", "chance")
"""Why a function is listed."""

Progress = Callable[[int, int], None]


class ScreenError(ValueError):
    """A screen that cannot be made; the message names the value and what is allowed."""


@dataclass(frozen=True)
class Known:
    """Functions whose scores are known.

    Attributes:
        outputs: On the normal samples, shape (k, 1000), all finite.
        scores: Validation scores, shape (k,), finite, higher is better.
    """

    outputs: Floats
    scores: Floats

    @classmethod
    def of(cls, outputs: Floats, scores: Floats) -> Known:
        """Of some functions those whose outputs are finite.

        Returns:
            What the predictor learns from.

        Raises:
            ScreenError: when they are too few, or a score is not finite.
        """
        if not np.isfinite(scores).all():
            raise ScreenError("a validation score of the table is not finite")
        finite = np.isfinite(outputs).all(axis=1)
        if finite.sum() < config.FEWEST_TO_PREDICT:
            raise ScreenError(
                f"only {finite.sum()} functions of the table have finite outputs; a screen "
                f"predicts from {config.FEWEST_TO_PREDICT} or more"
            )
        return cls(np.asarray(outputs[finite]), np.asarray(scores[finite]))


@dataclass(frozen=True)
class Screened:
    """What a screen lists, and what it saw.

    Attributes:
        space: The space.
        listed: The space enumerated.
        numbers: Of the functions that it went through, shape (n,), int64, rising: distinct ones
            that are finite on every sample.
        predictions: Their predicted scores, shape (n,).
        chosen: Numbers of the listed functions, in their order: those that the space includes, then
            by falling prediction, then as drawn.
        chosen_predictions: Their predicted scores; NaN for one that is not finite.
        chosen_by: One of `BY` for each.
        distance: Any two that were chosen by prediction are at least so far from each other; see
            `actsearch.search.curves.different_ones`.
        rank_correlation: Spearman's, of cross-validated predictions and scores of what is known;
            NaN where that is too little, or all the same.
    """

    space: SearchSpace
    listed: Enumeration
    numbers: Integers
    predictions: Floats
    chosen: Integers
    chosen_predictions: Floats
    chosen_by: list[str]
    distance: float
    rank_correlation: float


def screen_space(
    space: config.Space,
    screen: config.Screen,
    known: Known,
    baselines: Sequence[str] = BASELINES,
    progress: Progress | None = None,
) -> Screened:
    """Go through a space, and list the most promising of its functions.

    The functions that the space includes are listed first, finite or not. Of the others those equal
    to a known one are left out: their score is known. ``screen.chance`` of what is left to list is
    drawn uniformly by ``screen.seed`` from the functions that the prediction does not choose.

    Args:
        space: The space; its ``sample``, ``seed`` and ``finite_only`` play no part.
        screen: How many functions are listed, and how.
        known: What predicts.
        baselines: What ``baselines`` stands for in the space, by name.
        progress: Called now and then with the number of functions done and of all.

    Returns:
        The listed functions, and what else the screen found. The same on every run.

    Raises:
        ScreenError: when the space does not hold so many functions.
        SpaceError: for a bad space, or one that is too large to enumerate.
    """
    whole = SearchSpace.from_config(space, baselines)
    listed = enumerate_space(whole, progress)
    forest = predictor(screen.seed).fit(values_and_slopes(known.outputs), known.scores)
    numbers = np.flatnonzero(listed.representative & listed.finite)
    predictions = np.empty(len(numbers))
    for places, outputs in outputs_in_parts(whole, numbers):
        predictions[places] = without_noise(forest.predict(values_and_slopes(outputs)))
        if progress:
            progress(min(places.stop, len(numbers)), len(numbers))

    included = np.flatnonzero(listed.representative[: len(whole.include)])
    wanted = screen.functions - len(included)
    if wanted < 0:
        raise ScreenError(
            f"screen.functions is {screen.functions}, fewer than the {len(included)} functions "
            "that the space includes"
        )
    n_drawn = round(screen.chance * wanted)
    others = np.flatnonzero(numbers >= len(whole.include))
    choice = _Choice(whole, numbers, known)
    ranked = others[np.argsort(-predictions[others], kind="stable")]
    best, distance = choice.best(ranked, wanted - n_drawn)
    rest = np.setdiff1d(others, best)
    drawn = choice.new(np.random.default_rng(screen.seed).permutation(rest), n_drawn)
    if len(best) + len(drawn) < wanted:
        raise ScreenError(
            f"screen.functions is {screen.functions}, but the space has only "
            f"{len(included) + len(choice.new(others, len(others)))} functions that are included, "
            "or are finite on every normal sample and not in the table"
        )
    chosen = np.concatenate([included, numbers[best], numbers[drawn]])
    of_number = np.full(whole.size, np.nan)
    of_number[numbers] = predictions
    names = [whole.include[number].name for number in included.tolist()]
    return Screened(
        space=whole,
        listed=listed,
        numbers=numbers,
        predictions=predictions,
        chosen=chosen,
        chosen_predictions=of_number[chosen],
        chosen_by=[
            *("baseline" if name in baselines else "included" for name in names),
            *["prediction"] * len(best),
            *["chance"] * len(drawn),
        ],
        distance=distance,
        rank_correlation=_rank_correlation(known, screen.seed),
    )


class _Choice:
    """Functions chosen from a ranking or a draw, without those that are known."""

    def __init__(self, space: SearchSpace, numbers: Integers, known: Known) -> None:
        self._space, self._numbers = space, numbers
        self._known = Digests.of(known.outputs).grids

    def _without_known(self, places: Integers) -> tuple[Integers, Floats]:
        """Those of ``places``, in order, that equal no known function; and their values."""
        kept, curves = [], []
        for part, outputs in outputs_in_parts(self._space, self._numbers[places]):
            grids = Digests.of(outputs).grids
            equal = [np.isin(*both) for both in zip(grids, self._known, strict=True)]
            new = ~np.any(equal, axis=0)
            kept.append(places[part][new])
            curves.append(values_and_slopes(outputs, slopes=False)[new])
        if not kept:
            return places[:0], np.empty((0, 1))
        return np.concatenate(kept), np.concatenate(curves)

    def new(self, places: Integers, count: int) -> Integers:
        """The first ``count`` that are not known, or all where there are fewer."""
        likely = places[: count + self._known.shape[1]]  # no class is met twice
        return self._without_known(likely)[0][:count]

    def best(self, ranked: Integers, count: int) -> tuple[Integers, float]:
        """``count`` of the best that differ, in the order of the ranking; and how far they do."""
        pool, curves = self._without_known(ranked[: POOL * count + self._known.shape[1]])
        pool, curves = pool[: POOL * count], curves[: POOL * count]
        if len(pool) < count or not count:
            return pool[:count], 0.0
        taken, distance = different_ones(curves, count)
        return pool[taken], distance


def _rank_correlation(known: Known, seed: int) -> float:
    from scipy.stats import spearmanr
    from sklearn.model_selection import KFold, cross_val_predict

    if len(known.scores) < 2 * FOLDS or np.ptp(known.scores) == 0:
        return float("nan")
    features = values_and_slopes(known.outputs)
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    guesses = without_noise(cross_val_predict(predictor(seed), features, known.scores, cv=folds))
    if np.ptp(guesses) == 0:
        return float("nan")
    return float(spearmanr(guesses, known.scores).statistic)
