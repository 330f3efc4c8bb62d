"""What the report says of functions without training: curves, slopes, shapes; verdicts in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsearch.config import SCORES, Data
from actsearch.functions import operators
from actsearch.functions.baselines import MODERN
from actsearch.functions.equivalence import normal_samples
from actsearch.functions.expressions import parse
from actsearch.functions.operators import Operator, register
from actsearch.functions.properties import properties
from actsearch.report.facts import GAP, HIGHEST, Facts, X, facts_of, stored
from actsearch.report.headline import MOST_WORDS, NO_FINAL, advice, headline
from actsearch.report.origins import Origin, origins_of
from actsearch.report.ranking import floor_of
from actsearch.report.shapes import describe_shape


def facts(name: str) -> Facts:
    [found] = facts_of([name])
    return found


def read(values: np.ndarray) -> np.ndarray:
    return np.where(values == GAP, np.nan, values * (HIGHEST / 32767))


@pytest.mark.parametrize(
    ("name", "curve", "slope"),
    [
        ("tanh(x)", np.tanh(X), 1 / np.cosh(X) ** 2),
        ("square(x)", X**2, 2 * X),
        ("sin(x)", np.sin(X), np.cos(X)),
        ("relu(x)", np.maximum(X, 0), np.where(X == 0, 0.5, X > 0)),
        ("reciprocal(x)", 1 / np.where(X == 0, np.nan, X), -1 / np.where(X == 0, np.nan, X) ** 2),
        ("div(square(x),identity(x))", np.where(X == 0, np.nan, X), np.where(X == 0, np.nan, 1)),
    ],
)
def test_curves_and_slopes_are_those_of_the_function(
    name: str, curve: np.ndarray, slope: np.ndarray
) -> None:
    found = facts(name)
    for got, wanted in ((found.curve, curve), (found.slope, slope)):
        wanted = np.clip(wanted, -HIGHEST, HIGHEST)
        assert read(got) == pytest.approx(wanted, abs=HIGHEST / 32767, nan_ok=True)


def test_curves_are_finest_around_zero_which_is_a_point() -> None:
    steps = np.diff(X)
    assert (X[0], X[-1]) == (-5, 5) and 0 in X and sorted(X) == sorted(-X)
    assert steps.max() == pytest.approx(0.2) and steps[np.abs(X[:-1]) < 0.9].max() < 0.051


@pytest.mark.parametrize(
    ("name", "finite", "at_zero"),
    [
        ("tanh(x)", True, True),
        ("div(square(x),bessel_i1e(x))", True, False),
        ("reciprocal(x)", True, False),
        ("reciprocal(relu(x))", False, False),
    ],
)
def test_what_is_not_finite_at_zero_is_known(name: str, finite: bool, at_zero: bool) -> None:
    found = facts(name)
    assert (found.finite, found.finite_at_zero) == (finite, at_zero)


@pytest.mark.parametrize(
    ("name", "finite", "monotone", "bounded"),
    [
        ("tanh(x)", True, True, True),
        ("sin(x)", True, False, True),
        ("relu(x)", True, True, False),
        ("softplus(x)", True, True, False),
        ("negative(x)", True, True, False),
        ("arcsinh(x)", True, True, False),  # grows like a logarithm
        ("swish(x)", True, False, False),
        ("reciprocal(x)", True, False, False),  # no sample is 0,
        ("zero(x)", True, True, True),
        ("sub(relu(x),relu(x))", True, True, True),
    ],
)
def test_shapes_of_functions_that_everyone_knows(
    name: str, finite: bool, monotone: bool, bounded: bool
) -> None:
    found = facts(name)
    assert (found.finite, found.monotone, found.bounded) == (finite, monotone, bounded)


@pytest.mark.parametrize("name", ["relu(x)", "swish(x)", "reciprocal(x)"])
def test_outputs_on_normal_inputs_are_those_that_explain_gives(name: str) -> None:
    found, like = facts(name), properties(parse(name))
    assert (found.mean, found.deviation) == (like.mean, like.deviation)


def test_steepness_is_the_root_mean_square_of_the_slope() -> None:
    share = (normal_samples() > 0).mean()
    assert facts("relu(x)").steepness == pytest.approx(np.sqrt(share), abs=1e-9)
    assert facts("identity(x)").steepness == pytest.approx(1)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(np.inf), min_size=1, max_size=9))
def test_stored_values_are_near_cut_or_gaps(values: list[float]) -> None:
    given_ = np.array(values)
    back = read(stored(given_))
    assert (np.isnan(back) == ~np.isfinite(given_)).all()
    kept = np.isfinite(given_)
    wanted = np.clip(given_[kept], -HIGHEST, HIGHEST)
    assert back[kept] == pytest.approx(wanted, abs=HIGHEST / 32767)


def test_only_operators_of_the_users_bar_an_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    assert all(found.exportable for found in facts_of(MODERN))
    assert facts("bessel_i0e(x)").exportable
    register(Operator("my_own_bend", 1, lambda x: x * 0.5, lambda x: x * 0.5))
    found = facts("add(my_own_bend(x),relu(x))")
    assert found.own == ("my_own_bend",) and not found.exportable


def test_what_is_no_function_is_all_gaps() -> None:
    found = facts("<b>")
    assert (found.curve == GAP).all() and not found.finite and found.slug == "<b>"
    assert not found.exportable


def final(verdicts: str, baseline: str = "gelu(x)") -> dict[str, Any]:
    words = {"b": "better", "w": "worse", "t": "tie", "u": "undecided"}
    found = [
        {"kind": "found", "name": name, "verdict": words[letter]}
        for letter, name in zip(verdicts, ("erf(x)", "sin(x)", "cos(x)"), strict=False)
    ]
    reference = [{"kind": "baseline", "name": baseline, "verdict": "reference"}]
    chosen = {"name": "erf(x)"}
    return {
        "best_baseline": baseline,
        "functions": found + reference,
        "chosen": chosen,
        "seeds": [1, 2],
    }


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ("bbt", "2 of 3 found functions beat gelu(x)"),
        ("b", "The function found beats the best baseline, gelu(x)"),
        ("tw", "A tie: no found function beats gelu(x)"),
        ("uw", "No verdict: no found function clearly beats gelu(x)"),
        ("ww", "No found function beats gelu(x)"),
        ("", "No found function was compared with the baselines"),
    ],
)
def test_the_headline_is_the_verdict_in_few_words(verdicts: str, words: str) -> None:
    assert headline(final(verdicts)) == words
    assert len(words.split()) <= MOST_WORDS


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ("bt", "Use erf(x): it is in final_activation.py."),
        ("tb", "Use sin(x): erf(x), chosen before the test, is a tie."),
        ("tw", "Stay with a baseline, such as gelu(x): no function found is shown to be better."),
        (
            "u",
            "No verdict: 2 seeds (final.seeds) are too few, 6 would do for 1 comparison.",
        ),
        ("", None),
    ],
)
def test_it_is_said_what_to_do(verdicts: str, said: str | None) -> None:
    assert advice(final(verdicts)) == said
    assert advice(None) is None


def test_a_baseline_that_is_better_than_the_best_is_advised() -> None:
    compared = final("tt")
    compared["functions"] += [{"kind": "baseline", "name": "elu(x)", "verdict": "better"}]
    assert advice(compared) == (
        "Use elu(x), a baseline: it is better than gelu(x), and no function found is."
    )


def test_what_is_not_finite_at_zero_is_advised_with_a_warning() -> None:
    compared = final("b")
    compared["functions"][0]["name"] = compared["chosen"]["name"] = "reciprocal(x)"
    said = advice(compared)
    assert said is not None and "Beware: it is not finite at x = 0" in said


def test_without_a_comparison_the_headline_says_so() -> None:
    assert headline(None) == NO_FINAL
    assert len(NO_FINAL.split()) <= MOST_WORDS


@pytest.mark.parametrize(
    ("scores", "statuses", "floor"),
    [
        ([0.9, -0.001, -0.001], "ccc", -0.001),
        ([0.9, -0.001, -0.001], "ccd", -0.001),
        ([0.9, -0.001, -0.001], "cdd", None),  # none that trained is there
        ([0.9, 0.5, -0.001], "ccc", None),  # it may be its own
        ([0.9, 0.5, 0.5], "ccc", None),
        ([0.9, -1e15, -1e15], "ccc", None),  # of a table without a floor
        ([], "", None),
    ],
)
def test_a_floor_is_the_lowest_score_that_several_share(
    scores: list[float], statuses: str, floor: float | None
) -> None:
    words = {"c": "completed", "d": "diverged"}
    table = pd.DataFrame({"validation_score": scores, "status": [words[s] for s in statuses]})
    assert floor_of(table, SCORES["R2"]) == floor
    assert floor_of(table, SCORES["accuracy"]) is None


def test_files_belong_to_their_section_and_task() -> None:
    files = [
        Origin(kind, key, f"{kind}-{key}", "")
        for kind, key in (
            ("simulation", "a/random"),
            ("functions", "three"),
            ("table", "a"),
            ("table", "ab"),
            ("strategies", "all"),
        )
    ]
    assert [o.path for o in origins_of(files, "benchmark", "a", "three")] == [
        "table-a",
        "functions-three",
    ]
    assert [o.path for o in origins_of(files, "simulation", "a")] == ["simulation-a/random"]
    assert [o.path for o in origins_of(files, "strategies", None)] == ["strategies-all"]


SPLIT = {"train": 5, "validation": 2, "test": 2}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"source": "digits"}, "images of 1 x 8 x 8, 10 classes"),
        ({"source": "mnist1d"}, "signals of 1 x 40, 10 classes"),
        (
            {"source": "torchvision:CIFAR10", "split": {**SPLIT, "train": 50}},
            "images of 3 x 32 x 32, 10 classes",
        ),
        ({"source": "my_package.data:load"}, None),
        ({"source": "npz:my-data.npz"}, None),
    ],
)
def test_the_shape_of_a_tasks_data_is_said(source: dict[str, Any], words: str | None) -> None:
    assert describe_shape(Data.model_validate({"split": SPLIT, **source})) == words
