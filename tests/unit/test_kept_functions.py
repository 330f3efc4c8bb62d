"""What is found by evaluating functions is kept, and made anew when it could be another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actsearch.config import Space
from actsearch.functions.baselines import BASELINES
from actsearch.functions.equivalence import classes
from actsearch.functions.expressions import ExpressionError
from actsearch.functions.selection import select
from actsearch.functions.spaces import SpaceError
from actsearch.plan import kept_functions, layout
from actsearch.plan.environment import OUTPUTS_VARIABLE
from actsearch.plan.kept_functions import KeptFunctions

SPACE = Space(schemas=("three-node",), include=("baselines",), sample=20)
NAMES = ["relu(x)", "max(x,relu(x))", "tanh(x)"]


@pytest.fixture(autouse=True)
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(OUTPUTS_VARIABLE, raising=False)
    layout.HIDDEN.mkdir()
    return layout.SEEN_FUNCTIONS


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was evaluated."""
    calls: list[str] = []

    def counted(name: str) -> Callable[..., object]:
        whole = getattr(kept_functions, name)

        def call(*arguments: object) -> object:
            calls.append(name)
            return whole(*arguments)

        return call

    for name in ("select", "classes", "outputs"):
        monkeypatch.setattr(kept_functions, name, counted(name))
    return calls


def test_answers_are_those_of_the_functions_and_are_made_once(evaluations: list[str]) -> None:
    for _ in range(2):
        kept = KeptFunctions()
        assert kept.slugs(SPACE, BASELINES) == [f.slug for f in select(SPACE, BASELINES)]
        assert kept.classes(NAMES) == classes(NAMES) == [0, 0, 1]
        assert (
            kept.finite([*NAMES, "reciprocal(zero(x))", "exp(exp(exp(x)))"])
            == [True] * 3 + [False] * 2
        )
    assert sorted(evaluations) == ["classes", "outputs", "select"]


def test_another_question_or_other_code_is_another_answer(
    evaluations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = KeptFunctions().slugs(SPACE, BASELINES)
    other = SPACE.model_copy(update={"seed": 1})
    assert KeptFunctions().slugs(other, BASELINES) != first
    assert KeptFunctions().slugs(SPACE, BASELINES[:3])[:3] == list(first[:3])
    monkeypatch.setattr(kept_functions, "version", lambda package: "0")
    assert KeptFunctions().slugs(SPACE, BASELINES) == first
    monkeypatch.setattr(kept_functions, "module_digests", lambda *modules: {})
    assert KeptFunctions().slugs(SPACE, BASELINES) == first
    assert evaluations == ["select"] * 5


@pytest.mark.parametrize("damage", [b"", b"no digest", b'sha256:0\n["x"]'])
def test_a_damaged_file_counts_as_none(hidden: Path, evaluations: list[str], damage: bytes) -> None:
    first = KeptFunctions().classes(NAMES)
    (file,) = hidden.iterdir()
    file.write_bytes(damage)
    assert KeptFunctions().classes(NAMES) == first
    assert evaluations == ["classes"] * 2


def test_an_audit_believes_no_such_file(
    evaluations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    KeptFunctions().classes(NAMES)
    monkeypatch.setenv(OUTPUTS_VARIABLE, "outputs.json")
    KeptFunctions().classes(NAMES)
    assert evaluations == ["classes"] * 2


def test_nothing_is_written_where_snakemake_has_no_folder(hidden: Path) -> None:
    layout.HIDDEN.rmdir()
    assert KeptFunctions().classes(NAMES) == [0, 0, 1]
    assert not hidden.exists()


def test_errors_are_those_of_the_functions_and_are_not_kept(hidden: Path) -> None:
    for _ in range(2):
        with pytest.raises(SpaceError, match="sample"):
            KeptFunctions().slugs(SPACE.model_copy(update={"sample": 10**5}), BASELINES)
        with pytest.raises(ExpressionError):
            KeptFunctions().finite(["nonsense(x)"])
    assert not hidden.exists()
