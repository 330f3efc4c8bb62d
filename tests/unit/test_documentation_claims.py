"""What pages say of networks, functions and tables, against the code."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from documentation import ROOT, blocks
from test_documentation_snippets import run, runnable
from torch import nn

from actsearch import Activation, load_benchmark
from actsearch.config import Recipe, Space
from actsearch.data.dataset import DataShape
from actsearch.functions.listing import list_functions
from actsearch.networks.by_name import build_model
from actsearch.training.fitting import _optimizer

OWN_CSV = " ".join((ROOT / "docs/own-csv.md").read_text().split())


def test_a_class_whose_constructor_takes_both_keywords_is_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "network_of_the_page.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Linear):\n"
        "    def __init__(self, input_shape, n_outputs):\n"
        "        super().__init__(input_shape[0], n_outputs)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    network = build_model("network_of_the_page:Net", DataShape((30,), 2, "features"), 0)
    assert isinstance(network, nn.Linear)
    assert (network.in_features, network.out_features) == (30, 2)
    assert "A class whose constructor takes both is called in the same way" in OWN_CSV


def test_adamw_without_weight_decay_is_adam() -> None:
    assert "`adamw` without `weight_decay` is Adam" in OWN_CSV
    recipe = Recipe(optimizer="adamw", learning_rate=0.003, epochs=1, batch_size=8)
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    theirs = copy.deepcopy(ours)
    x, y = torch.randn(8, 4), torch.randint(0, 2, (8,))
    pairs = ((ours, _optimizer(ours, recipe)),
             (theirs, torch.optim.Adam(theirs.parameters(), lr=0.003)))  # fmt: skip
    for network, optimizer in pairs:
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(mine.detach(), other.detach(), rtol=1e-4, atol=1e-6)


def test_a_function_that_is_undefined_at_0_steps_around_it_as_the_page_shows() -> None:
    page = (ROOT / "docs/use-a-function.md").read_text()
    assert "function(torch.where(x == 0, 1e-6, x))" in page
    (name,) = set(re.findall(r'function = Activation\("(.+?)"\)', page))
    function, x = Activation(name), torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    assert function(x).isnan().tolist() == [False, True, False]
    around = function(torch.where(x == 0, 1e-6, x))
    around.sum().backward()
    assert abs(around[1].item()) < 1e-3
    assert x.grad is not None and x.grad.isfinite().all()


@pytest.mark.parametrize("page", ["first-look", "figures-and-tables"])
def test_functions_on_pages_about_results_are_in_the_default_experiment_and_ship(page: str) -> None:
    """So that their commands work after ``make results``, and without it on the table."""
    shown = [
        name
        for block in blocks(ROOT / f"docs/{page}.md")
        if block.language in ("sh", "python")
        for line in block.text.splitlines()
        if "snakemake" not in line and "slug" not in line
        for name in re.findall(r'"(\w+\([^"]*\))"', line)
    ]
    assert {"relu(x)", "add(square(x),arcsinh(x))"} <= set(shown)
    configuration = yaml.safe_load((ROOT / "config.yaml").read_text())
    space = Space.model_validate(configuration["spaces"]["three-node-sample"])
    assert set(shown) <= set(list_functions(space).table["name"])
    assert set(shown) <= set(load_benchmark("mnist1d-mlp")["name"])


def test_strategies_compare_as_the_tutorial_shows(tmp_path: Path) -> None:
    page = ROOT / "docs/tutorial-strategy.md"
    done = run(runnable(page), tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    row = r"^(\S+) +([\d.]+) points below the best after 60 trainings$"
    shown = dict(re.findall(row, page.read_text(), re.MULTILINE))
    printed = dict(re.findall(row, done.stdout, re.MULTILINE))
    assert list(printed) == list(shown) == ["random", "nearest", "union-knr", "gp-ei"]
    for name, regret in shown.items():
        assert float(printed[name]) == pytest.approx(float(regret), abs=0.3), name


def test_a_replay_of_a_table_that_ships_prints_what_it_gives(tmp_path: Path) -> None:
    done = run(runnable(ROOT / "docs/act-bench-small.md"), tmp_path)
    regrets = re.findall(r"^(?:8|20|60) +([\d.]+)$", done.stdout, re.MULTILINE)
    assert len(regrets) == 3 and float(regrets[0]) > float(regrets[2])
