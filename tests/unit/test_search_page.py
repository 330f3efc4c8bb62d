"""docs/search.md against the code: its strategy, its configurations, its tables."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_experiment import SMALL

from actsearch.config import DEFAULT_STRATEGY, Simulation, named_strategy, parse_config
from actsearch.config.strategies import (
    BLIND_STRATEGIES,
    BUILT_IN_STRATEGIES,
    WEIGHTED_STRATEGIES,
)
from actsearch.search import judging
from actsearch.search.candidates import COLUMNS
from actsearch.search.strategies import get_strategy
from actsearch.search.strategies.check import check_strategy

PAGE = (Path(__file__).parents[2] / "docs/search.md").read_text()
BLOCKS = re.findall(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def table(title: str) -> dict[str, list[str]]:
    """Cells of a section's last table, by the name in the first one."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\S+)` \|(.*)\|$", section, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in rows}


def test_every_built_in_strategy_has_its_row() -> None:
    rows = table("Built-in strategies")
    assert sorted(rows) == sorted(BUILT_IN_STRATEGIES)
    assert [name for name, cells in rows.items() if "default of live" in cells[0]] == [
        DEFAULT_STRATEGY
    ]


def test_weights_are_those_of_the_page() -> None:
    weights = {name: getattr(get_strategy(name), "weight", None) for name in BUILT_IN_STRATEGIES}
    assert {name for name, weight in weights.items() if weight is not None} == {
        *WEIGHTED_STRATEGIES
    }
    assert [weights[name] for name in WEIGHTED_STRATEGIES] == [0.5, 0.5, 0.5, 1]
    assert get_strategy("trees-ucb@1") != get_strategy("trees-ucb")
    assert named_strategy("trees-ucb@1").weight == 1


@pytest.mark.parametrize("name", BUILT_IN_STRATEGIES)
def test_who_predicts_needs_three_baselines(name: str) -> None:
    rng = np.random.default_rng(0)
    names = ["relu(x)", "elu(x)", "tanh(x)", "exp(x)", "erf(x)"]
    candidates = pd.DataFrame(rng.normal(size=(5, len(COLUMNS))), names, COLUMNS)
    history = pd.DataFrame({"validation_score": [0.5, 0.6], "failed": False}, names[:2])
    strategy = get_strategy(name)
    if name in BLIND_STRATEGIES:
        assert strategy.propose(history, candidates, 1, rng)
    else:
        with pytest.raises(ValueError, match="at least 3 evaluated functions"):
            strategy.propose(history, candidates, 1, rng)


def test_the_example_is_a_strategy() -> None:
    (text,) = [block for _, file, block in BLOCKS if file == "mine.py"]
    module: dict[str, Any] = {}
    exec(text, module)
    check_strategy(module["Middle"]())


def test_configurations_are_read() -> None:
    texts = [block for language, _, block in BLOCKS if language == "yaml"]
    assert len(texts) == 4
    for text in texts:
        values = copy.deepcopy(SMALL)
        values["spaces"]["three-node"] = {"schemas": ["three-node"], "include": ["baselines"]}
        for other in ("mnist1d-mlp", "mnist1d-cnn", "digits-resnet"):
            values["tasks"][other] = copy.deepcopy(SMALL["tasks"]["tiny"])
        given = yaml.safe_load(text)
        for task, section in given.get("tasks", {}).items():
            values["tasks"][task] |= section
        values["simulation"] |= given.get("simulation", {})
        parse_config(values)


def test_keys_and_columns_are_those_of_the_code() -> None:
    rows = table("How strategies are judged")
    defaults = Simulation().model_dump(mode="json")
    keys = {name: rows[name][1] for name in rows if name in defaults}
    assert keys.keys() == defaults.keys()
    for name, default in defaults.items():
        shown = f"[{', '.join(default)}]" if isinstance(default, list) else f"{default}"
        assert keys[name].strip("`") == shown, name
    assert set(rows) - set(defaults) < set(judging.COLUMNS)
