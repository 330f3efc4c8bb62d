"""What a simulated search meets: a share of the candidates, one seed of each, batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from search_tables import make_map, make_table

from actsearch.config import Simulation
from actsearch.functions.baselines import BASELINES
from actsearch.search import strategies
from actsearch.search.candidates import components, prior_columns, runs_of, with_priors
from actsearch.search.simulation import simulate
from actsearch.search.strategies import register
from actsearch.search.strategies.base import HISTORY
from actsearch.search.strategies.random import RANDOM

N = 60
MAP = make_map(N)
RNG = np.random.default_rng(2)
RUNS = make_table(MAP)["validation_score"].to_numpy()[:, None] + 0.1 * RNG.normal(size=(N, 3))
TABLE = pd.DataFrame(
    {
        "name": MAP["name"],
        # A median, as tables have it: not the mean, which is the truth of one-seed.
        "validation_score": np.median(RUNS, axis=1),
        "status": "completed",
        "run_validation_scores": RUNS.tolist(),
    }
)
BY_SEED = dict(zip(TABLE["name"], RUNS, strict=True))
ONE_SEED = Simulation(runs=6, evaluations=N, sees="one-seed")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "_REGISTRY", dict(strategies._REGISTRY))


class Watching:
    """Random search that remembers what it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[pd.DataFrame, pd.DataFrame, int]] = []

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> list[tuple[str, float]]:
        self.seen.append((history.copy(), candidates, n))
        return RANDOM.propose(history, candidates, n, rng)


def seen_by(result: pd.DataFrame) -> dict[tuple[int, str], float]:
    return result.set_index(["run", "name"])["validation_score"].to_dict()


def test_one_seed_is_one_of_the_runs_and_each_comes_up() -> None:
    result = simulate("random", TABLE, MAP, ONE_SEED)
    places = [
        int(np.flatnonzero(BY_SEED[name] == score)[0])
        for name, score in zip(result["name"], result["validation_score"], strict=True)
    ]
    counts = np.bincount(places, minlength=3)
    assert counts.sum() == 6 * N
    assert counts.min() > 6 * N / 3 - 5 * np.sqrt(6 * N * 2 / 9)  # five deviations


def test_all_strategies_have_the_same_luck_and_runs_differ() -> None:
    seen = [
        seen_by(simulate(name, TABLE, MAP, ONE_SEED))
        for name in ("random", "union-knr", "union-svr")
    ]
    assert seen[0] == seen[1] == seen[2]
    runs = [[seen[0][run, name] for name in TABLE["name"]] for run in range(6)]
    assert len({tuple(run) for run in runs}) == 6


def test_regret_goes_by_the_mean_over_seeds() -> None:
    truth = {name: float(scores.mean()) for name, scores in BY_SEED.items()}
    highest = max(truth.values())
    for _, run in simulate("union-knr", TABLE, MAP, ONE_SEED).groupby("run"):
        looks_best, is_best = -np.inf, -np.inf
        leader = ""
        for row in run.itertuples():
            name, score = str(row.name), float(row.validation_score)
            if score > looks_best:
                looks_best, leader = score, name
            is_best = max(is_best, truth[name])
            assert row.best == looks_best
            assert row.regret == pytest.approx(highest - truth[leader])
            assert row.gap == pytest.approx(highest - is_best)
        assert row.gap == 0


def test_luck_is_not_taken_for_a_find() -> None:
    """The highest of noisy scores is rarely the best function: regret stays above the gap."""
    result = simulate("random", TABLE, MAP, ONE_SEED)
    assert (result["regret"] >= result["gap"]).all()
    assert (result["regret"] > result["gap"]).any()


def test_the_score_of_the_table_is_its_own_truth() -> None:
    result = simulate("random", TABLE, MAP, Simulation(runs=2, evaluations=30))
    np.testing.assert_array_equal(result["regret"], result["gap"])
    scores = TABLE.set_index("name")["validation_score"]
    np.testing.assert_array_equal(result["validation_score"], scores[result["name"]])


@pytest.mark.parametrize("sees", ["score", "one-seed"])
def test_a_share_is_the_same_for_all_strategies_with_the_baselines_in(
    sees: str, registry: None
) -> None:
    settings = Simulation(runs=4, evaluations=30, share=0.5, sees=sees, seed=3)
    evaluated = []
    for name in ("random", "union-knr", "union-svr"):
        result = simulate(name, TABLE, MAP, settings)
        runs = [list(group["name"]) for _, group in result.groupby("run")]
        assert all(names[:8] == list(BASELINES) for names in runs)
        evaluated.append([sorted(names) for names in runs])  # all 30 of the share
    assert evaluated[0] == evaluated[1] == evaluated[2]
    assert len({tuple(names) for names in evaluated[0]}) == 4
    assert {name for run in evaluated[0] for name in run} > set(evaluated[0][0])


def test_candidates_beyond_the_share_are_not_seen_nor_regretted(registry: None) -> None:
    watching = Watching()
    register("watching", watching)
    settings = Simulation(runs=3, evaluations=10, share=0.5)
    result = simulate("watching", TABLE, MAP, settings)
    scores = TABLE.set_index("name")["validation_score"]
    assert len(watching.seen) == 3 * 2
    for run, (_, candidates, _) in enumerate(watching.seen[::2]):
        assert len(candidates) == 30
        assert set(BASELINES) <= set(candidates.index)
        last = result[result["run"] == run].iloc[-1]
        assert last["gap"] == pytest.approx(scores[candidates.index].max() - last["best"])


def test_a_tiny_share_holds_the_baselines() -> None:
    settings = Simulation(runs=2, evaluations=8, share=0.01)
    result = simulate("random", TABLE, MAP, settings)
    assert list(result["name"]) == [*BASELINES, *BASELINES]
    with pytest.raises(
        ValueError, match=r"evaluations is 9; allowed: 8 .* to 8 .*in a share of 0.01"
    ):
        simulate("random", TABLE, MAP, settings.model_copy(update={"evaluations": 9}))


def test_batches_are_asked_for_and_the_last_one_fits(registry: None) -> None:
    watching = Watching()
    register("watching", watching)
    simulate("watching", TABLE, MAP, Simulation(runs=1, evaluations=20, at_once=5))
    assert [n for _, _, n in watching.seen] == [5, 5, 2]
    assert [len(history) for history, _, _ in watching.seen] == [8, 13, 18]
    assert all(tuple(history.columns) == HISTORY for history, _, _ in watching.seen)
    assert "validation_score" not in watching.seen[0][1]  # no answer among the candidates


def test_a_strategy_with_a_walk_of_its_own_proposes_in_batches() -> None:
    one, five = (
        simulate("union-knr", TABLE, MAP, Simulation(runs=2, evaluations=40, at_once=n))
        for n in (1, 5)
    )
    assert one["name"].to_list() != five["name"].to_list()
    for _, run in five.groupby("run"):
        assert run["name"].is_unique


def test_a_walk_that_leaves_the_candidates_or_the_beginning_is_refused(registry: None) -> None:
    class Walking:
        def __init__(self, order: list[int]) -> None:
            self.order = order

        def propose(self, *given: object) -> list[tuple[str, float]]:
            return []

        def walk(
            self,
            candidates: pd.DataFrame,
            scores: NDArray[np.float64],
            first: NDArray[np.intp],
            evaluations: int,
            rng: np.random.Generator,
        ) -> NDArray[np.intp]:
            return np.array(self.order)

    for i, order in enumerate(([*range(8), -1], [*range(8), N], [8, *range(8)])):
        register(f"walking{i}", Walking(order))
        with pytest.raises(
            ValueError, match=r"begin with the functions given, and hold .* 0 to 59"
        ):
            simulate(f"walking{i}", TABLE, MAP, Simulation(runs=1, evaluations=9))


def test_failures_are_told(registry: None) -> None:
    table = TABLE.copy()
    table.loc[table["name"] == "f3(x)", "status"] = "some diverged"
    table.loc[table["name"] == "f4(x)", "status"] = "diverged"
    watching = Watching()
    register("watching", watching)
    for sees in ("score", "one-seed"):
        watching.seen.clear()
        simulate("watching", table, MAP, Simulation(runs=9, evaluations=N, sees=sees))
        rows = [history for history, _, _ in watching.seen if len(history) == N - 1]
        told = pd.concat(rows)
        failed = told.index[told["failed"]]
        assert set(failed) == {"f3(x)", "f4(x)"}
        assert told.loc[["f4(x)"], "failed"].all()
        some = told.loc[["f3(x)"]]
        if sees == "one-seed":  # it is the run with the lowest score that is taken for diverged
            np.testing.assert_array_equal(
                some["failed"], some["validation_score"] == BY_SEED["f3(x)"].min()
            )
            assert 0 < some["failed"].sum() < len(some)
        else:
            assert some["failed"].all()


def test_runs_of_a_table() -> None:
    table = pd.DataFrame(
        {
            "name": ["a(x)", "b(x)", "c(x)"],
            "validation_score": [0.5, 0.6, 0.1],
            "status": ["completed", "some diverged", "diverged"],
            "run_validation_scores": [[0.4, 0.5, 0.9], [0.1, 0.6, 0.8], [0.1, 0.1, 0.1]],
        }
    )
    by_seed = runs_of(table, pd.Index(["c(x)", "a(x)", "b(x)"]), True)
    np.testing.assert_allclose(by_seed.truth, [0.1, 0.6, 0.5])
    np.testing.assert_array_equal(by_seed.seen[1], [0.4, 0.5, 0.9])
    np.testing.assert_array_equal(by_seed.failed, [[True] * 3, [False] * 3, [True, False, False]])
    whole = runs_of(table, pd.Index(["b(x)", "a(x)"]), False)
    np.testing.assert_array_equal(whole.truth, [0.6, 0.5])
    np.testing.assert_array_equal(whole.seen, [[0.6], [0.5]])
    np.testing.assert_array_equal(whole.failed, [[True], [False]])
    without = runs_of(table.drop(columns="status"), pd.Index(["c(x)"]), True)
    assert not without.failed.any()


@pytest.mark.parametrize("runs", [[], [0.5]])
def test_tables_without_the_runs_of_each_seed_are_refused(runs: list[float]) -> None:
    uneven = TABLE.copy()
    uneven.at[4, "run_validation_scores"] = runs
    with pytest.raises(ValueError, match=rf"one-seed, but .* \({len(runs)} to 3\); allowed: score"):
        simulate("random", uneven, MAP, ONE_SEED)
    with pytest.raises(ValueError, match="benchmark table lacks the columns run_validation_scores"):
        simulate("random", TABLE.drop(columns="run_validation_scores"), MAP, ONE_SEED)


def test_priors_are_seen_by_name(registry: None) -> None:
    ranks = np.linspace(0, 1, N)
    priors = pd.DataFrame({"name": MAP["name"], "prior_other": ranks})
    watching = Watching()
    register("watching", watching)
    simulate(
        "watching",
        TABLE,
        MAP,
        Simulation(runs=1, evaluations=9, share=0.5),
        priors=priors.sample(frac=1, random_state=0),
    )
    _, candidates, _ = watching.seen[0]
    assert prior_columns(candidates) == ["prior_other"]
    expected = pd.Series(ranks, MAP["name"])[candidates.index]
    np.testing.assert_array_equal(candidates["prior_other"], expected)


def test_a_candidate_without_a_rank_is_named() -> None:
    priors = pd.DataFrame({"name": MAP["name"], "prior_other": 0.5})
    candidates = MAP.set_index("name")
    with pytest.raises(ValueError, match=r"the ranks on other tasks lack 'f9\(x\)'"):
        with_priors(candidates, priors[priors["name"] != "f9(x)"])
    priors.loc[priors["name"] == "f9(x)", "prior_other"] = np.nan
    with pytest.raises(ValueError, match=r"the ranks on other tasks lack 'f9\(x\)'"):
        with_priors(candidates, priors)


def test_a_good_prior_saves_trainings() -> None:
    scores = TABLE.set_index("name")["validation_score"]
    priors = pd.DataFrame({"name": MAP["name"], "prior_other": scores.rank(pct=True).to_numpy()})
    settings = Simulation(runs=4, evaluations=16)
    with_it = simulate("transfer", TABLE, MAP, settings, priors=priors)
    without = simulate("transfer", TABLE, MAP, settings)
    assert with_it["gap"].mean() < without["gap"].mean()
    pd.testing.assert_frame_equal(without, simulate("gp-ei", TABLE, MAP, settings))


def test_components_of_the_union_are_those_of_both() -> None:
    assert components("union") == components("outputs") + components("fisher")
    assert len(set(components("union"))) == 16
