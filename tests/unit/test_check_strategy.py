"""The contract check passes every strategy that is built in, and finds what breaks the contract."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import actsearch.search
from actsearch.config import STRATEGIES
from actsearch.search import StrategyError, check_strategy
from actsearch.search.strategies import get_strategy
from actsearch.search.strategies.random import RANDOM

SLOW = ("union-rf", "trees-ucb", "two-stage")  # forests


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in STRATEGIES],
)
def test_built_in_strategies_keep_the_contract(name: str) -> None:
    check_strategy(get_strategy(name))


def test_a_name_is_looked_up() -> None:
    check_strategy("random")
    check_strategy("actsearch.search.strategies.random:RandomStrategy")
    with pytest.raises(ValueError, match="unknown strategy 'rndom'"):
        check_strategy("rndom")


class Wrong:
    """Random search, but for one fault."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        return self.spoiled(RANDOM.propose(history, candidates, n, rng), history, candidates)

    def spoiled(self, proposed: Any, history: pd.DataFrame, candidates: pd.DataFrame) -> Any:
        return proposed


class Duplicates(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [proposed[0]] * len(proposed)


class Trained(Wrong):
    def spoiled(self, proposed: Any, history: pd.DataFrame, candidates: pd.DataFrame) -> Any:
        return [(history.index[0], 0.5), *proposed[1:]]


class Elsewhere(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [("nowhere(x)", 0.5), *proposed[1:]]


class NoName(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [([], 0.5), *proposed[1:]]


class TooMany(Wrong):
    def spoiled(self, proposed: Any, history: pd.DataFrame, candidates: pd.DataFrame) -> Any:
        taken = {*history.index, *(name for name, _ in proposed)}
        return [*proposed, *((name, 0.5) for name in candidates.index if name not in taken)]


class OneAtATime(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return proposed[:1]


class NamesAlone(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [name for name, _ in proposed]


class Frame(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return pd.DataFrame(proposed)


class Infinite(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [(name, -np.inf) for name, _ in proposed]


class Text(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [(name, "0.5") for name, _ in proposed]


class Unpredicted(Wrong):
    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [(name, None) for name, _ in proposed]


class HistoryChanged(Wrong):
    def spoiled(self, proposed: Any, history: pd.DataFrame, candidates: pd.DataFrame) -> Any:
        history.iloc[0, 0] = 77.0
        return proposed


class HistoryGrown(Wrong):
    def spoiled(self, proposed: Any, history: pd.DataFrame, candidates: pd.DataFrame) -> Any:
        history["rank"] = 0.0
        return proposed


class CandidatesChanged(Wrong):
    def spoiled(self, proposed: Any, history: pd.DataFrame, candidates: pd.DataFrame) -> Any:
        del candidates["slug"]
        return proposed


class OwnChance(Wrong):
    own = np.random.default_rng(0)

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        return RANDOM.propose(history, candidates, n, self.own)


class OwnPredictions(Wrong):
    """The same functions, but predictions by chance."""

    own = np.random.default_rng(0)

    def spoiled(self, proposed: Any, *rest: Any) -> Any:
        return [(name, float(self.own.random())) for name, _ in proposed]


class Empty(Wrong):
    """Goes on when nothing is left."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        left = candidates.index.difference(history.index)
        return RANDOM.propose(history, candidates, n, rng) if len(left) else []


class Fewer(Wrong):
    """Gives what is left where more is asked for."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        left = len(candidates.index.difference(history.index))
        return RANDOM.propose(history, candidates, min(n, left) or 1, rng)


class WrongError(Wrong):
    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        try:
            return RANDOM.propose(history, candidates, n, rng)
        except ValueError:
            raise KeyError("none left") from None


class Unknown(Wrong):
    """Stumbles over trained functions that are no candidates."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        candidates.loc[history.index]
        return RANDOM.propose(history, candidates, n, rng)


class Dividing(Wrong):
    """Stumbles over scores that are all equal."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        scores = history["validation_score"]
        1 / int(scores.nunique() > 1)
        return RANDOM.propose(history, candidates, n, rng)


class ByPriors(Wrong):
    """Takes what is in the table for components."""

    def propose(
        self, history: pd.DataFrame, candidates: pd.DataFrame, n: int, rng: np.random.Generator
    ) -> Any:
        if candidates.shape[1] != 23:
            raise IndexError("shape")
        return RANDOM.propose(history, candidates, n, rng)


FAULTS = {
    Duplicates: r"usual scores, 8 trained, 7 asked for: .* a second time",
    Trained: r"usual scores, 8 trained, 1 asked for: .* a second time",
    Elsewhere: r"'nowhere\(x\)', which is not among the candidates",
    NoName: r"usual scores, 8 trained, 1 asked for: ",
    TooMany: r"1 asked for: the strategy proposed 52 functions; asked for: 1",
    OneAtATime: r"7 asked for: the strategy proposed 1 functions; asked for: 7",
    NamesAlone: r"must return a list of pairs \(name, prediction\)",
    Frame: r"must return a list of pairs \(name, prediction\)",
    Infinite: r"the prediction of '.*' is -inf; allowed: a finite number, or NaN",
    Text: r"the prediction of '.*' is '0.5'; allowed",
    Unpredicted: r"the prediction of '.*' is None; allowed",
    HistoryChanged: r"changed the history or the candidates in place",
    HistoryGrown: r"changed the history or the candidates in place",
    CandidatesChanged: r"changed the history or the candidates in place",
    OwnChance: r"the same generator gave other proposals",
    OwnPredictions: r"the same generator gave other proposals",
    Empty: r"0 left, 1 asked for: propose must raise ValueError",
    Fewer: r"1 left, 2 asked for: propose must raise ValueError",
    WrongError: r"0 left, 1 asked for: propose raised KeyError; allowed: ValueError",
    Unknown: r"usual scores, 21 trained, 1 asked for: propose raised KeyError: .*elsewhere",
    Dividing: r"equal scores, 8 trained, 1 asked for: propose raised ZeroDivisionError",
    ByPriors: r"usual scores, 8 trained, 1 asked for: propose raised IndexError: shape",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_and_described(fault: type[Wrong]) -> None:
    with pytest.raises(StrategyError, match=FAULTS[fault]):
        check_strategy(fault())


def test_what_a_strategy_raises_is_the_cause() -> None:
    with pytest.raises(StrategyError) as caught:
        check_strategy(Dividing())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_the_faults_are_the_only_difference() -> None:
    check_strategy(Wrong())


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.int64(1), 1, 0.5])
def test_numbers_of_any_kind_are_predictions(number: Any) -> None:
    class Constant(Wrong):
        def spoiled(self, proposed: Any, *rest: Any) -> Any:
            return [(name, number) for name, _ in proposed]

    check_strategy(Constant())


@pytest.mark.parametrize("thing", [None, 3, object(), Wrong, "random".upper, {}])
def test_what_is_no_strategy(thing: Any) -> None:
    with pytest.raises(
        StrategyError, match="is not a strategy; allowed: an object with the method"
    ):
        check_strategy(thing)


def test_the_room_offers_it_without_loading_anything() -> None:
    loads = (
        "import sys, actsearch.search as s; "
        "assert not {'pandas', 'torch', 'sklearn', 'numpy'} & set(sys.modules); "
        "from actsearch.search import check_strategy, StrategyError; "
        "assert 'torch' not in sys.modules; "
        "assert s.check_strategy is check_strategy and 'check_strategy' in s.__all__"
    )
    subprocess.run([sys.executable, "-c", loads], check=True)
    for name in actsearch.search.__all__:
        getattr(actsearch.search, name)
    with pytest.raises(AttributeError, match=r"'actsearch\.search' has no attribute 'nothing'"):
        _ = actsearch.search.nothing
