"""The textbook version that speed is compared with; it shares the operators with ours, no more."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search_tables import make_map, make_table

from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.spaces import SearchSpace
from actsearch.search.rounds import propose

PLACE = Path(__file__).parents[2] / "benchmarks" / "textbook" / "space.py"


@pytest.fixture(scope="module")
def textbook() -> Any:
    spec = spec_from_file_location("textbook_space", PLACE)  # the clone's folder is not on the path
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_classes_of_the_three_node_space_are_ours(textbook: Any) -> None:
    names, classes = textbook.distinct(textbook.three_node())
    listed = enumerate_space(SearchSpace.named("three-node"))
    assert names == listed.names
    assert classes == listed.class_of.tolist()


def test_four_node_functions_are_ours(textbook: Any) -> None:
    space = SearchSpace.named("four-node")
    listed = list(map(textbook.name, textbook.four_node()))
    assert listed == space.names()[len(space.include) :]


def test_values_that_are_the_same_share_cells(textbook: Any) -> None:
    values = np.array([0.0, np.nan, np.inf, 1e300])
    same = np.array([-0.0, -np.nan, np.inf, 1e300 * (1 + 1e-15)])
    for shift in textbook.SHIFTS:
        assert textbook.cells(values, shift) == textbook.cells(same, shift)


def test_proposals_are_ours(textbook: Any) -> None:
    functions = make_map(400)
    history = make_table(functions, noise=0.1).head(150).assign(round=0, status="completed")
    ours = propose("union-knr", functions, history, 5, 1, 0)
    coordinates = functions[["union_x", "union_y"]].itertuples(index=False, name=None)
    places = dict(zip(functions["name"], coordinates, strict=True))
    scores = dict(zip(history["name"], history["validation_score"], strict=True))
    theirs = textbook.propose(places, scores, 5)
    assert theirs == list(zip(ours["name"], ours["prediction"], strict=True))
