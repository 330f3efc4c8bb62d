"""Snakemake is told which rule names a file: it finds the same rule as by trying all patterns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("snakemake")

import snakemake.api  # noqa: F401 - first: its modules import each other
import snakemake.dag
from snakemake.io import IOFile
from snakemake.output_index import OutputIndex
from snakemake.rules import Ruleorder

from actsearch.plan import internals


@dataclass(frozen=True)
class Maker:
    """As much of a rule as looking up asks for."""

    name: str
    files: tuple[str, ...]

    def products(self) -> list[Any]:
        return [IOFile(file) for file in self.files]

    def has_wildcards(self) -> bool:
        return any(file.contains_wildcard() for file in self.products())

    def is_producer(self, path: str) -> bool:
        return any(file.match(path) for file in self.products())


PACK = Maker("pack", ("trials/a.b.json", "trials/[x].json", "logs/pack.log"))
OTHER = Maker("other", ("trials/c.json",))
TWICE = Maker("twice", ("trials/c.json", "trials/d.json"))
BY_NAME = Maker("by_name", ("trials/{slug}.json",))
ANY = Maker("any", ("{folder}/{file}",))
MAKERS = [PACK, OTHER, TWICE, BY_NAME, ANY]
PATHS = [
    *(file for maker in MAKERS[:3] for file in maker.files),
    "trials/aXb.json",
    "trials/e",
    "e",
]


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(snakemake.dag, "OutputIndex", OutputIndex)
    internals.look_up_names_first()
    yield snakemake.dag.OutputIndex


@pytest.mark.parametrize("path", PATHS)
def test_the_rule_that_snakemake_prefers_is_the_same(index: Any, path: str) -> None:
    order = Ruleorder()
    found = OutputIndex(MAKERS).match_producers(path)
    best = {
        maker
        for maker in found
        if all(order.compare(maker, other) >= 0 for other in found)  # what Snakemake keeps
    }
    assert index(MAKERS).match_producers(path) == best


def test_patterns_are_tried_for_what_no_rule_names(index: Any) -> None:
    assert index(MAKERS).match_producers("trials/e.json") == {BY_NAME, ANY}


def test_it_is_done_once_and_another_form_is_left_alone(
    index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    internals.look_up_names_first()
    assert snakemake.dag.OutputIndex is index
    other = type("OutputIndex", (), {})
    monkeypatch.setattr(snakemake.dag, "OutputIndex", other)
    internals.look_up_names_first()
    assert snakemake.dag.OutputIndex is other


def test_names_of_rules_leave_the_variables_and_nothing_else_does() -> None:
    def own() -> None: ...

    def theirs() -> None: ...

    rules = [SimpleNamespace(name="one", run_func=own), SimpleNamespace(name="two", run_func=own)]
    variables = {"__one": own, "__two": theirs, "__name__": "workflow", "one": 1}
    internals.forget_rule_names(SimpleNamespace(rules=rules, globals=variables))
    assert variables == {"__two": theirs, "__name__": "workflow", "one": 1}
