"""Published functions: each name in our notation against its formula, and the page against both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special
from space_classes import names

from actsearch import config
from actsearch.functions.baselines import BASELINES, MODERN
from actsearch.functions.equivalence import classes, outputs
from actsearch.functions.expressions import parse
from actsearch.functions.literature import LITERATURE, LITERATURE_NAMES, Published
from actsearch.functions.operators import EXTRA_UNARY
from actsearch.functions.selection import select
from actsearch.functions.spaces import SearchSpace
from actsearch.plan.layout import LONGEST_SLUG

PAGE = Path(__file__).parents[2] / "docs/literature.md"
SAID = [entry for entry in LITERATURE if entry.function is not None]
UNSAID = [entry for entry in LITERATURE if entry.function is None]
FORMULAS = {name: getattr(np, name) for name in dir(np)} | {"erf": special.erf}


def published(entry: Published, x: np.ndarray) -> np.ndarray:
    """The formula as the page has it, by NumPy: in other arithmetic than our operators."""
    value = eval(entry.formula, {"__builtins__": {"abs": abs}}, FORMULAS | {"x": x})
    return np.asarray(value, dtype=float)


@pytest.mark.parametrize("entry", SAID, ids=lambda entry: entry.name)
def test_a_name_computes_the_published_formula(entry: Published) -> None:
    x = np.linspace(-8, 8, 1601)  # with 0
    function = parse(str(entry.function))
    expected = published(entry, x)
    np.testing.assert_allclose(function(x), expected, rtol=1e-10, atol=1e-12)
    tensor = torch.tensor(x, requires_grad=True)
    value = function(tensor)
    np.testing.assert_allclose(value.detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    value.sum().backward()
    assert tensor.grad is not None and bool(tensor.grad.isfinite().all())


def test_a_wrong_name_is_found() -> None:
    wrong = Published("mish", "x * tanh(log(1 + exp(x)))", "nobody", "gelu(x)")
    with pytest.raises(AssertionError, match="Mismatched"):
        test_a_name_computes_the_published_formula(wrong)


def test_names_are_canonical_finite_short_and_of_different_functions() -> None:
    functions = [parse(name) for name in LITERATURE_NAMES]
    assert names(functions) == list(LITERATURE_NAMES)
    assert len({entry.name for entry in LITERATURE}) == len(LITERATURE)
    assert np.isfinite(outputs(functions)).all()
    assert max(len(function.slug) for function in functions) <= LONGEST_SLUG
    numbers = dict(zip(LITERATURE_NAMES, classes(LITERATURE_NAMES), strict=True))
    assert len(set(numbers.values())) == len(numbers) - 1
    assert numbers["relu6(x)"] == numbers["relu(x)"]  # as its note says


def test_what_cannot_be_said_says_why() -> None:
    assert UNSAID
    assert all(entry.note and entry.source for entry in UNSAID)


def test_baselines_and_operators_beside_the_paper_have_a_source() -> None:
    assert set(MODERN) <= set(LITERATURE_NAMES)
    used = {name for entry in LITERATURE_NAMES for name in parse(entry).operators}
    assert set(EXTRA_UNARY) <= used


def test_a_space_includes_the_literature() -> None:
    space = SearchSpace(["unary(x)"], ["literature", "relu(x)"])
    assert names(list(space.include)) == list(LITERATURE_NAMES)
    chosen = names(select(config.Space(include=("baselines", "literature"))))
    assert chosen[:8] == list(BASELINES)
    assert set(LITERATURE_NAMES) - set(chosen) == {"relu6(x)"}


# The page


def _rows(heading: str) -> list[list[str]]:
    """Cells of the table under a heading."""
    _, _, below = PAGE.read_text().partition(f"\n## {heading}\n")
    section, _, _ = below.partition("\n## ")
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _source(text: str) -> str:
    """A source with its numbers as links, as the page has it."""
    return re.sub(r"(\d{4}\.\d{5}|\d{4}\.\d{4}(?!\d))", r"[\1](https://arxiv.org/abs/\1)", text)


def _cells(entries: Sequence[Published]) -> list[list[str]]:
    return [
        [e.name, f"`{e.formula}`", f"`{e.function}`", _source(e.source), e.note]
        if e.function
        else [e.name, e.formula, _source(e.source), e.note]
        for e in entries
    ]


def test_the_page_lists_what_can_be_said() -> None:
    assert _rows("Functions with a name here") == _cells(SAID)


def test_the_page_lists_what_cannot() -> None:
    assert _rows("Functions without a name here") == _cells(UNSAID)


def test_the_page_has_the_baselines() -> None:
    text = PAGE.read_text()
    _, _, listed = text.partition("`baselines: modern`")
    found = re.findall(r"`([^`]*\(x\)[^`]*)`", listed.partition("\n\n")[0])
    assert found == list(MODERN[len(BASELINES) :])
