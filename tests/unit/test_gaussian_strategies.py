"""Strategies by a Gaussian process against closed forms, and what transfer adds to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import kendalltau, norm
from search_tables import history_of, make_map

from actsearch.functions.baselines import BASELINES
from actsearch.search.candidates import components, on_map
from actsearch.search.strategies import get_strategy
from actsearch.search.strategies.base import Known, known
from actsearch.search.strategies.gaussian import Process, _log_gain
from actsearch.search.strategies.transfer import CAUTION, agreement
from actsearch.search.targets import Targets

MAP = make_map(60)
MAP[components("union")] *= 0.2
MAP["fisher_1"] *= 5
CANDIDATES = on_map(MAP)
# Scores depend on the component of the widest spread, with a little noise.
SCORES = pd.Series(
    np.sin(CANDIDATES["fisher_1"]) + 0.05 * np.random.default_rng(5).normal(size=60),
    CANDIDATES.index,
)
TRAINED = [*BASELINES, *(f"f{i}(x)" for i in range(22))]
HISTORY = history_of({name: float(SCORES[name]) for name in TRAINED})


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def process(candidates: pd.DataFrame = CANDIDATES) -> tuple[Process, Known, NDArray[np.float64]]:
    state = known(HISTORY, candidates, 1)
    targets = Targets(state.scores).values
    return Process(candidates, state, targets), state, targets


@given(st.floats(-30, 10))
def test_the_logarithm_of_the_gain(z: float) -> None:
    with mp.workdps(60):
        exact = float(mp.log(mp.mpf(z) * mp.ncdf(z) + mp.npdf(z)))
    # Far below, a limit stands in for it, which is within 3 / z^2.
    tolerance = 3 / z**2 if z <= -20 else 1e-9 * abs(exact) + 1e-9
    assert abs(_log_gain(np.array([z]), norm)[0] - exact) <= tolerance


def test_the_logarithm_of_the_gain_is_finite_where_the_gain_is_not_a_number_above_zero() -> None:
    gain = _log_gain(np.array([-1e12, -1e6, -100.0, -20.0, 0.0, 1e6]), norm)
    assert np.isfinite(gain).all()
    assert (np.diff(gain) > 0).all()


@pytest.mark.parametrize(("mean", "deviation"), [(0.3, 0.5), (-1.0, 0.4), (2.0, 0.1), (0.0, 2.0)])
def test_expected_improvement_against_numerical_integration(mean: float, deviation: float) -> None:
    highest = 0.25
    integral, _ = quad(
        lambda y: (y - highest) * norm.pdf(y, mean, deviation),
        highest,
        max(mean, highest) + 12 * deviation,
        epsabs=1e-13,
    )
    z = np.array([(mean - highest) / deviation])
    improvement = np.exp(np.log(deviation) + _log_gain(z, norm)[0])
    assert improvement == pytest.approx(integral, rel=1e-7)


def test_mean_and_deviation_are_those_of_a_training() -> None:
    """The textbook (Rasmussen & Williams 2006, equations 2.25 and 2.26), and the noise."""
    found, state, targets = process()
    points = CANDIDATES[components("union")].to_numpy()
    points = points / points.std(axis=0).max()
    kernel, noise = found._process.kernel_.k1, found._process.kernel_.k2.noise_level
    seen, at = points[state.trained], points[state.left]
    solved = np.linalg.solve(kernel(seen) + noise * np.eye(len(seen)), kernel(seen, at))
    np.testing.assert_allclose(found.mean, solved.T @ targets, atol=1e-6)
    variance = kernel.diag(at) - np.einsum("ij,ij->j", kernel(seen, at), solved)
    np.testing.assert_allclose(found.deviation**2, variance + noise, atol=1e-6)


def test_the_noise_of_trainings_is_learnt() -> None:
    rng = generator()
    table = make_map(150, 3)
    table[components("union")] = 0.0
    table["fisher_1"] = rng.uniform(-1, 1, len(table))
    candidates = on_map(table)
    scores = np.sin(3 * candidates["fisher_1"].to_numpy()) + 0.4 * rng.normal(size=150)
    evaluated = dict(zip(candidates.index[:100], scores[:100].tolist(), strict=True))
    state = known(history_of(evaluated), candidates, 1)
    found = Process(candidates, state, Targets(state.scores).values)
    assert np.median(found.deviation) * scores[:100].std() == pytest.approx(0.4, abs=0.08)


def test_what_is_known_beyond_the_last_hundred_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is chosen by the last ones alone, the process knows all."""
    monkeypatch.setattr("actsearch.search.strategies.gaussian.FITTED_ON", 10)
    found, state, targets = process()
    assert len(found._process.X_train_) == len(state.trained) == 30
    np.testing.assert_array_equal(found._process.y_train_, targets)


def test_one_proposal_has_the_highest_expected_improvement() -> None:
    found, state, _ = process()
    highest = (found._process.predict(found._process.X_train_)).max()
    by_hand = [
        quad(
            lambda y, m=m, s=s: (y - highest) * norm.pdf(y, m, s),
            highest,
            max(m, highest) + 10 * s,
            epsabs=1e-14,
        )[0]
        for m, s in zip(found.mean, found.deviation, strict=True)
    ]
    [(name, prediction)] = get_strategy("gp-ei").propose(HISTORY, CANDIDATES, 1, generator())
    best = int(np.argmax(by_hand))
    assert name == CANDIDATES.index[state.left[best]]
    assert prediction == pytest.approx(
        Targets(state.scores).scores(found.mean[best : best + 1])[0], rel=1e-9
    )


def test_it_finds_what_the_components_tell() -> None:
    left = SCORES.drop(TRAINED)
    for strategy in ("gp-ei", "gp-ts", "trees-ucb", "two-stage", "transfer"):
        proposed = get_strategy(strategy).propose(HISTORY, CANDIDATES, 5, generator())
        assert left[[name for name, _ in proposed]].mean() > left.mean() + left.std() / 2


def twins() -> pd.DataFrame:
    """Candidates of which each that is left comes twice, at the same place."""
    table = MAP.copy()
    columns = components("union")
    table.loc[45:59, columns] = table.loc[30:44, columns].to_numpy()
    return on_map(table)


@pytest.mark.parametrize("strategy", ["gp-ei", "transfer"])
def test_a_batch_does_not_repeat_one_guess(strategy: str) -> None:
    candidates = twins()
    proposed = get_strategy(strategy).propose(HISTORY, candidates, 5, generator())
    places = candidates.loc[[name for name, _ in proposed], components("union")]
    assert len(places.drop_duplicates()) == 5
    # The best ones of one ranking would be pairs of twins.
    [(first, _)] = get_strategy(strategy).propose(HISTORY, candidates, 1, generator())
    assert places.index[0] == first


@pytest.mark.parametrize("strategy", ["trees-ucb", "neighbors-ucb", "two-stage"])
def test_members_of_a_batch_weigh_the_deviation_differently(strategy: str) -> None:
    drawn = {
        tuple(
            name
            for name, _ in get_strategy(f"{strategy}@100").propose(
                HISTORY, CANDIDATES, 4, generator(seed)
            )
        )
        for seed in range(4)
    }
    assert len(drawn) > 1
    # Without a weight a batch is simply the best of one ranking.
    greedy = get_strategy(f"{strategy}@0").propose(HISTORY, CANDIDATES, 6, generator())
    predictions = [prediction for _, prediction in greedy]
    assert predictions == sorted(predictions, reverse=True)


def test_thompson_sampling_draws_another_function_for_each_member() -> None:
    found, _, _ = process()
    chosen = found.drawn(len(found.mean), generator())
    assert sorted(chosen) == list(range(len(found.mean)))
    # What is certainly bad is drawn late, what may be good early; but not in a fixed order.
    firsts = {int(found.drawn(1, generator(seed))[0]) for seed in range(30)}
    assert len(firsts) > 1
    assert found.mean[list(firsts)].mean() > found.mean.mean()


def with_prior(*priors: Any, candidates: pd.DataFrame = CANDIDATES) -> pd.DataFrame:
    return candidates.assign(**{f"prior_t{i}": values for i, values in enumerate(priors)})


def ranks(values: NDArray[np.float64] | pd.Series[float]) -> NDArray[np.float64]:
    order = np.asarray(values).argsort().argsort()
    return order / (len(order) - 1)


def names(strategy: str, candidates: pd.DataFrame, n: int = 6) -> list[str]:
    return [name for name, _ in get_strategy(strategy).propose(HISTORY, candidates, n, generator())]


def test_transfer_without_priors_is_expected_improvement() -> None:
    one, two = (
        get_strategy(name).propose(HISTORY, CANDIDATES, 8, generator(3))
        for name in ("transfer", "gp-ei")
    )
    assert one == two


@pytest.mark.parametrize(
    "prior",
    [np.full(60, 0.5), 1 - ranks(SCORES)],
    ids=["says nothing", "says the opposite"],
)
def test_a_useless_prior_has_no_weight(prior: NDArray[np.float64]) -> None:
    assert names("transfer", with_prior(prior)) == names("gp-ei", CANDIDATES)
    # Nor does it weaken a good one.
    good = ranks(SCORES)
    assert names("transfer", with_prior(good, prior)) == names("transfer", with_prior(good))


def test_a_good_prior_is_followed_as_far_as_its_weight_goes() -> None:
    prior = ranks(SCORES)
    left = SCORES.drop(TRAINED).sort_values(ascending=False)
    # The features say nothing here: the prior alone knows.
    blind = CANDIDATES.copy()
    blind[components("union")] = generator().normal(size=(60, 16))
    found = names("transfer", with_prior(prior, candidates=blind), 5)
    assert set(found[:3]) <= set(left.index[:6])
    assert names("transfer@0", with_prior(prior)) == names("gp-ei", CANDIDATES)


@given(st.lists(st.integers(0, 5), min_size=3, max_size=15), st.integers(0, 99))
def test_agreement_is_kendalls_with_caution(prior: list[int], seed: int) -> None:
    targets = generator(seed).normal(size=len(prior))
    found = agreement(np.array(prior, dtype=float), targets)
    if len(set(prior)) == 1:
        assert found == 0
    else:
        n = len(prior)
        tau = kendalltau(prior, targets).statistic
        assert found == pytest.approx(max(tau, 0) * n / (n + CAUTION))
    assert 0 <= found < 1


def test_agreement_grows_with_what_is_known() -> None:
    values = [agreement(np.arange(n) * 1.0, np.arange(n) * 1.0) for n in (3, 8, 100)]
    assert values == sorted(values)
    assert values[1] == pytest.approx(0.5)  # of CAUTION functions
    assert agreement(np.arange(9.0), np.zeros(9)) == 0


def test_what_failed_is_foreseen_in_two_stages() -> None:
    """All with a high component diverge, however good their neighbours are."""
    component = CANDIDATES["outputs_1"] / 0.2
    lost = component > 0.3
    scores = 0.5 + 0.1 * component.where(~lost, 0.0)
    history = history_of({name: float(scores[name]) for name in TRAINED})
    history["failed"] = lost[TRAINED].to_numpy()
    history.loc[history["failed"], "validation_score"] = 0.1
    proposed = get_strategy("two-stage@0").propose(history, CANDIDATES, 5, generator())
    assert not lost[[name for name, _ in proposed]].any()
    left = CANDIDATES.index.difference(TRAINED)
    assert lost[left].mean() > 0.2  # else it would be no achievement


def test_two_stages_where_all_failed() -> None:
    history = HISTORY.assign(failed=True)
    without = get_strategy("two-stage").propose(HISTORY, CANDIDATES, 5, generator())
    assert get_strategy("two-stage").propose(history, CANDIDATES, 5, generator()) == without
